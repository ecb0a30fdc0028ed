import pytest

from stilo.errors import ReadError
from stilo.music.abc import parse_abc, parse_tune_book
from stilo.music.score import ChordSymbol, KeySignature, Marker, Tempo, TimeSignature

HEAD = "X:1\nT:Tune\nM:4/4\nL:1/4\nK:C\n"


def heard(body, head=HEAD):
    """(onset, duration, pitch) of every note, in quarters."""
    score = parse_abc((head + body + "\n").encode())
    return [(n[0] / score.ticks_per_quarter, n[1] / score.ticks_per_quarter, n[2]) for n in score.notes.tolist()]


def pitches(body, head=HEAD):
    return [pitch for *_, pitch in heard(body, head)]


def test_the_header_is_heard():
    score = parse_abc(b"X:1\nT:The Tune\nC:Trad.\nM:6/8\nL:1/8\nQ:3/8=90\nK:Dm\nABc def|\n")
    assert score.title == "The Tune"
    assert score.time_signatures == (TimeSignature(0, 6, 8),)
    assert score.tempos == (Tempo(0, 135.0),)
    assert score.key_signatures == (KeySignature(0, -1, True),)
    assert score.notes["pitch"].tolist() == [69, 70, 72, 74, 76, 77]


@pytest.mark.parametrize(
    ("key", "fifths", "is_minor"),
    [
        ("G", 1, False), ("Ador", 1, False), ("Em", 1, True), ("F#m", 3, True), ("Bb", -2, False),
        ("E phrygian", 0, False), ("Dmix", 1, False), ("HP", 2, False), ("none", 0, False), ("C#", 7, False),
        ("Gmaj clef=bass", 1, False),
    ],
)  # fmt: skip
def test_keys_and_modes(key, fifths, is_minor):
    score = parse_abc(f"X:1\nL:1/4\nK:{key}\nc|\n".encode())
    assert score.key_signatures == (KeySignature(0, fifths, is_minor),)


def test_accidentals_hold_to_the_bar_line_in_every_octave():
    assert pitches("^f f F f|f =f _e ^^c") == [78, 78, 66, 78, 77, 77, 75, 74]
    assert pitches("F f ^F =F", HEAD.replace("K:C", "K:G")) == [66, 78, 66, 65]


def test_octaves_and_lengths():
    assert pitches("C, C c c'") == [48, 60, 72, 84]
    assert [length for _, length, _ in heard("c2 c/ c// c3/2 z/ c")] == [2, 0.5, 0.25, 1.5, 1]


def test_broken_rhythm_and_tuplets():
    assert [length for _, length, _ in heard("c>d e<f g>>a")] == [1.5, 0.5, 0.5, 1.5, 1.75, 0.25]
    assert [onset for onset, *_ in heard("(3c/d/e/ f")] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert [onset for onset, *_ in heard("(3:2:2 c/d f")] == pytest.approx([0, 1 / 3, 1])


@pytest.mark.parametrize("line", ["c:|", "C:|", "c::d|", "z:|", "X:|"])
def test_a_note_before_a_repeat_sign_is_no_field(line):
    """The line is heard as if a space stood before the sign, and what comes after it still belongs to the tune."""
    body = f"G3 A|\n{line}\ne4|"
    assert heard(body) == heard(body.replace(line, f"{line[0]} {line[1:]}"))
    assert pitches(body)[-1] == 76
    assert len(heard(body)) > len(heard("G3 A|\ne4|"))


def test_lyrics_that_begin_with_a_bar_line_stay_lyrics():
    assert heard("c d|e f|\nw:|a b|\ng|") == heard("c d|e f|\ng|")


def test_ties_join_across_the_bar_and_slurs_do_not():
    assert heard("c2 d2-|d2 (e2|e2)") == [(0, 2, 72), (2, 4, 74), (6, 2, 76), (8, 2, 76)]
    assert heard("[CE]4-|[CE]2 z2") == [(0, 6, 60), (0, 6, 64)]


def test_chords_graces_decorations_and_annotations():
    assert heard('{ab}[CEG]2 !trill!c "^slowly"~d') == [(0, 2, 60), (0, 2, 64), (0, 2, 67), (2, 1, 72), (3, 1, 74)]


