import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from smf_bytes import QUARTER, meta, off, on, smf, track

from stilo.errors import ReadError
from stilo.music.midi import parse_midi, parse_midi_pieces
from stilo.music.midi_write import midi_bytes, midi_channels
from stilo.music.score import (
    ChordSymbol,
    KeySignature,
    Marker,
    Score,
    Tempo,
    TimeSignature,
    Track,
    notes_from_columns,
)
from stilo.music.timeline import ticks_to_seconds


def rows(score):
    """(onset, duration, pitch, velocity, track) of every note."""
    return score.notes.tolist()


def test_a_type_0_file_of_several_channels_has_a_part_for_each():
    data = smf(
        track(
            (0, meta(3, b"Song")),
            (0, b"\xc0\x05"),
            (0, b"\xc1\x06"),
            (0, on(60)),
            (0, on(62, channel=1)),
            (0, on(36, channel=9)),
            (480, off(60)),
            (0, off(62, 1)),
            (0, off(36, 9)),
        ),
        form=0,
    )
    score = parse_midi(data)
    assert score.title == "Song"
    assert [(t.program, t.is_drum, t.name) for t in score.tracks] == [(5, False, ""), (6, False, ""), (0, True, "")]
    assert [(n[2], n[4]) for n in rows(score)] == [(60, 0), (62, 1), (36, 2)]


def test_patterns_of_a_type_2_file_are_pieces():
    data = smf(track(*QUARTER), track(), track((0, on(64)), (96, off(64))), form=2)
    pieces = parse_midi_pieces(data)
    assert [rows(piece) for piece in pieces] == [[(0, 480, 60, 64, 0)], [(0, 96, 64, 64, 0)]]
    assert parse_midi(data) == pieces[0]


@pytest.mark.parametrize(
    ("division", "seconds"), [(0xE728, 0.48), (0xE850, 0.25), (0xE250, 0.2), (0xE350, 480 / (30_000 / 1001 * 80))]
)
def test_smpte_time_lasts_as_many_seconds(division, seconds):
    score = parse_midi(smf(track((0, meta(0x51, b"\x01\x00\x00")), *QUARTER), division=division))
    assert ticks_to_seconds(score, [score.end_ticks])[0] == pytest.approx(seconds)


def test_running_status_and_ends_by_velocity_zero():
    assert rows(parse_midi(smf(track((0, on(60)), (480, b"\x3c\x00"))))) == [(0, 480, 60, 64, 0)]


def test_overlapping_notes_of_one_pitch_end_in_order():
    data = smf(track((0, on(60)), (100, on(60)), (100, off(60)), (100, off(60))))
    assert rows(parse_midi(data)) == [(0, 200, 60, 64, 0), (100, 200, 60, 64, 0)]


def test_a_note_of_no_length_lasts_one_tick():
    data = smf(track((0, on(60)), (0, off(60)), (480, on(62)), (10, off(62))))
    assert rows(parse_midi(data)) == [(0, 1, 60, 64, 0), (480, 10, 62, 64, 0)]


def test_a_note_that_never_ends_is_left_out():
    assert rows(parse_midi(smf(track((0, on(60)), (480, on(62)), (480, off(62)))))) == [(480, 480, 62, 64, 0)]


def test_ports_are_apart():
    first, second = track((0, meta(0x21, b"\0")), *QUARTER), track((0, meta(0x21, b"\1")), *QUARTER)
    assert [note[4] for note in rows(parse_midi(smf(first, second)))] == [0, 1]


def test_a_program_set_by_another_track_holds():
    data = smf(
        track((0, b"\xc0\x28"), (0, b"\xc1\x29")), track(*QUARTER), track((0, on(50, channel=1)), (9, off(50, 1)))
    )
    assert [t.program for t in parse_midi(data).tracks] == [40, 41]


def test_a_program_changed_on_the_way_is_another_part():
    data = smf(track((0, b"\xc0\x05"), *QUARTER, (0, b"\xc0\x07"), *QUARTER))
    assert [t.program for t in parse_midi(data).tracks] == [5, 7]


def test_what_the_conductor_track_says():
    data = smf(
        track(
            (0, meta(3, "Étude".encode("latin-1"))),
            (0, meta(0x51, b"\x07\xa1\x20")),
            (0, meta(0x58, b"\x06\x03\x18\x08")),
            (0, meta(0x59, b"\xfd\x01")),
            (0, meta(6, b"chord:Dm7")),
            (0, meta(6, b"Verse")),
            (480, meta(6, b"chord:nonsense")),
            (0, meta(0x51, b"\x0f\x42\x40")),
        ),
        track((0, meta(3, "Flöte".encode())), *QUARTER),
    )
    score = parse_midi(data)
    assert (score.title, score.tracks[0].name) == ("Étude", "Flöte")
    assert score.tempos == (Tempo(0, 120.0), Tempo(480, 60.0))
    assert score.time_signatures == (TimeSignature(0, 6, 8),)
    assert score.key_signatures == (KeySignature(0, -3, True),)
    assert score.chord_symbols == (ChordSymbol(0, "D:min7"),)
    assert score.markers == (Marker(0, "Verse"), Marker(480, "chord:nonsense"))


def test_a_first_track_with_notes_gives_no_title():
    score = parse_midi(smf(track((0, meta(3, b"Right hand")), *QUARTER)))
    assert (score.title, score.tracks[0].name) == ("", "Right hand")
    assert parse_midi(smf(track((0, meta(3, b"Conductor Track"))), track(*QUARTER))).title == ""


