"""What is found of a copy: the trap set, whereabouts, rarity."""

import json
from itertools import pairwise

import numpy as np
import pytest

from stilo.originality.base import NO_STOCK
from stilo.originality.check import check_trace
from stilo.originality.index import MOST_TIMES, has_pitches, index_of
from stilo.originality.level import COPY_BITS, GENERAL, level_of
from stilo.originality.lines import notes_of_score
from stilo.originality.passages import most_bits
from stilo.originality.runs import MELODY, runs_of, trace_of
from stilo.originality.stock import COMMON_FROM, RAREST_HOLDERS, stock_of


def checked(score, folder, left_out=()):
    return check_trace(trace_of(notes_of_score(score)), folder.index, folder.level, left_out)


def traps(make, folder, source):
    score = folder.scores[source]
    return {
        "verbatim": score,
        "transposed": score.transposed(5),
        "double speed": make.double_speed(score),
        "half speed": make.half_speed(score),
        "ornamented": make.ornamented(score),
        "reordered": make.reordered(score),
        "three times": make.times_through(score, 3),
        "loop": make.loop(),
        "unseen": make.piece(100 + source),
    }


@pytest.mark.parametrize("source", [0, 3, 7])
def test_the_trap_set_is_ranked_rightly(make, folder, source):
    found = {name: checked(score, folder) for name, score in traps(make, folder, source).items()}
    copies = [name for name in found if name not in ("loop", "unseen")]
    for name in copies:
        assert found[name].verdict == "copied", name
        assert found[name].passages[0].source == f"piece{source}"
        assert found[name].originality < 0.5
    assert found["verbatim"].bits == pytest.approx(found["transposed"].bits)
    assert found["verbatim"].bits > found["ornamented"].bits > found["unseen"].bits
    assert found["verbatim"].bits > found["reordered"].bits > found["unseen"].bits
    assert found["unseen"].verdict != "copied"
    assert (found["loop"].verdict, found["loop"].originality, found["loop"].copied_share) == ("original", 1.0, 0.0)
    assert found["loop"].bits < COPY_BITS / 5


def test_a_loop_is_no_copy_of_a_piece_that_loops(make, folder):
    """Two notes over and over are in the folder, too: one is a figure, and the tune beside it is not."""
    known = make.planted(folder.scores[0], make.loop(16), 8)
    runs = [runs_of(notes_of_score(score)) for score in (known, *folder.scores[1:])]
    index = index_of([(str(number), one) for number, one in enumerate(runs)], NO_STOCK)
    trace = trace_of(notes_of_score(make.loop()))
    shared = index.shared(trace.runs)
    assert set(shared.piece.tolist()) == {0}
    loop = runs_of(notes_of_score(make.loop()))
    assert set(loop["hash"].tolist()) <= set(runs[0]["hash"].tolist())  # all of it is known
    found = check_trace(trace, index, folder.level)
    assert (found.verdict, found.copied_share) == ("original", 0.0)
    host = make.planted(make.planted(make.piece(600), make.loop(8), 4), make.bars(folder.scores[0], 16, 8), 20)
    copied = check_trace(trace_of(notes_of_score(host)), index, folder.level)
    assert copied.verdict == "copied"
    assert all(passage.bars[0] >= 20 for passage in copied.beyond)


@pytest.mark.parametrize("seed", range(8))
def test_planted_bars_are_found_with_their_numbers(make, folder, seed):
    rng = np.random.default_rng(seed)
    source, first, at = int(rng.integers(10)), int(rng.integers(0, 24)), int(rng.integers(2, 30))
    passage = make.bars(folder.scores[source], first, 8)
    found = checked(make.planted(make.piece(200 + seed), passage.transposed(5), at), folder)
    best = found.passages[0]
    assert (found.verdict, best.source) == ("copied", f"piece{source}")
    assert (
        np.abs(np.array(best.bars) - (at + 1, at + 8)).max() <= 1
    )  # the first note after it may be the same by chance
    assert np.subtract(best.bars, best.source_bars).tolist() == [at - first] * 2
    assert (best.transposition, best.tempo_ratio, best.is_in_order) == (5, 1.0, True)
    assert best.is_texture
    assert 0.1 < found.copied_share < 0.4


