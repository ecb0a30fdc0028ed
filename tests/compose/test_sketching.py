"""Short pieces without and with what was learned: the same frame, and nothing learned in the ones without."""

from dataclasses import fields, replace

import numpy as np
import pytest

from stilo.compose.desk import Desk
from stilo.compose.plan import MOST_NOTES_PER_BAR
from stilo.compose.request import Request
from stilo.compose.sketching import sketch
from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.errors import InputError
from stilo.models.notes.base import base_engine, base_identity, base_model
from stilo.models.notes.plan import Plan, Taste
from stilo.models.notes.told import Telling, Told
from stilo.models.tokens import Part as Voice
from stilo.models.tokens import tempo_class
from stilo.music.timeline import bar_grid
from stilo.styles.palette import Palette, Part

pytestmark = pytest.mark.usefixtures("with_tiny_weights")

PARTS = (Part("Flute", 73, False, 0, 1.0, 60, 84, share=0.3), Part("Piano", 0, False, 1, 0.9, 36, 72, share=0.7))


@pytest.fixture
def style(make_style):
    """Of the tiny model, with an adapter that sets every note to one loudness."""
    biases = {name: p.detach().numpy() for name, p in base_model().named_parameters() if name == "head.out.4.bias"}
    adapter = {f"{name}.added": np.where(np.arange(len(bias)) == 11, 50, 0) for name, bias in biases.items()}
    return make_style(
        embedding=np.random.default_rng(0).normal(size=EMBEDDING_SIZE).astype(np.float32),
        adapter={key: array.astype(np.float16) for key, array in adapter.items()},
        base_model=base_identity(),
        palette=Palette(96.0, (3, 4), "A minor", PARTS),
    )


def test_both_have_the_frame_of_the_style_and_one_what_was_learned(style):
    without, learned = (sketch(style, 3, 4, 7, is_learned=is_learned) for is_learned in (False, True))
    for piece in (*without, *learned):
        assert len(bar_grid(piece)) == 4
        assert (piece.time_signatures[0].numerator, piece.tempos[0].quarters_per_minute) == (3, 96.0)
        assert [track.name for track in piece.tracks] == ["Flute", "Piano"]
    assert len(without) == len(learned) == 3
    drawn = [desk_of(style, is_learned).write([0], lambda _: None)[0].score for is_learned in (False, True)]
    assert [len(np.unique(score.notes["velocity"])) > 1 for score in drawn] == [True, False]
    again = sketch(style, 3, 4, 7)
    assert all(np.array_equal(a.notes, b.notes) for a, b in zip(learned, again, strict=True))


def desk_of(style, is_learned):
    engine = base_engine(style.adapter) if is_learned else base_engine()
    request = Request(bars=4, seed=7)
    return Desk(engine, style, request, Taste(), knows_style=is_learned, draws_course=is_learned)


def test_without_what_was_learned_a_plan_is_as_a_person_would_make_it(style):
    parts = replace(style.palette.parts[0], is_single=True, rest_bars=1.0), style.palette.parts[1]
    style = replace(style, palette=replace(style.palette, parts=parts, repeats=(9.0, 8.0, 7.0, 6.0)))
    flute, piano = Voice(73), Voice(0)
    by_hand = Plan(
        4,
        (3, 4),
        {flute: (60, 84), piano: (36, 72)},
        single=frozenset({flute}),
        telling=Telling(Told(programs=frozenset({73, 0}), parts=2, tempo=tempo_class(96.0), bars=4)),
        ending_bars=2,
        most_notes=4 * MOST_NOTES_PER_BAR,
    )
    without, learned = (desk_of(style, is_learned).plan for is_learned in (False, True))
    names = [one.name for one in fields(Plan)]
    assert [name for name in names if repr(getattr(without, name)) != repr(getattr(by_hand, name))] == []
    known = {name for name in names if repr(getattr(learned, name)) != repr(getattr(by_hand, name))}
    assert known == {"telling", "shares", "notes_per_quarter", "most_rests", "most_repeats"}


def test_the_pace_is_that_of_the_parts_that_are_composed_for(style):
    """Each piece has a piano and another instrument each time, which have most of the notes."""
    rare = tuple(Part(f"No. {i}", 40 + i, False, 1 + i, 0.25, 48, 84, share=0.75) for i in range(4))
    piano = replace(PARTS[1], rank=0, frequency=1.0, share=0.25)
    alone, beside = (replace(style, palette=replace(style.palette, parts=(piano, *some))) for some in ((), rare))
    pace = style.profile.rhythm.notes_per_quarter
    assert desk_of(alone, True).plan.notes_per_quarter == pytest.approx(pace)
    assert desk_of(beside, True).plan.notes_per_quarter == pytest.approx(pace / 4)
    unknown = replace(style, palette=replace(style.palette, parts=(replace(piano, share=0.0), *rare)))
    assert desk_of(unknown, True).plan.notes_per_quarter == pytest.approx(pace)


def test_without_what_was_learned_the_model_is_told_what_a_person_would_say(style):
    rng = np.random.default_rng(0)
    told = {is_learned: desk_of(style, is_learned)._plan(rng).telling for is_learned in (False, True)}
    assert told[False].about.style is None
    assert told[True].about.style is not None
    assert told[False].form is None
    assert told[False].chords is None
    for about in (told[False].about, told[True].about):
        assert (about.programs, about.parts, about.bars) == ({73, 0}, 2, 4)


@pytest.mark.parametrize("is_learned", [False, True])
def test_the_model_is_not_told_what_the_encoder_heard(style, make_recognition, monkeypatch, is_learned):
    """Neither by what it is told nor by what it writes: the encoder judges these pieces."""
    told = []
    write = Desk.write

    def spy(desk, numbers, progress):
        told.append(desk._plan(np.random.default_rng(0)).telling.about.style)
        return write(desk, numbers, progress)

    monkeypatch.setattr(Desk, "write", spy)
    unheard, heard = (
        sketch(one, 2, 4, 7, is_learned=is_learned)
        for one in (style, replace(style, recognition=make_recognition(1), encoder="0123456789abcdef"))
    )
    assert all(np.array_equal(a.notes, b.notes) for a, b in zip(unheard, heard, strict=True))
    assert [one is not None for one in told] == [is_learned] * 2
    assert not any(one.learned.any() for one in told if one)
    assert all(one.measured.any() for one in told if one)


def test_other_weights_are_told(style, make_style):
    with pytest.raises(InputError, match="learned with other weights"):
        sketch(make_style(palette=style.palette), 1, 4, 0)
