"""Judged pieces with their cues: VGMIDI and MemoMusic, as `emotion.py` needs them."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stilo.elements.emotion_cues import Hearing
from stilo.elements.emotion_probe import Probe, learn_probe
from stilo.elements.grid import on_grid
from stilo.elements.layout import lay_out
from stilo.elements.profile import analyse
from stilo.music.files import read_score

STRETCH_SECONDS = 30

# the sum of cues set by hand that this replaced: mean, deviation, weight in valence, weight in arousal
HAND_SET = {
    "majorness": (0.0, 0.20, 0.55, 0.05),
    "onsets": (1.4, 0.50, 0.30, 0.40),
    "notes": (1.9, 0.50, 0.0, 0.35),
    "tempo": (4.65, 0.30, 0.15, 0.30),
    "loudness": (78.0, 18.0, 0.05, 0.30),
    "staccato": (0.12, 0.12, 0.15, 0.15),
    "register": (68.0, 6.0, 0.10, 0.05),
    "consonance": (0.40, 0.20, 0.15, -0.10),
    "tension": (0.75, 0.15, -0.25, 0.0),
}


@dataclass(frozen=True)
class Corpus:
    """Judged pieces.

    Attributes:
        cues: [pieces, cues].
        stretches: cues of stretches of the pieces, [stretches, cues]; `stretch_piece` says of which, [stretches].
        judged: valence and arousal, [pieces, 2].
        series, game: of each piece, [pieces].
        by_hand: the sum of cues set by hand, [pieces, 2].
    """

    cues: np.ndarray
    stretches: np.ndarray
    stretch_piece: np.ndarray
    judged: np.ndarray
    series: np.ndarray
    game: np.ndarray
    by_hand: np.ndarray

    def learn(self, pieces: np.ndarray, strength: float, pull: float) -> Probe:
        """A probe from some pieces and their stretches."""
        chosen = np.isin(self.stretch_piece, pieces)
        of = self.stretch_piece[chosen]
        counts = np.bincount(of, minlength=len(self.cues))
        cues = np.concatenate([self.cues[pieces], self.stretches[chosen]])
        votes = np.sign(np.concatenate([self.judged[pieces], self.judged[of]]))
        weight = np.concatenate([np.full(len(pieces), 0.5), 0.5 / counts[of]])
        return learn_probe(cues, votes, weight, strength=strength, pull=pull)


def by_hand(profile) -> list[float]:
    harmony, rhythm, pitch = profile.harmony, profile.rhythm, profile.pitch
    cues = {
        "majorness": harmony.majorness,
        "onsets": np.log(max(rhythm.onsets_per_second, 0.05)),
        "notes": np.log(max(rhythm.notes_per_second, 0.05)),
        "tempo": np.log(np.clip(rhythm.tempo_qpm, 20, 400)),
        "loudness": profile.emotion.loudness,
        "staccato": 1 - rhythm.articulation,
        "register": pitch.melody_pitch,
        "consonance": harmony.consonance,
        "tension": harmony.tension,
    }
    total = np.zeros(2)
    for name, (mean, deviation, *weights) in HAND_SET.items():
        total += np.clip((cues[name] - mean) / deviation, -3, 3) * np.array(weights)
    return total.tolist()


def read_corpus(folder: Path) -> Corpus:
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        rows = [
            row for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if "valence=" in row["emotion"]
        ]
    if not rows:
        sys.exit(f"{folder / 'manifest.tsv'}: no piece has a valence")
    whole, parts, of, judged, hand = [], [], [], [], []
    for i, row in enumerate(rows):
        score = on_grid(read_score(folder.parent / row["path"])).score  # as `analyse` does
        layout = lay_out(score)
        hearing = Hearing(layout)
        end = score.end_ticks + 1
        count = max(1, round(layout.seconds / STRETCH_SECONDS))
        whole.append(hearing.cues([0], [end])[0])
        bounds = np.linspace(0, end, count + 1).astype(np.int64)
        parts.append(hearing.cues(bounds[:-1], bounds[1:]))
        of += [i] * count
        judged.append([float(part.partition("=")[2]) for part in row["emotion"].split(";")])
        hand.append(by_hand(analyse(score)))
    series = np.array([row["composer_artist"] for row in rows])
    games = np.array([game_of(row) for row in rows])
    return Corpus(np.array(whole), np.concatenate(parts), np.array(of), np.array(judged), series, games, np.array(hand))


def game_of(row: dict[str, str]) -> str:
    """The game of a VGMIDI file: what its name holds before the title of the piece."""
    stem = Path(row["path"]).stem.removeprefix("phrase_")
    start = stem.rfind(row["title"].replace(" ", "_")[:12])
    return stem[:start].strip("_") if start > 0 else stem
