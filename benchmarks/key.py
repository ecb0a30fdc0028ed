"""Global and local key from notes alone, beside what is published, with Wilson intervals of 95 %.

    python benchmarks/key.py MUSIC SPLITS.tsv

MUSIC holds the sets by name; what is known of their keys, and how, stands in `key_music.py`; what stilo learned its
profile and weights from, in `learn_key.py`. Held out from both: the even songs of pop909_cl, the lieder that SPLITS.tsv
does not mark `train`, all of folk_pd, quartets and polish_scores, and the pieces whose title names their key. keys126
took part in the choice of the kinds of evidence and of their six weights; `learn_key.py` prints its cross-validation.

A signature counts as met when the key is written with as many accidentals. In pop909_cl "first" is the signature a song
begins with, "longest" the one that holds for most of it. Local key: the share of the time in which the region's key is
written with the accidentals of the signature that holds there; beside it one key for the whole song, stilo's and the
song's own first signature. Krumhansl–Kessler is the plain correlation of durations with the profiles of 1982, our own
few lines here; both published figures are exact keys on all 126 pieces of keys126, of which MUSIC may hold a part.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from key_music import KnownPiece, keys126, pop909_cl, same_accidentals, signed, titled
from run import RESULTS, machine, one_core
from stilo.elements.key import EVIDENCE, estimate_key, index_of, key_evidence
from stilo.elements.layout import lay_out
from stilo.elements.local_key import estimate_key_regions
from stilo.music.atomic import write_whole
from stilo.music.score import KeySignature
from stilo.music.theory import parse_key

_Z = 1.959964
PUBLISHED = {"Krumhansl–Kessler": 0.897, "justkeydding (Nápoles López et al. 2019)": 0.944}
REACH_KEYS126, REACH_POP = 0.95, 0.92


@dataclass(frozen=True)
class Row:
    """How often something was right: `hits` of `count`."""

    music: str
    measure: str
    method: str
    hits: int
    count: int

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson (1927), 95 %."""
        n, share = self.count, self.hits / self.count
        middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
        return float(middle - half), float(middle + half)

    def told(self) -> str:
        low, high = self.interval
        share = self.hits / self.count
        name = f"{self.music:<26} {self.measure:<17} {self.method:<23}"
        return f"{name} {share:7.1%}  {low:.1%} … {high:.1%}  of {self.count}"


def by_stilo(piece: KnownPiece) -> int:
    return index_of(estimate_key(piece.layout).key)


def by_correlation(piece: KnownPiece) -> int:
    """Krumhansl–Kessler: the key whose profile correlates best with the durations of the whole."""
    return int(key_evidence(piece.layout)[:, EVIDENCE.index("whole")].argmax())


Measure = Callable[[KnownPiece, int], bool]
METHODS = {"stilo": by_stilo, "Krumhansl–Kessler": by_correlation}


def counted(music: str, pieces: Iterable[KnownPiece], measures: dict[str, Measure]) -> list[Row]:
    """A row for each measure and method."""
    hits = {(measure, method): 0 for method in METHODS for measure in measures}
    count = 0
    for piece in pieces:
        count += 1
        for method, find in METHODS.items():
            key = find(piece)
            for measure, is_right in measures.items():
                hits[measure, method] += is_right(piece, key)
    return [Row(music, measure, method, right, count) for (measure, method), right in hits.items()]


def is_exact(piece: KnownPiece, key: int) -> bool:
    return key == piece.exact


def meets_first(piece: KnownPiece, key: int) -> bool:
    return same_accidentals(key, piece.fifths)


def meets_longest(piece: KnownPiece, key: int) -> bool:
    held: dict[int, int] = {}
    for onset, end, fifths in spans(piece):
        held[fifths] = held.get(fifths, 0) + end - onset
    return same_accidentals(key, max(held, key=lambda fifths: held[fifths]))


def spans(piece: KnownPiece) -> list[tuple[int, int, int]]:
    """Where each signature holds: (onset, end, fifths) in ticks; the first from the beginning."""
    changes: tuple[KeySignature, ...] = piece.signatures
    onsets = [0, *(change.onset_ticks for change in changes[1:])]
    end = max(int(piece.layout.beats_ticks[-1]), onsets[-1] + 1)
    return [
        (onset, until, change.fifths) for onset, until, change in zip(onsets, [*onsets[1:], end], changes, strict=True)
    ]


