"""Fewer runs of a piece, and no stretch of it without one: the smallest hash of each few in a row is kept.

That is winnowing (Schleimer, Wilkerson & Aiken 2003), kind by kind. The melody of a bar is a run that stands alone and
is kept, however many pieces there are, as long as there is room at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stilo.originality.runs import BAR, BASS, KINDS, MELODY, TEXTURE, RunArray

WINNOWED = {MELODY: 3, TEXTURE: 5, BAR: 1, BASS: 5}  # of so many runs in a row at least one is kept
# As many times that, the first that leaves few enough; each leaves half of what the one before left, or more, so that
# room is not wasted. Beyond 16 times, of 48 runs in a row one, passages of eight bars would fall through.
WIDER = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16)
LEAST_KEPT = 2.0**-16  # share of the runs of a kind: with one of 65,536 nothing can be told
MOST_COUNTED = 3.0  # as so many runs one counts at most that is kept for others: chance must not make a copy
_MIXER = np.uint32(0x9E3779B1)

Kept = tuple[float, ...]  # the share of the runs that is kept, kind by kind, [KINDS]
ALL: Kept = (1.0,) * KINDS


def winnowed(runs: RunArray, times: int = 1) -> RunArray:
    """Of each `times` `WINNOWED` runs of a kind in a row the one of the smallest hash, the last of equals."""
    kept = []
    for kind, least in WINNOWED.items():
        width = least * times if least > 1 else 1
        place = np.flatnonzero(runs["kind"] == kind)
        if len(place) > width > 1:
            mixed = runs["hash"][place] * _MIXER
            windows = np.lib.stride_tricks.sliding_window_view(mixed, width)
            smallest = width - 1 - windows[:, ::-1].argmin(axis=1)
            place = place[np.unique(np.arange(len(windows)) + smallest)]
        kept.append(place)
    return runs[np.concatenate(kept)]


def thinned(pieces: Sequence[RunArray], most: int) -> tuple[list[RunArray], Kept]:
    """At most about so many runs of some pieces together, and which share of each kind that is."""
    if sum(map(len, pieces)) <= most:
        return list(pieces), ALL
    chosen = list(pieces)
    for times in WIDER:
        chosen = [winnowed(runs, times) for runs in pieces]
        if sum(map(len, chosen)) <= most:
            break
    hashes = np.concatenate([runs["hash"] for runs in chosen]) * _MIXER
    if len(hashes) > most:  # thousands of pieces: some runs of any kind, the same ones of each piece
        limit = np.partition(hashes, most)[most]
        chosen = [runs[runs["hash"] * _MIXER < limit] for runs in chosen]
    before, after = (np.bincount(np.concatenate(some)["kind"], minlength=KINDS) for some in (pieces, chosen))
    return chosen, tuple(np.maximum(LEAST_KEPT, np.maximum(after, 1) / np.maximum(before, 1)).tolist())


def counted(kept: Kept) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """As how many runs one that is kept counts, [KINDS]; bars as themselves alone."""
    times = np.minimum(1 / np.array(kept), MOST_COUNTED)
    times[BAR] = 1.0
    return times
