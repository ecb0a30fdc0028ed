"""Names of the General MIDI programs and drums (GM System Level 1, MMA 1991)."""

from __future__ import annotations

import re

PROGRAM_NAMES: tuple[str, ...] = tuple(
    """Piano|Bright Piano|Electric Grand Piano|Honky-tonk Piano|Electric Piano|FM Electric Piano|Harpsichord|Clavinet
Celesta|Glockenspiel|Music Box|Vibraphone|Marimba|Xylophone|Tubular Bells|Dulcimer
Drawbar Organ|Percussive Organ|Rock Organ|Organ|Reed Organ|Accordion|Harmonica|Bandoneon
Guitar|Steel-string Guitar|Jazz Guitar|Electric Guitar|Muted Guitar|Overdriven Guitar|Distorted Guitar|Guitar Harmonics
Acoustic Bass|Bass Guitar|Picked Bass|Fretless Bass|Slap Bass 1|Slap Bass 2|Synth Bass 1|Synth Bass 2
Violin|Viola|Violoncello|Contrabass|Tremolo Strings|Pizzicato Strings|Harp|Timpani
Strings|Slow Strings|Synth Strings 1|Synth Strings 2|Choir|Voice|Synth Voice|Orchestra Hit
Trumpet|Trombone|Tuba|Muted Trumpet|Horn|Brass|Synth Brass 1|Synth Brass 2
Soprano Saxophone|Alto Saxophone|Tenor Saxophone|Baritone Saxophone|Oboe|English Horn|Bassoon|Clarinet
Piccolo|Flute|Recorder|Pan Flute|Bottle|Shakuhachi|Whistle|Ocarina
Square Lead|Saw Lead|Calliope Lead|Chiff Lead|Charang Lead|Voice Lead|Fifths Lead|Bass Lead
New Age Pad|Warm Pad|Polysynth Pad|Choir Pad|Bowed Pad|Metallic Pad|Halo Pad|Sweep Pad
Rain|Soundtrack|Crystal|Atmosphere|Brightness|Goblins|Echoes|Sci-fi
Sitar|Banjo|Shamisen|Koto|Kalimba|Bagpipes|Fiddle|Shanai
Tinkle Bell|Agogo|Steel Drums|Woodblock|Taiko|Melodic Tom|Synth Drum|Reverse Cymbal
Fret Noise|Breath Noise|Seashore|Bird|Telephone|Helicopter|Applause|Gunshot""".replace("\n", "|").split("|")
)

# Words that part names use, in many languages' scores, where they differ from the program's own name.
_OTHER_NAMES: dict[str, int] = {
    "pianoforte": 0, "klavier": 0, "keyboard": 0, "cembalo": 6, "clavecin": 6, "harmonium": 20, "orgel": 19,
    "orgue": 19, "pipe organ": 19, "church organ": 19, "gitarre": 24, "chitarra": 24, "lute": 24, "mandolin": 25,
    "bass guitar": 33, "electric bass": 33, "double bass": 43, "kontrabass": 43, "contrabasso": 43,
    "basso continuo": 42, "violone": 43, "violine": 40, "violino": 40, "violon": 40, "bratsche": 41, "alto viola": 41,
    "cello": 42, "violoncelle": 42, "viola da gamba": 42, "harfe": 46, "pauken": 47, "timbales": 47, "soprano": 52,
    "mezzo": 52, "alto": 52, "altus": 52, "tenor": 52, "baritone": 52, "bass": 52, "bassus": 52, "cantus": 52,
    "tenore": 52, "basso": 52, "canto": 52, "singstimme": 52, "quinto": 52, "sesto": 52, "quintus": 52,
    "sextus": 52, "vocal": 52, "vocals": 52, "chorus": 52, "chor": 52,
    "gesang": 52, "chant": 52, "trompete": 56, "tromba": 56, "cornet": 56, "posaune": 57, "french horn": 60,
    "corno": 60, "saxophone": 65, "sax": 65, "hautbois": 68, "cor anglais": 69, "fagott": 70, "fagotto": 70,
    "basson": 70, "klarinette": 71, "clarinetto": 71, "clarinette": 71, "piccolo": 72, "flauto": 73, "flöte": 73,
    "blockflöte": 74, "traverso": 73, "electric guitar": 27,
}  # fmt: skip

