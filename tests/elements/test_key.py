"""Keys that are known: of whole pieces, and of regions that were planted."""

from itertools import pairwise

import numpy as np
import pytest

from stilo.elements.key import (
    KEY_DISTANCES,
    KEYS,
    PHRASE_PROFILE,
    bar_sound,
    estimate_key,
    index_of,
    key_evidence,
    key_likelihoods,
    key_of,
    window_sums,
)
from stilo.elements.layout import lay_out
from stilo.elements.local_key import BAR_PROFILE, estimate_key_regions
from stilo.elements.profile import Profile, analyse
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns
from stilo.music.theory import SCALES, Key, parse_key

PIANO = (Track("Piano", 0),)
BAR = 4 * 480
C_MAJOR = Key(0, "major")
# roots above the tonic and thirds, one chord to the bar
MAJOR_PHRASE = ((0, 4), (5, 4), (7, 4), (0, 4), (9, 3), (2, 3), (7, 4), (0, 4))
MINOR_PHRASE = ((0, 3), (5, 3), (7, 4), (0, 3), (8, 4), (5, 3), (7, 4), (0, 3))


def phrase(key: str, repeats: int = 1) -> list[tuple[int, int, Key]]:
    """Chords of eight bars in a key, as (root, third, key)."""
    home = parse_key(key)
    chords = MAJOR_PHRASE if home.mode == "major" else MINOR_PHRASE
    return [((root + home.tonic) % 12, third, home) for root, third in chords] * repeats


def in_bars(chords: list[tuple[int, int, Key]]) -> Score:
    """Bass, chord in quarters, and a line of quarters that walks the scale up from the root, a bar to the chord."""
    rows = []
    for bar, (root, third, key) in enumerate(chords):
        tones = [root, root + third, root + 7]
        onset = bar * BAR
        rows.append((onset, BAR, 36 + root))
        rows += [(onset + 480 * beat, 480, 48 + tone) for beat in range(4) for tone in tones]
        steps = [step for step in range(root, root + 12) if (step - key.tonic) % 12 in SCALES[key.mode]][:3]
        walk = [root, *[step for step in steps if step != root], root + 7][:4]
        rows += [(onset + 480 * beat, 480, 72 + step) for beat, step in enumerate(walk)]
    columns = np.array(rows).T
    return Score(notes_from_columns(*columns), PIANO, time_signatures=(TimeSignature(0, 4, 4),))


def regions_of(score: Score) -> list[tuple[str, float, float]]:
    """Key, first bar and bars of each region."""
    layout = lay_out(score)
    found = estimate_key_regions(layout, estimate_key(layout).key)
    return [(region.key, region.onset_quarters / 4, region.duration_quarters / 4) for region in found]


@pytest.mark.parametrize("index", range(KEYS))
def test_a_piece_of_eight_bars_is_in_its_key_throughout(index):
    key = str(key_of(index))
    score = in_bars(phrase(key))
    estimate = estimate_key(lay_out(score))
    assert str(estimate.key) == key
    assert (estimate.majorness > 0) == (estimate.key.mode == "major")
    assert 0.5 < estimate.clarity <= 1
    assert regions_of(score) == [(key, 0, 8)]


@pytest.mark.parametrize("seed", range(5))
def test_transposed_music_is_in_the_transposed_key(make_piece, seed):
    score = make_piece(seed)
    home = estimate_key(lay_out(score))
    assert regions_of(score)[0][0] in [str(key_of(k)) for k in range(KEYS)]
    for step in (1, 4, 6, 11):
        moved = estimate_key(lay_out(score.transposed(step)))
        assert moved.key == Key((home.key.tonic + step) % 12, home.key.mode)
        assert moved.clarity == pytest.approx(home.clarity)
        assert moved.majorness == pytest.approx(home.majorness)
        expected = [
            (str(Key((parse_key(key).tonic + step) % 12, parse_key(key).mode)), onset, bars)
            for key, onset, bars in regions_of(score)
        ]
        assert regions_of(score.transposed(step)) == expected


