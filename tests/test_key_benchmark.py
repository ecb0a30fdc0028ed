"""What the key benchmark counts: keys in titles, accidentals, intervals, the time a signature holds."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from stilo.elements.layout import lay_out
from stilo.music.score import KeySignature, Score, TimeSignature, Track, notes_from_columns
from stilo.music.theory import Key

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def known(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("key_music")


@pytest.fixture
def benchmark(known):
    return importlib.import_module("key")


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("String Quartet No.1 in D minor", Key(2, "minor")),
        ("String Quartet in E-flat Major, Hob.III1", Key(3, "major")),
        ("String Quartet No.13 in B♭ major, Op.130", Key(10, "major")),
        ("Polonaise g sharp minor", Key(8, "minor")),
        ("Mazurek B-dur", Key(10, "major")),
        ("Preludium es-moll", Key(3, "minor")),
        ("Sonata h-moll", Key(11, "minor")),
        ("Das Fischermädchen", None),
    ],
)
def test_titles_name_keys(known, title, key):
    assert known.key_in_title(title) == key


def test_relative_and_enharmonic_keys_have_the_same_accidentals(known):
    assert known.same_accidentals(0, 0)
    assert known.same_accidentals(21, 0)
    assert not known.same_accidentals(12, 0)
    assert known.same_accidentals(12, -3)
    assert known.same_accidentals(6, 6)
    assert known.same_accidentals(6, -6)
    assert known.same_accidentals(1, 7)


def test_a_piece_known_by_its_signature_may_be_major_or_minor(known):
    piece = known.KnownPiece(Path("x.mid"), None, None, -1)
    assert piece.accepted == (5, 14)


def test_the_interval_is_wilsons(benchmark):
    low, high = benchmark.Row("", "", "", 81, 263).interval  # Newcombe (1998), table I: .2553 to .3662
    assert (low, high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def song(keys, fifths):
    """Four bars of the tonic triad and scale of each major key, with signatures."""
    rows = []
    for part, tonic in enumerate(keys):
        for bar in range(8):
            onset = (part * 8 + bar) * 1920
            rows += [(onset, 1920, 48 + tonic + tone) for tone in (0, 4, 7)]
            rows += [(onset + 480 * i, 480, 60 + tonic + step) for i, step in enumerate((0, 2, 5, 11))]
    signatures = tuple(KeySignature(part * 8 * 1920, count) for part, count in enumerate(fifths))
    columns = np.array(rows).T
    tracks = (Track("piano", 0),)
    return Score(
        notes_from_columns(*columns), tracks, time_signatures=(TimeSignature(0, 4, 4),), key_signatures=signatures
    )


def test_local_time_counts_what_holds_where(known, benchmark):
    def piece(score):
        return known.KnownPiece(Path("1.mid"), lay_out(score), 0, score.key_signatures[0].fifths, score.key_signatures)

    right = benchmark.local_time([piece(song((0, 1), (0, -5)))])
    assert right["regions"] == pytest.approx(1)
    assert right["one key"] == pytest.approx(0.5)
    assert right["first signature throughout"] == pytest.approx(0.5)
    assert right["regions a song"] == 2
    wrong = benchmark.local_time([piece(song((0, 1), (1, -5)))])
    assert wrong["regions"] == pytest.approx(0.5)
    assert benchmark.spans(piece(song((0, 1), (0, -5)))) == [(0, 8 * 1920, 0), (8 * 1920, 16 * 1920, -5)]
    assert benchmark.meets_longest(piece(song((0, 1, 1), (0, -5, -5))), 1)
    assert not benchmark.meets_longest(piece(song((0, 1, 1), (0, -5, -5))), 0)
