"""What is learned, what it is proved on, and what the person is told."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.elements.embedding import embed_score
from stilo.errors import InputError, ReadError, SetupError
from stilo.models.encoder_files import load_encoder
from stilo.models.recogniser import recognise
from stilo.models.shipped import identity_of
from stilo.models.tokens import encode
from stilo.music.score import Score, Tempo, Track, notes_from_columns
from stilo.styles import learn as learn_module
from stilo.styles.learn import learn
from stilo.styles.provenance import Source

pytestmark = pytest.mark.usefixtures("with_tiny_weights")


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
    score, source = pieces[0]
    with pytest.raises(InputError, match="63 notes are too few to learn a style from; give at least 64"):
        learn("Waltz", [(score.with_notes(score.notes[:63]), source)])
    with pytest.raises(InputError, match="0 notes are too few"):
        learn("Waltz", [])


def test_a_name_that_cannot_be_used_is_told(pieces):
    with pytest.raises(InputError, match="style name"):
        learn("a/b", pieces, tune=False)


def test_missing_weights_are_told(pieces, monkeypatch, tmp_path):
    monkeypatch.setenv("STILO_MODEL", str(tmp_path))
    with pytest.raises(SetupError, match="install stilo anew"):
        learn("Waltz", pieces)


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
    score, source = pieces[0]
    with pytest.raises(InputError, match="40 notes are too few"):
        learn("Waltz", [(score.with_notes(score.notes[:40]), source)] * 9)


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
