"""Weights on disk come back as they were; what cannot be used is told in one line."""

import pytest
import torch

from stilo.errors import SetupError
from stilo.models.notes import checkpoint as checkpoint_module
from stilo.models.notes.checkpoint import load_model, save_model
from stilo.models.notes.engine import load_engine


def test_weights_come_back_as_they_were(make_note_model, tmp_path):
    model = make_note_model("gated")
    save_model(model, tmp_path, {"seed": 1}, torch.float32)
    again = load_model(tmp_path)
    assert again.config == model.config
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('{"format": 1}', "another version"),
        ('{"format": 3, "model": {"width": 1000000}, "facts": {}}', "damaged"),
        ('{"format": 3, "model": {"trunk": "oracle"}, "facts": {}}', "damaged"),
        ("not json", "damaged"),
    ],
)
def test_odd_weights_get_one_line(make_note_model, tmp_path, config, said):
    save_model(make_note_model(), tmp_path, {})
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(SetupError, match=said):
        load_model(tmp_path)


def test_nothing_is_made_of_sizes_that_the_weights_do_not_have(make_note_model, tmp_path, monkeypatch):
    def refuse(config):
        raise AssertionError(f"{config} would take gigabytes")

    save_model(make_note_model(), tmp_path, {})
    (tmp_path / "config.json").write_text('{"format": 3, "model": {"width": 4096, "layers": 32}, "facts": {}}')
    monkeypatch.setattr(checkpoint_module, "NoteModel", refuse)
    with pytest.raises(SetupError, match="damaged"):
        load_model(tmp_path)


def test_weights_that_are_not_finite_get_one_line(make_note_model, tmp_path):
    model = make_note_model(seed=3)
    with torch.no_grad():
        model.head.gate_state[0, 0, 0] = 1e6  # more than 16 bits hold
    save_model(model, tmp_path, {})
    for load in (load_model, load_engine):
        with pytest.raises(SetupError, match="damaged"):
            load(tmp_path)


def test_missing_weights_get_one_line(tmp_path):
    with pytest.raises(SetupError, match="no weights here"):
        load_model(tmp_path)
