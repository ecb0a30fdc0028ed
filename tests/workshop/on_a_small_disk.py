"""Writes a composition in every kind onto disks of several sizes, and tells what came of it as JSON.

Run by test_outputs_on_a_full_disk.py in a mount namespace of its own: `unshare -rm python on_a_small_disk.py FOLDER`.
"""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from stilo.errors import WriteError
from stilo.music.score import Score, Track, notes_from_columns
from stilo.sound.waveform import Waveform
from stilo.workshop import outputs

ENDINGS = [".mid", ".musicxml", ".json", ".png", ".wav", ".flac", ".ogg"]


def main(place):
    rows = np.arange(2000)
    score = Score(notes_from_columns(rows * 240, [240] * 2000, 60 + rows % 12), (Track("Piano"),), title="Long")
    composition = SimpleNamespace(score=score, request={}, report={})
    noise = np.random.default_rng(0).normal(0, 0.1, (44_100 * 4, 2)).astype(np.float32)
    outputs._rendered = lambda _score: Waveform(noise, 44_100)
    told = []
    for kib in (0, 24, 64):
        for ending in ENDINGS:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], check=True)
            old = Path(place) / f"old{ending}"
            old.write_bytes(b"old")
            left = 2**21 - 4096 - kib * 1024
            (Path(place) / "filler").write_bytes(b"x" * left)
            try:
                outputs.write_composition(composition, [old, Path(place) / "new.mid"])
                end = "done"
            except WriteError as error:
                end = str(error)
            names = sorted(path.name for path in Path(place).iterdir() if path.name != "filler")
            told.append({"kib": kib, "ending": ending, "end": end, "names": names, "old": old.read_bytes() == b"old"})
            subprocess.run(["umount", place], check=True)
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
