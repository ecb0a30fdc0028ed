"""Held-out figures count every note once, whatever is told of the pieces."""

import numpy as np
import pytest
import torch

from stilo.models.notes import evaluate
from stilo.models.notes.given import Given
from stilo.models.notes.model import NoteModel, NoteModelConfig
from stilo.models.notes.told import Told


def test_figures_count_every_note_once(make_note_model, make_labelled):
    model = make_note_model()
    pieces = [make_labelled(seed, notes=notes) for seed, notes in ((0, 30), (1, 90), (2, 150))]
    together = evaluate.score_pieces(model, pieces, window=None)
    for piece, score in zip(pieces, together, strict=True):
        (alone,) = evaluate.score_pieces(model, [piece], window=None)
        assert np.allclose(alone.nats, score.nats, atol=1e-4)
        assert score.notes == len(piece.steps)
        assert len(score.nats) == score.notes + 1
    mean = evaluate.mean_nats_per_note(together)
    assert mean == pytest.approx(sum(s.nats.sum() for s in together) / sum(s.notes for s in together), rel=1e-5)
    assert sum(evaluate.nats_by_field(together).values()) == pytest.approx(mean, abs=1e-3)
    first = evaluate.mean_nats_per_note(together, 0, 20)
    assert first == pytest.approx(np.mean([s.nats[:20].sum(1).mean() for s in together]), rel=1e-5)
    later = sum(s.nats[40:].sum() for s in together) / sum(max(0, s.notes - 40) for s in together)
    assert evaluate.mean_nats_per_note(together, 40) == pytest.approx(later, rel=1e-5)
    (cut,) = evaluate.score_pieces(model, pieces[2:], longest=64, window=None)
    assert cut.notes == len(cut.nats) == 64
    assert np.allclose(cut.nats, together[2].nats[:64], atol=1e-4)


def test_a_window_forgets_the_trunk_but_not_the_memory(make_note_model, make_labelled):
    model, piece = make_note_model(), make_labelled(1, notes=90)
    (whole,) = evaluate.score_pieces(model, [piece], window=None)
    (cut,) = evaluate.score_pieces(model, [piece], window=32)
    assert np.allclose(whole.nats[:32], cut.nats[:32], atol=1e-4)
    assert not np.allclose(whole.nats[32:], cut.nats[32:], atol=1e-4)


@pytest.mark.parametrize("telling", [evaluate.general, evaluate.chords, evaluate.form, evaluate.controls])
def test_what_is_told_changes_the_figure(make_note_model, make_labelled, telling):
    model, piece = make_note_model(), make_labelled(1, notes=90)
    (untold,), (told,) = (evaluate.score_pieces(model, [piece], how) for how in (evaluate.nothing, telling))
    assert told.nats_per_note != untold.nats_per_note


def test_a_model_in_training_is_measured_at_rest_and_goes_on_training(make_labelled):
    piece = make_labelled(1, notes=20)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = NoteModel(
            NoteModelConfig(width=24, layers=2, hidden=24, memory_width=8, condition_width=8, dropout=0.5)
        )
    for training in (True, False):
        model.train(training)
        (one,), (again,) = evaluate.score_pieces(model, [piece]), evaluate.score_pieces(model, [piece])
        assert np.array_equal(one.nats, again.nats)
        assert model.training == training


def test_notes_may_be_known_beforehand_and_each_piece_told_its_own(make_note_model, make_labelled):
    model, pieces = make_note_model(), [make_labelled(seed, notes=20) for seed in (1, 2)]
    told = [Told(tempo=3), Told(tempo=9)]
    together = evaluate.score_pieces(model, pieces, told)
    for piece, about, score in zip(pieces, told, together, strict=True):
        (alone,) = evaluate.score_pieces(model, [piece], [about])
        assert np.allclose(alone.nats, score.nats, atol=1e-4)
    (plain,) = evaluate.score_pieces(model, pieces[:1])
    assert not np.allclose(together[0].nats, plain.nats, atol=1e-4)
    (known,) = evaluate.score_pieces(model, pieces[:1], giving=lambda steps: Given(steps["pitch"] % 2 == 0))
    assert not np.allclose(known.nats, plain.nats, atol=1e-4)
