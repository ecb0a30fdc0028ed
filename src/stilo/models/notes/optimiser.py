"""AdamW for tables and biases; for matrices AdamW, or Muon (Jordan et al. 2024: momentum made orthogonal)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

WARMUP_STEPS = 200
FALLING_SHARE = 0.4
CLIP_NORM = 1.0
WEIGHT_DECAY = 0.01
BETAS = (0.9, 0.98)


def learning_rate(step: int, steps: int, highest: float = 1.0, falling: float = FALLING_SHARE) -> float:
    """Trapezoid: up over `WARMUP_STEPS`, flat, down to 0 over the last share `falling` of the steps."""
    return highest * max(0.0, min(1.0, (step + 1) / WARMUP_STEPS, (steps - step) / falling_steps(steps, falling)))


def falling_steps(steps: int, falling: float = FALLING_SHARE) -> int:
    """How many steps the rate falls at the end."""
    return max(1, round(steps * falling))


class Optimiser:
    """One or two optimisers that act as one; `step` follows the learning-rate plan."""

    def __init__(self, model: nn.Module, rate: float, muon_rate: float = 0.0) -> None:
        """`muon_rate` 0: AdamW for all."""
        matrices = {name for name, p in model.named_parameters() if muon_rate > 0 and is_matrix(name, p)}
        named = dict(model.named_parameters())
        plain = [p for name, p in named.items() if name not in matrices]
        fused = plain[0].device.type in ("cpu", "cuda")
        groups = [
            {"params": [p for p in plain if p.dim() > 1], "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in plain if p.dim() <= 1], "weight_decay": 0.0},
        ]
        self.parameters = list(named.values())
        self.parts: list[tuple[torch.optim.Optimizer, float]] = [
            (torch.optim.AdamW(groups, rate, betas=BETAS, fused=fused), rate)
        ]
        if matrices:
            muon = torch.optim.Muon(
                [named[name] for name in sorted(matrices)],
                muon_rate,
                weight_decay=WEIGHT_DECAY,
                momentum=0.95,
                adjust_lr_fn="match_rms_adamw",
            )
            self.parts.append((muon, muon_rate))

    def step(self, step: int, steps: int, falling: float = FALLING_SHARE) -> None:
        """Use up the gradients."""
        torch.nn.utils.clip_grad_norm_(self.parameters, CLIP_NORM)
        for optimiser, highest in self.parts:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, steps, highest, falling)
            optimiser.step()
            optimiser.zero_grad()

    def state(self, model: nn.Module) -> Iterator[tuple[str, Tensor]]:
        """(key, tensor) for each tensor that it keeps."""
        names = {id(p): name for name, p in model.named_parameters()}
        for optimiser, _ in self.parts:
            for p, kept in optimiser.state.items():
                for key, value in kept.items():
                    yield f"{key}.{names[id(p)]}", torch.as_tensor(value)

    def restore(self, model: nn.Module, tensors: dict[str, Tensor]) -> None:
        """Take back what `state` gave.

        Raises:
            KeyError: something is missing.
        """
        named = {id(p): name for name, p in model.named_parameters()}
        for optimiser, _ in self.parts:
            keys = (
                ("momentum_buffer",) if isinstance(optimiser, torch.optim.Muon) else ("step", "exp_avg", "exp_avg_sq")
            )
            state: Any = optimiser.state
            for group in optimiser.param_groups:
                for p in group["params"]:
                    state[p] = {
                        key: tensors[f"{key}.{named[id(p)]}"].to(
                            "cpu" if key == "step" and not _fused_cuda(p) else p.device
                        )
                        for key in keys
                    }


def _fused_cuda(p: Tensor) -> bool:
    return p.device.type == "cuda"


def is_matrix(name: str, p: Tensor) -> bool:
    """Whether a parameter maps one layer to another; tables and what yields logits do not count."""
    tables = ("notes.", "memory.", "condition.", "from_position", "from_gap", "from_part", "from_past", "from_pitch")
    others = (
        "from_duration",
        "candidates",
        "distance",
        "gate",
        "out.",
        "near_",
        "measured",
        "learned",
        "programs",
        "written",
        "facets",
    )
    return p.dim() == 2 and min(p.shape) >= 16 and not any(part in name for part in tables + others)
