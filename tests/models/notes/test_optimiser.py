"""A step of the optimiser: gradients are clipped together, rates rise, hold and fall, and no bias decays."""

import pytest
import torch
from torch import nn

from stilo.models.notes.model import NoteModel, NoteModelConfig
from stilo.models.notes.optimiser import WARMUP_STEPS, Optimiser, falling_steps, is_matrix, learning_rate

FLAT = 300  # of 1000 steps: the rate is neither rising nor falling
MUON = pytest.mark.parametrize("muon", [0.0, 0.5])


@pytest.fixture
def net():
    """A matrix with its bias, and a table."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.ModuleDict({"trunk": nn.Linear(64, 16), "notes": nn.Embedding(20, 16)})


def give_gradients(net, norm):
    """All parameters together have gradients of that norm, in the same directions every time."""
    generator = torch.Generator().manual_seed(1)
    drawn = [torch.randn(p.shape, generator=generator) for p in net.parameters()]
    whole = torch.stack([gradient.norm() for gradient in drawn]).norm()
    for p, gradient in zip(net.parameters(), drawn, strict=True):
        p.grad = gradient * (norm / whole)


def taken(optimiser):
    """The gradients that a first step took, from the means that it keeps."""
    found = []
    for part, _ in optimiser.parts:
        for state in part.state.values():
            mean, share = (state["exp_avg"], 0.1) if "exp_avg" in state else (state["momentum_buffer"], 0.05)
            found.append(mean / share)
    return found


def weights(net):
    return {name: p.detach().clone() for name, p in net.named_parameters()}


@MUON
@pytest.mark.parametrize(("norm", "left"), [(50.0, 1.0), (1.5, 1.0), (0.5, 0.5)])
def test_gradients_longer_than_1_are_cut_to_1_all_together(net, muon, norm, left):
    give_gradients(net, norm)
    given = torch.cat([p.grad.flatten() for p in net.parameters()])
    optimiser = Optimiser(net, 0.1, muon)
    optimiser.step(FLAT, 1000)
    found = taken(optimiser)
    assert len(found) == 3
    assert torch.stack([gradient.norm() for gradient in found]).norm() == pytest.approx(left, rel=1e-4)
    largest = max(gradient.abs().max() for gradient in found)
    assert largest == pytest.approx(float(given.abs().max()) * left / norm, rel=1e-4)  # all by the same factor


def test_squares_of_gradients_are_remembered_for_fifty_steps(net):
    give_gradients(net, 0.5)
    squares = {p: p.grad**2 for p in net.parameters()}
    optimiser = Optimiser(net, 0.1)
    optimiser.step(FLAT, 1000)
    for p, state in optimiser.parts[0][0].state.items():
        assert torch.allclose(state["exp_avg_sq"], squares[p] / 50)


@MUON
def test_gradients_are_used_up(net, muon):
    give_gradients(net, 0.5)
    Optimiser(net, 0.1, muon).step(FLAT, 1000)
    assert all(p.grad is None for p in net.parameters())


@MUON
@pytest.mark.parametrize(("step", "share"), [(0, 1 / 200), (99, 0.5), (FLAT, 1.0), (900, 0.25), (999, 1 / 400)])
def test_a_step_is_as_long_as_the_rate_says(net, muon, step, share):
    """The first step of AdamW moves every weight by the rate; one of Muon is of that size at the root of its mean."""
    before = weights(net)
    give_gradients(net, 0.5)
    Optimiser(net, 0.01, muon and 0.02).step(step, 1000)
    for name, now in weights(net).items():
        decayed = before[name] * (1 - (0.01 * 0.01 * share if now.dim() > 1 else 0))
        moved = (now - decayed).square().mean().sqrt()
        if muon and name == "trunk.weight":
            assert moved == pytest.approx(0.2 * 0.02 * share, rel=0.2)  # Muon's signs are made nearly orthogonal
        else:
            assert moved == pytest.approx(0.01 * share, rel=0.02)


@MUON
def test_tables_and_matrices_decay_biases_do_not(net, muon):
    before = weights(net)
    give_gradients(net, 0.0)
    Optimiser(net, 0.5, muon).step(FLAT, 1000)
    for name, now in weights(net).items():
        assert torch.allclose(now, before[name] * (1 - 0.5 * 0.01 if now.dim() > 1 else 1), rtol=1e-5), name


def test_momentum_of_matrices_lasts_twenty_steps(net):
    optimiser = Optimiser(net, 0.1, 0.1)
    kept = []
    for norm in (0.5, 0.0):
        give_gradients(net, norm)
        optimiser.step(FLAT, 1000)
        kept.append(optimiser.parts[1][0].state[net["trunk"].weight]["momentum_buffer"].clone())
    assert torch.allclose(kept[1], 0.95 * kept[0])


def test_the_rate_rises_holds_and_falls():
    steps = 1000
    rates = [learning_rate(step, steps, 2.0) for step in range(steps)]
    assert rates[0] == pytest.approx(2.0 / WARMUP_STEPS)
    assert max(rates) == 2.0
    assert rates[WARMUP_STEPS - 1 : steps - falling_steps(steps) + 1] == [2.0] * (steps - 400 - WARMUP_STEPS + 2)
    assert rates[WARMUP_STEPS - 2] < 2.0
    assert rates[steps - falling_steps(steps) + 1] < 2.0
    assert rates[-1] == pytest.approx(2.0 / 400)
    assert learning_rate(steps + 5, steps) == 0.0


def test_the_part_in_which_the_rate_falls_can_be_said():
    assert learning_rate(600, 1000, 2.0, falling=0.8) == pytest.approx(1.0)
    assert learning_rate(950, 1000, 2.0, falling=0.05) == 2.0
    assert learning_rate(975, 1000, 2.0, falling=0.05) == pytest.approx(1.0)
    assert learning_rate(999, 1000, 2.0, falling=0.0) == 2.0  # and there is still no step without a rate
    assert learning_rate(1000, 1000, 2.0, falling=0.0) == 0.0


def test_the_optimiser_lets_the_rate_fall_as_told(net):
    optimiser = Optimiser(net, 0.1, 0.3)
    give_gradients(net, 0.5)
    optimiser.step(600, 1000, falling=0.8)
    rates = [[group["lr"] for group in part.param_groups] for part, _ in optimiser.parts]
    assert rates == [[pytest.approx(0.05)] * 2, [pytest.approx(0.15)]]


@pytest.mark.parametrize("trunk", ["lstm", "gated", "transformer"])
def test_muon_takes_matrices_and_no_tables(trunk):
    model = NoteModel(NoteModelConfig(trunk, width=64, layers=1, hidden=24, memory_width=16, condition_width=16))
    matrices = {name for name, p in model.named_parameters() if is_matrix(name, p)}
    assert "head.from_trunk.weight" in matrices
    assert any(name.startswith("trunk.") for name in matrices)
    spoken_of = ("notes.", "memory.", "out.", "candidates", "gate", "near_", "measured", "learned", "programs")
    assert not [name for name in matrices if any(part in name for part in spoken_of)]
    both = Optimiser(model, 0.1, 0.1)
    counted = [p for part, _ in both.parts for group in part.param_groups for p in group["params"]]
    assert len({id(p) for p in counted}) == len(counted) == len(list(model.parameters()))
    assert len(both.parts[1][0].param_groups[0]["params"]) == len(matrices)


def test_rows_too_narrow_to_turn_are_no_matrices():
    assert is_matrix("trunk.weight", nn.Parameter(torch.zeros(16, 40)))
    assert not is_matrix("trunk.weight", nn.Parameter(torch.zeros(15, 40)))
    assert not is_matrix("trunk.weight", nn.Parameter(torch.zeros(40)))
    assert not is_matrix("trunk.weight", nn.Parameter(torch.zeros(16, 16, 16)))
