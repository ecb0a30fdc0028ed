"""The engine writes the numbers of the net, note by note, for one piece or several at once."""

import inspect
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from stilo.errors import SetupError
from stilo.models.notes.checkpoint import load_model, save_model
from stilo.models.notes.engine import Engine, load_engine
from stilo.models.notes.engine_mixers import HEAD_SIZE, REACH
from stilo.models.notes.engine_trunks import ENGINE_TRUNKS, chosen_streams, joined_streams
from stilo.models.notes.features import features_of
from stilo.models.notes.fields import DURATION, GAP, PART, PITCH, PROGRAMS, STAGES, VELOCITY
from stilo.models.notes.given import Given
from stilo.models.notes.matrices import Matrix
from stilo.models.notes.next_note import Place
from stilo.models.notes.stream import batch_of, conditioning_of
from stilo.models.notes.told import Told
from stilo.models.shipped import CONFIG_NAME, WEIGHTS_NAME
from stilo.models.tokens import DRUMS, END, with_end
from stilo.models.trunks import TRUNKS, build_trunk

CLOSE = 1e-4


@pytest.fixture(scope="module")
def pieces(make_labelled, all_told):
    """Three pieces of one length, one with drums; features and what is told."""
    rows = []
    for seed in (1, 2, 3):
        piece = make_labelled(seed, notes=140)  # more than attention sees
        steps = with_end(piece.steps)
        if seed == 3:
            drums = steps["part"] % PROGRAMS == steps["part"].max() % PROGRAMS
            steps["part"][drums], steps["pitch"][drums] = DRUMS, steps["pitch"][drums] % 128 + 128
        index = np.minimum(np.arange(len(steps)), len(piece.steps) - 1)
        told = all_told(piece, steps, index) if seed < 3 else Told()
        given = Given(np.arange(len(steps)) % 3 == 0) if seed == 2 else None
        rows.append((features_of(steps, told, given), told))
    shortest = min(len(f.fields) for f, _ in rows)
    return [(f.window(0, shortest), told) for f, told in rows]


def engine_of(model):
    return Engine(model.config, {name: tensor.numpy() for name, tensor in model.state_dict().items()})


def place_of(f, t):
    part = int(f.fields[t, PART])
    near = f.near[t].astype(np.float32)
    past = f.part[t].tolist()
    chord = int(f.chord[t]), int(f.bass[t])
    return Place(int(f.previous_pitch[t]), int(f.part_pitch[t]), part % PROGRAMS == DRUMS, past, near, *chord)