@pytest.mark.parametrize("seed", range(6))
def test_planted_bars_are_found_with_notes_added_or_in_another_order(make, folder, seed):
    passage = make.bars(folder.scores[seed], 4, 8)
    host = make.piece(300 + seed)
    ornamented = checked(make.planted(host, make.ornamented(passage, seed=seed), 10), folder)
    assert ornamented.verdict == "copied"
    assert ornamented.passages[0].is_in_order
    assert abs(ornamented.passages[0].bars[0] - 11) <= 2
    mixed = checked(make.planted(host, make.reordered(passage, seed=seed), 10), folder)
    assert (mixed.verdict, mixed.passages[0].source) == ("copied", f"piece{seed}")


@pytest.mark.parametrize("times", [1, 3, 6])
def test_a_copy_that_is_played_several_times_is_one(make, folder, times):
    """Songs have verses, and dances are played over and over: what comes again after eight bars is no figure."""
    copy = make.times_through(make.bars(folder.scores[3], 8, 8).transposed(2), times)
    found, once = (checked(one, folder) for one in (copy, make.bars(folder.scores[3], 8, 8)))
    assert (found.verdict, found.passages[0].source) == ("copied", "piece3")
    assert found.bits > 0.95 * once.bits


def test_double_speed_is_said(make, folder):
    best = checked(make.double_speed(folder.scores[2]), folder).passages[0]
    assert (best.tempo_ratio, best.transposition) == (2.0, 0)


@pytest.mark.parametrize("first", [0, 5])
@pytest.mark.parametrize("speed", ["double_speed", "half_speed"])
def test_bars_are_found_in_other_note_values(make, folder, speed, first):
    """In a file of halved note values two bars stand in one, in one of doubled ones a bar stands in two."""
    for source in range(4):
        passage = getattr(make, speed)(make.bars(folder.scores[source], first, 8)).transposed(3)
        found = checked(make.planted(make.piece(800 + source), passage, 7 + source), folder)
        assert (found.verdict, found.passages[0].source) == ("copied", f"piece{source}")


def test_two_copies_are_two_passages(make, folder):
    host = make.planted(make.piece(400), make.bars(folder.scores[1], 0, 8), 20)
    host = make.planted(host, make.bars(folder.scores[6], 8, 8), 4)
    found = checked(host, folder).beyond
    assert {passage.source for passage in found} == {"piece1", "piece6"}
    bars = sorted(passage.bars for passage in found)
    assert all(one[1] < two[0] for one, two in pairwise(bars))


def test_what_is_near_is_not_counted_as_copied(make, folder):
    """Eight bars of one piece are copied; three of another are near, and no part of the copy."""
    host = make.planted(make.piece(400), make.bars(folder.scores[1], 0, 8), 20)
    host = make.planted(host, make.bars(folder.scores[6], 8, 3), 4)
    found = checked(host, folder)
    near = [passage for passage in found.beyond if passage.bits < COPY_BITS]
    assert (found.verdict, [passage.source for passage in near]) == ("copied", ["piece6"])
    assert 0.1 < found.copied_share < 0.3
    assert found.near_share > found.copied_share + 0.03


@pytest.mark.parametrize(("bars", "with_chords"), [(3, False), (2, True)])
def test_of_a_short_piece_it_is_said_that_it_is_too_short(make, bars, with_chords):
    """Even note for note it would not share as much as a copy does."""
    known = [make.piece(seed, with_chords=with_chords) for seed in range(10)]
    runs = [runs_of(notes_of_score(score)) for score in known]
    index = index_of([(f"piece{number}", one) for number, one in enumerate(runs)], NO_STOCK)

    def found(score):
        return check_trace(trace_of(notes_of_score(score)), index, level_of(runs, index))

    short = found(make.bars(make.piece(700, with_chords=with_chords), 8, bars))
    told = short.to_json()
    assert (short.verdict, told["verdict"]) == ("too short", "too short")
    assert (told["too_short"], told["whole_of"], told["originality"]) == (True, None, None)
    copied = found(make.bars(known[4], 8, bars).transposed(2))
    assert (copied.verdict, copied.is_too_short, copied.whole_of) == ("near", True, "piece4")
    note = make.bars(known[4], 8, 1)
    one = found(note.with_notes(note.notes[:1]))
    assert (one.verdict, one.whole_of) == ("too short", "")


