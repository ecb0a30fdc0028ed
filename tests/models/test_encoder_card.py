"""The encoder's card: all of it from what was recorded, and the one that is shipped of the weights beside it."""

import json

import pytest

from stilo.models import encoder_card
from stilo.models.encoder import FACETS
from stilo.models.encoder_files import CONFIG_NAME, WEIGHTS_NAME, encoder_folder, load_encoder, save_encoder
from stilo.models.encoder_fitting import REPORTED
from stilo.models.shipped import CARD_NAME


def test_the_card_says_what_was_recorded(tiny_encoder, tmp_path):
    facts = {
        "settings": {"steps": 7, "bars": 24, "convolution": True},
        "cpu_hours": 0.5,
        "torch": "2",
        "parameters": 640_000,
        "pieces": {"lieder": 950, "unheard_of": 3},
    }
    save_encoder(load_encoder(tiny_encoder), tmp_path, facts)
    row = {"map": 0.3, "identified": 0.5, "error": 0.01}
    tested = {
        "commit": "abc",
        "retrieval": {
            "plain note histograms": dict.fromkeys(REPORTED, row),
            "encoder as shipped": dict.fromkeys(REPORTED, row | {"map": 0.45}),
        },
        "blindness": {"another key": dict.fromkeys(FACETS, 1.0)},
        "readings": dict.fromkeys(FACETS, 0.57),
        "speed": {"from files": 85.8, "from steps": 93.7},
    }
    (tmp_path / "bench.json").write_text(json.dumps(tested))
    encoder_card.main([str(tmp_path), str(tmp_path / "bench.json")])
    card = (tmp_path / CARD_NAME).read_text(encoding="utf-8")
    assert "| encoder as shipped | 0.450 | 1.50 | 0.50 ± 0.01 | 0.450 | 1.50 | 0.50 ± 0.01 |" in card
    assert "RUN --steps 7 --bars 24\n" in card
    assert "(0.7 to 1)" in card
    assert "| lieder | 950 | OpenScore Lieder Corpus, voice and piano | CC0 1.0 |" in card
    assert "85.8 pieces a second from files" in card
    (tmp_path / "bench.json").write_text("{}")
    with pytest.raises(SystemExit, match="no figures"):
        encoder_card.main([str(tmp_path), str(tmp_path / "bench.json")])


def test_the_shipped_card_is_of_the_shipped_weights():
    config = json.loads((encoder_folder() / CONFIG_NAME).read_text(encoding="utf-8"))
    card = (encoder_folder() / CARD_NAME).read_text(encoding="utf-8")
    settings = config["facts"]["settings"]
    assert f"--steps {settings['steps']} --bars {settings['bars']} --rate {settings['rate']:g} " in card
    assert f"({config['net_share']:g} to 1)" in card
    assert f"{(encoder_folder() / WEIGHTS_NAME).stat().st_size / 2**20:.2f} MiB." in card
    assert all(f"| {name} | {count:,} |" in card for name, count in config["facts"]["pieces"].items())
