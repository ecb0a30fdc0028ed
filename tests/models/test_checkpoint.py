"""Weights come back as they were saved; what cannot be loaded is told in one line."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stilo.errors import SetupError
from stilo.models.checkpoint import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    base_folder,
    base_model_info,
    identity_of,
    load_base,
    load_model,
    save_model,
)


@pytest.fixture
def folder(make_model, tmp_path):
    save_model(make_model(), tmp_path / "base", {"notes_trained": 12})
    return tmp_path / "base"


def test_a_model_comes_back(make_model, folder):
    model, again = make_model(), load_model(folder)
    assert again.config == model.config
    assert not again.training
    for name, tensor in model.state_dict().items():
        assert again.state_dict()[name].dtype == torch.float32
        assert torch.allclose(again.state_dict()[name], tensor, atol=2e-3), name
    assert sorted(path.name for path in folder.iterdir()) == [CONFIG_NAME, WEIGHTS_NAME]


def test_full_precision_is_exact(make_model, tmp_path):
    save_model(make_model(), tmp_path, {}, torch.float32)
    again = load_model(tmp_path).state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in make_model().state_dict().items())


def _config(**changes):
    def spoil(folder):
        config = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
        model = {**config["model"], **changes.pop("model", {})}
        (folder / CONFIG_NAME).write_text(json.dumps({**config, "model": model, **changes}), encoding="utf-8")

    return spoil


SPOILT = {
    "no config": lambda folder: (folder / CONFIG_NAME).unlink(),
    "no weights": lambda folder: (folder / WEIGHTS_NAME).unlink(),
    "not json": lambda folder: (folder / CONFIG_NAME).write_text("{", encoding="utf-8"),
    "not utf-8": lambda folder: (folder / CONFIG_NAME).write_bytes(b"\xff\xfe"),
    "a list": lambda folder: (folder / CONFIG_NAME).write_text("[]", encoding="utf-8"),
    "cut": lambda folder: (folder / WEIGHTS_NAME).write_bytes((folder / WEIGHTS_NAME).read_bytes()[:-100]),
    "empty": lambda folder: (folder / WEIGHTS_NAME).write_bytes(b""),
    "pickled": lambda folder: torch.save({"a": torch.zeros(3)}, folder / WEIGHTS_NAME),
    "other tensors": lambda folder: save_file({"a": torch.zeros(3)}, folder / WEIGHTS_NAME),
    "other width": _config(model={"width": 32}),
    "word as width": _config(model={"width": "wide"}),
    "endless width": _config(model={"width": 10**9}),
    "endless layers": _config(model={"layers": 10**9}),
    "unknown setting": _config(model={"heads": 3}),
    "other format": _config(format=99),
}


@pytest.mark.parametrize("spoil", list(SPOILT.values()), ids=list(SPOILT))
def test_what_cannot_be_loaded_is_told_in_one_line(folder, spoil):
    spoil(folder)
    with pytest.raises(SetupError) as told:
        load_model(folder)
    assert str(told.value).startswith(str(folder))
    assert "\n" not in str(told.value)


def test_too_large_weights_are_not_read(folder):
    with (folder / WEIGHTS_NAME).open("r+b") as data:
        data.truncate(2**30)
    with pytest.raises(SetupError, match="larger than any weights"):
        load_model(folder)


@pytest.mark.parametrize("failing", [WEIGHTS_NAME, CONFIG_NAME])
def test_an_interrupted_saving_leaves_no_mixture(folder, make_model, monkeypatch, failing):
    """A config beside the weights of another run would give them wrong facts."""

    def write_whole(path, data):
        if path.name == failing:
            raise KeyboardInterrupt
        path.write_bytes(data)

    monkeypatch.setattr("stilo.models.checkpoint.write_whole", write_whole)
    with pytest.raises(KeyboardInterrupt):
        save_model(make_model(1), folder, {"notes_trained": 99})
    with pytest.raises(SetupError, match="no weights here"):
        load_model(folder)


def test_the_identity_changes_with_the_weights(make_model, folder, tmp_path):
    identity = identity_of(folder)
    assert len(identity) == 16
    save_model(make_model(), tmp_path / "same", {"other": "facts"})
    assert identity_of(tmp_path / "same") == identity
    save_model(make_model(1), folder, {})
    assert identity_of(folder) != identity
    with pytest.raises(SetupError, match="no weights here"):
        identity_of(tmp_path / "nowhere")


def test_the_base_is_where_the_environment_says(folder, monkeypatch, make_model):
    monkeypatch.setenv("STILO_MODEL", str(folder))
    assert base_folder() == folder
    model, identity = load_base()
    assert identity == identity_of(folder)
    assert load_base()[0] is model
    save_model(make_model(1), folder, {})
    assert load_base()[0] is not model
    monkeypatch.delenv("STILO_MODEL")
    assert base_folder() != folder
    assert base_folder().name == "base"


def test_the_doctor_is_told_what_is_there(folder, monkeypatch, make_model):
    monkeypatch.setenv("STILO_MODEL", str(folder))
    info = base_model_info()
    assert info.folder == folder
    assert info.parameters == sum(weights.numel() for weights in make_model().parameters())
    assert np.isin(list(info.identity), list("0123456789abcdef")).all()
