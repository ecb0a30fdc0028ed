"""Parts keep to their share of the notes."""

import numpy as np
import pytest

from stilo.models.notes.balance import MOST_NATS, Balance
from stilo.models.notes.fields import PARTS
from stilo.models.tokens import Part

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