def test_chord_symbols_are_harte_labels():
    score = parse_abc((HEAD + '"Am7"A2 "G/B"B2|"nonsense"c4|\n').encode())
    assert score.chord_symbols == (ChordSymbol(0, "A:min7"), ChordSymbol(960, "G/3"))


@pytest.mark.parametrize(
    ("body", "order"),
    [
        ("C4:|D4|", "CCD"),
        ("|:C4|D4:|E4|", "CDCDE"),
        ("|:C4|1D4:|2E4|]F4|", "CDCEF"),
        ("|:C4|[1 D4:|[2 E4||F4|", "CDCEF"),
        ("|:C4::D4:|", "CCDD"),
        ("|:C4:||:D4:|E4|", "CCDDE"),
        ("C4|D4:|E4|F4:|", "CDCDEFEF"),
        ("|:C4|[1,3 D4:|[2 E4:|F4|", "CDCECDF"),
    ],
)
def test_repeats_are_played_out(body, order):
    names = {60: "C", 62: "D", 64: "E", 65: "F"}
    assert "".join(names[pitch] for pitch in pitches(body)) == order


def test_a_pickup_keeps_the_bar_lines_right():
    score = parse_abc((HEAD + "G|c d e f|g3:|\n").encode())
    assert score.time_signatures == (TimeSignature(0, 1, 4), TimeSignature(480, 4, 4))
    assert len(score) == 12


def test_voices_overlays_and_programs():
    score = parse_abc((HEAD + 'V:1 name="Violin"\n%%MIDI program 40\nc d e f|\nV:2\nC4|\n').encode())
    assert [track.program for track in score.tracks] == [40, 0]
    assert score.notes[["onset_ticks", "track"]].tolist() == [(0, 0), (0, 1), (480, 0), (960, 0), (1440, 0)]
    assert heard("c d e f & C4|g4") == [
        (0, 4, 60), (0, 1, 72), (1, 1, 74), (2, 1, 76), (3, 1, 77), (4, 4, 79),
    ]  # fmt: skip


def test_changes_inside_the_tune():
    score = parse_abc((HEAD + "c d e f|[M:3/4][K:G]G A f|\nP:B\n[Q:1/4=60]G3|\n").encode())
    assert score.time_signatures == (TimeSignature(0, 4, 4), TimeSignature(1920, 3, 4))
    assert score.key_signatures == (KeySignature(0, 0), KeySignature(1920, 1))
    assert score.notes["pitch"].tolist()[6] == 78
    assert score.markers == (Marker(3360, "B"),)
    assert score.tempos == (Tempo(3360, 60.0),)


def test_books_share_what_stands_before_the_first_tune():
    book = b"M:3/4\nL:1/4\n\nX:1\nT:One\nK:C\nc d e|\n\nX:2\nT:Two\nM:2/4\nK:C\nc d|\n\nX:3\nT:Empty\nK:C\n\n"
    scores = parse_tune_book(book)
    assert [score.title for score in scores] == ["One", "Two"]
    assert [score.time_signatures[0].numerator for score in scores] == [3, 2]


def test_other_encodings():
    assert parse_abc("X:1\nT:Émile\nK:C\nc|\n".encode("latin-1")).title == "Émile"
    assert parse_abc("X:1\nT:Émile\nK:C\nc|\n".encode("utf-16")).title == "Émile"


@pytest.mark.parametrize("text", ["hello", "X:1\nT:a\n", "X:1\nK:C\n", "X:1\nM:9999/4\nK:C\nc|", "X:1\nL:1/0\nK:C\nc|"])
def test_what_is_no_tune_is_said_in_one_line(text):
    with pytest.raises(ReadError) as caught:
        parse_tune_book(text.encode(), "some.abc")
    assert str(caught.value).startswith("some.abc: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["Q:3/{}=90", "Q:{}", "L:1/{}", "M:{}/4", "K:C\nC{}", "K:C\n({}:2:3CCC"])
def test_a_number_that_never_ends_is_told(field):
    tune = "X:1\n" + field.format("1" * 5000) + "\nK:C\nC|\n"
    with pytest.raises(ReadError, match="never ends"):
        parse_tune_book(tune.encode())
    whole = parse_tune_book(f"{tune}\nX:2\nK:C\nC|\n".encode())
    assert [len(score) for score in whole] == [1]