_KNOWN_NAMES = {known.lower(): program for program, known in enumerate(PROGRAM_NAMES)} | _OTHER_NAMES
_LONGEST_BESIDE = 2  # letters of what may stand beside the name of an instrument: "1st", "in", "Bb", "or"

# Key → (letter and octave on the percussion staff, note head, played with a foot?)
DRUM_PLACES: dict[int, tuple[str, int, str, bool]] = {
    35: ("F", 4, "normal", True), 36: ("F", 4, "normal", True), 37: ("C", 5, "x", False),
    38: ("C", 5, "normal", False), 39: ("C", 5, "x", False), 40: ("C", 5, "normal", False),
    41: ("G", 4, "normal", False), 42: ("G", 5, "x", False), 43: ("A", 4, "normal", False),
    44: ("D", 4, "x", True), 45: ("B", 4, "normal", False), 46: ("G", 5, "circle-x", False),
    47: ("B", 4, "normal", False), 48: ("D", 5, "normal", False), 49: ("A", 5, "x", False),
    50: ("E", 5, "normal", False), 51: ("F", 5, "x", False), 52: ("A", 5, "x", False),
    53: ("F", 5, "diamond", False), 54: ("E", 5, "triangle", False), 55: ("A", 5, "x", False),
    56: ("E", 5, "x", False), 57: ("B", 5, "x", False), 59: ("F", 5, "x", False),
}  # fmt: skip
OTHER_DRUM_PLACE = ("E", 5, "normal", False)

_DRUM_NAMES = (
    "Bass Drum 2", "Bass Drum", "Side Stick", "Snare", "Hand Clap", "Electric Snare", "Low Floor Tom",
    "Closed Hi-hat", "High Floor Tom", "Pedal Hi-hat", "Low Tom", "Open Hi-hat", "Low-mid Tom", "High-mid Tom",
    "Crash Cymbal", "High Tom", "Ride Cymbal", "China Cymbal", "Ride Bell", "Tambourine", "Splash Cymbal", "Cowbell",
    "Crash Cymbal 2", "Vibraslap", "Ride Cymbal 2", "High Bongo", "Low Bongo", "Mute High Conga", "Open High Conga",
    "Low Conga", "High Timbale", "Low Timbale", "High Agogo", "Low Agogo", "Cabasa", "Maracas", "Short Whistle",
    "Long Whistle", "Short Guiro", "Long Guiro", "Claves", "High Woodblock", "Low Woodblock", "Mute Cuica",
    "Open Cuica", "Mute Triangle", "Open Triangle",
)  # fmt: skip
_FIRST_DRUM = 35


def drum_name(key: int) -> str:
    """What a General MIDI percussion key is called."""
    place = key - _FIRST_DRUM
    return _DRUM_NAMES[place] if 0 <= place < len(_DRUM_NAMES) else f"Drum {key}"


def program_of_name(name: str) -> int | None:
    """The program that a part name such as "Violino II" or "Clarinet in A" means; None when nothing fits."""
    words = _words(name)
    fitting = [known for known in _KNOWN_NAMES if _occurrence(known).search(words)]
    return _KNOWN_NAMES[max(fitting, key=len)] if fitting else None


def is_instrument_name(name: str) -> bool:
    """Whether a name says an instrument or a voice, perhaps with its number and key ("Violino II"), and no more."""
    words = rest = _words(name)
    for known in sorted(_KNOWN_NAMES, key=len, reverse=True):
        rest = _occurrence(known).sub(" ", rest)
    return rest != words and all(len(word) <= _LONGEST_BESIDE or set(word) <= set("ivx") for word in rest.split())


def _words(name: str) -> str:
    return " ".join(re.findall(r"[^\W\d_]+", name.lower()))


def _occurrence(known: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(known)}s?\b")
