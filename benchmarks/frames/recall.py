"""What a piece recalls of itself before each frame: planes over the 88 keys, made from earlier frames alone.

Continuations of the past that is most like the present, voted for (kernel regression over contexts; compare the neural
cache of Grave, Joulin & Usunier 2017), exactly and transposed; how lately each key sounded; how long it is held.
All planes move with the music when it is transposed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from frames.data import KEYS


@dataclass(frozen=True)
class Voting:
    """Who votes for what comes next.

    Attributes:
        shifts: semitones by which the past is transposed.
        furthest: frames back that are searched.
        votes: of each vote, how a context fades per frame, and how sharply the best is preferred.
    """

    shifts: tuple[int, ...]
    furthest: int
    votes: tuple[tuple[float, float], ...]


EXACT = Voting((0,), 2_048, ((0.5, 4.0), (0.8, 3.0), (0.94, 2.0)))
TRANSPOSED = Voting(tuple(s for s in range(-12, 13) if s), 768, ((0.8, 3.0), (0.94, 2.0)))
FAINT = 7.0  # voters whose weight is less than exp(-7) of the best's are not counted
FADES = (4, 16, 96)  # frames after which what sounded is forgotten
LONGEST_HELD = 32  # frames
VOTE_PLANES = len(EXACT.votes) + len(TRANSPOSED.votes)
PLANES = VOTE_PLANES + len(FADES) + 1
FIGURES = 2 * VOTE_PLANES
BLOCK = 64  # frames compared at once


@dataclass(frozen=True)
class Recalled:
    """Of one piece of T frames.

    Attributes:
        planes: uint8 [T, PLANES, 88], 255 = 1: votes, exact then transposed; fading activity; how long held.
        figures: float32 [T, FIGURES]: of each vote, how good its best context was and how much its voters agree.
    """

    planes: np.ndarray
    figures: np.ndarray


def recall(piece: np.ndarray) -> Recalled:
    """Everything known before each frame of a piece, uint8 [T, 88]."""
    x = piece.astype(np.float32)
    planes = np.zeros((len(x), PLANES, KEYS), np.float32)
    figures = np.zeros((len(x), FIGURES), np.float32)
    _vote(x, EXACT, planes[:, : len(EXACT.votes)], figures[:, : 2 * len(EXACT.votes)])
    _vote(x, TRANSPOSED, planes[:, len(EXACT.votes) : VOTE_PLANES], figures[:, 2 * len(EXACT.votes) :])
    for i, fade in enumerate(FADES):
        planes[:, VOTE_PLANES + i] = _faded(x, fade)
    planes[:, -1] = _held(x)
    return Recalled(np.round(planes * 255).astype(np.uint8), figures)


def shifted(x: np.ndarray, semitones: int) -> np.ndarray:
    """[..., 88] moved up; what leaves the keyboard is lost."""
    moved = np.zeros_like(x)
    if semitones >= 0:
        moved[..., semitones:] = x[..., : KEYS - semitones]
    else:
        moved[..., :semitones] = x[..., -semitones:]
    return moved


def _vote(x: np.ndarray, voting: Voting, planes: np.ndarray, figures: np.ndarray) -> None:
    """Fills planes [T, votes, 88] and figures [T, 2 votes]."""
    shifts, furthest, votes = voting.shifts, voting.furthest, voting.votes
    moved = np.stack([shifted(x, s) for s in shifts])  # [S, T, 88]
    sizes = moved.sum(-1)  # [S, T]
    scores = [np.zeros((len(shifts), len(x) + 1), np.float32) for _ in votes]
    for start in range(0, len(x) - 1, BLOCK):
        end = min(start + BLOCK, len(x) - 1)
        low = max(0, start - furthest)
        common = np.einsum("tk,sjk->tsj", x[start:end], moved[:, low:end], optimize=True)
        union = x[start:end].sum(-1)[:, None, None] + sizes[None, :, low:end] - common
        alike = np.where(union > 0, common / np.maximum(union, 1), 1.0)  # [block, S, past]
        for t in range(start + 1, end + 1):  # frame t is foretold; t−1 is the last one known
            first = max(0, t - 1 - furthest)
            now = alike[t - 1 - start, :, first - low : t - 1 - low]
            for i, (fade, sharp) in enumerate(votes):
                score = scores[i]
                score[:, first + 1 : t] = now + fade * score[:, first : t - 1]
                if t > 1:
                    planes[t, i], figures[t, 2 * i : 2 * i + 2] = _counted(
                        score[:, first + 1 : t], moved[:, first + 1 : t], fade, sharp
                    )


def _counted(
    score: np.ndarray, proposed: np.ndarray, fade: float, sharp: float
) -> tuple[np.ndarray, tuple[float, float]]:
    best = score.max()
    voters = np.nonzero(score > best - FAINT / sharp)
    weights = np.exp(sharp * (score[voters] - best))
    total = weights.sum()
    return weights @ proposed[voters] / total, (best * (1 - fade), 1 / total)


def _faded(x: np.ndarray, frames: float) -> np.ndarray:
    keep = np.exp(-1 / frames)
    faded = np.zeros_like(x)
    for t in range(1, len(x)):
        faded[t] = keep * faded[t - 1] + (1 - keep) * x[t - 1]
    return faded


def _held(x: np.ndarray) -> np.ndarray:
    """How long each key has been sounding without a break, 1 = `LONGEST_HELD` frames or more (square root scale)."""
    held = np.zeros_like(x)
    for t in range(1, len(x)):
        held[t] = (held[t - 1] + 1) * x[t - 1]
    return np.sqrt(np.minimum(held, LONGEST_HELD) / LONGEST_HELD)


def recall_all(parts: dict[str, list[np.ndarray]], kept: Path | None = None) -> dict[str, list[Recalled]]:
    """`recall` of every piece; kept in a file, since it takes minutes, and taken from there if of these pieces."""
    pieces = [piece for part in parts.values() for piece in part]
    sign = hashlib.sha256(repr((EXACT, TRANSPOSED, FADES)).encode())
    for piece in pieces:
        sign.update(np.packbits(piece).tobytes() + len(piece).to_bytes(4, "little"))
    if kept is not None and kept.is_file():
        with np.load(kept) as file:
            if str(file["sign"]) == sign.hexdigest():
                return _parted(parts, file["planes"], file["figures"])
    found = [recall(piece) for piece in pieces]
    planes, figures = np.concatenate([r.planes for r in found]), np.concatenate([r.figures for r in found])
    if kept is not None:
        np.savez(kept, planes=planes, figures=figures, sign=sign.hexdigest())
    return _parted(parts, planes, figures)


def _parted(parts: dict[str, list[np.ndarray]], planes: np.ndarray, figures: np.ndarray) -> dict[str, list[Recalled]]:
    at, parted = 0, {}
    for name, pieces in parts.items():
        parted[name] = []
        for piece in pieces:
            parted[name].append(Recalled(planes[at : at + len(piece)], figures[at : at + len(piece)]))
            at += len(piece)
    return parted
