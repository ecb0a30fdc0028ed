"""Chords of songs that nobody learned from: templates, the net, and the published figures, side by side.

    python benchmarks/chords.py POP909_CL                       the songs of `test` in benchmarks/splits (a minute)
    python benchmarks/chords.py POP909_CL --music lieder/       and how many pieces of a folder the net reads a second
    python benchmarks/chords.py POP909_CL --split valid         while developing
    python benchmarks/chords.py POP909_CL --lead-sheets OPENEWLD    and the lead sheets of the same split

Data: POP909-CL, blocks of notes as reference; the test songs are those of the test list of Yao et al. that are here.
Percent of the time: `chord` is root and quality, `full` the bass too (Yao et al.), `majmin` root and third where the
reference is major, minor or none, `boundary` the F-measure of changes found within a sixteenth note. `by song` is
the mean over songs, as they report. Beside full and root the 95 % interval over songs drawn again.

Lead sheets: OpenEWLD, marks as reference, each song as a melody alone, which leaves most of its chords untold, and with
its chords played in a texture of the exercises.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from run import RESULTS, machine, one_core
from stilo.elements.chords import NO_CHORD_STATE, estimate_chords, state_chord
from stilo.elements.key import estimate_key
from stilo.elements.layout import lay_out
from stilo.errors import StiloError
from stilo.models.chord_accuracy import MEASURES, Agreement, agreement, summary
from stilo.models.chord_data import read_song, read_split
from stilo.models.chord_features import frames_of
from stilo.models.chord_lead_sheets import ACCOMPANIED, ALONE, accompanied, read_lead_sheet
from stilo.models.chord_reader import ChordReader, chords_folder, load_chord_reader, read_chords
from stilo.models.chord_readings import NO_BASS, ChordTimes
from stilo.music.atomic import write_whole
from stilo.music.files import music_files, read_score
from stilo.music.score import Score

SPLITS = Path(__file__).resolve().parent / "splits" / "pop909_cl_chords.tsv"
LEAD_SHEETS = SPLITS.with_name("openewld_chords.tsv")
PUBLISHED = {
    "BACHI, checkpoint as published": {"root": 89.5, "quality": 86.8, "bass": 91.3, "full": 82.4},
    "BACHI, in the paper": {"root": 89.6, "quality": 87.1, "bass": 91.5, "full": 82.8},
    "Harmony Transformer v2, there": {"root": 90.6, "quality": 86.9, "bass": 92.2, "full": 82.2},
    "rules (ChordID), there": {"root": 85.9, "quality": 69.7, "bass": 85.8, "full": 65.0},
}
REACH = {"full": 82.0, "root": 90.0}
DRAWS = 2000
MOST_PIECES = 200


def by_templates(score: Score) -> ChordTimes:
    """The template reading, beat by beat; a bass that is no tone of its chord is left out, as in its labels."""
    layout = lay_out(score)
    path = estimate_chords(layout, estimate_key(layout).key)
    bass = path.bass.copy()
    for i, state in enumerate(path.states.tolist()):
        chord = state_chord(state)
        if chord is not None and bass[i] not in chord.pitch_classes:
            bass[i] = chord.root
    return ChordTimes(layout.beats_ticks, path.states, np.where(path.states == NO_CHORD_STATE, NO_BASS, bass))


def interval(songs: list[Agreement], measure: str) -> tuple[float, float]:
    """95 % interval of the percent of all time, songs drawn with replacement."""
    at = MEASURES.index(measure)
    agreed, compared = (np.array([getattr(song, name)[at] for song in songs]) for name in ("agreed", "compared"))
    drawn = np.random.default_rng(0).integers(len(songs), size=(DRAWS, len(songs)))
    low, high = np.percentile(100 * agreed[drawn].sum(1) / compared[drawn].sum(1), [2.5, 97.5])
    return round(float(low), 1), round(float(high), 1)


def compared(pieces: Iterable[tuple[Score, ChordTimes]], reader: ChordReader) -> dict[str, list[Agreement]]:
    """Of every piece how far the templates and the net agree with its chords."""
    found: dict[str, list[Agreement]] = {"templates": [], "net": []}
    for score, reference in pieces:
        estimates = {"templates": by_templates(score), "net": reader.estimate(frames_of(lay_out(score)))}
        for name, times in estimates.items():
            found[name].append(agreement(reference, times, score.ticks_per_quarter))
    return found


def lead_sheets(folder: Path, split: str, reader: ChordReader) -> dict[str, list[Agreement]]:
    """The same of lead sheets, alone and accompanied; the accompaniment of a split is always the same."""
    files = [file for file, where in read_split(LEAD_SHEETS).items() if where == split]
    sheets = [read for file in files if (read := read_lead_sheet(folder / file)) is not None]
    rng = np.random.default_rng(0)
    seen = {ALONE: sheets, ACCOMPANIED: [(accompanied(score, chords, rng), chords) for score, chords in sheets]}
    return {f"{name}, {how}": songs for how, pieces in seen.items() for name, songs in compared(pieces, reader).items()}


def pieces_per_second(folder: Path) -> float:
    """How many pieces of a folder the net reads on one core, files read beforehand."""
    files = music_files([folder])
    scores = [read_score(path) for path in files[:: max(1, len(files) // MOST_PIECES)]]
    read_chords(scores[0])
    with one_core():
        began = time.perf_counter()
        for score in scores:
            read_chords(score)
        return len(scores) / (time.perf_counter() - began)


def told(name: str, row: dict[str, float], suffix: str = "") -> str:
    cells = [f"{row[measure + suffix]:>9.1f}" if measure + suffix in row else f"{'–':>9}" for measure in MEASURES]
    return f"{name:<40}" + "".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("songs", type=Path)
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument("--net", type=Path, default=chords_folder())
    parser.add_argument("--music", type=Path)
    parser.add_argument("--lead-sheets", type=Path)
    args = parser.parse_args()
    try:
        reader = load_chord_reader(args.net)
        files = [file for file, split in read_split(SPLITS).items() if split == args.split]
        found = compared((read for file in files if (read := read_song(args.songs / file)) is not None), reader)
        sheets = lead_sheets(args.lead_sheets, args.split, reader) if args.lead_sheets else {}
        speed = pieces_per_second(args.music) if args.music else None
    except StiloError as error:
        sys.exit(str(error))
    rows = {name: summary(songs) for name, songs in found.items()}
    intervals = {name: {m: interval(songs, m) for m in REACH} for name, songs in found.items()}
    print(f"{args.split}: {len(found['net'])} songs\n{'':<40}" + "".join(f"{measure:>9}" for measure in MEASURES))
    for name, row in rows.items():
        print(told(f"{name}, of all time", row))
        print(told(f"{name}, by song", row, " by song"))
    for name, figures in PUBLISHED.items():
        print(told(name, figures))
    sheet_rows = {name: summary(songs) for name, songs in sheets.items()}
    for name, row in sheet_rows.items():
        print(told(f"{name}, {len(sheets[name])} lead sheets", row))
    for name, bounds in intervals.items():
        print(name, *(f"{measure} {low} … {high}" for measure, (low, high) in bounds.items()), sep="  ")
    for measure, least in REACH.items():
        print(f"{measure} ≥ {least:g}: {'holds' if rows['net'][measure] >= least else 'MISSED'}")
    if speed is not None:
        print(f"{speed:.1f} pieces/s with the net on one core")
    data = {**machine(), "split": args.split, "songs": len(found["net"]), "figures": rows, "intervals": intervals}
    data |= {"published": PUBLISHED, "pieces_per_second": speed}
    if sheets:
        data["lead_sheets"] = {"songs": len(next(iter(sheets.values()))), "figures": sheet_rows}
        data["lead_sheets"]["intervals"] = {name: {m: interval(s, m) for m in REACH} for name, s in sheets.items()}
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"chords-{time.strftime('%Y%m%d-%H%M%S')}.json"
    write_whole(path, (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode())
    print(path)


if __name__ == "__main__":
    main()
