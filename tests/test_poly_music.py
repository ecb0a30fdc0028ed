"""The frame benchmark: official counts, probabilities that sum to one, no look ahead, independent heads."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(autouse=True)
def beside_the_benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))


def a_piece(length, seed=0):
    """Chords that come back, with changes."""
    rng = np.random.default_rng(seed)
    piece = np.zeros((length, 88), np.uint8)
    for t in range(length):
        chord = 40 + np.array([0, 4, 7]) + (t // 2) % 5
        piece[t, chord] = 1
        piece[t, rng.integers(30, 70)] = 1
    return piece


def piece_of(frames):
    from frames.batches import Piece
    from frames.recall import recall

    return Piece(frames, recall(frames))


def tiny_net(joint, **more):
    from frames.net import FrameNet, Shape

    torch.manual_seed(1)
    net = FrameNet(Shape(joint, trunk=16, key=8, depth=1, mixing=4, **more)).eval()
    for weight in net.parameters():  # so that everything matters
        torch.nn.init.normal_(weight, std=0.3)
    return net


def losses(net, frames, length=64):
    """[frames, 88] nats of each key of one piece."""
    from frames.batches import in_order

    state, found = None, []
    for batch in in_order([piece_of(frames)], 2, length):
        with torch.no_grad():
            logits, target, state = net(batch, state)
        found.append(torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none"))
    return torch.cat(found).numpy()


@pytest.mark.parametrize("kind", ["lstm", "transformer", "gated"])
@pytest.mark.parametrize("joint", [True, False])
def test_nothing_later_is_seen(joint, kind):
    net = tiny_net(joint, kind=kind)
    frames = a_piece(150)
    before = losses(net, frames)
    for t, key in ((100, 50), (100, 3), (70, 87)):
        changed = frames.copy()
        changed[t, key] ^= 1
        after = losses(net, changed)
        assert (after[:t] == before[:t]).all()
        others = np.arange(88) != key
        unseen = np.arange(88) < key if joint else others
        assert (after[t, unseen] == before[t, unseen]).all()
        assert (after[t + 1 :] != before[t + 1 :]).any()
        if joint and key < 87:
            assert (after[t, key + 1 :] != before[t, key + 1 :]).any()


def test_a_joint_frame_sums_to_one_and_an_independent_one_ignores_its_other_keys():
    frames = a_piece(40)
    joint, independent = tiny_net(True), tiny_net(False)
    total, seen = 0.0, set()
    for bits in range(2**6):
        changed = frames.copy()
        changed[-1, 82:] = [(bits >> i) & 1 for i in range(6)]
        total += np.exp(-losses(joint, changed)[-1, 82:].sum(dtype=float))
        seen.add(losses(independent, changed)[-1, :82].tobytes())
    assert total == pytest.approx(1, abs=1e-5)
    assert len(seen) == 1


def test_a_mixture_is_the_mean_of_the_probabilities():
    from frames.train import mean_of_probabilities

    logits = torch.randn(3, 5, 88) * 10
    mixed = torch.sigmoid(mean_of_probabilities(logits))
    assert torch.allclose(mixed, torch.sigmoid(logits).mean(0), atol=1e-6)


@pytest.mark.parametrize("kind", ["lstm", "transformer", "gated"])
def test_every_frame_is_counted_once_and_chunks_change_nothing(kind):
    net = tiny_net(True, kind=kind)
    frames = a_piece(130)
    assert np.allclose(losses(net, frames, 64), losses(net, frames, 200), atol=1e-3)
    from frames.batches import in_order
    from frames.train import scored

    pieces = [piece_of(a_piece(n, n)) for n in (1, 7, 70, 64)]
    assert sum(int(batch.there.sum()) for batch in in_order(pieces, 3, 64)) == 142
    alone = sum(losses(net, piece.frames).sum(dtype=float) for piece in pieces)
    found = scored([net], pieces)
    assert found.all == pytest.approx(alone / 142, rel=1e-4)
    beginnings = [losses(net, piece.frames)[:64].sum(dtype=float) for piece in pieces]
    assert found.opening == pytest.approx(sum(beginnings) / (1 + 7 + 64 + 64), rel=1e-4)


def test_what_is_recalled_is_the_past_and_moves_with_the_music():
    from frames.recall import EXACT, TRANSPOSED, VOTE_PLANES, recall, shifted

    piece = np.zeros((60, 88), np.uint8)
    tune = np.random.default_rng(0).integers(30, 50, 20)
    piece[np.arange(20), tune] = 1
    piece[np.arange(20, 40), tune] = 1
    piece[np.arange(40, 60), tune + 5] = 1
    found = recall(piece)
    exact, moved = len(EXACT.votes) - 1, len(EXACT.votes) + len(TRANSPOSED.votes) - 1
    assert (found.planes[26:40, exact].argmax(-1) == tune[6:]).all()
    assert (found.planes[46:60, moved].argmax(-1) == tune[6:] + 5).all()
    assert not found.planes[0].any()
    higher = recall(shifted(piece, 3))
    inside = slice(20, 70)  # proposals that leave the keyboard on one side only
    votes = found.planes[:, :VOTE_PLANES, inside].astype(int)
    assert np.abs(votes - higher.planes[:, :VOTE_PLANES, 23:73].astype(int)).max() <= 1


def test_streams_play_every_piece_in_order_and_on_the_keyboard():
    from frames.batches import REACH, endless, transposition

    pieces = [piece_of(a_piece(n, n)) for n in (5, 40, 70)]
    batches = endless(pieces, 2, 32, 6, np.random.default_rng(0))
    played = []
    for batch in itertools.islice(batches, 12):
        for i in range(2):
            if batch.begins[i]:
                assert not batch.frames[i, :REACH].any()
                played.append(0)
        played[-1] += int(batch.there[0].sum())
    assert len(played) >= 6
    edge = np.zeros((3, 88), np.uint8)
    edge[:, [0, 85]] = 1
    drawn = {transposition(edge, 6, np.random.default_rng(seed)) for seed in range(30)}
    assert drawn == {0, 1, 2}
    assert transposition(np.zeros((3, 88), np.uint8), 6, np.random.default_rng(0)) == 0


@pytest.fixture
def folder(tmp_path):
    """A poly_music file of three small parts."""
    from scipy.io import savemat

    content = {}
    for part, seed in (("train", 1), ("valid", 2), ("test", 3)):
        cell = np.empty((1, 4), object)
        for i in range(4):
            cell[0, i] = a_piece(20 + i, seed)
        content[f"{part}data"] = cell
    savemat(tmp_path / "small.mat", content)
    return tmp_path


def test_official_counts_are_demanded(folder):
    from frames.data import FrameSet, read_frames
    from stilo.errors import InputError

    parts = read_frames(folder, FrameSet("small", "small.mat", 86))
    assert [len(parts[part]) for part in ("train", "valid", "test")] == [4, 4, 4]
    assert (parts["train"][2] == a_piece(22, 1)).all()
    with pytest.raises(InputError, match=r"86 test frames, the official set has 87"):
        read_frames(folder, FrameSet("small", "small.mat", 87))
    with pytest.raises(InputError, match="not there"):
        read_frames(folder, FrameSet("none", "none.mat", 1))


@pytest.mark.parametrize("damage", ["cut", "words", "lacks", "wide", "values", "plain"])
def test_a_damaged_file_is_one_clear_line(folder, damage):
    from scipy.io import savemat

    from frames.data import FrameSet, read_frames
    from stilo.errors import InputError

    path = folder / "small.mat"
    cell = np.empty((1, 1), object)
    cell[0, 0] = {"wide": np.zeros((3, 89)), "values": np.full((3, 88), 0.5)}.get(damage, np.zeros((3, 88)))
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "words":
        path.write_bytes(b"no mat file" * 100)
    elif damage == "lacks":
        savemat(path, {"traindata": cell})
    else:
        held = np.zeros((3, 88)) if damage == "plain" else cell
        savemat(path, {f"{part}data": held for part in ("train", "valid", "test")})
    with pytest.raises(InputError, match=r"small\.mat: ") as caught:
        read_frames(folder, FrameSet("small", "small.mat", 3))
    assert "\n" not in str(caught.value)


@pytest.fixture
def poly_music(monkeypatch):
    import poly_music
    from frames.data import FrameSet
    from frames.net import Shape
    from frames.train import Plan

    monkeypatch.setattr(poly_music, "SETS", (FrameSet("JSB", "small.mat", 86),))
    plan = Plan(24, streams=2, length=16, rate=1e-2)
    made = {
        ("JSB", head): poly_music.Recipe(Shape(head == "joint", trunk=16, key=8, depth=1), plan, 2)
        for head in poly_music.HEADS
    }
    monkeypatch.setattr(poly_music, "RECIPES", made)
    return poly_music


def test_the_command_learns_and_tells_each_seed_and_their_mixture(poly_music, folder, tmp_path, capsys):
    import json

    results, work = tmp_path / "results", tmp_path / "work"
    asked = [str(folder), "--results", str(results), "--work", str(work)]
    assert poly_music.main([*asked, "--head", "joint"]) in {0, 1}
    rows = json.loads((results / poly_music.RESULT).read_text())["rows"]
    assert [row["seeds"] for row in rows] == [[0], [1], [0, 1]]
    assert all(row["valid"] < 30 < 88 * np.log(2) for row in rows)
    assert rows[2]["parameters"] == 2 * rows[0]["parameters"] > 0
    assert rows[0]["test_frames"] == 86
    (work / "JSB-joint-0.pt").unlink()  # the same command gives the same row again
    poly_music.main([*asked, "--head", "joint"])
    again = json.loads((results / poly_music.RESULT).read_text())["rows"]
    assert [(row["valid"], row["test"]) for row in again] == [(row["valid"], row["test"]) for row in rows]
    poly_music.main([*asked, "--head", "independent", "--seeds", "3"])
    both = json.loads((results / poly_music.RESULT).read_text())["rows"]
    assert [row["seeds"] for row in both] == [[0], [1], [0, 1], [3]]
    capsys.readouterr()
    poly_music.main(["--table", "--results", str(results)])
    told = capsys.readouterr().out
    best = min(rows, key=lambda row: row["valid"])
    assert f"{best['test']:.3f}" in told
    assert "independent head" in told


def test_a_training_that_was_broken_off_goes_on_as_if_it_had_not_been(folder, tmp_path):
    from frames.net import Shape
    from frames.train import Plan, Training

    pieces = [piece_of(a_piece(n, n)) for n in (20, 30, 25)]
    shape, plan = Shape(True, trunk=16, key=8, depth=1), Plan(20, streams=2, length=16, rate=1e-2)
    kept = tmp_path / "kept.pt"

    class BrokenOffError(Exception):
        pass

    def until_half(line):
        if line.startswith("step     10"):
            raise BrokenOffError

    whole = Training(shape, plan, pieces, pieces, 5).run(lambda _: None)
    with pytest.raises(BrokenOffError):
        Training(shape, plan, pieces, pieces, 5).run(until_half, kept)
    resumed = Training(shape, plan, pieces, pieces, 5)
    continued = resumed.run(lambda _: None, kept)
    assert resumed.step == 20 or resumed.step == resumed.best_step + 6
    for one, other in zip(whole.parameters(), continued.parameters(), strict=True):
        assert torch.equal(one, other)
    others = Training(shape, plan, pieces, pieces, 6)
    others._take_up(kept)
    assert others.step == 0


def test_every_row_has_its_own_recipe():
    import poly_music

    assert set(poly_music.RECIPES) == {(frames.name, head) for frames in poly_music.SETS for head in poly_music.HEADS}
    assert all(made.shape.joint == (head == "joint") for (_, head), made in poly_music.RECIPES.items())
    assert [frames.test_frames for frames in poly_music.SETS] == [4_725, 44_463, 19_036, 64_339]


def test_what_is_wrong_is_told_in_one_line(poly_music, tmp_path, capsys):
    assert poly_music.main([str(tmp_path), "--results", str(tmp_path / "results")]) == 1
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert "small.mat: not there" in told[0]
    (tmp_path / poly_music.RESULT).write_text("nothing")
    assert poly_music.main(["--table", "--results", str(tmp_path)]) == 1