def test_the_same_notes_are_major_or_minor_by_what_they_rest_on():
    in_major = [(root, third, C_MAJOR) for root, third in [(0, 4), (5, 4), (7, 4), (0, 4)]] * 2
    in_minor = [(root, third, C_MAJOR) for root, third in [(9, 3), (2, 3), (4, 3), (9, 3)]] * 2
    assert str(estimate_key(lay_out(in_bars(in_major))).key) == "C major"
    assert str(estimate_key(lay_out(in_bars(in_minor))).key) == "A minor"


@pytest.mark.parametrize(("home", "away"), [("C major", "G major"), ("G major", "C major"), ("E minor", "G major")])
def test_ends_say_where_home_is(home, away):
    score = in_bars(phrase(home) + phrase(away, 2) + phrase(home))
    assert str(estimate_key(lay_out(score)).key) == home


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("C major", "C# major"), ("C major", "G major"), ("C major", "F major"), ("C major", "C minor"),
        ("A minor", "E minor"), ("A minor", "A major"), ("E minor", "G major"), ("D major", "F# minor"),
        ("F minor", "Ab major"), ("Bb major", "D major"),
    ],
)  # fmt: skip
def test_a_planted_change_of_key_is_found_within_two_bars(first, second):
    found = regions_of(in_bars(phrase(first, 2) + phrase(second, 2)))
    assert [key for key, _, _ in found] == [str(parse_key(first)), str(parse_key(second))]
    assert found[1][1] == pytest.approx(16, abs=2)
    assert found[1][1] + found[1][2] == 32


def test_there_and_back():
    found = regions_of(in_bars(phrase("Eb major") + phrase("Bb major", 2) + phrase("Eb major")))
    assert [key for key, _, _ in found] == ["Eb major", "Bb major", "Eb major"]
    assert [start for _, start, _ in found] == pytest.approx([0, 8, 24], abs=2)


def test_a_secondary_dominant_changes_no_key():
    chords = phrase("C major", 2)
    chords[5] = (2, 4, parse_key("G major"))  # D major before G major
    assert regions_of(in_bars(chords)) == [("C major", 0, 16)]


def test_a_bar_that_opens_elsewhere_belongs_to_what_follows():
    assert regions_of(in_bars([(6, 4, parse_key("F# major")), *phrase("C major", 2)])) == [("C major", 0, 17)]


@pytest.mark.parametrize("seed", range(12))
def test_regions_cover_the_piece_and_name_its_key(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 400))
    onsets = np.sort(rng.integers(0, 1 + int(rng.integers(60)) * BAR, count))
    notes = notes_from_columns(onsets, rng.integers(1, 2000, count), rng.integers(0, 128, count))
    metre = TimeSignature(0, *[(4, 4), (3, 8), (5, 4)][seed % 3])
    layout = lay_out(Score(notes, PIANO, time_signatures=(metre,)))
    key = estimate_key(layout).key
    regions = estimate_key_regions(layout, key)
    assert regions[0].onset_quarters == 0
    for region, following in pairwise(regions):
        assert region.onset_quarters + region.duration_quarters == pytest.approx(following.onset_quarters)
        assert region.key != following.key
    end = regions[-1].onset_quarters + regions[-1].duration_quarters
    assert end == pytest.approx(layout.beats_ticks[-1] / 480)
    assert str(key) in {region.key for region in regions}
    bar = metre.numerator * 4 / metre.denominator
    if len(regions) > 1:
        assert all(region.duration_quarters > bar for region in regions)  # more than one bar: the last may be cut short


def test_odd_scores_have_a_key_where_something_is_pitched(odd_score):
    layout = lay_out(odd_score)
    regions = estimate_key_regions(layout, estimate_key(layout).key)
    assert bool(regions) == bool((layout.slices.count > 0).any())
    measured = analyse(odd_score)
    assert Profile.from_json(measured.to_json()).piece.key_regions == measured.piece.key_regions
    assert len(measured.piece.key_regions) == len(regions)


def test_a_hundred_thousand_notes():
    bars = in_bars(phrase("A minor"))
    notes, repeats = bars.notes, 100_000 // len(bars.notes) + 1
    long = np.tile(notes, repeats)
    long["onset_ticks"] += np.repeat(np.arange(repeats) * 8 * BAR, len(notes)).astype(np.int32)
    found = regions_of(bars.with_notes(long))
    assert len(long) >= 100_000
    assert found == [("A minor", 0, 8 * repeats)]


