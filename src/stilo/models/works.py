"""Which work a piece belongs to: songs of one cycle, movements of one mass, pieces of one print.

Two pieces of one work are alike for reasons that are not their composer's style: whoever asks "same composer?" leaves
them out. Told by the titles "cycle / song" of the lieder and by the call numbers "source--work-movement_…" of the
Polish scores; a piece of which nothing is told is a work by itself.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path

from stilo.errors import InputError

_CALL_NUMBER = re.compile(r"(?P<source>.+?)--(?P<work>\d+)(?P<movement>-\d+)?_")


def work_of(name: str, title: str = "", composer: str = "") -> str:
    """A name that all pieces of one work share; `name` is the path of the file in the data folder, "set/file"."""
    file = name.rsplit("/", maxsplit=1)[-1]
    if call := _CALL_NUMBER.match(file):
        whole = f"{call['source']}--{call['work']}"
        return whole if call["movement"] else f"{whole}_"
    cycle = title.rpartition(" / ")[0].strip()
    return f"{composer}: {cycle}" if cycle else name


def works_of(names: Iterable[str], data: Path) -> list[str]:
    """The work of each piece, by the titles in the `manifest.tsv` of the folders of sets in `data`.

    Raises:
        InputError: a manifest cannot be read.
    """
    listed: dict[str, tuple[str, str]] = {}
    wanted = list(names)
    for set_name in {name.split("/", maxsplit=1)[0] for name in wanted}:
        manifest = data / set_name / "manifest.tsv"
        if not manifest.exists():
            continue
        try:
            with manifest.open(encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                    listed[row["path"]] = (row.get("title") or "", row.get("composer_artist") or "")
        except (OSError, KeyError, ValueError) as error:
            raise InputError(f"{manifest}: no table with the columns path and title ({error})") from error
    return [work_of(name, *listed.get(name, ("", ""))) for name in wanted]
