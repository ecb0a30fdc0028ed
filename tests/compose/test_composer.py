"""A request is kept to the letter, whatever the model would rather write."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.compose.composer import MORE_FOR_MODE, compose
from stilo.compose.desk import Desk
from stilo.compose.judge import heard_key, measure_figures, style_distance
from stilo.compose.plan import plan_of
from stilo.compose.request import Request
from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.errors import InputError, SetupError
from stilo.models.learned_embedding import LearnedEmbedding
from stilo.models.notes.base import base_engine, base_identity
from stilo.models.tokens import Part as Voice
from stilo.models.tokens import tempo_class
from stilo.music.chords import parse_chord
from stilo.music.theory import parse_key
from stilo.music.timeline import bar_grid
from stilo.styles.measuring import analyse_piece
from stilo.styles.palette import Palette, Part

pytestmark = pytest.mark.usefixtures("with_tiny_weights")

FLUTE = Part("Flute", 73, False, 0, 1.0, 60, 84)
PIANO = Part("", 0, False, 1, 0.9, 36, 72)
RARE = Part("Harp", 46, False, 2, 0.1, 30, 100)
KIT = Part("Kit", 0, True, 3, 1.0, 35, 51)


@pytest.fixture
def style(make_style):
    """A style of the tiny model, without an adapter."""
    embedding = np.random.default_rng(0).normal(size=EMBEDDING_SIZE).astype(np.float32)
    palette = Palette(96.0, (3, 4), "A minor", (FLUTE, PIANO, RARE, KIT))
    return make_style(embedding=embedding, adapter=None, base_model=base_identity(), palette=palette)


def brief(**given):
    return Request(**{"bars": 3, "candidates": 1, **given})


@pytest.mark.parametrize("bars", [2, 5])
@pytest.mark.parametrize("metre", [None, (4, 4), (6, 8), (5, 4)])
def test_bars_and_metre_are_exactly_as_asked(style, bars, metre):
    score = compose(style, brief(bars=bars, time_signature=metre)).score
    signature = score.time_signatures[0]
    assert (signature.numerator, signature.denominator) == (metre or (3, 4))
    grid = bar_grid(score)
    assert len(grid) == bars
    assert len(np.unique(grid.bar_of(score.notes["onset_ticks"]))) == bars  # something begins in each
    assert measure_figures(score).empty_bars == 0


@pytest.mark.parametrize("key", ["C major", "F# minor", "Bb major"])
def test_the_key_is_as_asked(style, key):
    composition = compose(style, brief(key=key, seed=3, bars=4))
    asked = parse_key(key)
    heard = heard_key(composition.score)
    assert heard.tonic == asked.tonic
    assert composition.report.asked_key == str(asked)
    assert composition.report.key == str(heard)
    assert composition.score.key_signatures == (heard.signature,)


@pytest.mark.parametrize(
    ("keys", "allowed"),
    [
        ({"A minor": 0.5, "C major": 0.3, "G major": 0.2}, {"A minor", "C major", "G major"}),
        ({"A minor": 1.0}, {"A minor", "C major"}),
        ({"Bb major": 1.0}, {"Bb major", "G minor"}),
    ],
)
def test_without_a_wish_the_key_is_one_of_the_styles_or_a_relative(style, keys, allowed):
    harmony = replace(style.profile.harmony, keys=keys)
    style = replace(style, profile=replace(style.profile, harmony=harmony))
    for seed in range(4):
        report = compose(style, brief(seed=seed, bars=12)).report
        assert report.asked_key == ""
        assert report.key in allowed


@pytest.mark.parametrize("keys", [{}, {"A minor": 0.0}])
def test_a_style_without_keys_is_composed_in_any(style, keys):
    harmony = replace(style.profile.harmony, keys=keys)
    style = replace(style, profile=replace(style.profile, harmony=harmony))
    assert compose(style, brief()).report.asked_key == ""


def test_a_key_asked_of_drums_alone_is_said_not_to_be_heard(style):
    style = replace(style, sources=())  # of sources it would say more
    beats = replace(style, name="Beats", palette=replace(style.palette, parts=(KIT,)))
    said = []
    report = compose(beats, brief(key="A minor"), notice=said.append).report
    assert said[0] == "the style 'Beats' has drums alone, which are in no key: A minor is left out"
    assert (report.asked_key, report.key) == ("A minor", "")
    compose(style, brief(key="A minor"), notice=said.append)
    compose(beats, brief(), notice=said.append)
    assert len(said) == 1


def test_more_is_written_while_the_mode_that_was_asked_for_is_missing(style, monkeypatch):
    written, write = [], Desk.write

    def spy(self, numbers, progress):
        written.extend(numbers)
        return write(self, numbers, progress)

    monkeypatch.setattr(Desk, "write", spy)
    counts = set()
    for seed in range(6):
        report = compose(style, brief(key="A minor", seed=seed, bars=4, candidates=1)).report
        assert report.key in ("A minor", "") or report.candidates == 1 + MORE_FOR_MODE, "drums alone have no key"
        assert len(written) == len(set(written)) == report.candidates, "none is written twice"
        counts.add(report.candidates)
        written.clear()
    assert counts == {1, 1 + MORE_FOR_MODE}


def test_transposing_keeps_to_the_ranges_as_well_as_can_be(style):
    limits = {part.name or "Piano": (part.lowest, part.highest) for part in style.palette.parts}

    def outside(score):
        pairs = [limits[score.tracks[track].name] for track in score.notes["track"]]
        return sum(not low <= note["pitch"] <= high for note, (low, high) in zip(score.notes, pairs, strict=True))

    for seed in range(4):
        score = compose(style, brief(key="E major", seed=seed, bars=4)).score
        assert outside(score) <= min(outside(score.transposed(12)), outside(score.transposed(-12)))


def test_the_report_is_of_the_piece_that_is_given_back(style):
    composition = compose(style, brief(bars=6, seed=5))
    scale = base_engine().style_scale
    plain = replace(composition.score, tempos=composition.score.tempos[:1])
    near = style_distance(plain, style.embedding, scale)
    assert composition.report.style_distance == pytest.approx(near, rel=0.05)  # but for the performance


@pytest.mark.parametrize(("given", "expected"), [(None, 96.0), (150.0, 150.0)])
def test_the_tempo_is_as_asked(style, given, expected):
    score = compose(style, brief(tempo_qpm=given)).score
    assert score.tempos[0].quarters_per_minute == expected


def test_the_parts_are_those_of_the_style(style):
    score = compose(style, brief(bars=6)).score
    assert [(t.name, t.program, t.is_drum) for t in score.tracks] == [
        ("Flute", 73, False),
        ("Piano", 0, False),
        ("Kit", 0, True),
    ]
    drums = score.notes["pitch"][score.is_drum_note]
    assert ((drums >= 35) & (drums <= 51)).all()
    assert (score.notes["pitch"] <= 127).all()


def test_chords_are_marked_inside_the_piece(style):
    score = compose(style, brief(bars=6)).score
    assert all(parse_chord(mark.label) is not None for mark in score.chord_symbols)
    assert all(0 <= mark.onset_ticks < score.end_ticks for mark in score.chord_symbols)
    assert score.title == f"{style.name}, no. 0"


def test_the_chords_marked_are_those_that_analyse_tells(style):
    score = compose(style, brief(bars=6)).score
    told = [span for span in analyse_piece(score).piece.chords if span.label != "N"]
    assert [mark.label for mark in score.chord_symbols] == [span.label for span in told]
    assert [mark.onset_ticks / score.ticks_per_quarter for mark in score.chord_symbols] == pytest.approx(
        [span.onset_quarters for span in told], abs=1e-3
    )


def test_the_same_seed_gives_the_same_piece(style):
    first, again, other = (compose(style, brief(seed=seed, candidates=2)) for seed in (5, 5, 6))
    assert first.score == again.score
    assert first.report == again.report
    assert not np.array_equal(first.score.notes, other.score.notes)


def test_the_taste_is_as_asked(style):
    usual, plain, narrow = (compose(style, brief(**how)).score for how in ({}, {"temperature": 0.3}, {"top_p": 0.3}))
    assert usual.notes.tolist() != plain.notes.tolist()
    assert usual.notes.tolist() != narrow.notes.tolist()


def test_more_candidates_are_never_worse_and_all_are_told(style):
    told = []
    composition = compose(style, brief(candidates=3, seed=2), lambda what, share: told.append((what, share)))
    report = composition.report
    assert report.candidates == 3
    assert 1 <= report.chosen <= 3
    assert report.nats_per_note > 0
    assert report.style_distance > 0
    assert report.figures == measure_figures(composition.score)
    assert composition.request == brief(candidates=3, seed=2)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[-1] == ("done", 1.0)


def test_drums_alone_have_no_key(style):
    drums = replace(style, palette=Palette(100.0, (4, 4), "", (KIT,)))
    composition = compose(drums, brief())
    assert composition.report.key == composition.report.asked_key == ""
    assert composition.score.key_signatures == composition.score.chord_symbols == ()
    assert composition.score.is_drum_note.all()


def test_other_weights_are_told(style):
    with pytest.raises(InputError, match=r"Waltz.*other weights.*learn it again"):
        compose(replace(style, base_model="0" * 16), brief())


def test_an_adapter_that_does_not_fit_is_told(style):
    with pytest.raises(InputError, match="learn the style anew"):
        compose(replace(style, adapter={"elsewhere.added": np.zeros(3, np.float16)}), brief())


def test_an_adapter_is_heard(style):
    added = {"head.out.2.bias.added": np.linspace(-8, 8, 256).astype(np.float16)}
    plain, tuned = (compose(replace(style, adapter=adapter), brief(seed=1)).score for adapter in (None, added))
    assert not np.array_equal(plain.notes, tuned.notes)


def test_a_style_without_parts_is_told(style):
    with pytest.raises(InputError, match=r"names no instruments"):
        compose(replace(style, palette=Palette()), brief())


@pytest.mark.parametrize("metre", [(255, 1), (1, 64), (5, 64), (11, 64)])
def test_a_metre_that_has_no_whole_bar_is_told(style, metre):
    strange = replace(style, palette=replace(style.palette, time_signature=metre))
    with pytest.raises(InputError, match=f"{metre[0]}/{metre[1]}.*another metre"):
        compose(strange, brief())
    assert len(bar_grid(compose(strange, brief(time_signature=(3, 4))).score)) == 3


@pytest.mark.parametrize("metre", [(12, 4), (11, 32), (1, 16), (13, 8)])
def test_rare_metres_are_composed_in(style, metre):
    score = compose(replace(style, palette=replace(style.palette, time_signature=metre)), brief(bars=8)).score
    assert len(bar_grid(score)) == 8
    assert measure_figures(score).empty_bars == 0


def test_missing_weights_are_told(style, monkeypatch, tmp_path):
    monkeypatch.setenv("STILO_MODEL", str(tmp_path))
    with pytest.raises(SetupError, match="install stilo anew"):
        compose(style, brief())


def test_the_plan_names_the_usual_parts_by_rank(style):
    second = replace(PIANO, rank=4, name="Left hand", lowest=30, highest=50)
    palette = replace(style.palette, parts=(*style.palette.parts, second, replace(KIT, rank=5)))
    plan, tracks = plan_of(replace(style, palette=palette), brief(bars=7, time_signature=(6, 8)))
    assert set(plan.ranges) == {Voice(73), Voice(0, 0), Voice(0, 1), Voice(128)}
    assert plan.ranges[Voice(0, 1)] == (30, 50)
    assert list(tracks) == [voice.token for voice in (Voice(73), Voice(0, 0), Voice(128), Voice(0, 1))]
    assert (plan.bars, plan.metre, plan.telling.about.tempo) == (7, (6, 8), tempo_class(96.0))


def test_the_model_is_told_what_was_measured_and_what_was_recognised(style):
    learned = LearnedEmbedding(np.random.default_rng(1).normal(size=(4, 80)))
    for recognition, encoder, expected in ((learned, "0" * 16, learned.values.reshape(-1)), (None, "", np.zeros(320))):
        plan, _ = plan_of(replace(style, recognition=recognition, encoder=encoder), brief())
        assert np.array_equal(plan.telling.about.style.measured, style.embedding)
        assert np.array_equal(plan.telling.about.style.learned, expected)
    misled = replace(style.proof, base_nats_per_note=2.0, vector_nats_per_note=2.1)
    assert plan_of(replace(style, proof=misled), brief())[0].telling.about.style is None


def test_a_style_of_rare_parts_keeps_the_least_rare(style):
    parts = tuple(replace(part, frequency=share) for part, share in ((FLUTE, 0.3), (PIANO, 0.2)))
    plan, _ = plan_of(replace(style, palette=replace(style.palette, parts=parts)), brief())
    assert set(plan.ranges) == {Voice(73)}
