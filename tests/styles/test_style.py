import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.errors import InputError
from stilo.styles.provenance import source_names
from stilo.styles.style import Palette, Part, Proof, Source, Style, check_style_name


def test_json_round_trip(make_style):
    style = make_style()
    data = json.loads(json.dumps(style.to_json(), allow_nan=False))
    again = Style.from_json(data, style.embedding, style.adapter)
    assert again == style
    assert (again.palette, again.sources, again.proof, again.parents) == (
        style.palette,
        style.sources,
        style.proof,
        style.parents,
    )


def test_untuned_style_without_proof(make_style):
    style = make_style(adapter=None, proof=Proof(3.0, 2.5, None, 1, 10, 0.5))
    again = Style.from_json(json.loads(json.dumps(style.to_json())), style.embedding, None)
    assert again == style
    assert again.proof.tuned_nats_per_note is None
    assert make_style(proof=None) != style


def test_a_proof_counts_what_the_base_model_knew_and_one_of_before_does_not(make_style):
    data = Proof(3.0, 2.5, None, 1, 10, 0.5, known_pieces=7).to_json()
    assert Proof.from_json(data).known_pieces == 7
    del data["known_pieces"]
    assert Proof.from_json(data).known_pieces == 0
    with pytest.raises(InputError, match="known_pieces"):
        Proof.from_json(data | {"known_pieces": -1})


def test_a_style_may_name_no_tempo(make_style):
    style = make_style(palette=Palette())
    again = Style.from_json(json.loads(json.dumps(style.to_json())), style.embedding, style.adapter)
    assert again.palette.tempo_qpm is None


def test_the_shares_of_parts_are_kept_and_unknown_in_older_styles(make_style):
    parts = (Part("Flute", 73, False, 0, share=0.25), Part("Piano", 0, False, 1, share=0.75))
    style = make_style(palette=Palette(96.0, (3, 4), "C major", parts))
    data = json.loads(json.dumps(style.to_json()))
    assert Style.from_json(data, style.embedding, style.adapter).palette.parts == parts
    data["palette"]["parts"][0]["share"] = 1.5
    with pytest.raises(InputError, match="share"):
        Style.from_json(data, style.embedding, style.adapter)
    for part in data["palette"]["parts"]:
        del part["share"]
    again = Style.from_json(data, style.embedding, style.adapter)
    assert [part.share for part in again.palette.parts] == [0, 0]


def test_a_range_upside_down_is_refused(make_style):
    """Composing would stumble over it."""
    style = make_style(palette=Palette(parts=(Part("Flute", 73, False, 0, lowest=60, highest=72),)))
    data = json.loads(json.dumps(style.to_json()))
    data["palette"]["parts"][0]["highest"] = 59
    with pytest.raises(InputError, match=r"palette\.parts\.highest"):
        Style.from_json(data, style.embedding, style.adapter)


def test_how_long_parts_rest_is_kept_and_unknown_in_older_styles(make_style):
    parts = (Part("Flute", 73, False, 0, rest_bars=7.5), Part("Piano", 0, False, 1, rest_bars=0.0))
    style = make_style(palette=Palette(parts=parts))
    data = json.loads(json.dumps(style.to_json()))
    assert Style.from_json(data, style.embedding, style.adapter).palette.parts == parts
    data["palette"]["parts"][0]["rest_bars"] = -1
    with pytest.raises(InputError, match="rest_bars"):
        Style.from_json(data, style.embedding, style.adapter)
    for part in data["palette"]["parts"]:
        del part["rest_bars"]
    again = Style.from_json(data, style.embedding, style.adapter)
    assert [part.rest_bars for part in again.palette.parts] == [None, None]


def test_how_often_bars_are_repeated_is_kept_and_unknown_in_older_styles(make_style):
    style = make_style(palette=Palette(repeats=(3.0, 1.5, 0.0, 0.25)))
    data = json.loads(json.dumps(style.to_json()))
    assert Style.from_json(data, style.embedding, style.adapter).palette.repeats == (3.0, 1.5, 0.0, 0.25)
    for wrong in ([1, 1, 1], [1, 1, 1, "1"], [1, 1, 1, -1], [1, 1, 1, 1e9], [1, 1, 1, float("nan")], [1, 1, 1, 1, 1]):
        data["palette"]["repeats"] = wrong
        with pytest.raises(InputError, match="repeats"):
            Style.from_json(data, style.embedding, style.adapter)
    del data["palette"]["repeats"]
    assert Style.from_json(data, style.embedding, style.adapter).palette.repeats == ()


