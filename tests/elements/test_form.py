"""Forms that were put together are taken apart."""

import time

import numpy as np
import pytest

from stilo.elements.form import Form, measure_form
from stilo.elements.layout import lay_out
from stilo.elements.likeness import CHROMA, MELODY, MOST_ROWS, row_likeness
from stilo.elements.sections import CUES, WEIGHTS, likeliest_starts, section_labels, strophes
from stilo.music.score import NoteArray, Score, TimeSignature, Track, notes_from_columns

BAR = 1920
TRACKS = (Track("Tune"), Track("Chords"))


def section(seed: int, bars: int = 8) -> NoteArray:
    """A tune over chords, its own rhythm and harmony."""
    rng = np.random.default_rng(seed)
    scale = np.array([60, 62, 64, 65, 67, 69, 71, 72, 74, 76])
    rhythm = rng.choice([240, 480, 720], 24)
    onsets = np.concatenate([np.arange(bar * BAR, (bar + 1) * BAR, rhythm[bar % 24]) for bar in range(bars)])
    tune = scale[np.clip(np.cumsum(rng.integers(-2, 3, len(onsets))) + 4, 0, 9)]
    roots = np.repeat(rng.choice([48, 50, 53, 55, 57], bars), 3) + np.tile([0, 4, 7], bars)
    places = np.repeat(np.arange(bars) * BAR, 3)
    return notes_from_columns(
        np.concatenate([onsets, places]),
        np.concatenate([np.full(len(onsets), 240), np.full(len(places), BAR)]),
        np.concatenate([tune, roots]),
        80,
        np.repeat([0, 1], [len(onsets), len(places)]),
    )


def moved(notes: NoteArray, bars: int = 0, semitones: int = 0) -> NoteArray:
    notes = notes.copy()
    notes["onset_ticks"] += bars * BAR
    notes["pitch"] += semitones
    return notes


def piece(form: str, sections: dict[str, NoteArray], bars: int = 8, shift: dict[int, int] | None = None) -> Score:
    parts = [moved(sections[name], i * bars, (shift or {}).get(i, 0)) for i, name in enumerate(form)]
    return Score(np.concatenate(parts), TRACKS, time_signatures=(TimeSignature(0, 4, 4),))


def told(form: Form) -> tuple[list[int], str]:
    return [part.first_bar for part in form.sections], " ".join(part.label for part in form.sections)


@pytest.mark.parametrize("form", ["AABA", "ABACA", "ABAB", "ABCABC"])
@pytest.mark.parametrize("seed", [0, 10])
def test_a_form_is_found_with_its_letters(form, seed):
    sections = {name: section(seed + i) for i, name in enumerate("ABC")}
    starts, labels = told(measure_form(lay_out(piece(form, sections))))
    assert starts == [8 * i for i in range(len(form))]
    assert labels == " ".join(form)


@pytest.mark.parametrize("seed", [0, 10, 20])
@pytest.mark.parametrize("times", [3, 5])
def test_strophes_of_thirteen_bars_after_an_introduction(seed, times):
    strophes = [moved(section(seed, 13), 2 + 13 * i) for i in range(times)]
    rng = np.random.default_rng(seed)
    for strophe in strophes[1:]:
        changed = rng.choice(np.flatnonzero(strophe["track"] == 0), 4, replace=False)
        strophe["pitch"][changed] += 2
    score = Score(np.concatenate([section(seed + 5, 2), *strophes]), TRACKS, time_signatures=(TimeSignature(0, 4, 4),))
    assert told(measure_form(lay_out(score))) == ([0, *range(15, 13 * times, 13)], " ".join("A" * times))


