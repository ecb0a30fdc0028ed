"""What a candidate proposes is lifted, and nothing else is."""

import pytest
import torch

from stilo.models.head import STAGES, PitchContext, near_pitch_class, turned_histogram
from stilo.models.memory import CANDIDATES
from stilo.models.tokens import FIELD_SIZES, PITCH, VELOCITY

LIFT = 10 * 0.5  # gate_state counts tenfold


def lifted(model, stage, values, is_drum=False):
    """Where, and by how much, logits rise when every gate opens by half."""
    pitch = None
    if stage == PITCH:
        one = torch.tensor([60])
        pitch = PitchContext(one, one, torch.tensor([is_drum]), torch.zeros(1, 24))
    pre, states = torch.zeros(1, 24), torch.zeros(1, CANDIDATES, dtype=torch.int64)
    head, rows = model.head, []
    with torch.no_grad():
        for opening in (0.0, 0.5):
            head.gate_state.add_(opening)
            rows.append(head.logits(stage, pre, torch.tensor([values]), states, pitch)[0])
    rise = rows[1] - rows[0]
    return {int(i): round(float(rise[i]), 3) for i in rise.abs().gt(1e-4).nonzero()}


@pytest.mark.parametrize("stage", [stage for stage in range(STAGES) if stage != PITCH])
def test_a_proposal_is_lifted_and_nothing_lifts_nothing(make_model, stage):
    nothing = FIELD_SIZES[stage]
    assert lifted(make_model(), stage, [nothing] * CANDIDATES) == {}
    assert lifted(make_model(), stage, [3, *[nothing] * (CANDIDATES - 1)]) == {3: LIFT}
    assert lifted(make_model(), stage, [3, 3, nothing - 1, nothing, nothing, 0]) == {
        0: LIFT,
        3: 2 * LIFT,
        nothing - 1: LIFT,
    }


def test_a_pitched_part_takes_no_drum_and_a_drum_no_pitch(make_model):
    values = [60, 60 + 128, 127, 255, 256, 256]
    assert lifted(make_model(), PITCH, values) == {60: LIFT, 127: LIFT}
    assert lifted(make_model(), PITCH, values, is_drum=True) == {60: LIFT, 127: LIFT}
    assert lifted(make_model(), PITCH, [188] * CANDIDATES) == {}
    assert lifted(make_model(), PITCH, [60] * CANDIDATES, is_drum=True) == {}


def test_each_stage_tells_those_after_it_alone(make_model):
    head = make_model().head
    with torch.no_grad():
        before = head.start(torch.zeros(1, 24))
        for stage in range(VELOCITY):
            after = head.tell(before, stage, torch.tensor([1]), torch.tensor([5]))
            changed = [not torch.equal(a, b) for a, b in zip(after, before, strict=True)]
            assert changed == [later > stage for later in range(STAGES)]


def test_the_position_comes_with_the_gap(make_model):
    head = make_model().head
    with torch.no_grad():
        pre = head.start(torch.zeros(1, 24))
        downbeat, upbeat = (head.tell(pre, 0, torch.tensor([1]), torch.tensor([place])) for place in (0, 6))
    assert not torch.equal(downbeat[1], upbeat[1])


def test_histograms_and_distances_turn_with_their_reference():
    histogram = torch.arange(24.0).unsqueeze(0)
    turned = turned_histogram(histogram, torch.tensor([7]))[0]
    assert turned[:12].tolist() == [*range(7, 12), *range(7)]
    assert turned[12:].tolist() == [*range(19, 24), *range(12, 19)]
    near = near_pitch_class(torch.tensor([[60, 61, 0, 127, 255, 256]]), torch.tensor([60]))
    assert near.tolist() == [[25, 26, 0, 50, 50, 51]]