def test_impossible_metas_are_passed_over():
    data = smf(
        track(
            (0, meta(0x51, b"\0\0\0")),
            (0, meta(0x51, b"\x07")),
            (0, meta(0x58, b"\x04\xff\x18\x08")),
            (0, meta(0x58, b"\x00\x02\x18\x08")),
            (0, meta(0x58, b"\x04")),
            (0, meta(0x59, b"\x60\x00")),
            (0, meta(0x59, b"")),
            *QUARTER,
        )
    )
    score = parse_midi(data)
    assert (score.tempos, score.time_signatures, score.key_signatures) == ((), (), ())
    assert rows(score) == [(0, 480, 60, 64, 0)]


def test_system_exclusive_in_packets_takes_no_time():
    data = smf(track((0, b"\xf0\x02\x7e\x7f"), (5, b"\xf7\x02\x01\xf7"), *QUARTER))
    assert rows(parse_midi(data)) == [(5, 480, 60, 64, 0)]


def test_wrapped_and_oddly_headed_files_are_read():
    plain = smf(track(*QUARTER))
    riff = b"RIFF" + (len(plain) + 12).to_bytes(4, "little") + b"RMIDdata" + len(plain).to_bytes(4, "little") + plain
    long_header = b"MThd\0\0\0\x08" + plain[8:14] + b"\0\0" + plain[14:]
    foreign_chunk = smf(b"XFIH\0\0\0\4abcd", track(*QUARTER))
    for data in (riff, long_header, foreign_chunk, plain + b"trailing"):
        assert parse_midi(data) == parse_midi(plain)


def test_limits_are_said():
    with pytest.raises(ReadError, match="ticks"):
        parse_midi(smf(track(*[(0x0FFFFFFF, on(60)), (0x0FFFFFFF, off(60))] * 4)))
    with pytest.raises(ReadError, match="bars"):
        tiny_bars = meta(0x58, b"\x01\x07\x18\x08")
        parse_midi(smf(track((0, tiny_bars), (0, on(60)), (0x0FFFFF, off(60))), division=1))
    with pytest.raises(ReadError, match="no notes"):
        parse_midi(smf(track()))


def test_more_parts_than_channels():
    many = [Track("", program) for program in range(15)] + [Track("", 0, True)]
    places = midi_channels(many)
    assert len(set(places)) == 16
    assert [channel for _, channel in places].count(9) == 1
    shared = midi_channels([Track("", program % 10) for program in range(40)])
    assert len(set(shared)) == 10
    apart = midi_channels([Track("", program) for program in range(40)])
    assert len(set(apart)) == 40
    assert all(channel != 9 for _, channel in apart)


names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=12)


@st.composite
def scores(draw):
    tracks = draw(st.lists(st.builds(Track, names, st.integers(0, 127), st.booleans()), min_size=1, max_size=20))
    count = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # Of one part and pitch nothing overlaps: whose end is whose a MIDI file cannot say.
    notes = notes_from_columns(
        np.sort(rng.integers(0, 3000, count)) * 100,
        rng.integers(1, 100, count),
        rng.integers(0, 128, count),
        rng.integers(1, 128, count),
        rng.integers(0, len(tracks), count),
    )
    notes = notes[np.unique(notes[["onset_ticks", "pitch", "track"]], return_index=True)[1]]
    used = sorted(set(notes["track"].tolist()))
    notes["track"] = np.searchsorted(used, notes["track"])

    def events(build, values, size=4):
        onsets = draw(st.lists(st.integers(0, 10**6), max_size=size, unique=True))
        return tuple(build(onset, *draw(values)) for onset in sorted(onsets))

    microseconds = st.integers(6000, 16_000_000)
    return Score(
        notes,
        tuple(tracks[index] for index in used),
        draw(st.sampled_from([96, 480, 32767])),
        tempos=events(Tempo, st.tuples(microseconds.map(lambda us: 60e6 / us))),
        time_signatures=tuple(
            s for s in events(TimeSignature, st.tuples(st.integers(1, 20), st.sampled_from([1, 2, 4, 8, 16])))
        ),
        key_signatures=events(KeySignature, st.tuples(st.integers(-7, 7), st.booleans())),
        chord_symbols=events(ChordSymbol, st.tuples(st.sampled_from(["C", "A:min/b3", "N", "G:sus4(b7)"]))),
        markers=events(Marker, st.tuples(names.filter(lambda t: t and not t.startswith("chord:")))),
        title=draw(names.filter(lambda t: "tempo" not in t.lower())),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scores())
def test_what_is_written_is_read_back(score):
    back = parse_midi(midi_bytes(score))
    assert [t.quarters_per_minute for t in back.tempos] == pytest.approx([t.quarters_per_minute for t in score.tempos])
    assert [t.onset_ticks for t in back.tempos] == [t.onset_ticks for t in score.tempos]
    assert back.notes.tolist() == score.notes.tolist()
    for name in (
        "tracks",
        "time_signatures",
        "key_signatures",
        "chord_symbols",
        "markers",
        "title",
        "ticks_per_quarter",
    ):
        assert getattr(back, name) == getattr(score, name)


@given(scores(), st.integers(-30, 30))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_transposing_moves_all_but_drums_and_stays_in_range(score, semitones):
    moved = score.transposed(semitones)
    assert len(moved) == len(score)
    drums = score.is_drum_note
    key = ["onset_ticks", "track", "duration_ticks", "velocity"]
    before = np.sort(score.notes[~drums][[*key]])
    assert (np.sort(moved.notes[~moved.is_drum_note][[*key]]) == before).all()
    classes = np.bincount((score.notes["pitch"][~drums] + semitones) % 12, minlength=12)
    assert (np.bincount(moved.notes["pitch"][~moved.is_drum_note] % 12, minlength=12) == classes).all()
    assert sorted(moved.notes["pitch"][moved.is_drum_note]) == sorted(score.notes["pitch"][drums])