def stepwise(engine, pieces):
    """Logits [S, size] of every stage of every step, one step after another."""
    style = engine.style([told for _, told in pieces])
    features = [f for f, _ in pieces]
    state = engine.start(len(pieces))
    for t in range(len(features[0].fields)):
        rows = np.stack([np.concatenate([f.notes[t], f.memory[t], f.condition[t]]) for f in features]).astype(np.int64)
        histogram = np.stack([f.histogram[t] for f in features])
        h, state = engine.read(rows, histogram, style, state)
        pre = engine.head.start(h)
        records = engine.head.records([f.meta[t].tolist() for f in features])
        places = [place_of(f, t) for f in features]
        chosen = [f.fields[t].tolist() for f in features]
        found = []
        for stage in range(STAGES):
            proposed = np.stack([np.stack([f.values[t, stage], f.states[t, stage]]) for f in features]).astype(np.int64)
            if stage == PITCH:
                found.append(engine.head.pitch_logits(pre, proposed, records, places, histogram)[0])
            else:
                found.append(engine.head.logits(stage, pre, proposed, records)[0])
            told = {
                GAP: [[row[GAP], int(f.position[t])] for row, f in zip(chosen, features, strict=True)],
                PART: [
                    [row[PART] % PROGRAMS, row[PART] // PROGRAMS, *place.past]
                    for row, place in zip(chosen, places, strict=True)
                ],
                PITCH: [[row[PITCH]] for row in chosen],
                DURATION: [[row[DURATION]] for row in chosen],
            }
            if stage < VELOCITY:
                engine.head.tell(pre, stage, told[stage])
        yield found


def nats_of(engine, pieces):
    """[S, T, 5], 0 after an END."""
    features = [f for f, _ in pieces]
    nats = np.zeros((len(pieces), *features[0].fields.shape))
    for t, stages in enumerate(stepwise(engine, pieces)):
        for stage, logits in enumerate(stages):
            for s, f in enumerate(features):
                if stage == GAP or f.fields[t, GAP] != END:
                    target = f.fields[t, stage] % 128 if stage == PITCH else f.fields[t, stage]
                    row = logits[s].astype(np.float64)
                    nats[s, t, stage] = np.logaddexp.reduce(row) - row[target]
    return nats


def parallel(model, pieces):
    features = [f for f, _ in pieces]
    piece = np.repeat(np.arange(len(pieces))[:, None], len(features[0].fields), axis=1)
    batch = batch_of(features, piece, [told for _, told in pieces]).to(torch.device("cpu"))
    with torch.no_grad():
        return model(batch)[0].numpy()


@pytest.mark.parametrize("trunk", ENGINE_TRUNKS)
def test_step_by_step_equals_the_parallel_pass_of_the_net(make_note_model, pieces, trunk):
    model = make_note_model(trunk, noise=0.05)
    expected = parallel(model, pieces)
    assert np.abs(nats_of(engine_of(model), pieces) - expected).max() < CLOSE
    assert np.abs(nats_of(engine_of(model), pieces[:1]) - expected[:1]).max() < CLOSE


def test_every_trunk_has_its_engine():
    assert set(ENGINE_TRUNKS) == set(TRUNKS)
    usual = {name: parameter.default for name, parameter in inspect.signature(build_trunk).parameters.items()}
    assert (usual["head_size"], usual["reach"]) == (HEAD_SIZE, REACH)


@pytest.mark.parametrize("trunk", ENGINE_TRUNKS)
def test_streams_can_be_left_out_doubled_and_joined(make_note_model, trunk):
    engine, rng = engine_of(make_note_model(trunk)), np.random.default_rng(0)
    x = rng.normal(size=(5, 3, len(engine.style([Told()])[0]))).astype(np.float32)
    state = engine.start(3)
    for t in range(4):
        _, state = engine._trunk(x[t], state)
    whole, _ = engine._trunk(x[4], state)
    one = chosen_streams(state, np.array([1]))
    rest = chosen_streams(state, np.array([2, 0]))
    some, _ = engine._trunk(x[4][[1, 2, 0, 0]], joined_streams([one, rest, chosen_streams(rest, np.array([1]))]))
    assert np.allclose(some, whole[[1, 2, 0, 0]], atol=1e-5)


@pytest.mark.parametrize(("outputs", "inputs"), [(1, 3), (53, 146), (64, 64), (300, 512)])
@pytest.mark.parametrize("rows", [1, 2, 5, 40])
def test_a_product_in_blocks_is_the_product(outputs, inputs, rows):
    rng = np.random.default_rng(0)
    weight, bias, x = (
        rng.normal(size=shape).astype(np.float32) for shape in ((outputs, inputs), outputs, (rows, inputs))
    )
    assert np.allclose(Matrix(weight, bias)(x), x.astype(np.float64) @ weight.T + bias, atol=1e-3)
    assert np.allclose(Matrix(weight)(x), x.astype(np.float64) @ weight.T, atol=1e-3)


def test_a_kept_model_is_read_again_as_the_net_reads_it(make_note_model, pieces, tmp_path):
    model = make_note_model(noise=0.05)
    model.set_style_statistics(
        np.full_like(pieces[0][1].style.measured, 0.1), np.full_like(pieces[0][1].style.measured, 0.5)
    )
    save_model(model, tmp_path / "base", {})
    expected = parallel(load_model(tmp_path / "base"), pieces)
    assert np.abs(nats_of(load_engine(tmp_path / "base"), pieces) - expected).max() < CLOSE


def test_what_is_written_to_given_parts_is_told(make_note_model):
    model = make_note_model()
    engine = Engine(model.config, {name: tensor.numpy() for name, tensor in model.state_dict().items()})
    told = [Told(programs=frozenset({0, 40}), written=frozenset(some)) for some in ((), (0,), (40,))]
    found = engine.style(told)
    assert len(np.unique(found.round(5), axis=0)) == 3
    expected = engine._entering_rows(model.style_of(conditioning_of(told)).detach().numpy())
    assert np.abs(found - expected).max() < CLOSE


def test_weights_may_be_changed_before_they_are_used(make_note_model, tmp_path):
    save_model(make_note_model(), tmp_path / "base", {})

    def without_style(tensors):
        return {name: 0 * tensor if name == "programs.weight" else tensor for name, tensor in tensors.items()}

    told = [Told(programs=frozenset({0, 40}))]
    assert load_engine(tmp_path / "base").style(told).any()
    assert not load_engine(tmp_path / "base", without_style).style(told).any()


def test_damaged_weights_are_one_clear_line(make_note_model, tmp_path):
    folder = tmp_path / "base"
    with pytest.raises(SetupError, match="no weights here"):
        load_engine(folder)
    save_model(make_note_model(), folder, {})
    config = json.loads((folder / CONFIG_NAME).read_text())
    for changed in ({"width": 10**9}, {"trunk": "nothing"}, {"width": 128}, {"layers": 0}, {"hidden": "256"}):
        (folder / CONFIG_NAME).write_text(json.dumps({**config, "model": {**config["model"], **changed}}))
        with pytest.raises(SetupError, match="damaged"):
            load_engine(folder)
    (folder / CONFIG_NAME).write_text(json.dumps({**config, "format": 99}))
    with pytest.raises(SetupError, match="another version"):
        load_engine(folder)
    (folder / CONFIG_NAME).write_text(json.dumps(config))
    (folder / WEIGHTS_NAME).write_bytes((folder / WEIGHTS_NAME).read_bytes()[:-100])
    with pytest.raises(SetupError, match="damaged"):
        load_engine(folder)


def test_composing_needs_no_torch():
    code = "import sys, stilo.models.notes.engine, stilo.models.notes.written; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
