"""What the README shows of stilo, made anew: the card of the chorales, the comparison, three pictures.

    python benchmarks/readme_examples.py          half a minute; writes README.md and docs/pictures/

The music is that of the demo (the corpus installed with music21), measured as `stilo analyse` does it. To be run
when a figure, a word or a picture has changed; what it writes is looked at before it is kept.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

from stilo.elements.card import profile_card
from stilo.errors import StiloError
from stilo.music.atomic import write_whole
from stilo.workshop import (
    Collection,
    analyse_files,
    compare,
    comparison_card,
    draw_comparison,
    draw_profile,
)
from stilo.workshop.demo import DEMO_STYLES, corpus_files

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
PIECE = "madrigal.4.12.mxl"
COLOURS = 256  # enough for the few that a picture has; a third of the bytes


def collected(path: Path) -> Collection:
    collection = Collection()
    for item in analyse_files([path]):
        collection.add(item)
    return collection


def smaller(picture: Path) -> None:
    with Image.open(picture) as image:
        reduced = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    reduced.save(picture, optimize=True)


def put(readme: str, first_words: str, text: str) -> str:
    """The README with another text in the block that begins with these words.

    Raises:
        ValueError: there is not exactly one such block.
    """
    block = re.compile(rf"```\n{re.escape(first_words)}.*?\n```", re.DOTALL)
    if len(block.findall(readme)) != 1:
        raise ValueError(f"README.md: not one block that begins with {first_words!r}")
    return block.sub(lambda _: f"```\n{text.rstrip()}\n```", readme)


def main() -> None:
    readme = ROOT / "README.md"
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / demo.name for demo in DEMO_STYLES]
        try:
            for demo, folder in zip(DEMO_STYLES, folders, strict=True):
                folder.mkdir()
                for path in corpus_files(demo):
                    shutil.copy(path, folder)
            chorales, madrigal = collected(folders[0]), collected(folders[1] / PIECE)
            compared = compare(*folders)
        except StiloError as error:
            sys.exit(str(error))
        title = f"{folders[0].name}: {chorales.title}"
        head, words, outstanding, *_ = profile_card(chorales.profile, title).split("\n\n")
        text = put(readme.read_text(encoding="utf-8"), f"{folders[0].name}:", "\n\n".join([head, words, outstanding]))
        text = put(text, f"A  {folders[0].name}", comparison_card(compared))
        for picture in (
            draw_profile(chorales.profile, PICTURES / "bach-chorales.png", title),
            draw_profile(madrigal.profile, PICTURES / "madrigal-dark.png", madrigal.title, dark=True),
            draw_comparison(compared, PICTURES / "chorales-and-madrigals.png"),
        ):
            smaller(picture)
            print(picture.relative_to(ROOT))
        write_whole(readme, text.encode())
    print("README.md")


if __name__ == "__main__":
    main()
