"""Parts keep to their share of the notes, do not rest for too long, and are added to given ones."""

import numpy as np
import pytest

from stilo.models.notes.balance import (
    ADDING_MEMORY_NOTES,
    FIRST_ADDING_NATS,
    MOST_ADDING_NATS,
    MOST_NATS,
    NATS_A_BAR,
    NATS_A_NOTE,
    PACE_NATS,
    Adding,
    Balance,
    Pace,
    Rests,
    adding_of,
)
from stilo.models.notes.fields import PARTS
from stilo.models.notes.plan import Plan
from stilo.models.tokens import END, Part

VOICE, PIANO, FLUTE = Part(53, 0), Part(0, 0), Part(73, 0)


def test_nothing_is_added_before_a_note_is_written():
    assert np.allclose(Balance({VOICE: 1, PIANO: 3}).nats(), 0)


def test_who_is_silent_becomes_likelier_and_who_plays_on_less():
    balance = Balance({VOICE: 0.2, PIANO: 0.8})
    before = 0.0
    for _ in range(30):
        balance.push(PIANO.token)
        nats = balance.nats()
        assert before < nats[VOICE.token] <= MOST_NATS
        assert nats[PIANO.token] < 0
        before = nats[VOICE.token]
    for _ in range(1000):
        balance.push(PIANO.token)
    assert balance.nats()[VOICE.token] == MOST_NATS


def test_other_parts_are_left_alone():
    balance = Balance({VOICE: 0.5, PIANO: 0.5})
    balance.push(FLUTE.token)
    assert np.allclose(balance.nats(), 0)
    balance.push(PIANO.token)
    assert np.count_nonzero(balance.nats()) == 2
    assert len(balance.nats()) == PARTS


def test_a_copy_goes_on_by_itself():
    balance = Balance({VOICE: 0.5, PIANO: 0.5})
    twin = balance.copy()
    balance.push(VOICE.token)
    assert np.allclose(twin.nats(), 0)
    assert balance.nats()[VOICE.token] < 0


@pytest.mark.parametrize("asked", [0.1, 0.5, 0.9])
def test_a_model_that_always_prefers_one_part_is_brought_to_the_shares(asked):
    rng, balance = np.random.default_rng(0), Balance({VOICE: asked, PIANO: 1 - asked})
    model = np.log([asked / 3, 1 - asked / 3])  # it gives the voice a third of what is asked
    drawn = []
    for _ in range(3000):
        nats = model + balance.nats()[[VOICE.token, PIANO.token]]
        chance = np.exp(nats - np.logaddexp.reduce(nats))
        drawn.append(int(rng.random() < chance[0]))
        balance.push((PIANO, VOICE)[drawn[-1]].token)
    without = asked / 3
    assert abs(np.mean(drawn) - asked) < 0.6 * abs(without - asked)


def test_who_rests_for_too_long_becomes_likelier_bar_by_bar():
    rests = Rests({VOICE: 2, PIANO: 0}, 96)
    assert np.allclose(rests.nats(0), 0)
    assert rests.nats(96)[PIANO.token] == pytest.approx(NATS_A_BAR)
    assert rests.nats(192)[VOICE.token] == 0
    assert rests.nats(240)[VOICE.token] == pytest.approx(NATS_A_BAR / 2)
    assert rests.nats(960)[VOICE.token] == MOST_ADDING_NATS
    rests.push(VOICE.token, 960)
    rests.push(VOICE.token, 936)
    twin = rests.copy()
    rests.push(FLUTE.token, 2000)
    assert rests.nats(960 + 192)[VOICE.token] == 0
    assert rests.nats(960 + 288)[VOICE.token] == pytest.approx(NATS_A_BAR)
    rests.push(VOICE.token, 1200)
    assert twin.nats(960 + 288)[VOICE.token] == pytest.approx(NATS_A_BAR)
    assert np.count_nonzero(rests.nats(4000)) == 2


