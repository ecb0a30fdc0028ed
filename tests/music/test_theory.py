import numpy as np
import pytest

from stilo.errors import InputError
from stilo.music.score import KeySignature
from stilo.music.theory import (
    SCALES,
    Key,
    fitting_fifths,
    line_name,
    line_place,
    line_places,
    parse_key,
    spelling,
)


@pytest.mark.parametrize(
    ("text", "key", "fifths"),
    [
        ("A minor", Key(9, "minor"), 0),
        ("Bb major", Key(10, "major"), -2),
        ("f#", Key(6, "minor"), 3),
        ("Gm", Key(7, "minor"), -2),
        ("E:min", Key(4, "minor"), 1),
        ("C", Key(0, "major"), 0),
        ("E♭ dur", Key(3, "major"), -3),
    ],
)
def test_keys_are_read(text, key, fifths):
    assert parse_key(text) == key
    assert key.fifths == fifths


def test_every_key_is_read_from_its_own_name_and_signature():
    for mode in ("major", "minor"):
        for tonic in range(12):
            key = Key(tonic, mode)
            assert parse_key(str(key)) == key
            assert key.signature.is_minor == (mode == "minor")
            in_signature = {7 * place % 12 for place in range(key.fifths - 1, key.fifths + 6)}
            raised = {11} if mode == "minor" else set()
            assert in_signature == {(step + tonic) % 12 for step in set(SCALES[mode]) - raised}
            assert -6 <= key.fifths <= 6


@pytest.mark.parametrize("text", ["", "H major", "A sad", "minor", "A minor please"])
def test_what_is_no_key_is_said_in_one_line(text):
    with pytest.raises(InputError, match="is no key") as caught:
        parse_key(text)
    assert "\n" not in str(caught.value)


def test_names_and_places_on_the_line_of_fifths():
    for place in range(-20, 21):
        assert line_place(line_name(place)) == place
    assert [line_name(place) for place in (-2, -1, 0, 6, 7)] == ["Bb", "F", "C", "F#", "C#"]


def test_chromatic_notes_are_spelled_as_the_key_asks():
    names = [line_name(place) for place in line_places(np.arange(60, 72), 0)]
    assert names == ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"]
    in_e_flat = {line_name(place) for place in line_places(np.arange(60, 72), -3)}
    assert {"Eb", "Ab", "Bb", "A", "E", "B"} <= in_e_flat
    assert "D#" not in in_e_flat
    leading = line_places([68, 63], 0, True)
    assert [line_name(place) for place in leading] == ["G#", "D#"]


def test_octaves_are_those_of_the_written_note():
    assert spelling(60, line_place("C")).octave == 4
    assert (spelling(60, line_place("B#")).letter, spelling(60, line_place("B#")).octave) == ("B", 3)
    assert spelling(59, line_place("Cb")).octave == 4
    assert spelling(0, line_place("C")).octave == -1


def test_the_fitting_signature_holds_most_notes():
    assert fitting_fifths([67, 69, 71, 72, 74, 76, 78]) == 1
    assert fitting_fifths([60, 62, 64]) == 0
    assert fitting_fifths([]) == 0
    assert fitting_fifths([60, 61], [1.0, 100.0]) == -4
    assert Key(0, "minor").signature == KeySignature(0, -3, True)
