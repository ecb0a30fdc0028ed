"""Two profiles compared: effects by the formulas of their papers, what is chance, and sentences that are true."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import stdtr

from stilo.elements.compare import adjusted_for_number, compare_profiles, hedges_g, shift_of_divergence
from stilo.elements.contrasts import (
    MOST_LINES,
    common_lines,
    comparison_lines,
    difference_line,
    effect_words,
    too_little_line,
)
from stilo.elements.norms import DIVERGENCES
from stilo.elements.profile import analyse, pool_profiles
from stilo.elements.record import ELEMENTS
from stilo.music.score import Score, Tempo, TimeSignature, Track, notes_from_columns

QUARTER = 480


def tune(seed, tempo=100.0, metre=(4, 4), minor=False, bars=16):
    """A random melody over triads, with a tempo near the given one."""
    rng = np.random.default_rng(seed)
    length = QUARTER * 4 * metre[0] // metre[1]
    scale = np.array([0, 2, 3, 5, 7, 8, 10] if minor else [0, 2, 4, 5, 7, 9, 11])
    melody = [(onset, 200, 72 + rng.choice(scale)) for onset in range(0, bars * length, 240) if rng.random() < 0.8]
    triad = (0, 3, 7) if minor else (0, 4, 7)
    chords = [(i * length, length, 48 + tone + rng.choice([0, 5, 7])) for i in range(bars) for tone in triad]
    rows = np.array([*melody, *chords])
    tracks = np.repeat([0, 1], [len(melody), len(chords)])
    return Score(
        notes_from_columns(rows[:, 0], rows[:, 1], rows[:, 2], 80, tracks),
        (Track("Flute", 73), Track("Piano", 0)),
        tempos=(Tempo(0, tempo + float(rng.normal(0, 9))),),
        time_signatures=(TimeSignature(0, *metre),),
    )


def folder(seeds, **how):
    return pool_profiles([analyse(tune(seed, **how)) for seed in seeds])


@pytest.fixture(scope="module")
def slow():
    return folder(range(8), tempo=96)


@pytest.fixture(scope="module")
def fast_in_three():
    return folder(range(20, 28), tempo=132, metre=(3, 4), minor=True)


def found(comparison, name):
    return next(item for item in comparison.differences if item.name == name)


def test_hedges_g_is_that_of_the_book():
    # Hedges & Olkin 1985: two groups of 10, means 1 apart, deviations 1: g = 1 × (1 − 3 / (4 × 18 − 1))
    g, low, high = hedges_g(1.0, 1.0, 1.0, 10, 10)
    assert g == pytest.approx(1 - 3 / 71)
    half = 1.96 * math.sqrt(20 / 100 + g**2 / 40)
    assert (low, high) == (pytest.approx(g - half), pytest.approx(g + half))


def test_effects_of_folders_follow_from_means_and_spreads(slow, fast_in_three):
    item = found(compare_profiles(slow, fast_in_three), "rhythm.tempo_qpm")
    from scipy.stats import ttest_ind_from_stats

    name = "rhythm.tempo_qpm"
    deviations = [p.spread[name] * math.sqrt(8 / 7) for p in (slow, fast_in_three)]
    means = [p.rhythm.tempo_qpm for p in (slow, fast_in_three)]
    pooled = math.sqrt((deviations[0] ** 2 + deviations[1] ** 2) / 2)
    assert item.effect == pytest.approx((means[1] - means[0]) / pooled * (1 - 3 / 55), rel=1e-6)
    p = ttest_ind_from_stats(means[0], deviations[0], 8, means[1], deviations[1], 8, equal_var=False).pvalue
    assert p <= item.p < 1e-3  # adjusted upward for the number of figures
    assert item.size == "huge"
    assert item.low < item.effect < item.high


def test_the_other_way_round_is_the_same_with_the_sign_turned(slow, fast_in_three):
    there, back = compare_profiles(slow, fast_in_three), compare_profiles(fast_in_three, slow)
    assert there.distance == pytest.approx(back.distance)
    for item in there.differences:
        other = found(back, item.name)
        expected = item.effect if item.distance is not None else -item.effect
        assert other.effect == pytest.approx(expected, abs=1e-9)
        assert other.p == item.p or other.p == pytest.approx(item.p)


def test_the_same_does_not_differ(slow):
    comparison = compare_profiles(slow, slow)
    assert comparison.distance == 0
    assert all(item.effect == 0 for item in comparison.differences)
    assert comparison_lines(comparison) == []
    assert comparison.beyond_chance == 0
    assert common_lines(comparison)


def test_what_differs_is_said_as_a_musician_would(slow, fast_in_three):
    lines = comparison_lines(compare_profiles(slow, fast_in_three))
    text = "\n".join(lines)
    assert f"B is faster: {fast_in_three.rhythm.tempo_qpm:.0f} against {slow.rhythm.tempo_qpm:.0f} quarters" in text
    assert "A is in 4/4, B in 3/4" in text
    assert "B is more often in minor" in text or "♭3" in text
    assert len(lines) <= MOST_LINES
    back = "\n".join(comparison_lines(compare_profiles(fast_in_three, slow)))
    assert "B is slower" in back
    assert "A is in 3/4, B in 4/4" in back


def test_what_both_share(slow):
    other = folder(range(40, 48), tempo=96)
    common = common_lines(compare_profiles(slow, other))
    assert "4/4" in common or len(common) == 4
    assert len(common) <= 4


def test_two_halves_of_one_kind_hardly_differ():
    """Of pieces drawn alike about none of the figures may differ beyond chance."""
    finds = figures = 0
    for seed in range(3):
        seeds = np.random.default_rng(seed).permutation(16)
        comparison = compare_profiles(folder(seeds[:8] + 100 * seed), folder(seeds[8:] + 100 * seed))
        finds += comparison.beyond_chance
        figures += sum(item.p is not None for item in comparison.differences)
    assert finds <= 0.05 * figures


def test_few_pieces_prove_little(slow):
    """The same difference of means is beyond chance with many pieces only."""
    faster = replace(slow, rhythm=replace(slow.rhythm, tempo_qpm=slow.rhythm.tempo_qpm + 5))
    many = [replace(profile, pieces=400) for profile in (slow, faster)]
    few = [replace(profile, pieces=2) for profile in (slow, faster)]
    assert not found(compare_profiles(*many), "rhythm.tempo_qpm").may_be_chance
    item = found(compare_profiles(*few), "rhythm.tempo_qpm")
    assert item.may_be_chance
    assert not any("faster" in line for line in comparison_lines(compare_profiles(*few)))


def test_one_piece_beside_one_knows_no_chance():
    comparison = compare_profiles(analyse(tune(1)), analyse(tune(2, tempo=160)))
    assert comparison.beyond_chance is None
    item = found(comparison, "rhythm.tempo_qpm")
    assert item.p is None
    assert item.effect == pytest.approx((item.b - item.a) / ELEMENTS["rhythm.tempo_qpm"].spread)
    assert any("B is faster" in line and "(d = +" in line for line in comparison_lines(comparison))


def test_a_piece_beside_a_folder_is_placed_among_its_pieces(slow):
    comparison = compare_profiles(slow, analyse(tune(5, tempo=200)))
    item = found(comparison, "rhythm.tempo_qpm")
    deviation = slow.spread["rhythm.tempo_qpm"] * math.sqrt(8 / 7)
    assert item.effect == pytest.approx((item.b - item.a) / deviation)
    assert not item.may_be_chance
    usual = found(compare_profiles(slow, analyse(tune(3, tempo=96))), "rhythm.tempo_qpm")
    assert usual.may_be_chance


def test_a_new_piece_is_judged_by_the_spread_and_by_how_few_gave_it(slow):
    comparison = compare_profiles(slow, analyse(tune(5, tempo=200)))
    raw = []
    for item in comparison.differences:
        if item.p is not None:
            raw.append(2 * stdtr(7, -abs(item.effect) / math.sqrt(1 + 1 / 8)))
    given = [item.p for item in comparison.differences if item.p is not None]
    assert min(given) < 0.9
    assert given == pytest.approx(adjusted_for_number(raw))


def test_adjusted_p_values_are_those_of_the_paper():
    given = [0.01, None, 0.04, 0.03, 0.005]
    assert adjusted_for_number(given) == [pytest.approx(0.02), None, pytest.approx(0.04), pytest.approx(0.04),
                                          pytest.approx(0.02)]  # fmt: skip


def test_divergence_as_a_shift_of_normal_distributions():
    assert shift_of_divergence(-0.1) == 0
    assert shift_of_divergence(1.0) == pytest.approx(4)
    x = np.linspace(-12, 12, 200_001)
    for apart in (0.5, 1.0, 2.0):
        p, q = (np.exp(-((x - shift) ** 2) / 2) for shift in (-apart / 2, apart / 2))
        p, q = p / p.sum(), q / q.sum()
        mean = (p + q) / 2
        divergence = ((p * np.log2(p / mean)).sum() + (q * np.log2(q / mean)).sum()) / 2
        assert shift_of_divergence(divergence) == pytest.approx(apart, abs=0.01)


def test_every_histogram_has_an_ordinary_divergence():
    tables = {name for name, element in ELEMENTS.items() if not hasattr(element, "unit")}
    assert tables == set(DIVERGENCES), "run benchmarks/music_at_large.py"


def test_too_little_music_is_not_compared(slow, make_line):
    few = analyse(make_line([60, 64], [1, 1]))
    for comparison, letter in ((compare_profiles(slow, few), "B"), (compare_profiles(few, slow), "A")):
        assert too_little_line(comparison) == f"Too little music to tell: {letter} has two notes, one bar."
        assert comparison_lines(comparison) == common_lines(comparison) == []
    assert too_little_line(compare_profiles(slow, slow)) == ""


@pytest.mark.parametrize(
    ("metre", "place", "name"),
    [("4/4", 0, "beat 1"), ("4/4", 18, "the “and” of beat 2"), ("4/4", 33, "the off-beat sixteenths of beat 3"),
     ("3/4", 40, "the “and” of beat 3"), ("12/8", 28, "the second eighth of beat 3"),
     ("6/8", 40, "the third eighth of beat 2"),
     ("4/4", 8, "the triplets of beat 1")],
)  # fmt: skip
def test_places_of_the_bar_are_named_as_players_count(slow, metre, place, name):
    a, b = [0.0] * 48, [0.0] * 48
    a[1], b[place] = 1.0, 1.0
    rhythm = replace(slow.rhythm, metres={metre: 1.0})
    sides = [replace(slow, rhythm=replace(rhythm, bar_places=tuple(row))) for row in (a, b)]
    comparison = compare_profiles(*sides)
    text = difference_line(comparison, found(comparison, "rhythm.bar_places"))
    assert text == f"B has more onsets on {name}"


def test_moves_both_up_and_down_are_named_once(slow):
    a, b = [0.0] * 25, [0.0] * 25
    a[11] = a[13] = 0.5  # a semitone down and up
    b[12] = 1.0
    sides = [replace(slow, pitch=replace(slow.pitch, intervals=tuple(row))) for row in (a, b)]
    comparison = compare_profiles(*sides)
    text = difference_line(comparison, found(comparison, "pitch.intervals"))
    assert text == "B has more repeated notes, fewer half steps up and down in its melody"
    assert not re.search(r"\d", effect_words(comparison, found(comparison, "pitch.intervals")))


def test_the_distance_is_told_on_a_scale(slow):
    comparison = compare_profiles(slow, slow)
    words = [replace(comparison, distance=distance).distance_words for distance in (0.0, 0.05, 0.2, 0.3, 0.5, 0.7)]
    assert len({text.split(";")[0].split(", ")[1] for text in words}) == 6
    assert words[0].startswith("0.00, the same; 0 is the same, styles lie 0.09 … 0.59 apart")
    assert words[3].startswith("0.30, clearly apart;")


def test_everything_is_in_the_json(slow, fast_in_three):
    told = json.loads(json.dumps(compare_profiles(slow, fast_in_three).to_json(), allow_nan=False))
    names = {item["element"] for item in told["differences"]}
    assert set(ELEMENTS) - names == {"harmony.keys", "rhythm.bars", "rhythm.seconds", "rhythm.sections"}
    effects = [abs(item["effect"]) for item in told["differences"]]
    assert effects == sorted(effects, reverse=True)
    assert told["pieces"] == [8, 8]
    for item in told["differences"]:
        assert (item["interval"] is None) == (item["jensen_shannon"] is not None)


@pytest.mark.parametrize("odd", ["no notes", "drums only", "one note", "every pitch", "endless bar"])
def test_odd_music_can_be_compared(odd, odd_scores, slow):
    profile = analyse(odd_scores[odd])
    for a, b in ((profile, slow), (slow, profile), (profile, profile)):
        comparison = compare_profiles(a, b)
        json.dumps(comparison.to_json(), allow_nan=False)
        for line in [*comparison_lines(comparison), *common_lines(comparison)]:
            assert not re.search(r"\bnan\b", line)
            assert "  " not in line
        if profile.pitch.pitched_share == 0:
            assert not any(item.name.startswith(("pitch.", "harmony.")) for item in comparison.differences)


def test_every_element_has_a_line_when_it_differs(slow, fast_in_three):
    comparison = compare_profiles(slow, fast_in_three)
    for item in comparison.differences:
        text = difference_line(comparison, item)
        assert not text or text.startswith(("A is ", "B "))
        if hasattr(ELEMENTS[item.name], "unit"):
            assert " against " in text
