"""A profile says the same whichever way its JSON travelled."""

import json

import numpy as np

from stilo.elements.card import profile_card
from stilo.elements.figures import MOST_SHARES, Shares
from stilo.elements.profile import ELEMENTS, Profile, analyse, pool_profiles
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns


def test_names_come_back_the_largest_first_from_sorted_json(tune):
    profile = pool_profiles([analyse(tune), analyse(tune.transposed(3))])
    travelled = Profile.from_json(json.loads(json.dumps(profile.to_json(), sort_keys=True)))
    assert travelled == profile
    for name, element in ELEMENTS.items():
        if isinstance(element, Shares):
            values = list(travelled.value(name).values())
            assert values == sorted(values, reverse=True), name
    assert profile_card(travelled, "Waltz") == profile_card(profile, "Waltz")


def test_a_piece_in_hundreds_of_metres_can_be_kept():
    bars = [(1 + i % 60, 2 ** (i // 60 + 1)) for i in range(300)]
    onsets = np.cumsum([0, *(480 * 4 * n // d for n, d in bars)])
    signatures = tuple(TimeSignature(int(at), n, d) for at, (n, d) in zip(onsets, bars, strict=False))
    columns = (onsets[:-1], np.full(300, 60), np.full(300, 60), np.full(300, 80), np.zeros(300, int))
    profile = analyse(Score(notes_from_columns(*columns), (Track(),), time_signatures=signatures))
    assert len(profile.rhythm.metres) == MOST_SHARES
    assert Profile.from_json(json.loads(json.dumps(profile.to_json()))) == profile
