"""Motifs that were planted are found, where they were planted."""

import time

import numpy as np
import pytest

from stilo.elements.layout import lay_out
from stilo.elements.motifs import FEWEST_NOTES, MOST_MOTIFS, MOST_NOTES, find_motifs
from stilo.elements.profile import Profile, analyse
from stilo.errors import InputError
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns

QUARTER = 480
MOTIF = [(0, 240), (3, 240), (2, 480), (7, 720)]  # semitones above the first note, ticks to the next onset


def random_line(seed: int, bars: int) -> list[tuple[int, int, int]]:
    """(onset, duration, pitch) of notes that nothing joins."""
    rng = np.random.default_rng(seed)
    rows, at = [], 0
    while at < bars * 4 * QUARTER:
        length = int(rng.choice([120, 240, 360, 480, 720, 960]))
        rows.append((at, length, int(rng.integers(55, 85))))
        at += length
    return rows


def plant(rows: list[tuple[int, int, int]], bar: int, pitch: int) -> list[tuple[int, int, int]]:
    """The motif on the first beat of a bar, in place of what stood there."""
    start = bar * 4 * QUARTER
    end = start + sum(length for _, length in MOTIF)
    kept = [(onset, min(length, start - onset) if onset < start else length, p) for onset, length, p in rows
            if onset < start or onset >= end]  # fmt: skip
    at = start
    for above, length in MOTIF:
        kept.append((at, length, pitch + above))
        at += length
    return sorted(kept)


def score_of(*lines: list[tuple[int, int, int]], scale: int = 1) -> Score:
    rows = np.array([row for line in lines for row in line])
    track = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    return Score(
        notes_from_columns(rows[:, 0] * scale, rows[:, 1] * scale, rows[:, 2], 80, track),
        tuple(Track("") for _ in lines),
        QUARTER * scale,
        time_signatures=(TimeSignature(0, 4, 4),),
    )


def planted(seed: int) -> list[tuple[int, int, int]]:
    rows = random_line(seed, 32)
    for bar, pitch in ((1, 62), (9, 62), (14, 67), (22, 57), (29, 64)):
        rows = plant(rows, bar, pitch)
    return rows


@pytest.mark.parametrize("seed", range(6))
def test_a_planted_motif_is_found_where_it_is_also_transposed(seed):
    found = find_motifs(lay_out(score_of(planted(seed)))).motifs
    motif = found[0]
    at = motif.intervals.index(3) if 3 in motif.intervals else -1
    assert motif.intervals[at : at + 3] == (3, -1, 5)
    assert motif.durations_quarters[at : at + 3] == (0.5, 0.5, 1.0)
    places = {(o.bar if at == 0 else o.bar + 1, o.transposition) for o in motif.occurrences}
    bars = {occurrence.bar for occurrence in motif.occurrences}
    assert {1, 9, 14, 22, 29} <= bars | {bar for bar, _ in places}
    assert sorted(o.transposition for o in motif.occurrences) == [-5, 0, 0, 2, 5]


def test_no_motifs_in_notes_that_nothing_joins():
    shares = [find_motifs(lay_out(score_of(random_line(seed, 32)))).share for seed in range(8)]
    assert max(shares) == 0


def test_scales_and_trills_are_no_motifs():
    scale = [(i * 240, 240, 48 + i) for i in range(24)] + [((30 + i) * 240, 240, 48 + i) for i in range(24)]
    trill = [(i * 240, 240, 60 + 2 * (i % 2)) for i in range(64)]
    assert find_motifs(lay_out(score_of(scale))).motifs == ()
    assert find_motifs(lay_out(score_of(trill))).motifs == ()


def test_a_sequence_within_the_key_counts_as_a_return():
    turn = [0, 1, 2, 1, 0, 2, 4]  # steps of the scale
    scale = [0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 17, 19]
    rows, at = [], 0
    for start, lengths in ((0, 1), (1, 1), (2, 1), (3, 1)):
        for step in turn:
            rows.append((at, 240 * lengths, 60 + scale[start + step]))
            at += 240
        at += 3 * QUARTER
    motif = find_motifs(lay_out(score_of(rows))).motifs[0]
    assert len(motif.occurrences) == 4
    assert [occurrence.transposition for occurrence in motif.occurrences] == [0, 2, 4, 5]


