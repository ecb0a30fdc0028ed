"""The base model is the one that is installed now, and says what it is."""

import re

import numpy as np
import pytest

from stilo.errors import InputError, SetupError
from stilo.models.notes.adapter import apply_adapter
from stilo.models.notes.base import base_engine, base_folder, base_identity, base_model, base_model_info
from stilo.models.notes.checkpoint import load_model, save_model
from stilo.models.notes.engine import Engine
from stilo.models.notes.told import Told
from stilo.models.shipped import CONFIG_NAME, WEIGHTS_NAME, identity_of


@pytest.fixture
def folder(make_note_model, tmp_path, monkeypatch):
    """A folder of small weights, the installed ones."""
    save_model(make_note_model(), tmp_path / "base", {})
    monkeypatch.setenv("STILO_MODEL", str(tmp_path / "base"))
    return tmp_path / "base"


def programs_told(engine):
    return engine.style([Told(programs=frozenset({0}))])


def test_the_base_is_where_the_environment_says(folder, monkeypatch):
    assert base_folder() == folder
    assert base_identity() == identity_of(folder)
    monkeypatch.delenv("STILO_MODEL")
    assert base_folder() != folder
    assert base_folder().name == "base"


def test_a_base_is_loaded_once_and_again_when_it_changes(folder, make_note_model):
    model, engine = base_model(), base_engine()
    assert base_model() is model
    assert base_engine() is engine
    save_model(make_note_model(seed=1), folder, {})
    assert base_model() is not model
    assert base_engine() is not engine
    assert not np.allclose(programs_told(base_engine()), programs_told(engine))
    assert not np.allclose(base_model().programs.weight.detach(), model.programs.weight.detach())


def test_an_adapter_is_merged_into_an_engine_of_its_own(folder):
    plain = base_engine()
    adapter = {"programs.weight.added": np.ones((64, 129), np.float32)}
    adapted = apply_adapter(base_model(), adapter)
    expected = Engine(adapted.config, {name: tensor.numpy() for name, tensor in adapted.state_dict().items()})
    tuned = base_engine(adapter)
    assert np.allclose(programs_told(tuned), programs_told(expected), atol=1e-4)
    assert not np.allclose(programs_told(tuned), programs_told(plain), atol=0.1)
    assert base_engine() is plain
    with pytest.raises(InputError, match="learn the style anew"):
        base_engine({"elsewhere.added": np.ones(3, np.float32)})


def test_the_doctor_is_told_what_is_there(folder, make_note_model):
    info = base_model_info()
    assert info.folder == folder
    assert info.parameters == sum(weights.numel() for weights in make_note_model().parameters())
    assert re.fullmatch("[0-9a-f]{16}", info.identity)


def test_the_identity_is_that_of_the_weights(folder, make_note_model, tmp_path):
    save_model(make_note_model(), tmp_path / "same", {"other": "facts"})
    assert identity_of(tmp_path / "same") == identity_of(folder)
    save_model(make_note_model(seed=1), tmp_path / "same", {})
    assert identity_of(tmp_path / "same") != identity_of(folder)
    with pytest.raises(SetupError, match="no weights here"):
        identity_of(tmp_path / "nowhere")


@pytest.mark.parametrize("failing", [WEIGHTS_NAME, CONFIG_NAME])
def test_an_interrupted_saving_leaves_no_mixture(folder, make_note_model, monkeypatch, failing):
    """A config beside the weights of another run would give them wrong facts."""

    def write_whole(path, data):
        if path.name == failing:
            raise KeyboardInterrupt
        path.write_bytes(data)

    monkeypatch.setattr("stilo.models.notes.checkpoint.write_whole", write_whole)
    with pytest.raises(KeyboardInterrupt):
        save_model(make_note_model(seed=1), folder, {})
    with pytest.raises(SetupError, match="no weights here"):
        load_model(folder)
    with pytest.raises(SetupError, match="no weights here"):
        base_engine({})
