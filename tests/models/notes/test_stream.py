"""Batches for training: windows, instruments, what is told and what is given."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stilo.models.labels import NO_ROOT
from stilo.models.notes.candidates import GIVEN
from stilo.models.notes.conditions import ConditionDraw, chords_told, controls_told, form_told
from stilo.models.notes.corruption import Window
from stilo.models.notes.features import Features
from stilo.models.notes.fields import GAP, PART, PARTS, PITCH, RANKS
from stilo.models.notes.stream import (
    LONGEST_WINDOW_NOTES,
    Stream,
    _chances,
    _window,
    batch_of,
    on_parts,
    other_instruments,
    transposition,
)
from stilo.models.notes.told import CONDITION_TABLES, MOST_PARTS, NO_TONIC, Told, condition_columns
from stilo.models.notes.train import style_statistics
from stilo.models.tokens import DRUMS, END, PROGRAMS, Part, with_end


def test_rows_go_on_from_batch_to_batch(pieces, make_source):
    stream = Stream(make_source(pieces), rows=3, length=40)
    first, second = batch_of(*stream.draw()), batch_of(*stream.draw())
    assert first.fields.shape == (3, 40, 5)
    names = list(Features.__dataclass_fields__)
    assert all(getattr(first, name).shape[:2] == (3, 40) for name in names)
    for row in range(3):
        ended = int(first.fields[row, -1, 0]) == END
        begins = int(second.notes[row, 0, 8]) == 1
        assert ended == begins
        if not begins:  # the note before the first of a batch is the last of the batch before
            assert int(second.notes[row, 0, 0]) == int(first.fields[row, -1, 0])


def test_every_piece_is_played_from_its_first_note_to_its_end(pieces, make_source):
    stream = Stream(make_source(pieces), rows=2, length=700)
    batch = batch_of(*stream.draw())
    ended, begun = batch.fields[..., 0] == END, batch.notes[..., 8] == 1
    assert int(ended.sum()) > 4
    assert torch.equal(ended[:, :-1], begun[:, 1:])
    piece = batch.piece[:, 1:] - batch.piece[:, :-1]
    assert torch.equal(piece == 1, begun[:, 1:])  # what is told changes with the piece
    assert piece.max() == 1


def test_the_same_seed_draws_the_same_batches(pieces, make_source):
    again = [batch_of(*Stream(make_source(pieces, seed), 2, 50).draw()) for seed in (4, 4, 5)]
    assert torch.equal(again[0].values, again[1].values)
    assert torch.equal(again[0].condition, again[1].condition)
    assert not torch.equal(again[0].values, again[2].values)


def test_everything_is_sometimes_told_and_sometimes_not(pieces, make_source):
    source = make_source(pieces)
    told = [source.draw()[1] for _ in range(120)]
    assert sum(one.style is None for one in told) > 20
    for name in ("style", "chords", "form", "controls", "bars"):
        assert any(getattr(one, name) is not None for one in told), name
    assert any(one.programs for one in told)
    assert {one.metre for one in told} == {True, False}
    facets = np.array([one.style.facets for one in told if one.style is not None])
    assert facets.any(0).all()
    assert not facets.all(0).any()
    nothing = [
        one for one in told if one.style is None and one.chords is None and one.form is None and not one.programs
    ]
    assert nothing


def test_of_parts_that_are_written_to_others_the_programs_are_told(pieces, make_source):
    source = make_source(pieces)
    drawn = [source.draw() for _ in range(150)]
    told = [(features, one.written) for features, one in drawn if one.written]
    assert 5 < len(told) < 50
    for features, written in told:
        part = features.fields[features.fields[:, GAP] != END, PART]
        given = np.unique(part[part == features.values[: len(part), PART, GIVEN]])
        assert len(given)
        assert written == set((part[~np.isin(part, given)] % PROGRAMS).tolist())
    assert any((features.values[:, PART, GIVEN] < PARTS).any() for features, one in drawn if not one.written)


def test_a_style_is_mostly_that_of_other_pieces_of_the_same_hand(make_labelled):
    pieces = [make_labelled(seed, notes=60) for seed in (0, 3, 6, 9)]  # one group
    assert len({piece.group for piece in pieces}) == 1
    mean, deviation = style_statistics(pieces)
    draw = ConditionDraw(pieces, (mean, 0 * deviation), np.random.default_rng(0))
    drawn = [draw._style(pieces[0]) for _ in range(120)]
    styles = [style.measured for style in drawn if not np.allclose(style.measured, mean)]
    assert 50 < len(styles) < 90, "measured or not"
    assert 10 < sum(not style.learned.any() for style in drawn) < 40, "learned or not"
    own = [np.allclose(style, pieces[0].embedding) for style in styles]
    assert 2 < sum(own) < 25
    others = np.stack([piece.embedding for piece in pieces[1:]])
    for style, is_own in zip(styles, own, strict=True):
        if not is_own:
            weights, *_ = np.linalg.lstsq(others.T, style, rcond=None)
            assert np.allclose(others.T @ weights, style, atol=1e-4)


def test_chords_move_with_the_notes(pieces, make_source):
    piece = pieces[0]
    draw = make_source(pieces).conditions
    index = np.arange(len(piece.steps))
    found = None
    while found is None:
        found = draw.draw(piece, piece.steps, index, 5).chords
    roots = (piece.labels["chord_root"].astype(int) + 5) % 12
    assert np.array_equal(found.root, roots)
    told = chords_told(piece.labels, piece.steps)
    drawn = [one for one in (draw.draw(piece, piece.steps, index, 5).chords for _ in range(80)) if one is not None]
    with_bass = [one for one in drawn if (one.bass < NO_ROOT).any()]
    assert 0 < len(with_bass) < len(drawn), "the bass is sometimes left open"
    for name in ("bass", "next_bass"):
        own = getattr(told, name)
        assert np.array_equal(getattr(with_bass[0], name), np.where(own < NO_ROOT, (own + 5) % 12, NO_ROOT))
    changes = np.flatnonzero(np.diff(piece.labels["chord_onset"])) + 1
    at = changes[0] - 1
    assert found.next_root[at] == roots[changes[0]]
    assert found.ahead[at] == piece.labels["chord_onset"][changes[0]] - piece.steps["onset"][at]
    assert found.ahead[-1] == -1


def test_windows_are_told_as_they_are_moved_and_mistakes_are_marked(make_labelled, make_source):
    """Chords whose root is the note itself, and a key that begins with it, stay so whatever the transposition."""
    piece = make_labelled(1, notes=100, parts=(Part(0), Part(40)))
    labels = piece.labels.copy()
    labels["chord_root"] = piece.steps["pitch"] % 12
    piece = replace(piece, labels=labels, key=(int(labels["chord_root"][0]), 0))
    source = make_source([piece])
    tonics, mistakes, chords = set(), 0, 0
    for _ in range(120):
        features, told = source.draw()
        learned, classes = features.counts == 1, features.fields[:, PITCH] % 12
        mistakes += int((~learned).sum())
        if told.chords is not None:
            assert np.array_equal(told.chords.root[learned], classes[learned])
            chords += int((told.chords.root != classes).sum())
        if told.tonic < NO_TONIC and learned[0]:
            assert told.tonic == classes[0]
            tonics.add(told.tonic)
        if told.bars is not None:
            assert told.bars == piece.steps["bar"][-1] + 1
    assert len(tonics) > 4
    assert mistakes > chords > 0  # wrong notes, and they alone, are not those of their chords


def test_drums_are_not_transposed(make_labelled, make_source):
    piece = make_labelled(3, notes=100)
    piece.steps["pitch"][piece.steps["pitch"] >= 128] = 128 + 38
    source, sounds = make_source([piece]), set()
    for _ in range(20):
        features, _ = source.draw()
        sounds |= set(features.fields[features.counts == 1, PITCH].tolist())
    assert {sound for sound in sounds if sound >= 128} == {128 + 38}
    assert len(sounds) > 30


def test_the_form_is_told_by_bars(pieces):
    bar = pieces[0].steps["bar"].astype(int)
    form = form_told(pieces[0].labels, pieces[0].steps)  # sections of four bars
    assert form.elapsed.tolist() == (bar % 4).tolist()
    assert form.left.tolist() == (3 - bar % 4).tolist()
    assert form.lag.tolist() == np.where(bar >= 8, 8, 0).tolist()


def test_controls_are_those_of_the_window(pieces):
    piece = pieces[1]
    half = np.flatnonzero(piece.steps["bar"] >= 5)
    steps = piece.steps[half].copy()
    controls = controls_told(steps, piece.labels[half])
    assert len(controls) == steps["bar"][-1] - steps["bar"][0] + 1
    assert controls[0, 4:].tolist() == [steps["bar"][0] % 8, (steps["bar"][0] + 3) % 8]


def test_windows_of_long_pieces_begin_at_nothing(make_labelled, make_source):
    piece = make_labelled(1, notes=2 * LONGEST_WINDOW_NOTES)
    source = make_source([piece])
    lengths = []
    for _ in range(6):
        features, _ = source.draw()
        lengths.append(len(features.fields))
        assert features.notes[0, 8] == 1
        assert features.fields[0, 0] == features.position[0]
    assert max(lengths) <= LONGEST_WINDOW_NOTES


def test_long_pieces_are_heard_at_their_beginning_their_end_and_between(make_labelled):
    piece, rng = make_labelled(1, notes=2 * LONGEST_WINDOW_NOTES), np.random.default_rng(0)
    drawn = [_window(piece, rng) for _ in range(200)]
    begun, ended = sum(one.index[0] == 0 for one in drawn), sum(one.has_end for one in drawn)
    assert 50 < begun < 90
    assert 35 < ended < 70
    assert len({int(one.index[0]) for one in drawn}) > 40
    for one in drawn:
        assert np.array_equal(one.steps["pitch"], piece.steps["pitch"][one.index])


def test_small_sets_are_heard_more_than_their_share_and_long_pieces_less(make_piece):
    long, short = make_piece(1, notes=400), make_piece(1, notes=100)
    named = [
        replace(long, name="a/1"),
        *(replace(short, name=f"b/{i}") for i in range(8)),
        replace(long, name="b/long"),
    ]
    notes = np.array([len(piece.steps) for piece in named])
    chances = _chances(named)
    assert chances.sum() == pytest.approx(1)
    assert chances[0] / chances[1:].sum() == pytest.approx((notes[0] / notes[1:].sum()) ** 0.7)
    assert chances[-1] / chances[1] == pytest.approx((notes[-1] / notes[1]) ** 0.5)
    halved = _chances([replace(named[0], name="polish_more/1"), *named[1:]])
    assert halved[0] / halved[1:].sum() == pytest.approx(0.5 * chances[0] / chances[1:].sum())


def test_the_end_stays_last_on_other_parts(make_steps):
    steps = with_end(make_steps(3, notes=80))
    window = Window(steps, np.minimum(np.arange(len(steps)), len(steps) - 2), np.ones(len(steps), bool))
    tokens = [int(token) for token in np.unique(steps["part"]) if token % PROGRAMS != DRUMS]
    moved = on_parts(window, {token: Part(40, i).token for i, token in enumerate(tokens)})
    assert moved.has_end
    assert (moved.steps["gap"][:-1] != END).all()
    assert len(moved.steps) == len(moved.index)
    onsets = np.cumsum(moved.steps["gap"][:-1].astype(int))
    assert np.array_equal(onsets, moved.steps["onset"][:-1])
    same = piece_pitches(steps, moved.index[:-1]) == moved.steps["pitch"][:-1].astype(int)
    assert same.all()


def piece_pitches(steps, index):
    return steps["pitch"][index].astype(int)


def test_instruments_change_sometimes_and_drums_never(make_steps):
    rng = np.random.default_rng(0)
    steps = with_end(make_steps(3, notes=80))
    window = Window(steps, np.arange(len(steps)), np.ones(len(steps), bool))
    seen = set()
    for _ in range(60):
        changed = other_instruments(window, rng).steps
        assert (changed["part"] < PROGRAMS * RANKS).all()
        drums = changed["pitch"] >= 128
        assert ((changed["part"] % PROGRAMS == DRUMS) == drums).all()
        seen.add(tuple(np.unique(changed["part"]).tolist()))
    assert len(seen) > 5


def test_transposition_keeps_to_the_keyboard(make_steps):
    rng = np.random.default_rng(0)
    steps = make_steps(3)
    steps["pitch"][0] = 2
    drawn = [transposition(steps, rng) for _ in range(100)]
    assert min(drawn) >= -2
    assert max(drawn) == 6
    drums = steps[steps["pitch"] >= 128]
    assert transposition(drums, rng) == 0


def test_an_end_is_no_note_of_the_last_bar(pieces):
    piece = pieces[0]
    with_it = with_end(piece.steps)
    index = np.minimum(np.arange(len(with_it)), len(piece.steps) - 1)
    assert np.array_equal(controls_told(with_it, piece.labels[index]), controls_told(piece.steps, piece.labels))
    assert controls_told(with_it[-1:], piece.labels[-1:]).shape == (1, 6), "a window of nothing but the end"


def test_how_many_parts_there_are_is_told_with_the_instruments(pieces, make_source):
    source, piece = make_source(pieces), pieces[0]
    index = np.arange(len(piece.steps))
    told = [source.conditions.draw(piece, piece.steps, index, 0) for _ in range(200)]
    parts = len(np.unique(piece.steps["part"]))
    assert {one.parts for one in told} == {None, parts}
    assert all(one.programs for one in told if one.parts is not None)
    column = list(CONDITION_TABLES).index("parts")
    pitch = np.zeros(len(piece.steps), np.int64)
    for count, seen in ((None, MOST_PARTS), (1, 0), (3, 2), (40, MOST_PARTS - 1)):
        assert (condition_columns(piece.steps, Told(parts=count), pitch)[:, column] == seen).all()
