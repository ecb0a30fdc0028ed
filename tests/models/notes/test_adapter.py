"""An adapter is the few weights of one style: it starts at nothing, and fits no other model."""

import numpy as np
import pytest
import torch

from stilo.errors import InputError
from stilo.models.learned_embedding import LEARNED_SIZE
from stilo.models.notes.adapter import Adapter, apply_adapter
from stilo.models.notes.evaluate import score_pieces
from stilo.models.notes.features import features_of
from stilo.models.notes.merging import merged, multiplied
from stilo.models.notes.model import NoteModel, NoteModelConfig
from stilo.models.notes.stream import batch_of
from stilo.models.notes.told import StyleTold, Told
from stilo.models.tokens import with_end

RANK = 4
STYLE = StyleTold(np.zeros(179, np.float32), np.zeros(LEARNED_SIZE, np.float32), np.ones(4, bool))


@pytest.fixture
def adapter(make_note_model):
    """Low-rank additions to matrices of the trunk and the head, whole ones to their vectors and small matrices."""
    return Adapter(make_note_model(), torch.Generator().manual_seed(0), tuned=("trunk.*", "head.*"), rank=RANK)


def nats_of(model, pieces):
    return np.concatenate([score.nats for score in score_pieces(model, pieces, [Told(style=STYLE)] * len(pieces))])


def test_the_named_weights_are_added_to(make_note_model):
    model = make_note_model()
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    generator = torch.Generator().manual_seed(0)
    assert set(Adapter(model, generator).weights()) == {name + ".added" for name in shapes}
    vectors = Adapter(model, generator, tuned=("trunk.*", "head.out.4.*"), rank=RANK).weights()
    for name, shape in shapes.items():
        kinds = {key.removeprefix(name) for key in vectors if key.rpartition(".")[0] == name}
        is_matrix = len(shape) == 2 and min(shape) > RANK
        expected = (
            ({".up", ".down"} if is_matrix else {".added"}) if name.startswith(("trunk.", "head.out.4")) else set()
        )
        assert kinds == expected, name


def test_a_new_adapter_changes_nothing(make_note_model, make_piece, adapter):
    model, pieces = make_note_model(), [make_piece(1), make_piece(2)]
    weights = adapter.weights()
    assert any(array.any() for array in weights.values())  # the random halves of the low-rank pairs
    assert np.array_equal(nats_of(apply_adapter(model, weights), pieces), nats_of(model, pieces))
    assert np.array_equal(nats_of(apply_adapter(model, {}), pieces), nats_of(model, pieces))


def test_only_what_is_named_changes(make_note_model, adapter):
    model, weights = make_note_model(), adapter.weights()
    stirred = {name: array + np.float32(0.1) for name, array in weights.items()}
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    after = apply_adapter(model, stirred).state_dict()
    touched = {name.rsplit(".", 1)[0] for name in weights}
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
        assert torch.equal(tensor, after[name]) == (name not in touched), name


def test_merged_while_tuning_is_merged_afterwards(make_note_model, make_piece, adapter):
    with torch.no_grad():
        for weights in adapter.parameters():
            weights.add_(0.1)
    told = Told(style=STYLE)
    features = features_of(with_end(make_piece(3).steps), told)
    batch = batch_of([features], np.zeros((1, len(features.fields)), np.int64), [told]).to(torch.device("cpu"))
    with torch.no_grad():
        tuning = adapter.nats(batch)
        merged, _ = apply_adapter(make_note_model(), adapter.weights())(batch)
        base, _ = make_note_model()(batch)
    assert torch.allclose(tuning, merged, atol=1e-4)
    assert not torch.allclose(base, merged, atol=0.1)


def _outer(size):
    """A low-rank pair of 8 MiB whose product has four terabytes."""
    return {
        f"trunk.input_0{kind}": np.zeros(shape, np.float32)
        for kind, shape in ((".up", (size, 1)), (".down", (1, size)))
    }


def _without(weights, ending):
    return {name: array for name, array in weights.items() if not name.endswith(ending)}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda weights: weights | {"head.elsewhere.added": np.zeros(3, np.float32)},
        lambda weights: weights | {"head.out.4.bias.added": np.zeros(17, np.float32)},
        lambda weights: weights | {"head.out.4.bias.added": np.full(16, np.nan, np.float32)},
        lambda weights: weights | {"trunk.input_0.up": np.zeros((256, RANK + 1), np.float32)},
        lambda weights: weights | {"trunk.input_0.up": np.zeros(256, np.float32)},
        lambda weights: weights | {"trunk.input_0.up": np.zeros((255, RANK), np.float32)},
        lambda weights: weights | {key: np.full_like(array, 3e38) for key, array in weights.items()},
        lambda weights: weights | {"trunk.input_0.up": np.zeros((), np.float32)},
        lambda weights: weights | {"trunk.input_0.up": np.zeros((0, RANK), np.float32)},
        lambda weights: weights | _outer(2**20),
        lambda weights: _without(weights, ".up"),
        lambda weights: _without(weights, ".up") | {"trunk.input_0.down": np.zeros((256, 64), np.float32)},
    ],
    ids=[
        "unknown",
        "shape",
        "nan",
        "rank",
        "flat",
        "rows",
        "overflow",
        "number",
        "empty",
        "terabytes",
        "half",
        "whole",
    ],
)
def test_a_foreign_adapter_is_told(make_note_model, adapter, spoil):
    with pytest.raises(InputError, match="learn the style anew") as told:
        apply_adapter(make_note_model(), spoil(adapter.weights()))
    assert "\n" not in str(told.value)


def test_the_adapter_of_a_larger_model_is_told(make_note_model):
    with torch.random.fork_rng():
        larger = NoteModel(NoteModelConfig("lstm", width=128, layers=2, hidden=24, memory_width=8, condition_width=8))
    weights = Adapter(larger, torch.Generator().manual_seed(0), rank=RANK).weights()
    with pytest.raises(InputError, match="learn the style anew"):
        apply_adapter(make_note_model(), weights)


def test_merged_without_the_nets_it_is_the_same(make_note_model, adapter):
    with torch.no_grad():
        for weights in adapter.parameters():
            weights.add_(0.1)
    model = make_note_model()
    arrays = merged({name: p.detach().numpy() for name, p in model.state_dict().items()}, adapter.weights())
    for name, tensor in apply_adapter(model, adapter.weights()).state_dict().items():
        assert np.allclose(arrays[name], tensor.numpy()), name


def test_a_low_rank_adapter_and_its_product_change_the_same(make_note_model, adapter):
    rng = np.random.default_rng(0)
    weights = {
        key: array + rng.normal(0, 0.1, array.shape).astype(np.float32) for key, array in adapter.weights().items()
    }
    whole = multiplied(weights)
    assert all(key.endswith(".added") for key in whole)
    expected = apply_adapter(make_note_model(), weights).state_dict()
    for name, tensor in apply_adapter(make_note_model(), whole).state_dict().items():
        assert torch.allclose(tensor, expected[name], atol=1e-6), name