def test_equality_sees_every_array(make_style, make_recognition):
    style = make_style()
    assert make_style() == style
    assert make_style(embedding=style.embedding + np.float32(1)) != style
    assert make_style(adapter=None) != style
    heard = [make_style(recognition=make_recognition(seed), encoder="0" * 16) for seed in (1, 1, 2)]
    assert heard[0] == heard[1] != heard[2]
    assert heard[0] != style
    assert make_style(recognition=make_recognition(1), encoder="1" * 16) != heard[0]
    changed = {key: array.copy() for key, array in style.adapter.items()}
    changed["layers.0.up"][0, 0] += 1
    assert make_style(adapter=changed) != style


@pytest.mark.parametrize(
    "name", ["Waltz", "Ländler 3/8".replace("/", "-"), "日本の歌", "a", "x" * 80, "no.1", "Bach (BWV)"]
)
def test_usable_names(name):
    assert check_style_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "x" * 81, "\U0001f3b5" * 80, "CON", "nul.txt", "com1"),
        *("..", ".hidden", "a.", " a", "a ", "-rf", "a/b", "a\\b", "a:1", "a*"),
        *("a\nb", "a\x1b[31m", "a\ud800", "\u202eabc", "a\x00b"),
    ],
)
def test_unusable_names_are_told_in_one_printable_line(name):
    with pytest.raises(InputError) as caught:
        check_style_name(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_an_unusable_name_is_told_as_it_was_written():
    with pytest.raises(InputError, match=r"^style name 'Bäume / 木' is not usable: leave out"):
        check_style_name("Bäume / 木")
    with pytest.raises(InputError, match=r"^style name 'B\\xe4u\\nme' is not usable: it holds"):
        check_style_name("Bäu\nme")


def test_composed_and_decomposed_names_are_one():
    assert check_style_name("La\u0308ndler") == "L\u00e4ndler"


@given(st.text(max_size=100))
def test_every_accepted_name_is_one_safe_path_part(tmp_path_factory, name):
    try:
        checked = check_style_name(name)
    except InputError:
        return
    folder = tmp_path_factory.getbasetemp()
    assert (folder / f"{checked}.stilo").parent == folder
    assert len(f"{checked}.stilo".encode()) <= 255
    assert check_style_name(checked) == checked


@pytest.mark.parametrize(
    ("embedding", "says"),
    [
        (np.zeros(4), "float32"),
        (np.zeros((2, 2), np.float32), "float32"),
        (np.full(EMBEDDING_SIZE, np.nan, np.float32), "finite"),
    ],
)
def test_embedding_of_the_wrong_kind(make_style, embedding, says):
    with pytest.raises(ValueError, match=says):
        make_style(embedding=embedding)


@pytest.mark.parametrize("length", [0, 64, EMBEDDING_SIZE - 1, EMBEDDING_SIZE + 1, 100_000])
def test_an_embedding_of_another_stilo_is_told_in_one_line(make_style, length):
    with pytest.raises(InputError, match=f"{length} values.*learn the style anew"):
        make_style(embedding=np.zeros(length, np.float32))


@pytest.mark.parametrize(
    ("adapter", "says"),
    [
        ({"a": np.zeros(3)}, "float64"),
        ({"a": np.zeros(3, np.int32)}, "int32"),
        ({"../a": np.zeros(3, np.float32)}, "key"),
        ({"": np.zeros(3, np.float32)}, "key"),
        ({"a": np.full(3, np.inf, np.float16)}, "finite"),
        ({"a": np.zeros(4 * 2**20, np.float32)}, "MiB"),
        ({str(i): np.zeros(1, np.float16) for i in range(1025)}, "1024 arrays"),
    ],
)
def test_adapter_of_the_wrong_kind(make_style, adapter, says):
    with pytest.raises(ValueError, match=says):
        make_style(adapter=adapter)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("name",), "../../x"),
        (("name",), None),
        (("base_model",), 5),
        (("profile",), []),
        (("profile", "pitch"), None),
        (("palette", "tempo_qpm"), float("nan")),
        (("palette", "tempo_qpm"), True),
        (("palette", "tempo_qpm"), "120"),
        (("palette", "tempo_qpm"), 0.0),
        (("palette", "tempo_qpm"), 10**400),
        (("palette", "time_signature"), [3]),
        (("palette", "time_signature"), [3, "4"]),
        (("palette", "parts"), {}),
        (("palette", "parts", 0, "program"), 128),
        (("palette", "parts", 0, "frequency"), 1.5),
        (("sources", 0, "sha256"), "xyz"),
        (("sources", 0, "notes"), -1),
        (("sources", 0, "notes"), 1.0),
        (("sources", 0, "held_out"), 1),
        (("sources", 0), 3),
        (("proof", "seconds"), "long"),
        (("created_at",), "yesterday"),
        (("parents",), {"a/b": 1.0}),
        (("parents",), {"a": "1"}),
    ],
)
def test_json_that_does_not_fit_names_the_field(make_style, path, value):
    style = make_style()
    data = json.loads(json.dumps(style.to_json()))
    inside = data
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    with pytest.raises(InputError) as caught:
        Style.from_json(data, style.embedding, style.adapter)
    assert "\n" not in str(caught.value)