def test_figures_of_a_piece_that_modulates():
    harmony = analyse(in_bars(phrase("C major", 3) + phrase("G major"))).harmony
    assert harmony.modulations == pytest.approx(0.5)
    assert harmony.home_share == pytest.approx(0.75, abs=0.07)
    still = analyse(in_bars(phrase("C major", 2))).harmony
    assert (still.modulations, still.home_share) == (0, 1)


def test_windows_are_sums_of_the_bars_around():
    chroma = np.random.default_rng(0).random((7, 12))
    expected = [chroma[max(0, bar - 2) : bar + 2].sum(axis=0) for bar in range(7)]
    assert window_sums(chroma) == pytest.approx(np.array(expected))


def test_bars_hold_what_sounds_in_them():
    sound = bar_sound(lay_out(in_bars([(0, 4, C_MAJOR), (7, 4, C_MAJOR)])))
    assert sound.starts_ticks.tolist() == [0, BAR]
    assert sound.lengths_ticks.tolist() == [BAR, BAR]
    assert np.flatnonzero(sound.chroma[0]).tolist() == [0, 2, 4, 7]
    assert sound.chroma[0, 0] == BAR + BAR + 480  # bass, chord, first of the line


def test_likelihoods_sum_to_one_and_turn_with_the_music():
    chroma = np.random.default_rng(1).random((3, 12))
    likely = key_likelihoods(chroma, BAR_PROFILE)
    assert np.exp(likely).sum(axis=1) == pytest.approx(np.ones(3))
    turned = key_likelihoods(np.roll(chroma, 5, axis=1), BAR_PROFILE)
    assert turned[:, :12] == pytest.approx(np.roll(likely[:, :12], 5, axis=1))
    assert turned[:, 12:] == pytest.approx(np.roll(likely[:, 12:], 5, axis=1))


def test_near_keys_lie_near():
    home = KEY_DISTANCES[index_of(parse_key("C major"))]
    order = [str(key_of(int(k))) for k in np.argsort(home)]
    assert order[0] == "C major"
    assert set(order[1:6]) == {"A minor", "E minor", "G major", "F major", "C minor"}
    assert order[-1] in {"F# major", "C# major", "B major"}
    assert pytest.approx(KEY_DISTANCES.T) == KEY_DISTANCES


def test_evidence_of_the_ends_comes_from_the_ends():
    score = in_bars(phrase("C major", 2))
    plain = key_evidence(lay_out(score))
    other_close = key_evidence(lay_out(in_bars([*phrase("C major", 2)[:-2], *phrase("F# major")[-2:]])))
    assert other_close[:, 2] == pytest.approx(plain[:, 2])
    assert other_close[:, 3].argmax() != plain[:, 3].argmax() == 0
    assert np.flatnonzero(plain[:, 4]).tolist() == [0, 12]
    assert np.flatnonzero(other_close[:, 4]).tolist() == [6, 18]


def test_the_opening_is_eight_quarters_long():
    both = in_bars([*phrase("C major")[:2], *phrase("F# major")])
    alone = in_bars(phrase("C major")[:2])
    longer = in_bars([*phrase("C major")[:1], *phrase("F# major")])
    opening = [key_evidence(lay_out(score))[:, 2] for score in (both, alone, longer)]
    assert opening[0] == pytest.approx(opening[1])
    assert opening[0] != pytest.approx(opening[2])


def test_the_key_of_a_piece_has_two_bars_of_it_however_little_speaks_for_it():
    chords = phrase("F# major", 2)
    chords[7] = (0, 4, C_MAJOR)
    regions = estimate_key_regions(lay_out(in_bars(chords)), C_MAJOR)
    lengths = [region.duration_quarters for region in regions if region.key == "C major"]
    assert lengths
    assert min(region.duration_quarters for region in regions) >= 7


@pytest.mark.parametrize("learned", [PHRASE_PROFILE, BAR_PROFILE])
def test_the_learned_profiles_know_the_scale(learned):
    for profile, scale in ((learned.major, [0, 2, 4, 5, 7, 9, 11]), (learned.minor, [0, 2, 3, 5, 7, 8, 10])):
        assert profile[scale].min() > np.delete(profile, [*scale, 8, 11]).max()
        assert {0, 7} <= set(np.argsort(profile)[-3:].tolist())