def test_imitation_in_another_part_is_found():
    first, second = random_line(1, 24), [(o, d, p - 24) for o, d, p in random_line(2, 24)]
    for bar in (2, 12):
        first, second = plant(first, bar, 70), plant(second, bar + 1, 46)
    found = find_motifs(lay_out(score_of(first, second))).motifs[0]
    assert {(o.bar, o.track) for o in found.occurrences} == {(2, 0), (3, 1), (12, 0), (13, 1)}
    assert {o.transposition for o in found.occurrences} == {0, -24}


@pytest.mark.parametrize("seed", range(3))
def test_motifs_keep_what_they_promise(seed):
    rows = planted(seed) + [(o + 32 * 4 * QUARTER, d, p) for o, d, p in planted(seed)]
    result = find_motifs(lay_out(score_of(rows)))
    assert 0 < result.share <= 1
    assert 0 < len(result.motifs) <= MOST_MOTIFS
    held: set[float] = set()
    for motif in result.motifs:
        notes = len(motif.intervals) + 1
        assert FEWEST_NOTES <= notes <= MOST_NOTES
        assert len(motif.durations_quarters) == notes
        assert len(motif.occurrences) >= 2
        assert motif.occurrences[0].transposition == 0
        inside = np.cumsum([0.0, *motif.durations_quarters[:-1]])
        for occurrence in motif.occurrences:
            own = {round(occurrence.onset_quarters + at, 4) for at in inside.tolist()}
            assert not own & held  # no note belongs to two
            held |= own


def test_tempo_key_and_resolution_change_nothing_but_where_it_lies():
    score = score_of(planted(3))
    one = find_motifs(lay_out(score))
    up = find_motifs(lay_out(score.transposed(2)))
    fine = find_motifs(lay_out(score_of(planted(3), scale=2)))
    assert one.motifs == up.motifs == fine.motifs


def test_motifs_survive_json_and_bad_json_is_told():
    profile = analyse(score_of(planted(0)))
    assert profile.piece.motifs
    assert profile.piece.roles
    data = profile.to_json()
    assert Profile.from_json(data) == profile
    data["piece"]["motifs"][0]["intervals"] = ["a"]
    with pytest.raises(InputError, match="intervals"):
        Profile.from_json(data)
    for name, few in (("durations_quarters", [1.0]), ("intervals", []), ("occurrences", [])):
        data = profile.to_json()
        data["piece"]["motifs"][0][name] = few
        with pytest.raises(InputError, match="motifs"):
            Profile.from_json(data)
    data = profile.to_json()
    data["piece"]["roles"][0]["role"] = "conductor"
    with pytest.raises(InputError, match="conductor"):
        Profile.from_json(data)


def test_100000_notes_take_seconds():
    rng = np.random.default_rng(0)
    count = 100_000
    notes = notes_from_columns(
        np.arange(count) // 2 * 120, np.full(count, 120), rng.integers(60, 64, count), 80, np.arange(count) % 2
    )
    score = Score(notes, (Track(""), Track("")))
    layout = lay_out(score)
    start = time.process_time()
    find_motifs(layout)
    assert time.process_time() - start < 8


def test_motifs_of_a_played_file_are_told_where_the_file_has_them():
    score = score_of(planted(2), [(beat * QUARTER, 200, 36 + 7 * (beat % 2)) for beat in range(128)])
    rng = np.random.default_rng(0)
    notes = score.notes.copy()
    notes["onset_ticks"] = np.maximum(0, notes["onset_ticks"] * 1.21 + 333 + rng.normal(0, 6, len(notes))).astype(int)
    notes["velocity"] = rng.integers(50, 100, len(notes))
    played = Score(notes, score.tracks)
    piece = analyse(played).piece
    onsets = set((played.notes["onset_ticks"] / QUARTER).tolist())
    for motif in piece.motifs:
        for occurrence in motif.occurrences:
            assert min(abs(occurrence.onset_quarters - onset) for onset in onsets) < 0.15
    assert piece.grid != "written"
    assert piece.motifs
