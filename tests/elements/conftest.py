"""Small scores whose elements are known, and odd ones that every element must survive."""

from collections.abc import Callable

import numpy as np
import pytest

from stilo.music.score import Score, Tempo, TimeSignature, Track, notes_from_columns

PIANO = (Track("Piano", 0),)
QUARTER = 480


def random_piece(seed: int, metre: tuple[int, int] = (4, 4), bars: int = 12) -> Score:
    """Chords of a major key on the beats, a melody above, in three tracks, one of them drums."""
    rng = np.random.default_rng(seed)
    length = QUARTER * 4 * metre[0] // metre[1]
    roots = rng.choice([0, 5, 7, 9], bars)
    chords = [(bar * length, length, 48 + root + tone) for bar, root in enumerate(roots) for tone in (0, 4, 7)]
    melody = [
        (onset, 200, 60 + int(rng.choice([0, 2, 4, 5, 7, 9, 11])))
        for onset in range(0, bars * length, 240)
        if rng.random() < 0.7
    ]
    drums = [(onset, 60, 36 + 2 * (i % 2)) for i, onset in enumerate(range(0, bars * length, QUARTER))]
    parts = [chords, melody, drums]
    rows = np.array([row for part in parts for row in part])
    track = np.repeat([0, 1, 2], [len(part) for part in parts])
    velocity = rng.integers(40, 110, len(rows))
    return Score(
        notes_from_columns(rows[:, 0], rows[:, 1], rows[:, 2], velocity, track),
        (Track("Piano", 0), Track("Flute", 73), Track("Kit", 0, True)),
        tempos=(Tempo(0, 100.0), Tempo(4 * length, 90.0)),
        time_signatures=(TimeSignature(0, *metre),),
    )


def one_line(pitches: list[int], lengths_quarters: list[float], metre: tuple[int, int] = (4, 4)) -> Score:
    """Notes one after the other."""
    ticks = np.rint(np.array(lengths_quarters) * QUARTER).astype(int)
    onsets = np.concatenate([[0], np.cumsum(ticks)[:-1]])
    return Score(notes_from_columns(onsets, ticks, pitches), PIANO, time_signatures=(TimeSignature(0, *metre),))


def _odd_scores() -> dict[str, Score]:
    drum = (Track("Kit", 0, True),)
    beats = np.arange(16) * 240
    long_ago = notes_from_columns([100_000], [480], [60])
    crowd = notes_from_columns(np.zeros(3000), np.ones(3000), np.arange(3000) % 128)
    roots = np.arange(1020) * 5 % 12 + 48
    cluster = notes_from_columns(np.zeros(128), np.full(128, 480), np.arange(128))
    return {
        "no notes": Score(notes_from_columns([], [], []), ()),
        "no notes, tracks": Score(notes_from_columns([], [], []), PIANO, time_signatures=(TimeSignature(0, 3, 4),)),
        "one note": one_line([60], [1]),
        "one tick": Score(notes_from_columns([0], [1], [0], 1), PIANO, ticks_per_quarter=1),
        "highest note": one_line([127], [1]),
        "late note": Score(long_ago, PIANO),
        "drums only": Score(notes_from_columns(beats, np.full(16, 60), np.full(16, 36)), drum),
        "one bar": one_line([60, 64, 67, 72], [1, 1, 1, 1]),
        "no time signature": Score(one_line([60, 62], [1, 1]).notes, PIANO),
        "every pitch": Score(cluster, PIANO),
        "thousands in a tick": Score(crowd, PIANO),
        "a thousand chords in a bar": Score(
            notes_from_columns(
                np.repeat(np.arange(1020) * 480, 3), np.full(3060, 480), np.repeat(roots, 3) + np.tile([0, 4, 7], 1020)
            ),
            PIANO,
            time_signatures=(TimeSignature(0, 255, 1),),
        ),
        "same pitch over itself": Score(notes_from_columns([0, 10, 20], [480, 480, 480], [60, 60, 60]), PIANO),
        "metre changes": Score(
            notes_from_columns(np.arange(40) * 240, np.full(40, 240), np.arange(40) % 12 + 60),
            PIANO,
            time_signatures=tuple(
                TimeSignature(tick, n, d) for tick, n, d in ((0, 1, 8), (240, 6, 8), (1680, 5, 16), (3000, 2, 2))
            ),
        ),
        "strange metre": one_line([60] * 40, [0.37] * 40, (11, 32)),
        "endless bar": one_line([60] * 40, [1] * 40, (255, 1)),
        "slow and fast": Score(one_line([60] * 8, [1] * 8).notes, PIANO, tempos=(Tempo(0, 1e-3), Tempo(960, 1e6))),
    }


ODD_SCORES = _odd_scores()


@pytest.fixture(params=list(ODD_SCORES))
def odd_score(request: pytest.FixtureRequest) -> Score:
    return ODD_SCORES[request.param]


@pytest.fixture(params=[(4, 4), (3, 4), (6, 8), (2, 2)], ids=lambda metre: f"{metre[0]}_{metre[1]}")
def piece(request: pytest.FixtureRequest) -> Score:
    return random_piece(3, request.param)


@pytest.fixture
def make_line() -> Callable[..., Score]:
    return one_line


@pytest.fixture
def make_piece() -> Callable[..., Score]:
    return random_piece


@pytest.fixture
def odd_scores() -> dict[str, Score]:
    return ODD_SCORES
