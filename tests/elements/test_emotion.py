"""What is faster, louder, denser, more major must come out so, in a piece and in its sections."""

import json
from pathlib import Path

import numpy as np
import pytest

from stilo.elements.emotion import LONGEST_STRETCH_BARS, measure_emotion
from stilo.elements.emotion_cues import CUE_NAMES, CUES, Hearing
from stilo.elements.emotion_frames import MOST_FRAMES
from stilo.elements.emotion_probe import KNOWN_DIRECTIONS, Probe, learn_probe, shipped_probe
from stilo.elements.form import Section
from stilo.elements.layout import lay_out
from stilo.elements.profile import Profile, analyse, analysis_json
from stilo.music.score import Score, Tempo, TimeSignature, Track, notes_from_columns

QUARTER = 480
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11)


def rows_of(scale: tuple[int, ...], bars: int, *, per_bar: int = 8, length: float = 0.9, octave: int = 0) -> list:
    """A melody in equal notes over triads I IV V I, a chord a bar with its root in the bass: (onset, length, pitch)."""
    rows = []
    step = 4 * QUARTER // per_bar
    walk = (0, 2, 4, 5, 4, 2, 1, 2)
    for bar in range(bars):
        root = (0, 3, 4, 0)[bar % 4]
        at = bar * 4 * QUARTER
        rows.append((at, 4 * QUARTER, 48 + scale[root]))
        rows += [(at, 4 * QUARTER, 60 + scale[(root + third) % 7] + 12 * ((root + third) // 7)) for third in (0, 2, 4)]
        degrees = [root + walk[i % len(walk)] for i in range(per_bar)]
        rows += [
            (at + i * step, max(1, int(step * length)), 72 + 12 * octave + scale[d % 7] + 12 * (d // 7))
            for i, d in enumerate(degrees)
        ]
    return rows


def score_of(rows: list, *, tempo: float = 100.0, velocity: int = 70) -> Score:
    table = np.array(rows)
    notes = notes_from_columns(table[:, 0], table[:, 1], table[:, 2], velocity)
    return Score(notes, (Track(),), tempos=(Tempo(0, tempo),), time_signatures=(TimeSignature(0, 4, 4),))


def song(scale: tuple[int, ...] = MAJOR, bars: int = 8, *, tempo: float = 100.0, velocity: int = 70, **more) -> Score:
    return score_of(rows_of(scale, bars, **more), tempo=tempo, velocity=velocity)


def cues(score: Score) -> dict[str, float]:
    return dict(zip(CUE_NAMES, Hearing(lay_out(score)).cues([0], [score.end_ticks + 1])[0].tolist(), strict=True))


@pytest.mark.parametrize("tempo", [60.0, 100.0, 160.0])
def test_major_is_happier_than_minor(tempo):
    major, minor = analyse(song(MAJOR, tempo=tempo)).emotion, analyse(song(MINOR, tempo=tempo)).emotion
    assert major.valence > minor.valence + 0.2


@pytest.mark.parametrize("scale", [MAJOR, MINOR])
@pytest.mark.parametrize("change", [{"tempo": 160.0}, {"velocity": 110}, {"length": 0.3}, {"per_bar": 16}])
def test_fast_loud_staccato_and_dense_are_more_excited(scale, change):
    assert analyse(song(scale, **change)).emotion.arousal > analyse(song(scale)).emotion.arousal + 0.05


def test_every_tempo_is_more_excited_than_the_slower():
    arousal = [analyse(song(tempo=tempo)).emotion.arousal for tempo in (40, 60, 80, 100, 120, 150, 180, 220)]
    assert (np.diff(arousal) > 0).all()


def test_loudness_moves_arousal_alone():
    loud, soft = analyse(song(velocity=100)).emotion, analyse(song(velocity=50)).emotion
    assert loud.valence == soft.valence
    assert loud.arousal > soft.arousal


def test_clusters_are_less_pleasant_than_triads():
    rng = np.random.default_rng(0)
    rows = [(onset, length, pitch) for onset, length, pitch in rows_of(MAJOR, 8)]
    bent = [(onset, length, pitch + int(rng.integers(-2, 3))) for onset, length, pitch in rows]
    assert analyse(score_of(bent)).emotion.valence < analyse(score_of(rows)).emotion.valence - 0.2


def test_the_written_tempo_does_not_matter_when_the_seconds_are_the_same():
    """Played files often say 120 throughout: half the tempo with half the ticks is the same music."""
    rows = [(onset, length, pitch) for onset, length, pitch in rows_of(MAJOR, 8)]
    halved = [(onset // 2, length // 2, pitch) for onset, length, pitch in rows]
    a, b = cues(score_of(rows, tempo=120.0)), cues(score_of(halved, tempo=60.0))
    assert a == pytest.approx(b, rel=0.02, abs=0.02)


def test_cues_are_what_they_say():
    heard = cues(song(per_bar=8, tempo=120.0, bars=8, length=0.5))
    assert np.exp(heard["onset_rate"]) == pytest.approx(4, rel=0.03)
    assert np.exp(heard["note_rate"]) == pytest.approx(6, rel=0.03)
    assert np.exp(heard["gap"]) == pytest.approx(0.25, rel=0.01)
    assert heard["gap_spread"] == pytest.approx(0, abs=1e-6)
    assert heard["even_gaps"] == 1
    assert heard["loudness"] == 70
    assert heard["silence"] == pytest.approx(0, abs=1e-9)
    assert heard["major_chords"] > 0.8
    assert heard["majorness_long"] > 0
    assert heard["chromaticism"] == pytest.approx(0, abs=1e-6)
    minor = cues(song(MINOR))
    assert minor["majorness_long"] < 0
    assert minor["major_chords"] < 0.5


def test_what_cannot_be_heard_says_nothing():
    drums = Score(notes_from_columns(np.arange(16) * 240, np.full(16, 60), np.full(16, 36)), (Track("Kit", 0, True),))
    heard = cues(drums)
    known = {name for name, value in heard.items() if not np.isnan(value)}
    assert known == {"onset_rate", "note_rate", "gap", "gap_spread", "even_gaps", "loudness"}
    slow = cues(Score(drums.notes, drums.tracks, tempos=(Tempo(0, 40.0),)))
    assert slow["onset_rate"] < heard["onset_rate"]
    assert abs(analyse(drums).emotion.valence) < 0.5


def test_neutral_without_notes_and_bounded_with_many():
    empty = Score(notes_from_columns([], [], []), ())
    assert (analyse(empty).emotion.valence, analyse(empty).emotion.arousal) == (0, 0)
    assert analyse(empty).piece.emotion_curve == ()
    rng = np.random.default_rng(0)
    many = 100_000
    noise = Score(
        notes_from_columns(np.sort(rng.integers(0, 960_000, many)), 240, rng.integers(20, 110, many)), (Track(),)
    )
    hearing = Hearing(lay_out(noise))
    placed = shipped_probe().valence_arousal(hearing.cues([0, 480_000], [480_000, 960_241]))
    assert (np.abs(placed) < 1).all()
    assert (placed[:, 1] > 0.5).all()
    assert (placed[:, 0] < 0).all()


def test_a_very_long_piece_has_longer_frames():
    rows = [(bar * 4 * QUARTER, QUARTER, 60 + bar % 5) for bar in range(3000)]
    hearing = Hearing(lay_out(score_of(rows, tempo=30.0)))
    assert len(hearing._frames.at) <= MOST_FRAMES
    assert not np.isnan(hearing.cues([0], [3000 * 4 * QUARTER])[0, CUE_NAMES.index("clarity_long")])


def test_windows_say_what_their_music_says_alone():
    """A section is measured as if it stood alone, but for the frames around its borders."""
    first, second = rows_of(MAJOR, 16), rows_of(MINOR, 16, per_bar=4)
    shift = 16 * 4 * QUARTER
    both = score_of(first + [(onset + shift, length, pitch) for onset, length, pitch in second])
    windows = Hearing(lay_out(both)).cues([0, shift], [shift, both.end_ticks + 1])
    for window, rows in zip(windows, (first, second), strict=True):
        alone = score_of(rows)
        expected = Hearing(lay_out(alone)).cues([0], [alone.end_ticks + 1])[0]
        away = np.abs(shipped_probe().standardised(window) - shipped_probe().standardised(expected))
        assert away.max() < 0.4, CUE_NAMES[int(away.argmax())]


def two_moods() -> Score:
    """Sixteen bars fast, loud and major, then sixteen slow, soft and minor."""
    shift = 16 * 4 * QUARTER
    first = np.array(rows_of(MAJOR, 16, per_bar=16, length=0.4))
    second = np.array(rows_of(MINOR, 16, per_bar=2, length=1.0)) + np.array([shift, 0, -12])
    rows = np.concatenate([first, second])
    velocity = np.repeat([100, 45], [len(first), len(second)])
    return Score(
        notes_from_columns(rows[:, 0], rows[:, 1], rows[:, 2], velocity),
        (Track(),),
        time_signatures=(TimeSignature(0, 4, 4),),
    )


def test_the_curve_follows_a_change_of_mood():
    profile = analyse(two_moods())
    curve = profile.piece.emotion_curve
    assert [(p.first_bar, p.bars) for p in curve] == [(s.first_bar, s.bars) for s in profile.piece.sections]
    early = [point for point in curve if point.first_bar + point.bars <= 16]
    late = [point for point in curve if point.first_bar >= 16]
    assert early
    assert late
    assert min(p.valence for p in early) > max(p.valence for p in late) + 0.3
    assert min(p.arousal for p in early) > max(p.arousal for p in late) + 0.5
    assert min(p.valence for p in curve) < profile.emotion.valence < max(p.valence for p in curve)


@pytest.mark.parametrize("bars", [1, 16, 17, 24, 100, 1000])
def test_one_long_section_is_cut(bars):
    layout = lay_out(song(bars=bars))
    curve = measure_emotion(layout, (Section(0, bars, "A"),))[1]
    assert curve[0].first_bar == 0
    assert sum(point.bars for point in curve) == bars
    assert [p.first_bar + p.bars for p in curve[:-1]] == [p.first_bar for p in curve[1:]]
    assert len(curve) == 1 if bars <= LONGEST_STRETCH_BARS else 2 <= len(curve) <= 64
    assert min(p.bars for p in curve) >= min(8, bars)


def test_a_silent_section_is_calm():
    rows = [*rows_of(MAJOR, 8, per_bar=16), (24 * 4 * QUARTER, QUARTER, 60)]
    sections = (Section(0, 8, "A"), Section(8, 16, "B"), Section(24, 1, "C"))
    _, curve = measure_emotion(lay_out(score_of(rows)), sections)
    assert curve[1].arousal < curve[0].arousal - 0.5
    assert curve[1].bars == 16


def test_the_curve_survives_json():
    profile = analyse(two_moods())
    assert (
        Profile.from_json(json.loads(json.dumps(profile.to_json()))).piece.emotion_curve == profile.piece.emotion_curve
    )
    told = analysis_json(profile, "x.mid")["emotion_curve"]
    assert len(told) == len(profile.piece.emotion_curve)
    assert set(told[0]) == {"first_bar", "bars", "valence", "arousal"}


def judged(pieces: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Cues drawn at random, judged by two of them and noise."""
    rows = rng.normal(size=(pieces, len(CUES)))
    valence = rows[:, CUE_NAMES.index("majorness_long")] + 0.3 * rng.normal(size=pieces)
    arousal = rows[:, CUE_NAMES.index("interval")] + 0.3 * rng.normal(size=pieces)
    return rows, np.sign(np.column_stack([valence, arousal]))


def test_a_probe_finds_what_judges_went_by():
    rng = np.random.default_rng(1)
    rows, votes = judged(400, rng)
    rows[::7, 3] = np.nan
    probe = learn_probe(rows, votes, np.ones(400), strength=1.0, pull=0.0)
    assert np.abs(probe.weights[0]).argmax() == CUE_NAMES.index("majorness_long")
    assert np.abs(probe.weights[1]).argmax() == CUE_NAMES.index("interval")
    other, answers = judged(400, rng)
    assert (np.sign(probe.scores(other)) == answers).mean(axis=0).min() > 0.8


def test_no_coefficient_points_against_what_is_known():
    rng = np.random.default_rng(2)
    rows, votes = judged(200, rng)
    against = learn_probe(rows, -votes, np.ones(200), strength=1.0, pull=0.1)
    for probe in (against, shipped_probe()):
        assert (probe.weights * KNOWN_DIRECTIONS >= 0).all()
    unlearned = CUE_NAMES.index("loudness")
    assert against.weights[:, unlearned].tolist() == [0, 0.1]
    strong = learn_probe(rows, votes, np.ones(200), strength=1e6, pull=0.2)
    assert strong.weights == pytest.approx(0.2 * KNOWN_DIRECTIONS, abs=1e-3)


def test_the_share_of_the_votes_does_not_move_the_middle():
    """Judged pieces of which most are pleasant do not make the middle of them pleasant."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(300, len(CUES)))
    votes = np.where(rng.random((300, 2)) < 0.8, 1.0, -1.0)
    assert learn_probe(rows, votes, np.ones(300), strength=100.0, pull=0.0).intercept == pytest.approx([0, 0], abs=0.1)


def test_a_probe_survives_json():
    probe = shipped_probe()
    again = Probe.from_json(json.loads(json.dumps(probe.to_json())))
    for row in ("mean", "deviation", "weights", "intercept"):
        assert (getattr(again, row) == getattr(probe, row)).all()
    with pytest.raises(KeyError):
        Probe.from_json({"intercept": {"valence": 0, "arousal": 0}, "cues": {}})


def test_the_card_names_the_shipped_coefficients():
    card = (Path(__file__).resolve().parents[2] / "models" / "emotion" / "README.md").read_text(encoding="utf-8")
    for cue, valence, arousal in zip(CUES, *shipped_probe().weights, strict=True):
        assert f"| {cue.name} | {cue.meaning} | {valence:+.3f} | {arousal:+.3f} |" in card


def test_loudness_is_measured():
    emotion = analyse(song(velocity=100)).emotion
    assert emotion.loudness == 100
    assert emotion.loudness_range == 0
    assert emotion.loudness_levels == (0, 0, 0, 0, 0, 0, 1, 0)


def test_accents_on_the_quarters():
    onsets = np.arange(32) * 240
    velocity = np.where(np.arange(32) % 2 == 0, 90, 60)
    notes = notes_from_columns(onsets, np.full(32, 240), np.full(32, 60), velocity)
    score = Score(notes, (Track(),), time_signatures=(TimeSignature(0, 4, 4),))
    assert analyse(score).emotion.accents == 30
