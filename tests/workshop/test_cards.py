"""What a style and a composition are told as."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.workshop import plain, style_card


def test_the_card_tells_what_was_learned(make_style):
    card = style_card(make_style("Waltz"))
    assert "3.500 before → 3.250 style told → 3.000 tuned, 0.500 better" in " ".join(card.split())
    assert "3/4, 96 quarters a minute, C major, Flute; Piano" in card
    assert "2 pieces, 200 notes; CC0 (1), licence not stated (1)" in card
    assert "one.mid, two.mid\n" in card
    assert "Minuet 75%, Jig 25%" in card
    assert max(map(len, card.splitlines())) <= 80


def test_the_card_does_not_hide_a_failure(make_style):
    from stilo.styles.style import Proof

    card = style_card(make_style("Waltz", proof=Proof(3.0, 3.25, 3.1, 1, 1, 2.0)))
    assert "3.000 before → 3.100 tuned, 0.100 WORSE" in " ".join(card.split())
    assert "is not told the style's figures when it composes: told them it foresees less, 3.250" in " ".join(
        card.split()
    )
    assert "1 piece (1 note)" in card
    told = style_card(make_style("Waltz", proof=Proof(3.0, 2.75, 3.1, 1, 1, 2.0)))
    assert "3.000 before → 2.750 style told → 3.100 tuned, 0.100 WORSE" in " ".join(told.split())
    assert "foresees less" not in told


@pytest.mark.parametrize(("tuned", "said"), [(3.0004, "nothing gained"), (2.9996, "nothing gained"), (3.001, "WORSE")])
def test_what_is_nothing_in_the_last_digit_is_neither_better_nor_worse(make_style, tuned, said):
    from stilo.styles.style import Proof

    card = " ".join(style_card(make_style("Waltz", proof=Proof(3.0, 3.0, tuned, 1, 1, 2.0))).split())
    assert f"tuned, {said}" in card or f"0.001 {said}" in card


def test_the_card_tells_what_judged_and_that_it_chose_when_to_stop(make_style):
    from stilo.styles.style import Proof, Source

    whole = " ".join(style_card(make_style("Waltz")).split())
    assert "judged on 1 piece (80 notes) it did not learn from; they also chose when to stop tuning" in whole
    style = make_style("Waltz", sources=(Source("a.mid", "0" * 64), Source("b.mid", "1" * 64)))
    parts = " ".join(style_card(style).split())
    assert "the last quarter of each piece (80 notes of 1 piece), kept out of the learning; they also chose" in parts
    assert "did not learn from" not in parts
    untuned = make_style("Waltz", adapter=None, proof=Proof(3.0, 2.5, None, 1, 10, 0.5))
    assert "when to stop" not in style_card(untuned)


def test_the_card_tells_of_no_tuning_that_never_was(make_style):
    from stilo.styles.style import Proof

    in_turn = Proof(2.0, 1.99, 1.9, 10, 800, 3.0, 40, folds=3)
    tuned = " ".join(style_card(make_style("Waltz", proof=in_turn)).split())
    assert "10 pieces (800 notes), each by one of 3 tunings that had not heard it; their mean is kept; they" in tuned
    of_few = " ".join(style_card(make_style("Waltz", proof=replace(in_turn, held_out_pieces=3))).split())
    assert "3 tunings that had not heard it; their mean is kept, as far as so few pieces prove it; they" in of_few
    none = replace(in_turn, tuned_nats_per_note=None, steps=0)
    untuned = " ".join(style_card(make_style("Waltz", adapter=None, proof=none)).split())
    assert (
        "2.000 before → 1.990 style told, 0.010 better judged on 10 pieces (800 notes), each told the style" in untuned
    )
    assert "tun" not in untuned.partition("before")[2].partition("blended")[0]
    in_vain = replace(in_turn, tuned_nats_per_note=1.99, steps=0)
    vain = " ".join(style_card(make_style("Waltz", adapter=None, proof=in_vain)).split())
    assert "1.990 style told, 0.010 better judged on" in vain
    assert "tuning made this music no likelier: nothing of it is kept, the base model stays as it is" in vain
    assert "tunings" not in vain
    assert "when to stop" not in vain


def test_the_card_leaves_out_what_cannot_be_measured_of_drums(make_style):
    from stilo.styles.trial import Trial
    from stilo.workshop.cards import trial_lines

    without = {"pitch": 0.0, "rhythm": 0.4, "harmony": 0.0, "emotion": 0.0}
    [line] = trial_lines(Trial(8, 8, 1, without, {**without, "rhythm": 0.25, "emotion": 0.1}))
    assert line.endswith("distance from your music: rhythm 0.40 → 0.25, emotion 0.00 → 0.10")


def test_of_many_files_the_card_names_twelve(make_style):
    from stilo.styles.style import Source

    sources = tuple(Source(f"/home/ada/{i}.mid", f"{i:064x}") for i in range(14))
    card = style_card(make_style("Waltz", sources=sources))
    assert "0.mid, 1.mid, " in card
    assert "11.mid and 2 more" in " ".join(card.split())
    assert "12.mid" not in card


def test_the_card_says_when_no_tempo_is_named(make_style):
    from stilo.styles.style import Palette

    assert "4/4, no tempo of its own" in style_card(make_style("Waltz", palette=Palette()))


def test_parts_of_one_name_are_counted():
    from stilo.styles.palette import Palette, Part
    from stilo.workshop.cards import palette_line

    parts = [Part("Voice", 52, False, 0), Part("", 0, False, 1), Part("Piano", 0, False, 2)]
    line = palette_line(Palette(parts=(*parts, Part("", 0, False, 3), Part("", 0, True, 4))))
    assert line.endswith(", Voice; Piano (3 parts); Drums")


def test_the_card_tells_the_parts_that_are_composed_for(make_style):
    from stilo.compose.plan import plan_of
    from stilo.compose.request import Request
    from stilo.styles.palette import Palette, Part
    from stilo.workshop.cards import palette_line

    rare = [Part(f"Rare {i}", 40 + i, False, 2 + i, frequency=1 / 21) for i in range(2)]
    palette = Palette(parts=(Part("Voice", 52, False, 0), Part("Piano", 0, False, 1, frequency=0.5), *rare))
    assert palette_line(palette).endswith(", Voice; Piano (without 2 rarer parts)")
    _, tracks = plan_of(make_style(palette=palette), Request(bars=4))
    assert [track.name for track in tracks.values()] == ["Voice", "Piano"]
    assert palette_line(Palette(parts=tuple(rare))).endswith(", Rare 0; Rare 1"), "none is usual: the most frequent"


def test_plain_values():
    assert plain({"a": (np.int64(1), np.array([1.5])), 2: None}) == {"a": [1, [1.5]], "2": None}


def test_a_key_that_was_not_reached_or_cannot_be_heard_is_said():
    from stilo.compose.composer import Composition, Report
    from stilo.compose.judge import measure_figures
    from stilo.compose.request import Request
    from stilo.music.score import Score, Track, notes_from_columns
    from stilo.workshop import composition_line

    score = Score(notes_from_columns([0], [480], [60]), (Track(),))
    wishes = (
        ("A minor", "A major", True),
        ("A minor", "A minor", False),
        ("", "A minor", False),
        ("A minor", "", True),
    )
    for asked, key, said in (*wishes, ("", "", False)):
        report = Report(asked, key, 0.5, 2.0, 4, 1, measure_figures(score))
        line = composition_line(Composition(score, Request(bars=2), report))
        assert key in line
        assert ("asked for A minor" in line) is said
    for distance, far in ((1.04, False), (1.06, True)):
        report = Report("", "", distance, 2.0, 4, 1, measure_figures(score))
        line = composition_line(Composition(score, Request(bars=2), report))
        assert ("farther than 19 of 20 real pieces: try another seed" in line) is far
        assert ("real pieces: 0.5 to 1" in line) is not far


def test_the_card_tells_how_many_pieces_the_base_model_knew(make_style):
    from stilo.styles.style import Proof

    known = " ".join(style_card(make_style("Waltz", proof=Proof(3.5, 3.25, 3.0, 1, 80, 12.5, known_pieces=2))).split())
    assert "when to stop tuning 2 of the 2 pieces the base model knew before, at least in part" in known
    assert "knew before" not in style_card(make_style("Waltz"))
