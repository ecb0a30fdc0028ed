"""What may come next: order, ranges, given notes; and plans by which nothing can."""

import numpy as np
import pytest

from stilo.models.notes.constraints import Constraints
from stilo.models.notes.fields import DURATION, GAP, PART, PITCH, VELOCITY
from stilo.models.notes.plan import Plan
from stilo.models.tokens import DRUMS, DURATION_SLOTS, Part

FLUTE, PIANO, KIT = Part(73), Part(0), Part(DRUMS)


def test_notes_may_come_before_between_and_after_given_ones_of_their_own_part():
    plan = Plan(1, (4, 4), {PIANO: (50, 80), FLUTE: (60, 70)})
    constraints = Constraints(plan)

    def pitches(given, gap):
        parts = constraints.allowed(PART, [gap], given)
        found = np.flatnonzero(constraints.allowed(PITCH, [gap, PIANO.token], given))
        assert parts[PIANO.token] == bool(len(found))
        assert parts[FLUTE.token] == (given is None or given[0] != gap or given[1] == FLUTE.token)
        return found.tolist()

    first, second = (12, PIANO.token, 60, 5, 8), (0, PIANO.token, 70, 5, 8)
    assert pitches(first, 12) == [*range(50, 61)]
    assert pitches(first, 6) == [*range(50, 81)]
    assert not constraints.allowed(GAP, [], first)[13:].any()
    assert constraints.allowed(GAP, [], first)[:13].all()
    constraints.push(12, PIANO.token, 60, 5)
    assert pitches(second, 0) == [*range(61, 71)]
    assert np.flatnonzero(constraints.allowed(GAP, [], second)).tolist() == [0]
    constraints.push(0, PIANO.token, 70, 5)
    assert pitches(None, 0) == [*range(71, 81)]
    assert pitches((3, FLUTE.token, 60, 5, 8), 3) == [*range(50, 81)]


@pytest.mark.parametrize(("part", "pitch", "may"), [(PIANO, 77, True), (PIANO, 78, False), (KIT, 58, True)])
def test_a_chord_goes_on_where_a_third_is_left_in_its_range(part, pitch, may):
    constraints = Constraints(Plan(1, (4, 4), {PIANO: (50, 80), KIT: (35, 59)}))
    constraints.push(0, part.token, pitch, 5)
    assert constraints.allowed(PART, [0], None)[part.token] == may
    assert constraints.allowed(PITCH, [0, part.token], None).any() == may
    assert constraints.allowed(PART, [1], None)[part.token], "later there is room again"
    alone = Constraints(Plan(1, (4, 4), {part: (30, 80 if part == PIANO else 59)}))
    alone.push(0, part.token, pitch, 5)
    assert alone.allowed(GAP, [], None)[0] == may


def test_a_chord_that_closes_keeps_to_its_classes_up_to_the_top_of_its_range():
    constraints = Constraints(Plan(3, (4, 4), {PIANO: (50, 71), FLUTE: (61, 63), KIT: (35, 59)}))
    constraints.close_on((0, 4, 7))
    constraints.push(90, PIANO.token, 60, 5)
    assert constraints.allowed(PITCH, [5, PIANO.token], None)[50:72].all(), "before the last bar all is free"
    constraints.push(6, PIANO.token, 64, 5)
    assert np.flatnonzero(constraints.allowed(PITCH, [0, PIANO.token], None)).tolist() == [67]
    assert np.flatnonzero(constraints.allowed(PITCH, [5, FLUTE.token], None)).tolist() == [61, 62, 63], "none fits"
    assert constraints.allowed(PITCH, [5, KIT.token], None)[35:60].all()
    constraints.push(0, PIANO.token, 67, 5)
    assert not constraints.allowed(PART, [0], None)[PIANO.token]
    assert np.flatnonzero(constraints.allowed(PITCH, [5, PIANO.token], None)).tolist() == [52, 55, 60, 64, 67]


def test_a_given_note_is_taken_whole():
    constraints = Constraints(Plan(1, (4, 4), {PIANO: (50, 80)}))
    given = (12, KIT.token, 40 + 128, 30, 8)
    assert constraints.allowed(PART, [12], given).nonzero()[0].tolist() == [PIANO.token, KIT.token]
    assert constraints.allowed(PITCH, [12, KIT.token], given).nonzero()[0].tolist() == [40]
    assert constraints.allowed(DURATION, [12, KIT.token, 168], given).nonzero()[0].tolist() == [30]
    assert constraints.allowed(VELOCITY, [12, KIT.token, 168, 30], given).nonzero()[0].tolist() == [8]
    assert constraints.allowed(VELOCITY, [12, PIANO.token, 60, 30], given).all()
    assert constraints.allowed(DURATION, [12, PIANO.token, 60], given).sum() == (DURATION_SLOTS <= 36).sum()


@pytest.mark.parametrize(
    "changes",
    [
        {"bars": 0},
        {"bars": 70_000},
        {"ranges": {}},
        {"ranges": {PIANO: (70, 60)}},
        {"grid": (0,)},
        {"most_at_once": 0},
        {"given": [(500, 0, 60, 5, 8)]},
        {"given": [(0, KIT.token, 40, 5, 8)]},
        {"given": [(0, PIANO.token, 168, 5, 8)]},
        {"ranges": {}, "given": [(0, 0, 60, 5, 8), (150, 0, 60, 5, 8)]},
    ],
)
def test_a_plan_that_nothing_can_be_written_by_is_refused(piece_of, changes):
    if "given" in changes:
        changes = {**changes, "given": piece_of(changes["given"])}
    with pytest.raises(ValueError, match=r"."):
        Plan(**{"bars": 4, "metre": (4, 4), "ranges": {PIANO: (60, 70)}, **changes})
