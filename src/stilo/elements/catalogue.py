"""The page of all elements: name, unit, meaning and source of each, made from their declarations.

python -m stilo.elements.catalogue > docs/elements.md
"""

from __future__ import annotations

import re
import sys

from stilo.elements.figures import PITCH_SHUFFLE, TRANSPOSITION, Element, Figure, Histogram
from stilo.elements.record import ELEMENTS, GROUPS

COUNTED = "counted"
REFERENCES = {
    "Bresin & Battel 2000": "Articulation strategies in expressive piano performance. Journal of New Music Research 29",
    "de Clercq & Temperley 2011": "A corpus analysis of rock harmony. Popular Music 30",
    "Dowling 1978": "Scale and contour: two components of a theory of memory for melodies. Psychological Review 85",
    "Drake & Palmer 1993": "Accent structures in music performance. Music Perception 10",
    "Foote 2000": "Automatic audio segmentation using a measure of audio novelty. ICME",
    "Friberg & Sundström 2002": "Swing ratios and ensemble timing in jazz performance. Music Perception 19",
    "Gabrielsson & Lindström 2010": "The role of structure in the musical expression of emotions. In Juslin & Sloboda, "
    "Handbook of Music and Emotion",
    "Goto 2006": "A chorus section detection method for musical audio signals and its application to a music listening "
    "station. IEEE Transactions on Audio, Speech, and Language Processing 14",
    "Herremans & Chew 2016": "Tension ribbons: quantifying and visualising tonal tension. TENOR",
    "Huron 1989": "Characterizing musical textures. ICMC",
    "Huron 1994": "Interval-class content in equally tempered pitch-class sets. Music Perception 11",
    "Huron 1996": "The melodic arch in Western folksongs. Computing in Musicology 10",
    "Huron 2001": "Tone and voice: a derivation of the rules of voice-leading from perceptual principles. "
    "Music Perception 19",
    "Huron 2006": "Sweet Anticipation. MIT Press",
    "Krumhansl 1990": "Cognitive Foundations of Musical Pitch. Oxford University Press",
    "Longuet-Higgins & Lee 1984": "The rhythmic interpretation of monophonic music. Music Perception 1",
    "Meredith 2013": "COSIATEC and SIATECCompress: pattern discovery by geometric compression. MIREX",
    "Müllensiefen 2009": "FANTASTIC: feature analysis technology accessing statistics (in a corpus). Technical report",
    "Palmer & Krumhansl 1990": "Mental representations for musical meter. Journal of Experimental Psychology: "
    "Human Perception and Performance 16",
    "Patel & Daniele 2003": "An empirical comparison of rhythm in language and music. Cognition 87",
    "Shannon 1948": "A mathematical theory of communication. Bell System Technical Journal 27",
    "Temperley 2001": "The Cognition of Basic Musical Structures. MIT Press",
    "Temperley 2007": "Music and Probability. MIT Press",
    "von Hippel & Huron 2000": "Why do skips precede reversals? The effect of tessitura on melodic structure. "
    "Music Perception 18",
    "Vos & Troost 1989": "Ascending and descending melodic intervals: statistical findings and their perceptual "
    "relevance. Music Perception 6",
    "Wu & Yang 2020": "The Jazz Transformer on the front line. ISMIR",
}
OTHER_SOURCES = (COUNTED, "General MIDI instrument names", "learned; models/emotion/README.md")
_KEEPS = {TRANSPOSITION: "the key", PITCH_SHUFFLE: "which notes have which pitch"}
_HEAD = """# The elements

What a profile knows of a piece or a folder, made by `python -m stilo.elements.catalogue` from the declarations in
`src/stilo/elements/`. A *figure* is one number; a folder has its mean and its spread between the pieces: of pitch and
harmony over the pieces with pitched notes, of consonance over those in which intervals sound. A *histogram*
has fixed classes and *shares* have named ones; both sum to 1. *Apart* says how far two pieces of different style
lie apart, typically: the unit in which profiles are compared. *Blind to* says what may be changed in a piece without
changing the figure. "Counted" needs no source.
"""


def cited(source: str) -> list[str]:
    """The references a source names: "Dowling 1978; Müllensiefen 2009" → both; chapters are left out."""
    return [re.sub(r", ch\. \d+$", "", part.strip()) for part in source.split(";")]


def elements_page() -> str:
    """The page, in Markdown."""
    lines = [_HEAD]
    for group in GROUPS:
        lines += [f"## {group.capitalize()}", "", "| name | unit | meaning | apart | blind to | source |",
                  "|---|---|---|---|---|---|"]  # fmt: skip
        lines += [_row(name, element) for name, element in ELEMENTS.items() if name.startswith(f"{group}.")]
        lines.append("")
    lines += ["## Sources", ""]
    used = {reference for element in ELEMENTS.values() for reference in cited(element.source)}
    lines += [f"- {name}: {title}." for name, title in REFERENCES.items() if name in used]
    return "\n".join(lines) + "\n"


def _row(name: str, element: Element) -> str:
    keeps = " and ".join(words for kept, words in _KEEPS.items() if kept in element.keeps) or "nothing"
    if isinstance(element, Figure):
        unit, apart = element.unit, f"{element.spread:g}"
    elif isinstance(element, Histogram):
        unit, apart = f"shares of {len(element.labels)} classes", ""
    else:
        unit, apart = "shares by name", ""
    cells = (f"`{name}`", unit, element.meaning, apart, keeps, element.source)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(elements_page())
