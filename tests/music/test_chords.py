import pytest

from stilo.errors import InputError
from stilo.music.chords import Chord, chord_name, format_chord, harte_label, parse_chord
from stilo.music.musicxml_marks import HARTE_KINDS, harmony, harmony_label


@pytest.mark.parametrize(
    ("label", "pitch_classes"),
    [
        ("C", {0, 4, 7}),
        ("A:min7", {9, 0, 4, 7}),
        ("Bb:maj/3", {10, 2, 5}),
        ("G:sus4(b7)", {7, 0, 2, 5}),
        ("C:(1,5)", {0, 7}),
        ("D:7(*5)", {2, 6, 0}),
        ("C/b7", {0, 4, 7, 10}),
        ("Dm7", {2, 5, 9, 0}),
        ("F#dim", {6, 9, 0}),
        ("Gaug7/B", {7, 11, 3, 5}),
        ("C6/9", {0, 4, 7, 9, 2}),
        ("E♭m7b5", {3, 6, 9, 1}),
    ],
)
def test_labels_are_read(label, pitch_classes):
    chord = parse_chord(label)
    assert chord is not None
    assert chord.pitch_classes == pitch_classes
    assert parse_chord(harte_label(label)).pitch_classes == pitch_classes


@pytest.mark.parametrize("label", ["N", "NC", "N.C.", "X"])
def test_no_chord(label):
    assert parse_chord(label) is None
    assert harte_label(label) == "N"


@pytest.mark.parametrize("label", ["", "H", "C:", "C:huh", "C:maj/", "Q7", "C/99", "C:(1,", "hello"])
def test_what_is_no_chord_is_said_in_one_line(label):
    with pytest.raises(InputError, match="chord") as caught:
        parse_chord(label)
    assert "\n" not in str(caught.value)


def test_spelling_of_harte_labels_is_kept():
    assert harte_label("C#:hdim7") == "C#:hdim7"
    assert harte_label("C#m7b5") == "C#:hdim7"
    assert format_chord(Chord(1, "hdim7")) == "Db:hdim7"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("A:min/5", "Am/E"),
        ("C", "C"),
        ("Bb:7/3", "B♭7/D"),
        ("F#:hdim7", "F♯m7♭5"),
        ("Db:maj7/7", "D♭maj7/C"),
        ("Ab:min/b3", "A♭m/C♭"),
        ("D:sus4(b7)", "D7sus4"),
        ("E:7(#9,b13)", "E7(♯9,♭13)"),
        ("C:7(*5)", "C7(no5)"),
        ("Dm7/G", "Dm7/G"),
        ("N", "N.C."),
        ("da capo", "da capo"),
    ],
)
def test_a_chord_is_shown_as_people_write_it(label, name):
    assert chord_name(label) == name


@pytest.mark.parametrize("quality", sorted({*HARTE_KINDS, "sus4(b7)", "maj6(9)", "min(9)", "7(#11)", "aug(b7,9)"}))
def test_what_is_shown_is_read_as_the_same_chord(quality):
    for label in (f"Eb:{quality}", f"F#:{quality}/5"):
        assert parse_chord(chord_name(label)) == parse_chord(label)


@pytest.mark.parametrize("quality", sorted(HARTE_KINDS))
@pytest.mark.parametrize("root", ["C", "F#", "Bb"])
def test_every_quality_survives_musicxml(root, quality):
    label = f"{root}:{quality}"
    assert parse_chord(harmony_label(harmony(label))) == parse_chord(label)


@pytest.mark.parametrize(
    "label", ["C:7(b9)", "G:sus4(b7)", "A:min/b3", "D/3", "C:maj6(9)", "E:7(#9,b13)", "C:7(*5)", "N"]
)
def test_altered_chords_survive_musicxml_by_their_tones(label):
    first, second = parse_chord(label), parse_chord(harmony_label(harmony(label)))
    assert (first is None) == (second is None)
    if first is not None:
        assert second.pitch_classes == first.pitch_classes
