import zipfile
from io import BytesIO

import numpy as np
import pytest
from smf_bytes import QUARTER, smf, track

from stilo.errors import ReadError, WriteError
from stilo.music.files import kind_of, music_files, parse_scores, read_score, read_scores, write_score
from stilo.music.musicxml_write import musicxml_bytes, packed_musicxml

MIDI = smf(track(*QUARTER))
ABC = b"X:1\nT:One\nM:3/4\nL:1/4\nK:G\nG A B|c3|\n\nX:2\nT:Two\nL:1/8\nK:D\nd2|\n"


def test_content_decides_and_not_the_ending(tmp_path, tune):
    for name, data in (
        ("a.xml", MIDI),
        ("b.mid", musicxml_bytes(tune)),
        ("c.mxl", musicxml_bytes(tune)),
        ("d.midi", ABC),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        assert len(read_score(path)) > 0
    assert kind_of(MIDI) == "midi"
    assert kind_of(b"\xef\xbb\xbf \n" + musicxml_bytes(tune)) == "musicxml"
    assert kind_of(ABC) == "abc"


def test_a_tune_book_holds_all_its_tunes(tmp_path):
    path = tmp_path / "book.abc"
    path.write_bytes(ABC)
    assert [score.title for score in read_scores(path)] == ["One", "Two"]
    assert read_score(path).title == "One"


@pytest.mark.parametrize("ending", ["mid", "midi", "musicxml", "xml", "mxl", "MID"])
def test_every_kind_is_written_and_read_back(tmp_path, tune, ending):
    path = tmp_path / f"piece.{ending}"
    write_score(tune, path)
    back = read_score(path)
    assert sorted(back.notes["pitch"]) == sorted(tune.notes["pitch"])
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing(tmp_path, tune):
    with pytest.raises(WriteError, match=r"\.mid"):
        write_score(tune, tmp_path / "piece.docx")
    with pytest.raises(WriteError):
        write_score(tune, tmp_path / "missing" / "piece.mid")
    assert list(tmp_path.iterdir()) == []


def test_folders_are_walked_in_order_and_each_file_taken_once(tmp_path):
    for name in ("b/2.mid", "b/1.MID", "a/3.abc", ".hidden/4.mid", "a/.5.mid", "a/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(MIDI)
    found = music_files([tmp_path, tmp_path / "b" / "2.mid", tmp_path / "a" / "notes.txt"])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a/3.abc", "b/1.MID", "b/2.mid", "a/notes.txt"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="no music files"):
        music_files([tmp_path / "empty"])
    with pytest.raises(ReadError, match="does not exist"):
        music_files([tmp_path / "nothing.mid"])


def test_missing_files_and_folders_are_said(tmp_path):
    with pytest.raises(ReadError, match="does not exist"):
        read_score(tmp_path / "nothing.mid")
    with pytest.raises(ReadError, match="folder"):
        read_score(tmp_path)


def packed(*members):
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in members:
            written.writestr(name, content)
    return archive.getvalue()


LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (k, b"&l%d;" % (k - 1) * 10) for k in range(1, 10))
ONE_NOTE = (
    b"<score-partwise><part-list><score-part id='P'><part-name>x</part-name></score-part></part-list><part id='P'>"
    b"<measure>%s<note><pitch><step>C</step><octave>4</octave></pitch><duration>%s</duration></note></measure></part>"
    b"</score-partwise>"
)
BRACKETS = b"<measure><barline><repeat direction='backward' times='16'/></barline><note><pitch><step>C</step>"
HOSTILE = {
    "empty": b"",
    "nothing but zeros": bytes(1000),
    "text": b"Dear Sir or Madam,\nplease find attached\n",
    "random": np.random.default_rng(1).bytes(5000),
    "random after a header": b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\x03\xe8" + np.random.default_rng(2).bytes(1000),
    "huge chunk": b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\xff\xff\xff\xff\0\x90\x40\x40",
    "huge header": b"MThd\xff\xff\xff\xff\0\1\0\1\1\xe0",
    "65535 tracks": smf(track(*QUARTER), count=65535),
    "no resolution": smf(track(*QUARTER), division=0),
    "format 7": smf(track(*QUARTER), form=7),
    "huge sysex": smf(track((0, b"\xf0\xff\xff\xff\x7f\x7e"))),
    "data bytes out of range": smf(track((0, b"\x90\xe0\x40"))),
    "no status": smf(track((0, b"\x40\x40"))),
    "realtime bytes": smf(track((0, b"\xf8\xfa"), *QUARTER)),
    "audio": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(32),
    "pdf": b"%PDF-1.7\n",
    "riff without midi": b"RIFF\x04\0\0\0RMID",
    "laughs": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY l0 'ha'>"
    + LAUGHS
    + b"]><score-partwise>&l9;</score-partwise>",
    "foreign file": b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><score-partwise>&x;</score-partwise>",
    "deep": b"<score-partwise>" + b"<a>" * 100_000,
    "html": b"<html><body>404</body></html>",
    "half a tag": b"<score-partwise><part",
    "no parts": b"<score-partwise/>",
    "unknown encoding": b"<?xml version='1.0' encoding='klingon'?><score-partwise/>",
    "duration of letters": ONE_NOTE % (b"", b"four"),
    "endless duration": ONE_NOTE % (b"", b"1e300"),
    "nan divisions": ONE_NOTE % (b"<attributes><divisions>nan</divisions></attributes>", b"1"),
    "tiny divisions": ONE_NOTE % (b"<attributes><divisions>1e-30</divisions></attributes>", b"1"),
    "metre of zero": ONE_NOTE
    % (b"<attributes><time><beats>0</beats><beat-type>0</beat-type></time></attributes>", b"1"),
    "zip bomb": packed(("score.xml", b" " * (65 * 2**20))),
    "zip of nothing": packed(),
    "zip of text": packed(("readme.txt", b"hello")),
    "zip of many": packed(*((f"{k}.xml", b"") for k in range(1200))),
    "broken zip": packed(("score.xml", b"<score-partwise/>" * 50))[:60],
    "abc without key": b"X:1\nT:a\nabc\n",
    "abc without notes": b"X:1\nK:C\n|:|:|:|::|\n",
    "abc of brackets": b"X:1\nK:C\n" + b"[" * 50_000,
    "abc metre of zero": b"X:1\nM:0/0\nK:C\nabc|\n",
    "abc unit of zero": b"X:1\nL:1/0\nK:C\nabc|\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_one_line(tmp_path, name):
    path = tmp_path / "hostile.mid"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(ReadError) as caught:
        read_scores(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("kind", ["midi", "musicxml", "mxl"])
def test_files_cut_off_anywhere_are_refused(tune, kind):
    whole = {"midi": MIDI, "musicxml": musicxml_bytes(tune), "mxl": packed_musicxml(musicxml_bytes(tune))}[kind]
    step = max(1, len(whole) // 150)
    for end in range(0, len(whole.rstrip()), step):
        with pytest.raises(ReadError) as caught:
            parse_scores(whole[:end])
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["midi", "musicxml", "abc"])
def test_damaged_bytes_never_crash(tune, kind):
    whole = {"midi": smf(track(*QUARTER * 20), track(*QUARTER)), "musicxml": musicxml_bytes(tune)[:6000], "abc": ABC}[
        kind
    ]
    rng = np.random.default_rng(3)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), rng.integers(1, 6)):
            damaged[place] = rng.integers(0, 256)
        try:
            scores = parse_scores(bytes(damaged))
        except ReadError as error:
            assert "\n" not in str(error)
        else:
            assert all(len(score) for score in scores)


def test_repeats_that_unfold_without_end_are_refused():
    bar = b"|:" + b"c" * 1000 + b":|" + b"|:c:|" * 10
    book = b"X:1\nL:1/4\nM:none\nK:C\n" + b"\n".join([bar] * 20) + b"\n"
    assert len(parse_scores(book)[0]) == 2 * 20 * 1010
    nested = b"".join(b"<measure>%s</measure>" % (
        b"<note><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration></note>"
        b"<barline><repeat direction='backward' times='1000000'/></barline>") for _ in range(9000))  # fmt: skip
    score = b"<score-partwise><part-list/><part id='P'>" + nested + b"</part></score-partwise>"
    with pytest.raises(ReadError, match="bars"):
        parse_scores(score)


def test_a_name_too_long_is_told_as_a_file_that_is_not_there():
    with pytest.raises(ReadError, match="cannot be looked for"):
        music_files(["a" * 5000 + ".mid"])
