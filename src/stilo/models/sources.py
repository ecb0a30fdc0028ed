"""The sets of music that shipped weights were trained on, for their model cards."""

from __future__ import annotations

# set → (what it is, licence, what a reader should know)
SOURCES: dict[str, tuple[str, str, str]] = {
    "lieder": ("OpenScore Lieder Corpus, voice and piano", "CC0 1.0", ""),
    "quartets": ("OpenScore String Quartets", "CC0 1.0", ""),
    "orchestra_hauptstimme": ("OpenScore orchestral movements (Hauptstimme)", "CC0 1.0", ""),
    "polish_scores": ("Polish music from the Humdrum editions of the Chopin Institute", "CC BY 4.0", "NIFC, pl-wnifc"),
    "polish_more": ("more of the same source", "CC BY 4.0", "NIFC, pl-wnifc; drawn half as often"),
    "chopin_first_ed": ("Chopin, first editions", "CC BY 4.0", "NIFC"),
    "groove": ("Groove MIDI Dataset, drums played by people", "CC BY 4.0", "Gillick et al. 2019, Magenta"),
    "folk_pd": ("Ryan's, O'Neill's and Aird's collections", "public domain", "as in the corpus of music21"),
    "openhymnal": ("Open Hymnal Project", "public domain or freely distributable", ""),
    "pop909": ("POP909, Chinese pop songs", "MIT", "arrangements under MIT; the songs themselves are in copyright"),
    "game_free": ("music of Freedoom", "BSD-3-Clause", ""),
}

NO_LEAD_SHEETS = "Lead sheets (OpenEWLD) are not among them: some of their authors' works are still in copyright."

# What only some of the sources have: the others are pitched, and scores of one loudness or a few.
WITH_DRUMS = ("groove", "game_free")
WITH_LOUDNESS = ("groove", "pop909", "game_free")
