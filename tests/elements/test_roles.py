"""Who sings, who carries the bass, and how the parts go together."""

import numpy as np
import pytest

from stilo.elements.layout import lay_out
from stilo.elements.profile import analyse
from stilo.elements.roles import CUES, MELODY_WEIGHTS
from stilo.elements.texture import TEXTURES, measure_texture
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns

QUARTER = 480
TUNE = [67, 69, 71, 72, 71, 69, 67, 67, 74, 72, 71, 69, 71, 67, 64, 67]


def part(pitches: list[int], length: int, offset: int = 0) -> list[tuple[int, int, int]]:
    return [(offset + i * length, length, pitch) for i, pitch in enumerate(pitches)]


def joined(parts: list[list[tuple[int, int, int]]], names: list[str] | None = None, drums: int = -1) -> Score:
    """A score of parts of (onset, duration, pitch)."""
    rows = np.array([row for own in parts for row in own])
    track = np.repeat(np.arange(len(parts)), [len(own) for own in parts])
    tracks = tuple(Track(names[i] if names else "", 0, i == drums) for i in range(len(parts)))
    return Score(
        notes_from_columns(rows[:, 0], rows[:, 1], rows[:, 2], 80, track),
        tracks,
        time_signatures=(TimeSignature(0, 4, 4),),
    )


def chords(bars: int, tones: tuple[int, ...] = (48, 52, 55)) -> list[tuple[int, int, int]]:
    """A chord on every quarter."""
    return [(beat * QUARTER, QUARTER, tone) for beat in range(4 * bars) for tone in tones]


def high_strings(bars: int) -> list[tuple[int, int, int]]:
    """Two held notes to the bar, far above everything."""
    return [(bar * 4 * QUARTER, 4 * QUARTER, tone) for bar in range(bars) for tone in (84, 88 + bar % 3)]


def roles_of(score: Score) -> list[str]:
    return [role.role for role in lay_out(score).roles]


@pytest.fixture
def song() -> Score:
    """A tune between chords and high strings, over a bass; drums last."""
    bass = part([36, 43, 36, 43] * 8, QUARTER * 2)
    kit = part([36, 38] * 32, QUARTER)
    return joined([chords(16), high_strings(16), part(TUNE * 4, QUARTER), bass, kit], drums=4)


def test_a_tune_under_high_strings_is_the_melody(song):
    layout = lay_out(song)
    assert roles_of(song) == ["accompaniment", "accompaniment", "melody", "bass", "drums"]
    assert set(layout.melody.pitch.tolist()) == set(TUNE)
    assert layout.pitch[layout.melody.note].tolist() == layout.melody.pitch.tolist()


def test_roles_do_not_depend_on_the_order_of_the_tracks_or_the_key(song):
    rng = np.random.default_rng(0)
    for _ in range(4):
        order = rng.permutation(len(song.tracks))
        notes = song.notes.copy()
        notes["track"] = np.argsort(order)[notes["track"]]
        shuffled = Score(notes, tuple(song.tracks[i] for i in order), song.ticks_per_quarter, (), song.time_signatures)
        assert roles_of(shuffled) == [roles_of(song)[i] for i in order]
    assert roles_of(song.transposed(5)) == roles_of(song)


def test_confidence_and_share(song):
    roles = lay_out(song).roles
    assert sum(role.share for role in roles) == pytest.approx(1, abs=1e-4)
    assert all(0.5 < role.confidence <= 1 for role in roles)
    melody, bass = lay_out(song).parts.melody, lay_out(song).parts.bass
    assert melody.sum() == pytest.approx(1)
    assert bass.sum() <= 1
    twins = lay_out(joined([part(TUNE * 2, QUARTER), part(TUNE * 2, QUARTER)]))
    assert [role.confidence for role in twins.roles] == pytest.approx([0.5, 0.5], abs=0.01)


def test_four_part_chorale_has_soprano_and_bass():
    steps = np.array([0, 2, 4, 5, 4, 2, 0, -1])
    voices = [
        part((base + steps * sign).tolist() * 4, QUARTER) for base, sign in ((72, 1), (67, 1), (60, -1), (48, -1))
    ]
    assert roles_of(joined(voices)) == ["melody", "accompaniment", "accompaniment", "bass"]


