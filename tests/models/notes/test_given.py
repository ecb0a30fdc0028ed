"""Notes that are known beforehand: which, and how they are offered."""

import numpy as np

from stilo.models.notes.candidates import GIVEN
from stilo.models.notes.features import features_of
from stilo.models.notes.fields import FIELD_SIZES
from stilo.models.notes.given import Given, all_but_bars, draw_given, programs_written
from stilo.models.notes.told import Told
from stilo.models.tokens import PROGRAMS, with_end


def test_notes_are_given_by_bars_or_by_parts(make_steps):
    rng = np.random.default_rng(1)
    steps = with_end(make_steps(3, notes=150))
    kinds = {"none": 0, "bars": 0, "parts": 0}
    for _ in range(200):
        given = draw_given(steps, rng)
        if given is None:
            kinds["none"] += 1
            continue
        assert not given.notes[-1]
        body, notes = steps[:-1], given.notes[:-1]
        bars = np.unique(body["bar"][~notes])
        is_by_bars = len(bars) and np.array_equal(notes, all_but_bars(body, int(bars[0]), int(bars[-1])).notes)
        by_part = all(len(np.unique(notes[body["part"] == part])) == 1 for part in np.unique(body["part"]))
        assert is_by_bars or by_part
        if given.ahead is not None:
            assert notes[given.ahead :].all()
        kinds["bars" if is_by_bars else "parts"] += 1
    assert kinds["none"] > 100
    assert kinds["bars"] > 10
    assert kinds["parts"] > 10


def test_of_several_parts_some_are_given_and_some_are_not(make_steps):
    """Were all given, it would be learned that nothing is to be added to a tune."""
    rng = np.random.default_rng(2)
    several, alone = with_end(make_steps(3, notes=60)), with_end(make_steps(3, notes=60))
    alone["part"] = 40
    found = set()
    for _ in range(400):
        given = draw_given(several, rng)
        if given is not None and given.ahead is None:
            parts = several["part"][:-1]
            kept = {int(part) for part in parts[given.notes[:-1]]}
            written = programs_written(several, given)
            assert written == {int(part) % PROGRAMS for part in set(parts.tolist()) - kept}
            assert kept
            assert written
            found.add((frozenset(kept), written))
        assert (one := draw_given(alone, rng)) is None or one.ahead is not None
    assert len(found) >= 2 ** len(np.unique(several["part"][:-1])) - 2


def test_the_next_given_note_is_offered_until_something_else_is_chosen(make_steps):
    steps = make_steps(3, notes=100)
    given = steps["part"] == steps["part"][0]
    features = features_of(steps, Told(), Given(given))
    own = features.values[given, :, GIVEN]
    assert np.array_equal(own, features.fields[given])  # where the note itself is given, all of it is offered
    free = np.flatnonzero(~given & (np.arange(len(steps)) < np.flatnonzero(given)[-1]))
    other = features.values[free, :, GIVEN]
    offered = other < np.array(FIELD_SIZES)
    assert (offered[:, :-1] | ~offered[:, 1:]).all()  # once it is given up it stays so
    assert not offered[:, 4].all()
