"""What is heard of a sheet: transposition, ties, repeats, bars, tempo."""

from stilo.music.musicxml import parse_musicxml
from stilo.music.score import (
    KeySignature,
    Tempo,
    TimeSignature,
    Track,
)

NOTE = "<note>{head}<pitch><step>{step}</step><octave>4</octave></pitch><duration>{duration}</duration>{tail}</note>"


def note(step="C", duration=4, head="", tail=""):
    return NOTE.format(step=step, duration=duration, head=head, tail=tail)


def document(*bars, entry="<part-name>Horn</part-name>", opening="<attributes><divisions>4</divisions></attributes>"):
    body = "".join(f"<measure number='{k}'>{opening if k == 0 else ''}{bar}</measure>" for k, bar in enumerate(bars))
    return (
        f"<score-partwise><part-list><score-part id='P'>{entry}</score-part></part-list>"
        f"<part id='P'>{body}</part></score-partwise>"
    ).encode()


def sounding(score):
    return [
        (row[0] / score.ticks_per_quarter, row[1] / score.ticks_per_quarter, row[2]) for row in score.notes.tolist()
    ]


def test_transposing_instruments_sound_where_they_sound():
    opening = (
        "<attributes><divisions>4</divisions><key><fifths>1</fifths></key>"
        "<transpose><diatonic>-4</diatonic><chromatic>-7</chromatic></transpose></attributes>"
    )
    score = parse_musicxml(document(note("C", 16), opening=opening))
    assert sounding(score) == [(0, 4, 53)]
    assert score.key_signatures == (KeySignature(0, 0),)
    assert score.tracks == (Track("Horn", 60),)


def test_ties_chords_graces_cues_and_two_voices():
    start, stop = "<tie type='start'/>", "<tie type='stop'/>"
    first = note("C", 12) + note("G", 4, tail=start) + "<backup><duration>16</duration></backup>" + note("E", 16)
    second = note("G", 8, tail=stop) + note("A", 8, head="<grace/>") + note("B", 4, head="<cue/>") + note("D", 4)
    second += note("F", 4, head="<chord/>")
    score = parse_musicxml(document(first, second))
    assert sounding(score) == [(0, 3, 60), (0, 4, 64), (3, 3, 67), (7, 1, 62), (7, 1, 65)]


def repeat(direction, times=""):
    return f"<barline><repeat direction='{direction}'{times}/></barline>"


def ending(kind, number):
    return f"<barline><ending type='{kind}' number='{number}'/></barline>"


def heard(*bars):
    """The steps in the order in which bars of one note each are heard."""
    names = {60: "C", 62: "D", 64: "E", 65: "F", 67: "G"}
    return "".join(names[pitch] for *_, pitch in sounding(parse_musicxml(document(*bars))))


def test_repeats_endings_and_jumps_are_played_out():
    c, d, e, f, g = (note(step, 16) for step in "CDEFG")
    assert heard(c, d + repeat("backward"), e) == "CDCDE"
    assert heard(c, repeat("forward") + d, e + repeat("backward", " times='3'"), f) == "CDEDEDEF"
    first = (
        ending("start", "1") + d + "<barline><ending type='stop' number='1'/><repeat direction='backward'/></barline>"
    )
    second = ending("start", "2") + e + ending("stop", "2")
    assert heard(c, first, second, f) == "CDCEF"
    sound = "<direction><direction-type><words>x</words></direction-type><sound {}/></direction>"
    assert heard(c, d + sound.format("fine='yes'"), e + sound.format("dacapo='yes'"), f) == "CDECD"
    coda = heard(
        c, sound.format("segno='s'") + d + sound.format("tocoda='c'"), e + sound.format("dalsegno='s'"), f,
        sound.format("coda='c'") + g,
    )  # fmt: skip
    assert coda == "CDEDG"


def test_bars_that_complete_each_other_at_a_repeat_are_one_bar():
    pickup, whole = note("G", 4), note("C", 16)
    time = "<attributes><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    bars = [time + pickup, whole, note("D", 12) + repeat("backward")]
    signatures = parse_musicxml(document(*bars)).time_signatures
    assert signatures == (TimeSignature(0, 1, 4), TimeSignature(480, 4, 4))


def test_rests_in_other_parts_do_not_fill_a_pickup():
    rest = "<note><rest/><duration>16</duration></note>"
    opening = "<attributes><divisions>4</divisions></attributes>"
    parts = "".join(
        f"<part id='{name}'><measure>{opening}{first}</measure><measure>{note('C', 16)}</measure></part>"
        for name, first in (("A", note("G", 4)), ("B", rest))
    )
    score = parse_musicxml(f"<score-partwise><part-list/>{parts}</score-partwise>".encode())
    assert sounding(score)[:2] == [(0, 1, 67), (1, 4, 60)]


def test_timewise_scores_are_turned_round():
    timewise = f"<score-timewise><part-list/><measure><part id='A'>{note()}</part></measure></score-timewise>"
    assert sounding(parse_musicxml(timewise.encode())) == [(0, 4, 60)]


def test_tempo_dynamics_and_additive_metre():
    metre = "<attributes><divisions>4</divisions><time><beats>3+2</beats><beat-type>8</beat-type></time></attributes>"
    tempo = (
        "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><beat-unit-dot/>"
        "<per-minute>c. 60</per-minute>"
        "</metronome></direction-type></direction><direction><direction-type><dynamics><ff/></dynamics></direction-type>"
        "</direction>"
    )
    score = parse_musicxml(document(tempo + note("C", 10), opening=metre))
    assert score.time_signatures == (TimeSignature(0, 5, 8),)
    assert score.tempos == (Tempo(0, 90.0),)
    assert score.notes["velocity"].tolist() == [106]
