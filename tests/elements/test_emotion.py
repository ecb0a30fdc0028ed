"""What is faster, louder, higher, more major must come out so."""

import numpy as np
import pytest

from stilo.elements.profile import analyse
from stilo.music.score import Score, Tempo, Track, notes_from_columns


def cadence(third: int, tempo: float = 100.0, velocity: int = 70, length: int = 480) -> Score:
    """Triads on tonic, fifths and tonic, each quarter one note, in major (third 4) or minor (3)."""
    tones = [0, third, 7, 12, 7, 11, 14, 11] * 4
    onsets = np.arange(len(tones)) * 480
    notes = notes_from_columns(onsets, np.full(len(tones), length), 60 + np.array(tones), velocity)
    return Score(notes, (Track(),), tempos=(Tempo(0, tempo),))


def test_major_is_happier_than_minor():
    assert analyse(cadence(4)).emotion.valence > analyse(cadence(3)).emotion.valence + 0.2


@pytest.mark.parametrize("change", [{"tempo": 160.0}, {"velocity": 110}, {"length": 120}])
def test_fast_loud_and_staccato_are_more_excited(change):
    assert analyse(cadence(4, **change)).emotion.arousal > analyse(cadence(4)).emotion.arousal + 0.05


def test_loudness_is_measured():
    emotion = analyse(cadence(4, velocity=100)).emotion
    assert emotion.loudness == 100
    assert emotion.loudness_range == 0
    assert emotion.loudness_levels == (0, 0, 0, 0, 0, 0, 1, 0)


def test_accents_on_the_quarters():
    onsets = np.arange(32) * 240
    velocity = np.where(np.arange(32) % 2 == 0, 90, 60)
    notes = notes_from_columns(onsets, np.full(32, 240), np.full(32, 60), velocity)
    assert analyse(Score(notes, (Track(),))).emotion.accents == 30
