"""The model card says what training recorded, and nothing else."""

import json

import pytest

from stilo.errors import SetupError
from stilo.models.notes import card
from stilo.models.notes.checkpoint import save_model
from stilo.models.notes.settings import SETTINGS


@pytest.fixture
def card_of(make_note_model, tmp_path):
    """card_of(**facts): the card of weights with these facts beside the usual ones."""
    figures = {"pieces": 3, "nats_per_note": 3.1, "first_notes": 3.25}
    report = {"set0": figures, "all": figures | {"fields": {"gap": 1.5, "part": 0.25}}}
    usual = {
        "parameters": 5_000_000,
        "notes_trained": 60_000_000,
        "hours": 1.5,
        "seed": 3,
        "torch": "2.13.0",
        "sets": {"lieder": {"pieces": 10, "notes": 1000}},
        "valid": report,
        "dev_composer": report,
        "told": {"chords": 2.85},
        "runs": [{"from_step": 0, "notes": 256, "sets": ["lieder"], **dict.fromkeys(SETTINGS, 1)}],
    }

    def make(trunk="lstm", **facts):
        save_model(make_note_model(trunk), tmp_path, usual | facts)
        card.main([str(tmp_path)])
        return (tmp_path / card.CARD_NAME).read_text(encoding="utf-8")

    return make


def test_the_card_says_what_training_recorded(card_of, tmp_path):
    text = card_of()
    assert "An LSTM (2 × 64) over notes" in text
    assert "| valid: set0 | 3 | 3.100 | 3.250 |" in text
    assert "gap 1.500, part 0.250" in text
    assert "chords +0.250" in text
    assert "60.0 M notes" in text
    settings = " ".join(f"--{name} 1" for name in SETTINGS)
    assert f"python -m stilo.models.notes.train PACKED RUN --notes 256 {settings}" in text
    assert "| lieder | OpenScore Lieder Corpus" in text
    assert str(tmp_path) not in text
    assert "Gated linear attention (" in card_of("gated")


def test_the_card_of_weights_that_recorded_less_says_only_what_it_knows(card_of):
    assert "The commands were not recorded." in card_of(runs=[])
    begun_before = {"from_step": 700, "notes": 1, "sets": ["lieder"], **dict.fromkeys(SETTINGS, 1)}
    assert "# up to step 700: not recorded\npython -m stilo.models.notes.train" in card_of(runs=[begun_before])
    without = {name: value for name, value in begun_before.items() if name != "falling"}
    assert "PACKED RUN --notes 1 --rows 1 --length 1 --rate 1 --muon 1 " in card_of(runs=[without])
    assert "gained" not in card_of(told={})
    figures = {"pieces": 3, "nats_per_note": 3.1}
    report = {"set0": figures, "all": figures | {"first_notes": 3.25, "fields": {}}}
    assert "| valid: set0 | 3 | 3.100 |  |\n| valid: all | 3 | 3.100 | 3.250 |" in card_of(valid=report)


def test_the_card_does_not_deny_what_was_trained_on(card_of):
    assert "OpenEWLD) are not among them" in card_of()
    assert "not among them" not in card_of(sets={"openewld": {"pieces": 1, "notes": 9}})


def test_the_card_tells_what_its_sets_could_not_teach(card_of):
    counts = {"pieces": 1, "notes": 9}
    text = card_of(sets={"lieder": counts, "pop909": counts, "groove": counts})
    assert "Drums are only in groove." in text
    assert "Loudness varies freely only in groove, pop909." in text
    assert "No set has drums." in card_of()
    assert "Drums" not in card_of(sets={"groove": counts, "unknown": counts})


def test_no_card_without_facts(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"format": 3}))
    (tmp_path / "weights.safetensors").write_bytes(b"")
    with pytest.raises(SetupError, match="no weights that stilo"):
        card.model_card(tmp_path)
    with pytest.raises(SystemExit, match="no weights"):
        card.main([str(tmp_path / "nowhere")])
