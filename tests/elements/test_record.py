"""A profile says the same whichever way its JSON travelled."""

import json

from stilo.elements.card import profile_card
from stilo.elements.figures import Shares
from stilo.elements.profile import ELEMENTS, Profile, analyse, pool_profiles


def test_names_come_back_the_largest_first_from_sorted_json(tune):
    profile = pool_profiles([analyse(tune), analyse(tune.transposed(3))])
    travelled = Profile.from_json(json.loads(json.dumps(profile.to_json(), sort_keys=True)))
    assert travelled == profile
    for name, element in ELEMENTS.items():
        if isinstance(element, Shares):
            values = list(travelled.value(name).values())
            assert values == sorted(values, reverse=True), name
    assert profile_card(travelled, "Waltz") == profile_card(profile, "Waltz")
