"""The embedding: finite for every score, blind to the key, and each facet blind to what is another's."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.elements.embedding import (
    EMBEDDING_SIZE,
    FACET_SIZES,
    FACETS,
    StyleEmbedding,
    embed,
    embed_score,
)
from stilo.music.score import Score, Tempo, notes_from_columns

REGISTER = [50, 52, 53]  # mean, low and high of the pitches: last of the pitch facet, in octaves from middle C
SPREAD = 51


def test_facets_make_up_the_vector():
    assert list(FACETS) == ["pitch", "rhythm", "harmony", "emotion"]
    covered = np.concatenate([np.arange(EMBEDDING_SIZE)[part] for part in FACETS.values()])
    assert np.array_equal(covered, np.arange(EMBEDDING_SIZE))
    values = np.arange(EMBEDDING_SIZE, dtype=np.float32)
    for name, size in FACET_SIZES.items():
        assert np.array_equal(StyleEmbedding(values).facet(name), values[FACETS[name]])
        assert len(StyleEmbedding(values).facet(name)) == size


@pytest.mark.parametrize("values", [np.zeros(3), np.zeros((1, EMBEDDING_SIZE)), np.full(EMBEDDING_SIZE, np.nan)])
def test_what_is_no_embedding_is_refused(values):
    with pytest.raises(ValueError, match="finite numbers"):
        StyleEmbedding(values)


def test_it_is_a_copy_that_cannot_be_written():
    values = np.zeros(EMBEDDING_SIZE, np.float32)
    embedding = StyleEmbedding(values)
    values[0] = 1
    assert embedding.values[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        embedding.values[0] = 1


def test_every_score_has_one(odd_score):
    values = embed_score(odd_score).values
    assert values.shape == (EMBEDDING_SIZE,)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    assert np.abs(values).max() < 25


def test_no_notes_are_zeros():
    assert not embed_score(Score(notes_from_columns([], [], []), ())).values.any()


@pytest.mark.parametrize("semitones", [-7, 1, 5, 12])
def test_only_the_register_knows_the_key(piece, semitones):
    before, after = embed_score(piece).values, embed_score(piece.transposed(semitones)).values
    change = after - before
    assert np.allclose(change[REGISTER], semitones / 12, atol=1e-5)
    assert np.abs(np.delete(change, REGISTER)).max() < 1e-5


@pytest.mark.parametrize("ticks_per_quarter", [240, 960, 12_000])
def test_the_resolution_of_the_file_does_not_matter(piece, ticks_per_quarter):
    other = piece.with_resolution(ticks_per_quarter)
    assert np.allclose(embed_score(other).values, embed_score(piece).values, atol=0.02)


def _only(facet: str, before: Score, after: Score) -> None:
    """`facet` changes, and no other does."""
    a, b = embed_score(before), embed_score(after)
    for name in FACETS:
        assert np.allclose(a.facet(name), b.facet(name), atol=1e-6) == (name != facet), name


def test_tempo_stands_in_emotion_alone(piece):
    _only("emotion", piece, replace(piece, tempos=(Tempo(0, 170.0),)))


def test_loudness_stands_in_emotion_alone(piece):
    notes = piece.notes.copy()
    notes["velocity"] = notes["velocity"] // 3 + 1
    _only("emotion", piece, piece.with_notes(notes))


def test_instruments_stand_in_emotion_alone(piece):
    tracks = (replace(piece.tracks[0], program=52), *piece.tracks[1:])
    _only("emotion", piece, replace(piece, tracks=tracks))


def test_rhythm_does_not_hear_pitch(piece):
    notes = piece.notes.copy()
    pitched = ~piece.is_drum_note
    notes["pitch"][pitched] = np.random.default_rng(0).permutation(notes["pitch"][pitched])
    shuffled = piece.with_notes(notes)
    assert np.allclose(embed_score(shuffled).facet("rhythm"), embed_score(piece).facet("rhythm"), atol=1e-6)
    assert not np.allclose(embed_score(shuffled).facet("pitch"), embed_score(piece).facet("pitch"), atol=0.05)


def test_histograms_are_square_roots_of_shares(piece):
    pitch, rhythm = embed_score(piece).facet("pitch"), embed_score(piece).facet("rhythm")
    for part in (pitch[:25], pitch[25:50], rhythm[:12], rhythm[12:28], rhythm[28:40], rhythm[40:52]):
        assert (part >= 0).all()
        assert (part**2).sum() == pytest.approx(1, abs=1e-5)


def test_a_rising_scale(make_line):
    values = embed_score(make_line([60, 62, 64, 66, 68, 70, 72], [1] * 7)).facet("pitch")
    assert values[12 + 2] == pytest.approx(1)  # whole tones up and nothing else
    assert values[25 + 12 + 2] == pytest.approx(1)
    assert values[50] == pytest.approx(0.5)  # its mean lies half an octave above middle C


def test_a_style_is_the_mean_and_each_piece_counts_once(make_piece):
    pieces = [make_piece(1, bars=4), make_piece(2, bars=40)]
    mean = (embed_score(pieces[0]).values + embed_score(pieces[1]).values) / 2
    assert np.allclose(embed(pieces).values, mean)
    with pytest.raises(ValueError, match="no scores"):
        embed([])


def test_like_lies_nearer_to_like(make_piece):
    """Waltzes lie nearer to waltzes than to marches, whatever the notes."""
    waltzes = [embed_score(make_piece(seed, (3, 4))).values for seed in range(4)]
    marches = [embed_score(make_piece(seed, (4, 4))).values for seed in range(10, 14)]
    within = max(np.linalg.norm(a - b) for a in waltzes for b in waltzes)
    between = min(np.linalg.norm(a - b) for a in waltzes for b in marches)
    assert within < between
