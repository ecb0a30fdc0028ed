"""What `learn` proves, and the advice that it ends with."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.models.notes import tuning as tuning_module
from stilo.models.notes.adapter import apply_adapter
from stilo.models.notes.base import base_identity, base_model
from stilo.models.notes.evaluate import mean_nats_per_note, score_pieces
from stilo.models.notes.merging import multiplied
from stilo.models.notes.told import StyleTold, Told
from stilo.models.recogniser import recognise
from stilo.music.score import Score, Tempo, TimeSignature, Track, notes_from_columns
from stilo.originality.base import base_index_of, write_base_index
from stilo.originality.level import Level
from stilo.originality.lines import notes_of_score
from stilo.originality.runs import runs_of
from stilo.styles import advice as advice_module
from stilo.styles import learn as learn_module
from stilo.styles import lesson as lesson_module
from stilo.styles.learn import learn
from stilo.styles.provenance import Source

pytestmark = pytest.mark.usefixtures("with_tiny_weights")


def test_the_proof_is_of_each_tuning_on_what_it_did_not_hear(pieces, monkeypatch):
    seen, shares = {}, []
    tune_adapter = tuning_module.tune_adapter

    def spy(model, folds, rng, **options):
        tuning = tune_adapter(model, folds, rng, **options)
        seen.update(folds=folds, of_folds=tuning.of_folds)
        return tuning

    monkeypatch.setattr(tuning_module, "tune_adapter", spy)
    style = learn("Waltz", pieces, steps=60, seed=1, progress=lambda _what, share: shares.append(share))
    proof = style.proof
    assert proof.tuned_nats_per_note < min(proof.base_nats_per_note, proof.vector_nats_per_note)
    assert proof.steps > 0
    assert proof.seconds > 0
    assert {array.dtype for array in style.adapter.values()} == {np.dtype(np.float16)}
    assert style.base_model == base_identity()
    model, told, of_folds = base_model(), proof.is_style_told, seen["of_folds"]
    assert len(of_folds) == proof.folds == 3
    whole = [multiplied(weights) for weights in of_folds]
    kept = multiplied(style.adapter)
    mean = {key: np.mean([one[key] for one in whole], axis=0) for key in kept}
    assert any(
        all(np.allclose(strength * array, mean[key], atol=3e-3) for key, array in kept.items())
        for strength in (0.6, 1.0)
    )
    for kind, adapters, is_told in (("tuned", of_folds, told), ("vector", [{}] * 3, True), ("base", [{}] * 3, False)):
        scores = []
        for fold, weights in zip(seen["folds"], adapters, strict=True):
            halved = {key: array.astype(np.float16).astype(np.float32) for key, array in weights.items()}
            mean = np.mean([piece.embedding for piece in fold.train], axis=0)
            heard = recognise([score for score, source in pieces if source.path in {one.name for one in fold.train}])
            about = Told(style=StyleTold(mean, heard.values.reshape(-1)) if is_told else None)
            adapted = apply_adapter(model, halved)
            scores += score_pieces(adapted, fold.held_out, [about] * len(fold.held_out), window=None)
        assert getattr(proof, f"{kind}_nats_per_note") == pytest.approx(mean_nats_per_note(scores), rel=1e-4), kind
    assert proof.advice.startswith("learned: ")
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_untuned_there_is_no_adapter(pieces):
    style = learn("Waltz", pieces, tune=False)
    assert style.adapter is None
    assert style.proof.tuned_nats_per_note is None
    assert style.proof.steps == 0
    assert style.profile.pieces == 10
    assert style.proof.advice == "measured only; learn without --no-tune to tune it"


def test_nothing_gained_is_said_with_what_to_do(pieces, tuned_with, monkeypatch):
    monkeypatch.setattr(learn_module, "gain_interval", lambda *_: (-0.02, 0.04))
    style = learn("Waltz", pieces, seconds=33.0)
    assert style.adapter is None
    assert style.proof.tuned_nats_per_note == min(style.proof.base_nats_per_note, style.proof.vector_nats_per_note)
    assert style.proof.advice.startswith("not shown to have learned from 10 pieces (800 notes): add ")
    assert tuned_with["seconds"] == 33.0
    assert "--minutes" not in style.proof.advice, "it took less than its time"


def test_what_the_proof_finds_worse_is_not_kept(pieces, monkeypatch):
    scores = lesson_module.Lesson.scores

    def worse(lesson, is_style_told, of_folds=()):
        found = scores(lesson, is_style_told, of_folds)
        return [replace(one, nats=one.nats + 100) for one in found] if of_folds else found

    monkeypatch.setattr(lesson_module.Lesson, "scores", worse)
    style = learn("Waltz", pieces, steps=60, seed=1)
    assert style.adapter is None
    assert style.proof.steps == 0
    assert style.proof.tuned_nats_per_note == min(style.proof.base_nats_per_note, style.proof.vector_nats_per_note)


def test_an_adapter_that_foresees_less_than_the_base_model_untold_is_not_kept(pieces, monkeypatch):
    """The style may be told though it costs a little; an adapter has to make up for that."""
    scores = lesson_module.Lesson.scores

    def rigged(nats):
        def score(lesson, is_style_told, of_folds=()):
            each = nats if of_folds else 2.0 + 0.004 * is_style_told
            found = scores(lesson, is_style_told, of_folds)
            return [replace(one, nats=np.full((one.notes, 5), each / 5, np.float32)) for one in found]

        return score

    for nats, is_kept in ((2.003, False), (1.9, True)):
        monkeypatch.setattr(lesson_module.Lesson, "scores", rigged(nats))
        assert (learn("Waltz", pieces, steps=60, seed=1).adapter is not None) == is_kept


def test_of_too_little_to_tell_more_is_asked_for(pieces, tuned_with, monkeypatch):
    """One block of notes has no interval."""
    monkeypatch.setattr(learn_module, "gain_interval", lambda *_: None)
    assert "add more of the same style" in learn("Waltz", pieces).proof.advice


def test_where_learning_made_it_worse_the_advice_is_what_may_help(pieces, tuned_with, monkeypatch):
    figures = iter([3.0, 3.02, 3.02, 3.02] * 2 + [3.0, 2.99, 2.99, 2.99] + [3.0, 3.0003, 3.0003, 3.0003])
    monkeypatch.setattr("stilo.models.notes.evaluate.mean_nats_per_note", lambda _: next(figures))
    monkeypatch.setattr(advice_module, "odd_ones", lambda _: ["A", "B", "C", "D"])
    monkeypatch.setattr(learn_module, "gain_interval", lambda *_: (-0.02, 0.04))
    worse = "having learned from 10 pieces (800 notes) it foresees less: add more of the same style"
    odd = ", or learn without those that disagree (4 of your 10 pieces disagree with the rest: A, B, C and 1 more)"
    assert learn("Waltz", pieces, seconds=33.0).proof.advice == worse + odd
    assert learn("Waltz", pieces, seconds=0.0).proof.advice == f"{worse}{odd}, or tune for longer (--minutes)"
    for more in ("about 81 more", "more"):  # a little better: nine times as many; worse by nothing: nobody knows
        advice = learn("Waltz", pieces, seconds=33.0).proof.advice
        assert advice.startswith(f"not shown to have learned from 10 pieces (800 notes): add {more} of the same style")


@pytest.mark.parametrize(("high", "is_little"), [(0.019, True), (0.021, False)])
def test_where_the_base_model_knows_such_music_no_more_is_asked_for(pieces, tuned_with, monkeypatch, high, is_little):
    monkeypatch.setattr(learn_module, "gain_interval", lambda *_: (-0.01, high))
    advice = learn("Waltz", pieces, seconds=33.0).proof.advice
    little = ": the base model foresees such music about as well already; more pieces may add little"
    assert advice.endswith(little) == is_little
    assert ("of the same style" in advice) != is_little
    assert ("--minutes) may add some" in learn("Waltz", pieces, seconds=0.0).proof.advice) == is_little


def test_the_odd_one_out_is_named(pieces):
    rng = np.random.default_rng(1)
    drums = Score(
        notes_from_columns(np.arange(200) * 60, [60] * 200, rng.integers(35, 50, 200), rng.integers(1, 127, 200)),
        (Track("Kit", 0, True),),
        tempos=(Tempo(0, 220.0),),
    )
    assert "disagree" not in learn("Waltz", pieces, tune=False).proof.advice
    advice = learn("Waltz", [*pieces, (drums, Source("/odd.mid", "a" * 64, "Drum solo"))], tune=False).proof.advice
    assert advice.endswith("; 1 of your 11 pieces disagrees with the rest: odd.mid")


def test_the_proof_counts_the_notes_that_were_judged(pieces, tuned_with):
    """Of long pieces the first 1,024."""
    rng = np.random.default_rng(5)
    long = []
    for i in range(5):
        notes = notes_from_columns(np.arange(1100) * 240, [240] * 1100, rng.integers(50, 80, 1100))
        long.append((Score(notes, (Track(),)), Source(f"/{i}.mid", f"{i:064x}")))
    style = learn("Long", long)
    judged = tuned_with["held_out"]
    assert [len(piece.steps) for piece in judged] == [1100, 1100]
    assert style.proof.held_out_notes == 5 * 1024


def test_of_many_pieces_fewer_notes_of_each_are_judged(pieces, tuned_with, monkeypatch):
    monkeypatch.setattr(lesson_module, "MOST_PROOF_NOTES", 400)
    monkeypatch.setattr(lesson_module, "FEWEST_PROOF_NOTES", 10)
    assert learn("Waltz", pieces).proof.held_out_notes == 10 * 40


def wandering(seed):
    """Notes drawn one by one: no two such pieces are alike."""
    pitches = np.random.default_rng(seed).integers(50, 80, 200)
    notes = notes_from_columns(np.arange(200) * 240, [240] * 200, pitches)
    return Score(notes, (Track(),), time_signatures=(TimeSignature(0, 4, 4),))


def test_pieces_that_the_base_model_was_trained_on_are_told_and_counted(tmp_path, monkeypatch):
    path = tmp_path / "index.npz"
    known = [("set/Nobody", runs_of(notes_of_score(wandering(seed)))) for seed in range(40)]
    write_base_index(base_index_of(known, Level(10.0, 30.0, 60.0, 5, 1)), path)
    monkeypatch.setattr("stilo.originality.base.base_index_path", lambda: path)
    pieces = [(wandering(seed), Source(f"/{seed}.mid", f"{seed:064x}")) for seed in (3, 101, 102, 103, 104, 105)]
    told = []
    style = learn("Drawn", pieces, tune=False, notice=told.append)
    [line] = [line for line in told if "base model" in line]
    assert line.startswith("1 of your 6 pieces (3.mid) is, at least in part, music that the base model was trained on")
    assert style.proof.known_pieces == 1
    many = [(wandering(seed), Source(f"/{seed}.mid", f"{seed:064x}")) for seed in (3, 4, 5, 6, 101, 102)]
    told.clear()
    assert learn("Drawn", many, tune=False, notice=told.append).proof.known_pieces == 4
    assert any(line.startswith("4 of your 6 pieces are, ") for line in told), "so many are not named"
    monkeypatch.setattr("stilo.originality.base.base_index_path", lambda: tmp_path / "nothing.npz")
    told.clear()
    assert learn("Drawn", pieces, tune=False, notice=told.append).proof.known_pieces == 0
    assert not any("base model" in line for line in told)


def test_advice_says_what_was_judged(pieces, sonata, tuned_with, monkeypatch):
    monkeypatch.setattr(learn_module, "gain_interval", lambda *_: (0.01, 0.04))
    monkeypatch.setattr(learn_module, "may_be_told", lambda *_: True)
    scores = lesson_module.Lesson.scores

    def better(lesson, is_style_told, of_folds=()):
        found = scores(lesson, is_style_told, of_folds)
        return [replace(one, nats=one.nats * (0.95 if is_style_told else 1)) for one in found]

    monkeypatch.setattr(lesson_module.Lesson, "scores", better)
    assert "fewer nats per note on the last quarter of each piece" in learn("Sonata", [sonata]).proof.advice
    advice = learn("Waltz", pieces).proof.advice
    assert advice.startswith("learned: ")
    assert "% fewer nats per note on pieces it did not learn from" in advice


def test_a_loop_proves_nothing_and_that_is_said(tune):
    """Eight bars that go round and round."""
    notes = tune.notes[tune.notes["onset_ticks"] < 8 * 1440]
    rounds = np.concatenate([notes] * 8)
    rounds["onset_ticks"] += np.repeat(np.arange(8) * 8 * 1440, len(notes)).astype(np.int32)
    proof = learn("Loop", [(tune.with_notes(rounds), Source("/loop.mid", "c" * 64))], tune=False).proof
    assert proof.advice.startswith("the last quarter of each piece repeats what it learned from")
    assert proof.held_out_notes == len(rounds) // 4