def local_time(pieces: Iterable[KnownPiece]) -> dict[str, float]:
    """Shares of the time with the right accidentals, by method; and how many regions a song was given."""
    right = {"regions": 0.0, "one key": 0.0, "first signature throughout": 0.0}
    total, songs, found = 0, 0, 0
    for piece in pieces:
        key = estimate_key(piece.layout).key
        quarter = piece.layout.score.ticks_per_quarter
        regions = [
            (region.onset_quarters * quarter, (region.onset_quarters + region.duration_quarters) * quarter, region.key)
            for region in estimate_key_regions(piece.layout, key)
        ]
        songs, found = songs + 1, found + len(regions)
        for onset, end, fifths in spans(piece):
            total += end - onset
            right["one key"] += (end - onset) * same_accidentals(index_of(key), fifths)
            right["first signature throughout"] += (end - onset) * ((fifths - piece.fifths) % 12 == 0)
            right["regions"] += sum(
                max(0.0, min(end, until) - max(onset, start))
                for start, until, name in regions
                if same_accidentals(index_of(parse_key(name)), fifths)
            )
    return {method: held / total for method, held in right.items()} | {"songs": songs, "regions a song": found / songs}


def milliseconds(pieces: list[KnownPiece]) -> tuple[float, float]:
    """Of the global key and of the regions, a piece, its layout given: the best of three rounds."""
    fresh = [lay_out(piece.layout.score) for piece in pieces]
    for layout in fresh:
        _ = layout.slices.chroma, layout.slices.count, layout.slices.bass  # the other elements ask for them, too
    keys = [estimate_key(layout).key for layout in fresh]
    best = [np.inf, np.inf]
    for _ in range(3):
        start = time.process_time()
        for layout in fresh:
            estimate_key(layout)
        middle = time.process_time()
        for layout, key in zip(fresh, keys, strict=True):
            estimate_key_regions(layout, key)
        best = [min(best[0], middle - start), min(best[1], time.process_time() - middle)]
    return 1000 * best[0] / len(fresh), 1000 * best[1] / len(fresh)


def global_rows(music: Path, splits: Path) -> Iterator[list[Row]]:
    """The tables of the global key, one set after the other."""
    with splits.open(encoding="utf-8", newline="") as file:
        train = {row["path"] for row in csv.DictReader(file, delimiter="\t") if row["split"] == "train"}
    yield counted("keys126", keys126(music), {"exact": is_exact})
    by_song: dict[str, Measure] = {"first": meets_first, "longest": meets_longest, "first, with mode": is_exact}
    yield counted("pop909_cl, even: held out", (p for p in pop909_cl(music) if not p.is_odd), by_song)
    yield counted("pop909_cl, odd: learned", (p for p in pop909_cl(music) if p.is_odd), by_song)
    signature: dict[str, Measure] = {"first": meets_first}
    lieder = (piece for piece in signed(music, "lieder") if f"lieder/{piece.path.name}" not in train)
    yield counted("lieder, held out", lieder, signature)
    yield counted("openhymnal: learned", signed(music, "openhymnal"), signature)
    for name in ("folk_pd", "quartets", "polish_scores"):
        yield counted(f"{name}: held out", signed(music, name), signature)
    yield counted("titles: held out", titled(music), {"exact": is_exact})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path, help="folder with the sets by name")
    parser.add_argument("splits", type=Path, help="table of path and split")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for table in global_rows(arguments.music, arguments.splits):
        for row in table:
            print(row.told(), flush=True)
        rows += table
    for method, share in PUBLISHED.items():
        print(f"{'keys126, all 126':<26} {'exact':<17} {method:<23} {share:7.1%}  published")
    verdicts = {"keys126, exact ≥ 95 %": reached(rows[0], REACH_KEYS126)}
    verdicts |= {
        f"pop909_cl held out, first ≥ {REACH_POP:.0%}": reached(
            next(row for row in rows if row.music.startswith("pop")), REACH_POP
        )
    }
    even = [piece for piece in pop909_cl(arguments.music) if not piece.is_odd]
    local = {"all": local_time(even), "with several signatures": local_time(p for p in even if not p.one_signature)}
    for songs, shares in local.items():
        print(f"local key, even songs, {songs}: " + ", ".join(f"{name} {value:.4g}" for name, value in shares.items()))
    lieder = [piece for piece, _ in zip(signed(arguments.music, "lieder"), range(200), strict=False)]
    with one_core():
        whole, regions = milliseconds(lieder)
    print(f"milliseconds a lied: key {whole:.2f}, regions {regions:.2f}")
    print(*(f"{name}: {verdict}" for name, verdict in verdicts.items()), sep="\n")
    told = [asdict(row) | {"share": row.hits / row.count, "interval": row.interval} for row in rows]
    data = {**machine(), "rows": told, "published": PUBLISHED, "local": local, "verdicts": verdicts}
    data |= {"milliseconds": {"key": whole, "regions": regions}}
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"key-{time.strftime('%Y%m%d-%H%M%S')}.json"
    write_whole(path, (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode())
    print(path)


def reached(row: Row, least: float) -> str:
    return "holds" if row.hits / row.count >= least else "MISSED"


if __name__ == "__main__":
    main()
