"""The model card of the emotion probe, from the figures of one run of `emotion.py`."""

from __future__ import annotations

import numpy as np

from stilo.elements.emotion_cues import CUES
from stilo.elements.emotion_probe import PROBE_FILE, Probe

TEXT = """# stilo emotion probe

Two logistic regressions on {cues} measured cues: how pleasant (valence) and how excited (arousal) listeners are
likely to find the music, −1…1. The coefficients are `src/stilo/elements/{file}`; the cues are measured by
`stilo.elements.emotion_cues`. Written by `python benchmarks/emotion.py MUSIC --fit`.

## Learned from

VGMIDI (Ferreira & Whitehead 2019, github.com/lucasnfe/vgmidi): 204 piano arrangements of game music, each with a
valence and an arousal of ±1 by listeners. Its repository states no licence, and the music belongs to its owners: no
note and no label of it is part of stilo, only the coefficients below. All its files say 120 quarters a minute, and
their loudness is the arranger's: neither tempo as written nor loudness could be learned from it. The cues are
therefore measured in seconds, and loudness weighs what the literature's pull gives it.

No coefficient may point against what reviews and experiments agree on (Gabrielsson & Lindström 2010; Livingstone et
al. 2010; Eerola, Friberg & Bresin 2013), and all are pulled towards it. MemoMusic
(github.com/MZhexin/MemoMusic-Dataset, no licence stated) is a check only and was never learned from.

## Figures

Four quadrants of VGMIDI: accuracy, with 95 % interval when the series or games are drawn again; accuracy of valence
and of arousal; Spearman's ρ. All pieces of a group lie in one fold; strength and pull are chosen inside the folds;
{cuts} cuts are averaged. Which cues there are was decided while looking at VGMIDI: the coefficients have not seen the
games that judge them, the design has.

| | quadrants | 95 % | valence | arousal | ρ valence | ρ arousal |
|---|---|---|---|---|---|---|
{table}

Published: MIDI features .59–.62, CLaMP 3 .707.

Another corpus (MemoMusic, 173 piano pieces, classical, pop and Yanni), Spearman's ρ with its listeners:

| | ρ valence | ρ arousal |
|---|---|---|
{across}

## Coefficients

Log-odds for a standard deviation of the cue over VGMIDI; bent so that no cue counts for more than two of them. Odds
of nine to one come out as ±.5.

| cue | what | valence | arousal |
|---|---|---|---|
{coefficients}

## Limits

Piano versions of games, heard by one group of listeners. What such listeners would say, on the whole: no more than
that. Drums count for pace and loudness alone; the timbre of instruments, words and performance count for nothing.
"""


def card(probe: Probe, rows: list[dict], crossed: list[dict], cuts: int) -> str:
    """The model card, from this run's figures."""
    order = np.argsort(-np.abs(probe.weights).max(axis=0), kind="stable")
    coefficients = "\n".join(
        f"| {CUES[i].name} | {CUES[i].meaning} | {probe.weights[0, i]:+.3f} | {probe.weights[1, i]:+.3f} |"
        for i in order
    )
    table = "\n".join(
        f"| {row['name']} | {row['quadrants']:.3f} | {row['interval'][0]:.3f} … {row['interval'][1]:.3f} "
        f"| {row['valence']:.3f} | {row['arousal']:.3f} | {row['rho_valence']:+.2f} | {row['rho_arousal']:+.2f} |"
        for row in rows
    )
    across = "\n".join(f"| {row['name']} | {row['rho_valence']:+.2f} | {row['rho_arousal']:+.2f} |" for row in crossed)
    return TEXT.format(
        cues=len(CUES), coefficients=coefficients, table=table, across=across, cuts=cuts, file=PROBE_FILE
    )