def test_missing_fields_are_named(make_style):
    style = make_style()
    for name in style.to_json().keys() - {"encoder", "runs"}:
        data = json.loads(json.dumps(style.to_json()))
        del data[name]
        with pytest.raises(InputError, match=rf"style\.{name} is missing"):
            Style.from_json(data, style.embedding, style.adapter)


def test_a_style_from_before_there_was_an_encoder_has_none(make_style):
    style = make_style()
    data = json.loads(json.dumps(style.to_json()))
    del data["encoder"]
    again = Style.from_json(data, style.embedding, style.adapter)
    assert again == style
    assert (again.recognition, again.encoder) == (None, "")


def test_recognition_and_encoder_come_together(make_style, make_recognition):
    style = make_style(recognition=make_recognition(1), encoder="0123456789abcdef")
    data = json.loads(json.dumps(style.to_json()))
    assert Style.from_json(data, style.embedding, style.adapter, style.recognition) == style
    with pytest.raises(InputError, match="come together"):
        Style.from_json(data, style.embedding, style.adapter)
    with pytest.raises(InputError, match="come together"):
        make_style(recognition=make_recognition(1))
    for wrong in ("0123", "0123456789ABCDEF", "x" * 16, "../../weights/aa", 7):
        with pytest.raises(InputError, match=r"style\.encoder"):
            Style.from_json(data | {"encoder": wrong}, style.embedding, style.adapter, style.recognition)


def test_fields_of_a_newer_stilo_are_left_alone(make_style):
    style = make_style()
    data = {**json.loads(json.dumps(style.to_json())), "mood": "sunny"}
    assert Style.from_json(data, style.embedding, style.adapter) == style


def test_names_from_files_become_printable_text():
    source = Source("a\udcff\x1b[2Jb.mid", "ab" * 32, "One\nTwo")
    assert source_names([source]) == ["a  [2Jb.mid"]
    assert source.path == "a\udcff\x1b[2Jb.mid", "it is found again"
    assert Source.from_json(json.loads(json.dumps(source.to_json()))) == source
    assert Source("a", "ab" * 32, "One\nTwo").title == "One Two"
    assert Part("Pia\x07no", 0, False, 0).name == "Pia no"
    assert len(Part("x" * 5000, 0, False, 0).name) == 200
    assert len(Source("x" * 5000, "ab" * 32, "y" * 5000, "z" * 5000).path) == 4096
    assert Palette(parts=(Part("x", 0, False, 0),)).to_json()["parts"][0]["name"] == "x"


def test_a_proof_tells_whether_it_was_interrupted_and_older_ones_were_not():
    data = Proof(3.0, 2.5, 2.5, 1, 10, 0.5, is_interrupted=True).to_json()
    assert Proof.from_json(data).is_interrupted
    del data["is_interrupted"]
    assert not Proof.from_json(data).is_interrupted
