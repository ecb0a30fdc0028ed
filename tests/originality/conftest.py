"""Pieces that nobody wrote, and what a copier might do with them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from stilo.music.score import Score, TimeSignature, Track, notes_from_columns
from stilo.music.timeline import bar_grid

QUARTER, BAR = 480, 1920
RHYTHMS = ((1, 1, 1, 1), (2, 1, 1), (1, 1, 2), (1, 0.5, 0.5, 2), (1.5, 0.5, 1, 1), (0.5, 0.5, 1, 0.5, 0.5, 1))
SCALE = np.array([0, 2, 4, 5, 7, 9, 11])


def drawn_piece(seed, bars=32, with_chords=True):
    """A tune that wanders over a scale, with a chord on each half of a bar."""
    rng = np.random.default_rng(seed)
    rows, degree = [], 10
    for bar in range(bars):
        at = 0.0
        for quarters in RHYTHMS[rng.integers(len(RHYTHMS))]:
            degree = int(np.clip(degree + rng.integers(-4, 5), 3, 20))
            pitch = 48 + 12 * (degree // 7) + int(SCALE[degree % 7])
            rows.append((bar * BAR + int(at * QUARTER), int(quarters * QUARTER), pitch, 0))
            at += quarters
        for half in (0, 1) if with_chords else ():
            root = int(rng.integers(0, 7))
            for third in (0, 2, 4):
                pitch = 36 + 12 * ((root + third) // 7) + int(SCALE[(root + third) % 7])
                rows.append((bar * BAR + half * BAR // 2, BAR // 2, pitch, 1))
    onset, duration, pitch, track = np.array(sorted(rows)).T
    notes = notes_from_columns(onset, duration, pitch, 80, track)
    return Score(notes, (Track("Tune", 73), Track("Chords", 0)), time_signatures=(TimeSignature(0, 4, 4),))


def with_columns(score, onset, duration=None, pitch=None):
    notes = score.notes.copy()
    notes["onset_ticks"] = onset
    notes["duration_ticks"] = notes["duration_ticks"] if duration is None else duration
    notes["pitch"] = notes["pitch"] if pitch is None else pitch
    order = np.lexsort((notes["pitch"], notes["track"], notes["onset_ticks"]))
    return score.with_notes(notes[order])


def at_double_speed(score):
    return with_columns(score, score.notes["onset_ticks"] // 2, np.maximum(1, score.notes["duration_ticks"] // 2))


def at_half_speed(score):
    return with_columns(score, score.notes["onset_ticks"] * 2, score.notes["duration_ticks"] * 2)


def ornamented(score, share=0.1, seed=0):
    """Neighbours put in after some of the notes."""
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(score), max(1, round(share * len(score))), replace=False))
    added = score.notes[chosen].copy()
    added["onset_ticks"] += (added["duration_ticks"] // 2).astype(added["onset_ticks"].dtype)
    added["duration_ticks"] = np.maximum(1, added["duration_ticks"] // 2)
    added["pitch"] += rng.choice([-2, -1, 1, 2], len(added)).astype(added["pitch"].dtype)
    notes = np.concatenate([score.notes, added])
    return score.with_notes(notes[np.lexsort((notes["pitch"], notes["track"], notes["onset_ticks"]))])


def bars_of(score, first, count):
    """Some bars, from the beginning."""
    onset = score.notes["onset_ticks"]
    inside = (onset >= first * BAR) & (onset < (first + count) * BAR)
    kept = score.with_notes(score.notes[inside])
    return with_columns(kept, kept.notes["onset_ticks"] - first * BAR)


def reordered(score, seed=0):
    bars = len(bar_grid(score))
    place = np.random.default_rng(seed).permutation(bars)
    bar = score.notes["onset_ticks"] // BAR
    return with_columns(score, score.notes["onset_ticks"] + (place[bar] - bar) * BAR)


def planted(host, passage, at):
    """The host with the passage in front of one of its bars."""
    length = -(-int(passage.notes["onset_ticks"].max() + 1) // BAR) * BAR
    onset = host.notes["onset_ticks"]
    moved = host.notes.copy()
    moved["onset_ticks"] = np.where(onset >= at * BAR, onset + length, onset)
    inside = passage.notes.copy()
    inside["onset_ticks"] += at * BAR
    notes = np.concatenate([moved, inside])
    return replace(host, notes=notes[np.lexsort((notes["pitch"], notes["track"], notes["onset_ticks"]))])


def times_through(score, times):
    """A score of whole bars, again and again."""
    length = len(bar_grid(score)) * BAR
    notes = np.concatenate([score.notes] * times)
    notes["onset_ticks"] += np.repeat(np.arange(times) * length, len(score)).astype(notes["onset_ticks"].dtype)
    return score.with_notes(notes)


def loop(bars=32):
    """Two notes, over and over."""
    count = bars * 4
    onset = np.arange(count) * QUARTER
    notes = notes_from_columns(
        onset, np.full(count, QUARTER), 60 + 7 * (np.arange(count) % 2), 80, np.zeros(count, int)
    )
    return Score(notes, (Track("Loop", 0),), time_signatures=(TimeSignature(0, 4, 4),))


@pytest.fixture(scope="session")
def make():
    """Everything above by name."""
    return SimpleNamespace(
        piece=drawn_piece,
        double_speed=at_double_speed,
        half_speed=at_half_speed,
        ornamented=ornamented,
        bars=bars_of,
        reordered=reordered,
        times_through=times_through,
        planted=planted,
        loop=loop,
    )


@pytest.fixture(scope="session")
def folder():
    """Ten pieces: their scores, their index and their level."""
    from stilo.originality.base import NO_STOCK
    from stilo.originality.index import index_of
    from stilo.originality.level import level_of
    from stilo.originality.lines import notes_of_score
    from stilo.originality.runs import runs_of

    scores = [drawn_piece(seed) for seed in range(10)]
    runs = [runs_of(notes_of_score(score)) for score in scores]
    index = index_of([(f"piece{i}", one) for i, one in enumerate(runs)], NO_STOCK)
    return SimpleNamespace(scores=scores, runs=runs, index=index, level=level_of(runs, index))