def test_a_passage_that_comes_twice_hides_no_other(make, folder):
    first, second = make.bars(folder.scores[1], 4, 8), make.bars(folder.scores[2], 4, 8)
    host = make.piece(500, bars=48)
    for passage, at in ((first, 40), (second, 20), (first, 4)):
        host = make.planted(host, passage, at)
    found = {passage.source: passage.bars for passage in checked(host, folder).beyond}
    assert set(found) == {"piece1", "piece2"}
    for source, bars in (("piece1", (5, 12)), ("piece2", (29, 36))):
        assert np.abs(np.subtract(found[source], bars)).max() <= 1


def test_a_piece_is_left_out_when_it_is_held_against_its_own_folder(folder):
    assert checked(folder.scores[4], folder).verdict == "copied"
    assert checked(folder.scores[4], folder, left_out=[4]).verdict == "original"


def test_nothing_is_shared_with_nothing(folder):
    empty = index_of([], NO_STOCK)
    found = check_trace(trace_of(notes_of_score(folder.scores[0])), empty, GENERAL)
    assert (found.bits, found.passages, found.verdict) == (0.0, (), "original")
    without = folder.scores[0].with_notes(folder.scores[0].notes[:0])
    assert checked(without, folder).bits == 0.0


def test_the_same_is_found_every_time_and_as_json(make, folder):
    score = make.planted(make.piece(500), make.bars(folder.scores[1], 0, 8), 3)
    first, second = (json.dumps(checked(score, folder).to_json(), allow_nan=False) for _ in range(2))
    assert first == second
    told = json.loads(first)
    figures = {"originality", "bits", "level", "copied_share", "near_share"}
    assert set(told) == figures | {"verdict", "too_short", "whole_of", "runs"}
    assert told["runs"][0]["bars"] in ([4, 11], [4, 12])


@pytest.mark.parametrize("holders", [COMMON_FROM, 500, 9_000])
def test_common_stock_counts_little(folder, holders):
    """What many of ten thousand pieces have counts by how many: what nearly all have is no copy of anybody."""
    runs = folder.runs[0]
    common = stock_of(np.repeat(np.unique(runs["hash"]), holders), 10_000)
    with_stock, bare = (most_bits(runs, index_of([("0", runs)], stock).shared(runs)) for stock in (common, NO_STOCK))
    assert bare > 4 * COPY_BITS
    assert with_stock == pytest.approx(bare * np.log2(10_000 / holders) / np.log2(10_000 / RAREST_HOLDERS))
    assert (with_stock < COPY_BITS / 2) == (holders == 9_000)


def test_what_few_pieces_have_is_no_stock(folder):
    assert len(stock_of(np.repeat(np.unique(folder.runs[0]["hash"]), COMMON_FROM - 1), 10_000).hashes) == 0


def test_what_three_pieces_of_a_collection_have_is_stock_of_their_style(make, folder):
    """Sixteen bars of each of four pieces are the same, and the other sixteen are not."""
    common = make.bars(folder.scores[0], 0, 16)
    with_it = [make.planted(make.piece(60 + number, bars=32), common, 8) for number in range(4)]
    runs = [runs_of(notes_of_score(score)) for score in (*with_it, *folder.scores[1:])]
    named = [(str(number), one) for number, one in enumerate(runs)]
    asked = runs_of(notes_of_score(common))
    two, four = index_of([*named[:2], *named[4:]], NO_STOCK), index_of(named, NO_STOCK)
    assert most_bits(asked, two.shared(asked)) > 2 * COPY_BITS
    assert most_bits(asked, four.shared(asked)) < 0.2 * most_bits(asked, two.shared(asked))


