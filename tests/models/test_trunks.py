"""Every trunk: nothing later and nothing of another piece is seen, steps equal windows, windows equal one pass."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from stilo.models.trunk_scan import LinearScan
from stilo.models.trunks import TRUNKS, State, Trunk, build_trunk

WIDTH, ROWS, NOTES = 32, 3, 300
EXACT = [name for name in TRUNKS if "lstm" not in name]


def built(name: str) -> Trunk:
    torch.manual_seed(3)
    trunk = build_trunk(name, WIDTH, 2, inner=48, head_size=16, reach=24)
    with torch.no_grad():  # nothing stays at the 0 or 1 it starts from
        for weight in trunk.parameters():
            weight.add_(torch.randn_like(weight) * 0.05)
    return trunk


def notes(length: int = NOTES, rows: int = ROWS) -> Tensor:
    return torch.randn(rows, length, WIDTH, generator=torch.Generator().manual_seed(5))


def nowhere(length: int = NOTES, rows: int = ROWS) -> Tensor:
    return torch.zeros(rows, length, dtype=torch.bool)


def in_windows(trunk: Trunk, x: Tensor, first: Tensor, sizes: list[int]) -> Tensor:
    state: State | None = None
    parts = []
    for window, begun in zip(x.split(sizes, 1), first.split(sizes, 1), strict=True):
        y, state = trunk(window, begun, state)
        parts.append(y)
    return torch.cat(parts, 1)


@pytest.fixture(params=TRUNKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@torch.no_grad()
def test_nothing_later_is_seen(name: str) -> None:
    trunk, x = built(name), notes()
    before, _ = trunk(x, nowhere(), None)
    for at in (1, 23, 64, 150, 299):
        other = x.clone()
        other[1, at] *= -2
        after, _ = trunk(other, nowhere(), None)
        assert torch.equal(after[:, :at], before[:, :at])
        assert torch.equal(after[[0, 2]], before[[0, 2]])  # nor is another row
        assert not torch.allclose(after[1, at], before[1, at], atol=1e-3)


@torch.no_grad()
def test_what_was_just_played_is_seen_and_carried_from_window_to_window(name: str) -> None:
    trunk, x = built(name), notes()
    other = x.clone()
    other[:, 99] *= -2
    _, state = trunk(x[:, :100], nowhere(100), None)
    _, changed = trunk(other[:, :100], nowhere(100), None)
    y, _ = trunk(x[:, 100:], nowhere(200), state)
    z, _ = trunk(x[:, 100:], nowhere(200), changed)
    assert (y - z)[:, 0].abs().amax() > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("at", [0, 1, 37, 64, 199])
def test_nothing_of_the_piece_before_is_seen(name: str, at: int) -> None:
    trunk, x = built(name), notes()
    assert trunk.exact
    begun = nowhere(200)
    begun[1, at] = True
    _, state = trunk(x[:, :100], nowhere(100), None)
    _, other = trunk(x[:, :100].flip(1) * 2, nowhere(100), None)
    changed = x[:, 100:].clone()
    changed[1, :at] *= -1.5
    y, after = trunk(x[:, 100:], begun, state)
    z, after_other = trunk(changed, begun, other)
    fresh, _ = trunk(x[:, 100 + at :], nowhere(200 - at), None)
    assert torch.equal(y[1, at:], z[1, at:])
    assert torch.allclose(y[1, at:], fresh[1], atol=1e-4)
    assert at == 0 or not torch.allclose(y[1, :at], z[1, :at], atol=1e-3)
    following = [trunk(x[:, :50], nowhere(50), state)[0] for state in (after, after_other)]
    assert torch.equal(following[0][1], following[1][1])


@torch.no_grad()
def test_steps_equal_windows(name: str) -> None:
    trunk, x = built(name), notes()
    whole = in_windows(trunk, x, nowhere(), [100, 56, 1, 143])
    state: State | None = None
    for t in range(NOTES):
        y, state = trunk.step(x[:, t], state)
        assert torch.allclose(y, whole[:, t], atol=1e-4)
        if t == 130:  # from a window into steps
            _, state = trunk(x[:, :131], nowhere(131), None)


@torch.no_grad()
def test_one_stream_steps_as_it_does_among_others(name: str) -> None:
    trunk, x = built(name), notes()
    alone, together = None, None
    for t in range(40):
        y, together = trunk.step(x[:, t], together)
        z, alone = trunk.step(x[1:2, t], alone)
        assert torch.allclose(z[0], y[1], atol=1e-5)


@torch.no_grad()
def test_windows_equal_one_pass(name: str) -> None:
    trunk, x = built(name), notes()
    begun = nowhere()
    if trunk.exact:
        begun[0, [0, 63, 64, 90]] = True
        begun[2, 200] = True
    whole, _ = trunk(x, begun, None)
    assert torch.allclose(in_windows(trunk, x, begun, [1, 63, 64, 100, 2, 70]), whole, atol=1e-4)


@torch.no_grad()
def test_the_state_has_rows_first_and_a_bounded_size(name: str) -> None:
    trunk = built(name)
    sizes = []
    for length in (1, 700):
        y, state = trunk(notes(length, 2), nowhere(length, 2), None)
        assert y.shape == (2, length, WIDTH)
        assert all(len(part) == 2 for part in state)
        sizes.append([part.shape for part in state])
    assert sizes[0] == sizes[1]
    x = notes(10, 2)
    _, state = trunk(x, nowhere(10, 2), None)
    _, alone = trunk(x[1:], nowhere(10, 1), None)
    assert all(torch.allclose(a[1], b[0], atol=1e-4) for a, b in zip(state, alone, strict=True))


def test_weights_can_be_replaced_from_outside(name: str) -> None:
    trunk, x = built(name), notes(40)
    torch.manual_seed(9)
    others = {key: (weight + torch.randn_like(weight) * 0.1) for key, weight in trunk.named_parameters()}
    others = {key: weight.detach().requires_grad_() for key, weight in others.items()}
    y, _ = functional_call(trunk, others, (x, nowhere(40), None))
    assert not torch.allclose(y, trunk(x, nowhere(40), None)[0], atol=1e-2)
    y.square().mean().backward()
    for key, weight in others.items():
        assert weight.grad is not None and weight.grad.abs().sum() > 0, key
    trunk.load_state_dict({key: weight.detach() for key, weight in others.items()})
    assert torch.allclose(trunk(x, nowhere(40), None)[0], y, atol=1e-6)


def test_the_gradient_of_the_scan() -> None:
    decay, added = (torch.rand(6, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    start = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(LinearScan.apply, (decay, added, start))


def test_gradients_in_bfloat16_are_finite_and_point_the_same_way(name: str) -> None:
    trunk = built(name)
    begun = nowhere(130)
    begun[0, 70] = True

    def gradients(autocast: bool) -> Tensor:
        trunk.zero_grad()
        x = notes(130).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            y, state = trunk(x, begun, None)
            y, _ = trunk(x, begun, tuple(part.detach() for part in state))
        (y.float() * torch.linspace(-1, 1, WIDTH)).tanh().mean().backward()
        found = [weight.grad for weight in trunk.parameters()]
        assert all(g is not None and torch.isfinite(g).all() for g in found)
        return torch.cat([g.flatten() for g in found if g is not None])

    rough, fine = gradients(True), gradients(False)
    assert torch.cosine_similarity(rough, fine, dim=0) > 0.98


def test_an_unknown_trunk_is_named() -> None:
    with pytest.raises(ValueError, match="mamba: no such trunk"):
        build_trunk("mamba", WIDTH, 2)


@pytest.mark.parametrize("name", ["transformer", "gated", "hybrid"])
def test_a_width_that_heads_cannot_share_is_told(name: str) -> None:
    with pytest.raises(ValueError, match="130 cannot be shared by 2 heads"):
        build_trunk(name, 130, 2)