def test_long_strophes_are_divided_alike():
    sections = {"A": section(3, 10), "B": section(4, 12)}
    parts = [moved(sections[name], 22 * (i // 2) + 10 * (i % 2)) for i, name in enumerate("ABABAB")]
    score = Score(np.concatenate(parts), TRACKS, time_signatures=(TimeSignature(0, 4, 4),))
    found = measure_form(lay_out(score)).sections
    strophe = [(part.first_bar, part.label) for part in found if part.first_bar < 22]
    assert len(strophe) > 1
    assert [(part.first_bar, part.label) for part in found] == [
        (first + 22 * i, label) for i in range(3) for first, label in strophe
    ]


def test_a_loop_and_a_piece_without_return_have_no_strophes():
    loop = piece("A" * 10, {"A": section(1, 4)}, bars=4)
    through = piece("ABCDEF", {name: section(i) for i, name in enumerate("ABCDEF")})
    assert strophes(row_likeness(lay_out(loop), 1)[0]) == (0, 0, 0)
    assert strophes(row_likeness(lay_out(through), 1)[0]) == (0, 0, 0)


def test_a_return_in_another_key_has_the_same_letter_with_a_mark():
    sections = {"A": section(0), "B": section(1)}
    form = measure_form(lay_out(piece("ABA", sections, shift={2: 5})))
    assert told(form) == ([0, 8, 16], "A B A′")
    assert [part.letter for part in form.sections] == ["A", "B", "A"]


def test_an_ornamented_return_has_the_same_letter():
    sections = {"A": section(0), "B": section(1)}
    score = piece("ABA", sections)
    notes = score.notes.copy()
    late = np.flatnonzero((notes["onset_ticks"] >= 16 * BAR) & (notes["track"] == 0))
    notes["pitch"][late[::4]] += 2
    form = measure_form(lay_out(score.with_notes(notes)))
    assert form.sections[-1].letter == "A"
    assert form.sections[-1].first_bar == 16


def test_sections_cover_every_bar_whatever_comes(odd_score):
    form = measure_form(lay_out(odd_score))
    bars = len(lay_out(odd_score).grid)
    at = 0
    for part in form.sections:
        assert part.first_bar == at
        assert part.bars > 0
        at += part.bars
    assert at == bars
    assert np.isfinite(form.likeness).all()
    assert form.likeness.min() >= 0
    assert form.likeness.max() <= 1


def test_form_does_not_change_with_the_key():
    score = piece("ABACA", {name: section(i + 3) for i, name in enumerate("ABC")})
    assert measure_form(lay_out(score)).sections == measure_form(lay_out(score.transposed(-4))).sections


def test_likeness_finds_the_transposition():
    score = piece("AA", {"A": section(2)}, shift={1: 3})
    likeness = row_likeness(lay_out(score), 1)
    rows = np.arange(8)
    along = likeness[:, rows, 8 + rows].mean(axis=1)
    assert along.argmax() == 3
    assert along.max() > 0.95
    assert along[0] < 0.7
    assert likeness[3, 8 + rows, rows].mean() < 0.8  # from the other side it is the other way round
    assert (likeness[9] == likeness[3].T).all()


def test_exact_returns():
    score = piece("AAB", {"A": section(0), "B": section(1)})
    assert measure_form(lay_out(score)).returning == pytest.approx(1 / 3, abs=0.05)


def test_the_best_beginnings_follow_the_evidence_and_prefer_eights():
    evidence = np.full(32, -3.0)
    evidence[[8, 17, 24]] = 2.0
    assert likeliest_starts(evidence).tolist() == [0, 8, 17, 24]
    evidence = np.full(32, -3.0)
    evidence[[15, 16]] = 1.0
    assert likeliest_starts(evidence).tolist() == [0, 16]


def test_every_cue_has_a_weight():
    assert len(WEIGHTS) == len(CUES)


def test_1000_bars_are_quick_and_more_are_merged():
    rng = np.random.default_rng(0)
    blocks = [section(int(seed)) for seed in rng.integers(0, 6, 125)]
    notes = np.concatenate([moved(block, 8 * i) for i, block in enumerate(blocks)])
    score = Score(notes, TRACKS, time_signatures=(TimeSignature(0, 4, 4),))
    layout = lay_out(score)
    start = time.process_time()
    form = measure_form(layout)
    assert time.process_time() - start < 8
    assert form.bars_per_row == 1
    starts = {part.first_bar for part in form.sections}
    assert len(starts & set(range(0, 1000, 8))) > 0.8 * 125
    long = Score(notes, TRACKS, time_signatures=(TimeSignature(0, 1, 4),))
    merged = measure_form(lay_out(long))
    assert len(merged.likeness) <= MOST_ROWS
    assert sum(part.bars for part in merged.sections) == len(lay_out(long).grid)


@pytest.mark.parametrize(("second", "labels"), [(8, ["A", "A"]), (9, ["A", "A"]), (12, ["A", "A′"]), (32, ["A", "B"])])
def test_a_longer_section_that_begins_alike_is_varied_and_a_much_longer_one_another(second, labels):
    rows = 8 + second
    likeness = np.zeros((12, rows, rows), np.float32)
    likeness[0, np.arange(8, 16), np.arange(8)] = likeness[0, np.arange(8), np.arange(8, 16)] = 1.0
    assert section_labels(likeness, np.array([0, 8])) == labels


def test_a_section_that_begins_as_an_earlier_one_and_goes_on_otherwise_is_it_varied():
    likeness = np.full((12, 24, 24), 0.3, np.float32)
    likeness[0, np.arange(16, 20), np.arange(4)] = 0.85
    assert section_labels(likeness, np.array([0, 8, 16])) == ["A", "B", "A′"]
    likeness[0, np.arange(16, 20), np.arange(4)] = 0.75
    assert section_labels(likeness, np.array([0, 8, 16])) == ["A", "B", "C"]


def test_bars_of_drums_differ_by_their_rhythm_alone():
    onsets = np.concatenate([np.arange(4) * 480, BAR + 240 + np.arange(4) * 480])
    notes = notes_from_columns(onsets, np.full(8, 60), np.full(8, 36))
    score = Score(notes, (Track(is_drum=True),), time_signatures=(TimeSignature(0, 4, 4),))
    likeness = row_likeness(lay_out(score), 1)[0]
    assert likeness[0, 1] == pytest.approx(CHROMA + MELODY)
    assert likeness[0, 1] < 0.9 < likeness[0, 0] == pytest.approx(1)