def test_adding_becomes_likelier_until_something_is_added():
    adding = Adding({PIANO.token}, 0.5)
    assert adding.nats == FIRST_ADDING_NATS
    adding.push(FLUTE.token)
    assert adding.nats == FIRST_ADDING_NATS + NATS_A_NOTE
    for _ in range(40):
        adding.push(FLUTE.token)
    assert adding.nats == MOST_ADDING_NATS
    twin = adding.copy()
    for _ in range(int(ADDING_MEMORY_NOTES)):
        twin.push(PIANO.token)
    assert twin.nats < MOST_ADDING_NATS
    for _ in range(40):
        twin.push(PIANO.token)
    assert twin.nats == 0, "never less likely than to the model"
    assert adding.nats == MOST_ADDING_NATS


def test_half_of_the_share_is_enough():
    adding = Adding({PIANO.token}, 0.6)
    for number in range(200):
        adding.push((FLUTE, PIANO)[number % 2].token)
        assert adding.nats <= max(NATS_A_NOTE, FIRST_ADDING_NATS + NATS_A_NOTE - number)


@pytest.mark.parametrize(
    ("shares", "few"), [({}, 0.3), ({PIANO: 3, FLUTE: 1}, 0.375), ({PIANO: 2}, 0.3), ({FLUTE: 1}, 0.3)]
)
def test_the_share_is_that_of_the_plan_where_it_says_one(piece_of, shares, few):
    given = piece_of([(0, FLUTE.token, 70, 5, 8), (24, FLUTE.token, 65, 5, 8)])
    plan = Plan(4, (4, 4), {PIANO: (40, 60)}, given=given, shares=shares)
    adding = adding_of(plan)
    assert adding is not None
    assert adding._few == pytest.approx(few)


def test_nothing_is_added_to_where_no_whole_part_is_given(piece_of):
    given = piece_of([(0, FLUTE.token, 70, 5, 8), (24, FLUTE.token, 65, 5, 8)])
    ranges = {PIANO: (40, 60)}
    for plan in (
        Plan(4, (4, 4), ranges),
        Plan(4, (4, 4), ranges, given=given[:0]),
        Plan(4, (4, 4), ranges, given=given, open_slots=(48, 96)),
        Plan(4, (4, 4), {**ranges, FLUTE: (60, 90)}, given=given),
        Plan(4, (4, 4), {}, given=given),
    ):
        assert adding_of(plan) is None


@pytest.mark.parametrize(("asked", "gap"), [(0.5, 12), (0.5, 48), (2.0, 4), (2.0, 12), (8.0, 1), (8.0, 3)])
def test_longer_gaps_become_likelier_where_notes_come_too_often_and_less_where_too_seldom(asked, gap):
    pace = Pace(asked)
    assert np.allclose(pace.nats(), 0)
    for _ in range(4000):
        pace.push(gap)
    nats, ahead = pace.nats(), np.log(12 / gap / asked)
    assert len(nats) == END
    assert nats[0] == 0
    assert (np.diff(nats)[:12] * np.sign(ahead) > 0).all()
    assert np.allclose(nats[12:], PACE_NATS * ahead, atol=0.1)


def test_a_pace_moves_the_gaps_no_further_than_so_far():
    pace = Pace(1.0)
    for _ in range(400):
        pace.push(0)
    assert 2 < pace.nats().max() <= 6, "e^6 is 400 times as likely"


def test_a_pace_that_is_kept_changes_nothing_and_a_copy_goes_on_by_itself():
    pace = Pace(3.0)
    for gap in (0, 12, 0, 0) * 50:
        pace.push(gap + (gap == 12) * 4)
    assert np.abs(pace.nats()).max() < 0.3
    twin = pace.copy()
    before = twin.nats()
    for _ in range(9):
        pace.push(0)
    assert np.array_equal(twin.nats(), before)
    assert pace.nats()[12] > before[12] + 0.2
