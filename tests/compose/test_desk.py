"""What each candidate is told, which of them is preferred, and how one of them ends otherwise."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from stilo.compose.desk import FREE_ENDINGS, NO_MUSIC, TONIC_ENDINGS, Desk
from stilo.compose.judge import ending_cost
from stilo.compose.plan import plan_of
from stilo.compose.request import Request
from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.elements.profile import profile_distance
from stilo.models.notes.base import base_engine, base_identity
from stilo.models.notes.loops import USUAL_REPEATS
from stilo.models.notes.plan import Taste
from stilo.models.tokens import DRUMS
from stilo.models.tokens import Part as Voice
from stilo.music.theory import Key, parse_key
from stilo.styles.measuring import analyse_piece
from stilo.styles.palette import Palette, Part

pytestmark = pytest.mark.usefixtures("with_tiny_weights")

MOVES = (
    "I→V",
    "I→IV",
    "IV→V",
    "V→I",
    "V→vi",
    "vi→IV",
    "vi→I",
    "i→iv",
    "i→v",
    "iv→v",
    "v→i",
    "v→♭VI",
    "♭VI→iv",
    "♭VI→i",
)
BAR = 48  # slots
FLUTE = Part("Flute", 73, False, 0, 1.0, 60, 84, share=0.25)
PIANO = Part("Piano", 0, False, 1, 0.9, 36, 72, share=0.75)
KIT = Part("Kit", 0, True, 2, 1.0, 35, 51)


@pytest.fixture
def style(make_style):
    """A style of the tiny model with chords, keys and a form; the kit's share is unknown."""
    embedding = np.random.default_rng(0).normal(size=EMBEDDING_SIZE).astype(np.float32)
    palette = Palette(96.0, (4, 4), "C major", (FLUTE, PIANO, KIT))
    made = make_style(embedding=embedding, adapter=None, base_model=base_identity(), palette=palette)
    keys = {"C major": 0.6, "G minor": 0.4}
    harmony = replace(made.profile.harmony, transitions=dict.fromkeys(MOVES, 0.1), chord_changes_per_bar=1.0, keys=keys)
    rhythm = replace(made.profile.rhythm, sections=4.0, section_bars=4.0, distinct_sections=0.5)
    return replace(made, profile=replace(made.profile, harmony=harmony, rhythm=rhythm))


def desk_of(style, **asked):
    return Desk(base_engine(), style, Request(**{"bars": 16, **asked}), Taste())


def write(desk, numbers):
    return desk.write(numbers, lambda _share: None)


def tellings(style, count, **asked):
    desk = desk_of(style, **{"bars": 8, **asked})
    return [plan.telling for plan in write(desk, range(count))[0].sampler.plans]