def test_a_piano_alone_does_everything():
    score = joined([chords(8) + part(TUNE * 2, QUARTER)])
    assert roles_of(score) == ["melody and accompaniment"]
    assert lay_out(score).melody.pitch.tolist() == TUNE * 2


def test_a_line_alone_is_the_melody():
    assert roles_of(joined([part(TUNE, QUARTER)])) == ["melody"]


def test_low_chords_are_no_bass():
    assert roles_of(joined([part(TUNE * 2, QUARTER), chords(8)])) == ["melody", "accompaniment"]


def test_a_name_decides_only_what_the_notes_leave_open(song):
    twins = [part(TUNE * 2, QUARTER), part(TUNE * 2, QUARTER)]
    assert roles_of(joined(twins, ["Oboe", "Voice"]))[1] == "melody"
    assert roles_of(joined(twins, ["Voice", "Oboe"]))[0] == "melody"
    named = Score(song.notes, tuple(Track("Vocal" if i == 0 else "", 0, i == 4) for i in range(5)))
    assert roles_of(named)[2] == "melody"


def test_names_of_tracks_are_made_fit_for_a_card():
    [role] = lay_out(joined([part(TUNE, QUARTER)], ["a\nb" + "x" * 100])).roles
    assert role.name == "ab" + "x" * 58


def test_every_cue_has_a_weight():
    assert len(MELODY_WEIGHTS) == len(CUES)
    assert lay_out(joined([part(TUNE, QUARTER)])).parts.cues.shape == (1, len(CUES))


def kinds(score: Score) -> dict[str, float]:
    return dict(zip(TEXTURES, analyse(score).harmony.texture, strict=True))


def test_textures():
    tune = part(TUNE * 2, QUARTER)
    below = part([pitch - 12 for pitch in TUNE] * 2, QUARTER)
    canon = part([pitch - 12 for pitch in [60, 62, 64, 65, 67, 65, 64, 62] * 4], QUARTER, QUARTER // 2)
    broken = part([48, 55, 52, 55] * 16, QUARTER // 2)
    assert kinds(joined([tune]))["one line"] == 1
    assert kinds(joined([tune, below]))["chords"] == 1
    assert kinds(joined([tune, broken]))["melody and accompaniment"] > 0.9
    assert kinds(joined([tune, canon]))["several lines"] > 0.7


def test_texture_figures():
    harmony = analyse(joined([part(TUNE, QUARTER), part([p - 12 for p in TUNE], QUARTER)])).harmony
    assert harmony.together == 1
    assert harmony.spacing == 12
    assert harmony.melody_share == harmony.bass_share == 0.5
    assert harmony.accompaniment_share == 0
    single = analyse(joined([part(TUNE, QUARTER)])).harmony
    assert (single.melody_share, single.bass_share, single.spacing, single.together) == (1, 0, 0, 0)
    led = analyse(joined([part([79] * 8, QUARTER), part([60, 62, 64, 65, 64, 62, 60, 62], QUARTER)])).harmony
    assert led.by_step == pytest.approx(7 / 8)


def test_steps_are_heard_in_music_of_any_length():
    """Twice 40,000 notes, up and down by step under a note that stays."""
    low = [60, 62, 64, 62] * 10_000
    led = lay_out(joined([part([79] * len(low), QUARTER), part(low, QUARTER)]))
    assert measure_texture(led).by_step == pytest.approx(1, abs=1e-4)
    leaps = lay_out(joined([part([79] * 400, QUARTER), part([60, 67] * 200, QUARTER)]))
    assert measure_texture(leaps).by_step == 0


def test_lowest_and_highest_pitch_are_no_neighbours():
    score = joined([part([60] * 8, QUARTER), part([127, 1] * 4, QUARTER)])
    assert measure_texture(lay_out(score)).by_step == 0


def test_a_melody_that_lies_lowest_is_no_bass():
    score = joined([high_strings(8), part(TUNE * 2, QUARTER)])
    assert roles_of(score) == ["accompaniment", "melody"]
    harmony = analyse(score).harmony
    assert harmony.bass_share == 0
    assert harmony.melody_share == pytest.approx(32 / 48, abs=1e-4)
