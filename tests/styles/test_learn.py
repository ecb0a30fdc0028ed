"""What is learned, what it is proved on, and what the person is told."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.elements.embedding import embed_score
from stilo.errors import InputError, ReadError, SetupError
from stilo.models.encoder_files import load_encoder
from stilo.models.notes import tuning as tuning_module
from stilo.models.notes.adapter import apply_adapter
from stilo.models.notes.base import base_identity, base_model
from stilo.models.notes.evaluate import mean_nats_per_note, score_pieces
from stilo.models.notes.merging import multiplied
from stilo.models.notes.told import StyleTold, Told
from stilo.models.notes.tuning import Tuning
from stilo.models.recogniser import recognise
from stilo.models.shipped import identity_of
from stilo.models.tokens import encode
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


@pytest.fixture
def tuned_with(monkeypatch):
    """What the tuning was given: {"folds", "seconds", …}, of the first fold "train", "held_out", "style"; it learns
    nothing.
    """
    seen = {}

    def spy(model, folds, rng, **options):
        seen.update(folds=folds, train=folds[0].train, held_out=folds[0].held_out, style=folds[0].style, **options)
        told = [Told(style=fold.style) for fold in folds for _ in fold.held_out]
        scores = score_pieces(model, [piece for fold in folds for piece in fold.held_out], told)
        return Tuning({}, scores, 0, is_late=options["seconds"] == 0)

    monkeypatch.setattr(tuning_module, "tune_adapter", spy)
    return seen


def test_every_piece_is_held_out_by_one_of_three_tunings(pieces, tuned_with, monkeypatch):
    monkeypatch.setattr(learn_module, "may_be_told", lambda *_: True)
    style = learn("Waltz", pieces, seed=4)
    paths = [source.path for _, source in pieces]
    folds = [
        ({piece.name for piece in fold.train}, {piece.name for piece in fold.held_out}) for fold in tuned_with["folds"]
    ]
    assert sorted(len(held) for _, held in folds) == [3, 3, 4]
    assert sorted(path for _, held in folds for path in held) == sorted(paths)
    assert all(train == set(paths) - held for train, held in folds)
    assert tuned_with["config"].goes_on
    for fold, (train, _) in zip(tuned_with["folds"], folds, strict=True):
        expected = recognise([score for score, source in pieces if source.path in train])
        np.testing.assert_allclose(fold.style.learned, expected.values.reshape(-1), atol=1e-5)
    assert not any(source.held_out for source in style.sources), "all of them were learned from"
    assert np.allclose(style.embedding, np.mean([embed_score(score).values for score, _ in pieces], axis=0), atol=1e-6)
    assert style.proof.folds == 3
    assert style.proof.held_out_pieces == 10
    assert style.proof.held_out_notes == sum(len(encode(score)) for score, _ in pieces)


def test_of_much_music_a_fifth_is_held_out_and_is_in_nothing_but_the_proof(pieces, tuned_with, monkeypatch):
    monkeypatch.setattr("stilo.styles.holding_out.MOST_NOTES_IN_TURN", 500)
    monkeypatch.setattr(learn_module, "may_be_told", lambda *_: True)
    style = learn("Waltz", pieces, seed=4)
    held = {source.path for source in style.sources if source.held_out}
    assert len(held) == 3
    assert {piece.name for piece in tuned_with["held_out"]} == held
    assert {piece.name for piece in tuned_with["train"]} == {source.path for _, source in pieces} - held
    mean = np.mean([embed_score(score).values for score, source in pieces if source.path not in held], axis=0)
    assert np.allclose(style.embedding, mean, atol=1e-6)
    assert np.array_equal(tuned_with["style"].measured, style.embedding)
    assert (style.proof.folds, style.proof.held_out_pieces) == (1, 3)
    assert style.proof.held_out_notes == sum(len(encode(s)) for s, source in pieces if source.path in held)


def test_a_style_that_misleads_is_not_told(pieces, tuned_with, monkeypatch):
    for helps in (True, False):
        monkeypatch.setattr(learn_module, "may_be_told", lambda *_, helps=helps: helps)
        proof = learn("Waltz", pieces).proof
        assert (tuned_with["style"] is not None) == helps
        assert proof.tuned_nats_per_note == (proof.vector_nats_per_note if helps else proof.base_nats_per_note)
    assert replace(proof, base_nats_per_note=2.0, vector_nats_per_note=1.9).is_style_told
    assert replace(proof, base_nats_per_note=2.0, vector_nats_per_note=2.004).is_style_told, "hardly less likely"
    assert not replace(proof, base_nats_per_note=2.0, vector_nats_per_note=2.02).is_style_told


def test_all_pieces_are_recognised(pieces, tiny_encoder, with_tiny_encoder):
    style = learn("Waltz", pieces, tune=False)
    assert style.encoder == identity_of(tiny_encoder)
    expected = recognise([score for score, _ in pieces], load_encoder(tiny_encoder))
    np.testing.assert_allclose(style.recognition.values, expected.values, atol=1e-5)
    assert np.linalg.norm(style.recognition.values, axis=1) == pytest.approx(1)


def test_without_an_encoder_nothing_is_recognised(pieces, monkeypatch, tmp_path):
    monkeypatch.setattr("stilo.models.encoder_files.encoder_folder", lambda: tmp_path / "none")
    style = learn("Waltz", pieces[:5], tune=False)
    assert (style.recognition, style.encoder) == (None, "")


def test_a_damaged_encoder_is_told_before_the_tuning(pieces, tuned_with, monkeypatch, tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(b"no weights")
    (tmp_path / "config.json").write_text("{")
    monkeypatch.setattr("stilo.models.encoder_files.encoder_folder", lambda: tmp_path)
    with pytest.raises(SetupError, match="the encoder is damaged"):
        learn("Waltz", pieces[:5])
    assert tuned_with == {}


def test_a_damaged_index_of_known_pieces_is_told_before_anything_is_measured(pieces, monkeypatch, tmp_path):
    (tmp_path / "index.npz").write_bytes(b"PK")
    monkeypatch.setattr("stilo.originality.base.base_index_path", lambda: tmp_path / "index.npz")
    told = []
    with pytest.raises(SetupError, match="damaged"):
        learn("Tiny", pieces, progress=lambda what, _share: told.append(what))
    assert told == []


def test_drums_alone_are_recognised_by_their_rhythm(with_tiny_encoder):
    notes = notes_from_columns(np.arange(400) * 240, [120] * 400, np.tile([36, 42, 38, 42], 100))
    style = learn("Beat", [(Score(notes, (Track("", 0, True),)), Source("/beat.mid", "0" * 64))], tune=False)
    assert np.linalg.norm(style.recognition.facet("rhythm")) == pytest.approx(1)
    assert np.isfinite(style.recognition.values).all()


def test_what_is_held_out_depends_on_the_seed_alone(pieces, tuned_with):
    held = []
    for seed in (0, 0, 1, 2, 3):
        learn("W", pieces, seed=seed)
        held.append([[piece.name for piece in fold.held_out] for fold in tuned_with["folds"]])
    assert held[0] == held[1]
    assert len({str(row) for row in held}) > 1


@pytest.fixture
def sonata():
    """One piece of 80 bars in two parts, none like another."""
    rng = np.random.default_rng(3)
    pitch = np.concatenate([rng.integers(60, 84, 320), rng.integers(40, 60, 320)])
    notes = notes_from_columns(np.tile(np.arange(320) * 480, 2), [480] * 640, pitch, 80, np.repeat([0, 1], 320))
    return Score(notes, (Track("R"), Track("L"))), Source("/sonata.mid", "b" * 64)


def test_of_one_piece_the_last_quarter_is_held_out(sonata, tuned_with):
    score, _ = sonata
    style = learn("Sonata", [sonata])
    assert not style.sources[0].held_out
    assert not tuned_with["config"].goes_on, "what is held out of the same pieces falls for long"
    [first], [last] = tuned_with["train"], tuned_with["held_out"]
    whole = encode(score)
    for name in ("pitch", "part"):
        assert np.array_equal(np.concatenate([first.steps[name], last.steps[name]]), whole[name])
    assert len(first.steps) / len(whole) == pytest.approx(0.75, abs=0.05)
    assert last.steps["gap"][0] == last.steps["position"][0] == last.steps["bar"][0] == 0
    start = score.with_notes(score.notes[score.notes["onset_ticks"] < 60 * 1920])
    assert np.allclose(style.embedding, embed_score(start).values, atol=1e-6), "the last quarter is not in the vector"
    assert (style.proof.folds, style.proof.held_out_pieces, style.proof.held_out_notes) == (1, 1, 160)


def test_ranks_stay_those_of_the_whole_piece(tune, tuned_with):
    """Two parts of one program that change places in the last quarter."""
    onset = np.tile(np.arange(160) * 480, 2)
    crossing = np.where(np.arange(160) < 120, 72, 30)
    pitch = np.concatenate([crossing, np.full(160, 48)])
    score = Score(notes_from_columns(onset, [480] * 320, pitch, 80, np.repeat([0, 1], 160)), (Track("R"), Track("L")))
    learn("Crossing", [(score, Source("/a.mid", "0" * 64))])
    for piece in (*tuned_with["train"], *tuned_with["held_out"]):
        rank = piece.steps["part"] // 129
        assert (piece.steps["pitch"][rank == 1] == 48).all()


def test_a_piece_of_one_bar_among_few_is_no_traceback(pieces, tune):
    one_note = (tune.with_notes(tune.notes[:1]), Source("/one.mid", "f" * 64))
    silence = (tune.with_notes(tune.notes[:0]), Source("/none.mid", "e" * 64))
    style = learn("Waltz", [*pieces[4:7], one_note, silence], tune=False)
    assert len(style.sources) == 4  # the silent one taught nothing
    assert style.proof.held_out_pieces == 4


def test_a_piece_without_bar_lines_is_cut_all_the_same(tune, tuned_with):
    notes = notes_from_columns(np.arange(240) * 8, [8] * 240, 40 + np.arange(240) % 40)
    style = learn("Blur", [(Score(notes, (Track(),)), Source("/blur.mid", "0" * 64))])
    assert len(tuned_with["train"][0].steps) + style.proof.held_out_notes >= len(encode(Score(notes, (Track(),))))
    assert style.proof.held_out_notes > 0


def test_notes_that_begin_all_at_once_are_told():
    tracks = tuple(Track(f"{i}", i) for i in range(3))
    cluster = notes_from_columns([0] * 300, [480] * 300, np.tile(np.arange(100), 3), 80, np.repeat([0, 1, 2], 100))
    with pytest.raises(InputError, match="begin at once"):
        learn("Cluster", [(Score(cluster, tracks), Source("/cluster.mid", "0" * 64))])


def test_too_little_music_is_told(pieces):
    with pytest.raises(InputError, match="160 notes are too few"):
        learn("Waltz", pieces[:2])
    with pytest.raises(InputError, match="0 notes are too few"):
        learn("Waltz", [])


def test_a_name_that_cannot_be_used_is_told(pieces):
    with pytest.raises(InputError, match="style name"):
        learn("a/b", pieces, tune=False)


def test_missing_weights_are_told(pieces, monkeypatch, tmp_path):
    monkeypatch.setenv("STILO_MODEL", str(tmp_path))
    with pytest.raises(SetupError, match="install stilo anew"):
        learn("Waltz", pieces)


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
        return [replace(one, nats=one.nats * 3) for one in found] if of_folds else found

    monkeypatch.setattr(lesson_module.Lesson, "scores", worse)
    style = learn("Waltz", pieces, steps=60, seed=1)
    assert style.adapter is None
    assert style.proof.steps == 0
    assert style.proof.tuned_nats_per_note == min(style.proof.base_nats_per_note, style.proof.vector_nats_per_note)


def test_of_too_little_to_tell_more_is_asked_for(pieces, tuned_with, monkeypatch):
    """One block of notes has no interval."""
    monkeypatch.setattr(learn_module, "gain_interval", lambda *_: None)
    assert "add about 10 more of the same style" in learn("Waltz", pieces).proof.advice


def test_where_learning_made_it_worse_the_advice_is_what_may_help(pieces, tuned_with, monkeypatch):
    figures = iter([3.0, 3.02, 3.02, 3.02] * 2 + [3.0, 2.99, 2.99, 2.99] + [3.0, 3.0003, 3.0003, 3.0003])
    monkeypatch.setattr("stilo.models.notes.evaluate.mean_nats_per_note", lambda _: next(figures))
    monkeypatch.setattr(advice_module, "odd_ones", lambda _: ["A", "B", "C", "D"])
    monkeypatch.setattr(learn_module, "gain_interval", lambda *_: (-0.02, 0.04))
    worse = "having learned from 10 pieces (800 notes) it foresees less: add about 10 more of the same style"
    odd = ", or learn without those that disagree (4 of your 10 pieces disagree with the rest: A, B, C and 1 more)"
    assert learn("Waltz", pieces, seconds=33.0).proof.advice == worse + odd
    assert learn("Waltz", pieces, seconds=0.0).proof.advice == f"{worse}{odd}, or tune for longer (--minutes)"
    for more in (81, 10):  # a little better: nine times as many; worse by nothing: as many again
        advice = learn("Waltz", pieces, seconds=33.0).proof.advice
        assert advice.startswith(f"not shown to have learned from 10 pieces (800 notes): add about {more} more")


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


def test_the_same_music_is_learned_from_once(pieces, tuned_with):
    """Another key, another file, other bytes: it would be recognised, not foreseen."""
    copies = [(score.transposed(3), replace(source, path=f"{source.path}.musicxml")) for score, source in pieces]
    told = []
    style = learn("Waltz", [*pieces, *copies], notice=told.append)
    assert [source.path for source in style.sources] == [source.path for _, source in pieces]
    assert told[0] == "left out /music/0.mid.musicxml (No. 0): the same notes as /music/0.mid (No. 0)"
    assert told[4:] == [
        "left out /music/4.mid.musicxml (No. 4): the same notes as /music/4.mid (No. 4)",
        "left out 5 more of the same notes as others",
    ]
    with pytest.raises(InputError, match="80 notes are too few"):
        learn("Waltz", [pieces[0]] * 9)


def test_of_many_settings_of_one_tune_a_few_are_told_and_the_last_quarters_are_held_out(tune, tuned_with):
    """Each of 25 would give the others away."""
    settings = []
    for i in range(25):
        notes, bass = tune.notes.copy(), tune.notes["track"] == 1
        notes["pitch"][bass] = 40 + np.random.default_rng(i).integers(0, 12, bass.sum())
        settings.append((tune.with_notes(notes), Source(f"/{i}.mid", f"{i:064x}")))
    told = []
    learn("Settings", settings, notice=told.append)
    assert told[0] == "/1.mid has much of the melody of /0.mid; both are learned from"
    assert len(told) == 6
    assert told[-1] == "19 more have much of the melody of another; all are learned from"
    assert len(tuned_with["folds"]) == 1
    assert len(tuned_with["train"]) == 25


def test_a_piece_that_is_too_long_is_left_out_and_named(pieces, tune, monkeypatch):
    monkeypatch.setattr("stilo.elements.layout.MAX_NOTES", 100)
    endless = notes_from_columns(np.arange(101) * 480, [480] * 101, [60] * 101)
    too_long = (tune.with_notes(endless), Source("/music/endless.mid", "d" * 64))
    told = []
    style = learn("Waltz", [too_long, *pieces], tune=False, notice=told.append)
    assert len(style.sources) == 10
    [line] = told
    assert line.startswith("left out /music/endless.mid: ")
    with pytest.raises(ReadError, match=r"^/music/endless\.mid: "):
        learn("Waltz", [too_long], tune=False, notice=told.append)
    assert len(told) == 1


def test_what_the_grid_does_to_played_timing_is_told(pieces):
    played = []
    rng = np.random.default_rng(0)
    for score, source in pieces:
        notes = score.notes.copy()
        notes["onset_ticks"] += rng.integers(0, 2, 80).astype(np.int32) * 28  # 36 ms late at 96 quarters a minute
        played.append((score.with_notes(notes), source))
    told = []
    learn("Waltz", pieces, tune=False, notice=told.append)
    assert told == []
    learn("Waltz", played, tune=False, notice=told.append)
    [line] = told
    moved = np.mean([score.notes["onset_ticks"] % 480 > 0 for score, _ in played])
    assert f"{100 * moved:.0f} % of the notes were moved" in line
    assert "at most 36 ms" in line


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


def test_a_tempo_that_no_source_names_is_not_invented(pieces):
    unnamed = [(replace(score, tempos=()), source) for score, source in pieces]
    assert learn("Waltz", unnamed, tune=False).palette.tempo_qpm is None
    assert learn("Waltz", [*unnamed[:4], pieces[4]], tune=False).palette.tempo_qpm == 96.0


def test_pieces_played_freely_are_learned_on_the_beats_that_were_found(pieces, tuned_with):
    rng = np.random.default_rng(2)

    def played(score):
        notes = np.tile(score.notes, 3)
        notes["onset_ticks"] += np.repeat(np.arange(3) * 16 * 1440, len(score)).astype(np.int32)
        onset = 1.31 * notes["onset_ticks"] + 1200 * np.sin(notes["onset_ticks"] / 2300)  # a tempo that comes and goes
        notes["onset_ticks"] = np.rint(onset + rng.uniform(100, 125, len(notes)))
        return replace(score, notes=notes, tempos=(Tempo(0, 120.0),), time_signatures=())

    told = []
    learn("Free", [(played(score), source) for score, source in pieces[:4]] + pieces[4:], notice=told.append)
    assert told[0].startswith("4 of 10 pieces were played freely: beats and bars were found from the notes")
    places = np.concatenate([piece.steps["position"] for piece in tuned_with["train"]])
    assert np.mean(places % 6 == 0) > 0.75  # on eighths of the waltz; where they are not looked for, half of them


def test_progress_names_the_file_alone(pieces):
    told = []
    learn("Waltz", pieces, tune=False, progress=lambda what, _share: told.append(what))
    assert [what for what in told if what.startswith("measuring")] == [f"measuring {i}.mid" for i in range(10)]