def test_of_many_the_pieces_are_written_whose_openings_are_most_like_the_style(style, monkeypatch):
    desk = desk_of(style, bars=12)
    whole = write(desk, range(6))
    by_hand = {0: 3.0, 1: 1.0, 2: 2.0, 3: 1.0, 4: 5.0, 5: 4.0}
    heard = []

    def cost(candidate):
        heard.append(int(candidate.score.notes["onset_ticks"].max()) // (4 * candidate.score.ticks_per_quarter))
        return by_hand[candidate.number]

    monkeypatch.setattr(desk, "opening_cost", cost)
    shares = []
    best = desk.write_best(range(6), 3, shares.append)
    assert [one.number for one in best] == [1, 3, 2]
    assert max(heard) == 3
    for one in best:
        assert np.array_equal(one.steps, whole[one.number].steps)
    assert shares == sorted(shares)
    assert desk_of(style, bars=7).write_best(range(6), 3, shares.append)[2].number == 2


def test_an_opening_costs_what_is_unlike_the_style_in_it(style):
    desk = desk_of(style, bars=12)
    candidate = write(desk, [0])[0]
    cost = desk.opening_cost(candidate)
    unlike = profile_distance(analyse_piece(candidate.score), style.profile)
    assert cost == pytest.approx(desk.distance(candidate) + 4 * unlike)
    in_it = desk_of(style, bars=12, key=str(candidate.key))
    other = Key(candidate.key.tonic, "minor" if candidate.key.mode == "major" else "major")
    assert in_it.opening_cost(candidate) == pytest.approx(cost)
    assert desk_of(style, bars=12, key=str(other)).opening_cost(candidate) == pytest.approx(cost + 1)
    nothing = replace(candidate, score=candidate.score.with_notes(candidate.score.notes[:0]))
    assert desk.opening_cost(nothing) == NO_MUSIC


def test_every_candidate_is_told_a_form_and_chords_that_return_with_it(style):
    found = tellings(style, 3, bars=16)
    assert len({tuple(telling.chords.root.tolist()) for telling in found}) == 3
    returns = 0
    for telling in found:
        chords, form = telling.chords, telling.form
        rows = dict(zip(chords.onset.tolist(), zip(chords.root, chords.quality, strict=True), strict=True))
        assert len(form.lag) == 16
        for bar, lag in enumerate(form.lag[:-1].tolist()):
            assert rows[bar * BAR] == rows[(bar - lag) * BAR]
            returns += lag > 0
        assert rows[0] == rows[15 * BAR]
        assert rows[0][0] == telling.about.tonic
    assert returns > 4


def test_keys_are_told_as_often_as_the_style_has_them(style):
    told = Counter((telling.about.tonic, telling.about.mode) for telling in tellings(style, 60, bars=2))
    assert set(told) == {(0, 0), (7, 1)}
    assert told[0, 0] / 60 == pytest.approx(0.6, abs=0.15)
    for telling in tellings(style, 2, key="E minor"):
        assert (telling.about.tonic, telling.about.mode) == (4, 1)
        assert telling.chords.root[0] == 4


def test_a_style_without_keys_is_told_a_form_alone(style):
    harmony = replace(style.profile.harmony, keys={})
    [telling] = tellings(replace(style, profile=replace(style.profile, harmony=harmony)), 1)
    assert (telling.about.tonic, telling.about.mode) == (12, 2)
    assert telling.chords is None
    assert telling.form is not None


def test_bars_may_be_repeated_as_often_as_in_the_style_and_usually_in_music(style):
    assert plan_of(style, Request())[0].most_repeats == USUAL_REPEATS
    minimal = replace(style, palette=replace(style.palette, repeats=(15.0, 0.0, 3.0, 0.5)))
    assert plan_of(minimal, Request())[0].most_repeats == (15.0, USUAL_REPEATS[1], 3.0, USUAL_REPEATS[3])


def test_the_parts_and_their_shares_are_told(style):
    plan = desk_of(style).plan
    about = plan.telling.about
    assert (about.programs, about.parts, about.bars) == (frozenset({73, 0, DRUMS}), 3, 16)
    assert plan.shares == {Voice(73): 0.25, Voice(0): 0.75}
    assert plan.notes_per_quarter == style.profile.rhythm.notes_per_quarter > 0


def test_a_candidate_is_the_same_whatever_is_written_beside_it(style):
    together, alone = write(desk_of(style), range(3)), write(desk_of(style), [2])
    assert together[2].score == alone[0].score
    assert together[0].score != together[2].score


def test_another_ending_keeps_what_stands_before_it_and_is_better(style):
    bettered = 0
    for seed in range(4):
        desk = desk_of(style, bars=8, seed=seed, key="E minor")
        candidate = write(desk, range(2))[1]
        ended = desk.end_well(candidate)
        before, after = (one.score.notes[one.score.notes["onset_ticks"] < 6 * 1920] for one in (candidate, ended))
        names = ["onset_ticks", "pitch", "velocity", "track"]  # what sounds on into the ending may be shortened there
        assert np.array_equal(before[names], after[names])
        if ended is not candidate:
            bettered += 1
            assert ending_cost(ended.score, ended.key) < ending_cost(candidate.score, candidate.key)
            assert ended.key == candidate.key
            assert ended.nats_per_note != candidate.nats_per_note
    assert bettered, "in one of four pieces at least"


@pytest.mark.parametrize("bars", [2, 3, 4])
def test_short_pieces_end_well_too(style, bars):
    costs = []
    for seed in range(3):
        desk = desk_of(style, bars=bars, seed=seed, key="E minor")
        [candidate] = write(desk, [0])
        costs.append([ending_cost(one.score, one.key) for one in (candidate, desk.end_well(candidate))])
    before, after = np.array(costs).T
    assert (after <= before).all()
    assert after.sum() < before.sum()
    assert desk.plan.ending_bars == max(1, bars // 2)


def test_an_ending_in_another_key_is_none(style, monkeypatch):
    desk = desk_of(style, bars=8, key="E minor")
    [candidate] = write(desk, [0])
    costs = iter([2.0] + [1.0] * 100)
    monkeypatch.setattr("stilo.compose.desk.ending_cost", lambda *_: next(costs))
    monkeypatch.setattr("stilo.compose.desk.heard_key", lambda _: Key(9, "major"))
    assert desk.end_well(candidate) is candidate


def test_what_will_not_end_is_ended_on_the_tonic_chord(style, monkeypatch):
    desk = desk_of(style, bars=8, key="E minor")
    [candidate] = write(desk, [0])
    asked = []

    def endings(_number, count, classes=range(12)):
        asked.append((count, sorted(classes)))
        yield from ()

    monkeypatch.setattr(candidate.sampler, "endings", endings)
    monkeypatch.setattr("stilo.compose.desk.ending_cost", lambda *_: 1.0)
    desk.end_well(replace(candidate, key=Key(4, "minor"), shift=2))
    assert asked == [(FREE_ENDINGS, list(range(12))), (TONIC_ENDINGS, [2, 5, 9])]


def test_what_speaks_against_a_candidate(style):
    desk = desk_of(style, bars=4, key="C major")
    [candidate] = write(desk, [0])
    score = candidate.score
    right, wrong = (desk.cost(replace(candidate, key=Key(0, mode))) for mode in ("major", "minor"))
    assert wrong > right + 50, "more than all other costs together"
    assert desk.cost(replace(candidate, score=score.with_notes(score.notes[:0]))) > wrong + 50, "silence is worst"
    assert desk.cost(replace(candidate, key=None)) == right, "drums have no mode"
    near = replace(style, embedding=style.embedding * 0)
    assert desk_of(near, bars=4).distance(candidate) < desk.distance(candidate)
    assert desk.cost(candidate) - desk_of(near, bars=4, key="C major").cost(candidate) == pytest.approx(
        desk.distance(candidate) - desk_of(near, bars=4).distance(candidate)
    )


def test_notes_outside_their_range_speak_against_a_candidate(style):
    desk = desk_of(style, bars=4)
    [candidate] = write(desk, [0])
    wide, narrow = (
        desk_of(replace(style, palette=replace(style.palette, parts=parts)), bars=4).cost(candidate)
        for parts in (
            tuple(replace(part, lowest=0, highest=127) for part in (FLUTE, PIANO, KIT)),
            tuple(replace(part, lowest=0, highest=0) for part in (FLUTE, PIANO, KIT)),
        )
    )
    assert narrow == pytest.approx(wide + 4)


def test_the_request_names_the_key(style):
    assert desk_of(style, key="Bb major").asked == parse_key("Bb major")
    assert desk_of(style).asked is None
    drums = replace(style, palette=replace(style.palette, parts=(KIT,)))
    assert desk_of(drums, key="Bb major").asked is None


@pytest.mark.parametrize(("bars", "rests"), [(2, [1, 0, 1]), (6, [2, 0, 2]), (16, [4, 0, 4]), (64, [7, 0, 16])])
def test_parts_rest_no_longer_than_in_the_style_and_than_the_piece_allows(style, bars, rests):
    parts = (replace(FLUTE, rest_bars=7.0), replace(PIANO, rest_bars=0.0), KIT)
    resting = replace(style, palette=replace(style.palette, parts=parts))
    assert list(plan_of(resting, Request(bars=bars))[0].most_rests.values()) == rests