@pytest.mark.parametrize(("pieces", "twins"), [(1, 3), (5, 4), (10, 10)])
def test_twins_do_not_make_a_piece_stock(make, pieces, twins):
    """A tune as MIDI, as MusicXML and as melody alone is one holder: who copies it has copied."""
    scores = [make.piece(number) for number in range(pieces)]
    tune = scores[0].with_notes(scores[0].notes[scores[0].notes["track"] == 0])
    scores += [(scores[0], tune)[number % 2].transposed(number) for number in range(1, twins)]
    runs = [runs_of(notes_of_score(score)) for score in scores]
    index = index_of([(str(number), one) for number, one in enumerate(runs)], NO_STOCK)
    assert index.twins.tolist() == [*range(pieces), *[0] * (twins - 1)]
    copy = make.planted(make.piece(77), make.bars(scores[0], 8, 8).transposed(3), 12)
    found = check_trace(trace_of(notes_of_score(copy)), index, level_of(runs, index))
    assert found.verdict == "copied"
    unseen = check_trace(trace_of(notes_of_score(make.piece(78))), index, level_of(runs, index))
    assert unseen.verdict != "copied"


def test_figures_that_come_again_and_again_count_less(make):
    once = make.piece(1, bars=2)
    again = once
    for at in (2, 4, 6, 8):
        again = make.planted(again, once, at)
    index = index_of([("figure", runs_of(notes_of_score(once)))], NO_STOCK)
    alone, often = (runs_of(notes_of_score(score)) for score in (once, again))
    assert most_bits(often, index.shared(often)) < most_bits(alone, index.shared(alone))


def test_the_level_leaves_out_forms_of_one_piece(make, folder):
    doubled = [*folder.runs, runs_of(notes_of_score(folder.scores[0].transposed(2)))]
    index = index_of([(str(i), runs) for i, runs in enumerate(doubled)], NO_STOCK)
    level = level_of(doubled, index)
    assert level.quoting == 2
    assert level.p95 < COPY_BITS
    assert (level.pieces, level.p95) == (11, pytest.approx(folder.level.p95, rel=0.5))


def test_of_one_piece_the_level_is_that_of_music_at_large(folder):
    assert level_of(folder.runs[:1], index_of([("one", folder.runs[0])], NO_STOCK)) == GENERAL


def test_an_index_keeps_a_run_of_a_piece_some_times_at_most(make):
    runs = runs_of(notes_of_score(make.loop()))
    index = index_of([("loop", runs)], NO_STOCK)
    assert np.unique(index.rows["hash"], return_counts=True)[1].max() == MOST_TIMES
    assert (runs["kind"] == MELODY).sum() > MOST_TIMES


def test_an_index_says_how_much_of_each_piece_is_somewhere(make, folder):
    looped = [*folder.runs[:2], runs_of(notes_of_score(make.loop())), folder.runs[0][:0]]
    index = index_of([(str(number), one) for number, one in enumerate(looped)], NO_STOCK)
    for number, runs in enumerate(looped):
        assert np.array_equal(np.unique(index.rows_of(number)["hash"]), np.unique(runs["hash"]))
    half = np.unique(np.concatenate([folder.runs[0]["hash"], np.unique(folder.runs[1]["hash"])[::2]]))
    assert index.shares_in(half) == pytest.approx([1.0, 0.5, 0.0, 0.0], abs=0.05)


def test_an_index_has_a_largest_size(folder):
    with pytest.raises(ValueError, match="65535"):
        index_of([("", folder.runs[0][:0])] * 65_536, NO_STOCK)


def test_without_pitches_no_transposition_is_told(make, folder):
    index = folder.index.without_pitches()
    assert not has_pitches(index.rows)
    found = check_trace(trace_of(notes_of_score(folder.scores[5].transposed(3))), index, folder.level)
    assert found.passages[0].transposition is None
    assert found.passages[0].source_bars == (1, 32)
