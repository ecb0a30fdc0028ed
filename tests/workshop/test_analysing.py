"""Many files measured: each told once, the unreadable ones included."""

import json

import pytest

from stilo.workshop import analyse_files, pooled


def test_analysing_tells_of_every_file_once(folder, tmp_path, told):
    missing = tmp_path / "missing.mid"
    found = list(analyse_files([folder, folder / "piece0.mid", missing], told.progress))
    names = [item.path.name for item in found]
    assert names == ["broken.mid", "copy.mid", "piece0.mid", "piece1.mid", "piece2.mid", "missing.mid"]
    errors = {item.path.name: item.error for item in found if item.error}
    assert set(errors) == {"broken.mid", "missing.mid"}
    assert str(folder) not in errors["broken.mid"]
    assert found[0].to_json() == {"file": str(folder / "broken.mid"), "error": errors["broken.mid"]}
    assert pooled(found).pieces == 4
    assert pooled(found[:1]) is None
    assert told.shares == sorted(told.shares)


def test_the_json_of_an_analysis_is_that_of_the_design(folder):
    [item] = analyse_files([folder / "piece0.mid"])
    data = json.loads(json.dumps(item.to_json(), allow_nan=False))
    assert set(data) == {
        "file", "key", "chords", "tempo_qpm", "time_signature", "valence", "arousal", "elements",
    }  # fmt: skip
    assert data["time_signature"] == "3/4"
    assert data["tempo_qpm"] == pytest.approx(96.0)
    assert -1 <= data["valence"] <= 1
    assert -1 <= data["arousal"] <= 1
    assert all(set(chord) == {"onset_quarters", "duration_quarters", "label"} for chord in data["chords"])


def test_a_tune_book_is_one_line_and_all_its_tunes_count(tmp_path):
    book = tmp_path / "book.abc"
    book.write_text("X:1\nT:One\nM:4/4\nL:1/4\nK:C\nCDEF|\n\nX:2\nT:Two\nM:4/4\nL:1/4\nK:C\nGABc|\n")
    [item] = analyse_files([book])
    assert item.to_json()["pieces"] == 2
    assert pooled([item]).pieces == 2
