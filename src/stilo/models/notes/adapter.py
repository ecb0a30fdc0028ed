"""The trainable additions to a base model; what an adapter is as arrays stands in `notes.merging`."""

from __future__ import annotations

import copy
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.func import functional_call

from stilo.models.notes.merging import ADDED, DOWN, UP, AdapterWeights, merged
from stilo.models.notes.model import Batch, NoteModel


class Adapter(nn.Module):
    """The trainable additions to a base model that itself stays as it is."""

    def __init__(
        self, model: NoteModel, generator: torch.Generator, *, tuned: tuple[str, ...] = ("*",), rank: int | None = None
    ) -> None:
        super().__init__()
        self.model = [model]  # in a list: not a submodule, so its weights are not this module's
        self.low_rank: list[str] = []
        self.full: list[str] = []
        self.additions = nn.ParameterDict()
        for name, p in model.named_parameters():
            if not any(fnmatchcase(name, pattern) for pattern in tuned):
                continue
            if rank is not None and p.dim() == 2 and min(p.shape) > rank:
                self.low_rank.append(name)
                down = torch.randn(rank, p.shape[1], generator=generator) / p.shape[1] ** 0.5
                self.additions[_key(name, DOWN)] = nn.Parameter(down)
                self.additions[_key(name, UP)] = nn.Parameter(torch.zeros(p.shape[0], rank))
            else:
                self.full.append(name)
                self.additions[_key(name, ADDED)] = nn.Parameter(torch.zeros_like(p))

    def merged(self) -> dict[str, Tensor]:
        """The base model's tensors by name, with the additions made."""
        tensors = {name: p.detach() for name, p in self.model[0].named_parameters()}
        for name in self.low_rank:
            tensors[name] = tensors[name] + self.additions[_key(name, UP)] @ self.additions[_key(name, DOWN)]
        for name in self.full:
            tensors[name] = tensors[name] + self.additions[_key(name, ADDED)]
        return tensors

    def nats(self, batch: Batch) -> Tensor:
        """[B, T, 5] as `NoteModel.forward`."""
        nats: Tensor = functional_call(self.model[0], self.merged(), (batch,))[0]
        return nats

    def weights(self) -> AdapterWeights:
        return {name.replace("|", "."): p.detach().numpy().copy() for name, p in self.additions.items()}


def _key(name: str, kind: str) -> str:
    return (name + kind).replace(".", "|")


def apply_adapter(model: NoteModel, weights: AdapterWeights) -> NoteModel:
    """A copy of the base model with an adapter merged in.

    Raises:
        InputError: the adapter does not fit this base model.
    """
    adapted = copy.deepcopy(model)
    named = dict(adapted.named_parameters())
    changed = merged({name: p.detach().numpy() for name, p in named.items()}, weights)
    with torch.no_grad():
        for name, p in named.items():
            p.copy_(torch.from_numpy(changed[name]))
    return adapted
