"""How a musician would say that a figure is high or low, and that one music has more or less of it than another.

Several figures that tell one thing share an *aspect*; of an aspect only the figure that stands out most is said.
"""

from __future__ import annotations

from dataclasses import dataclass

from stilo.music.theory import line_name


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words for one figure.

    Attributes:
        aspect: what it tells of.
        high, low: what stands out when the figure does, as nouns; "" when that is nothing to speak of. `{}` takes the
            more, less: "is faster", of the second of two; `less` may be empty when `more` says it of the first.
        amount: the value with its unit; `{}` takes it, "%" and "pitch" have formats of their own.
        polyphonic: true when a single line has nothing of it.
    """

    aspect: str
    high: str
    low: str
    more: str
    less: str
    amount: str
    polyphonic: bool = False


PHRASES: dict[str, Phrase] = {
    "pitch.chromaticism": Phrase(
        "colour", "notes from outside the scale all over", "hardly a note from outside the scale",
        "is more chromatic", "keeps closer to the scale", "% outside the scale",
    ),
    "harmony.diatonic_share": Phrase(
        "colour", "", "chords borrowed from other keys",
        "keeps to the chords of the key", "borrows more chords from other keys", "% of the chords in the key", True,
    ),
    "harmony.tension": Phrase(
        "tension", "harmony that strains away from its key", "harmony that stays close to home",
        "strains further from its key", "stays closer to home", "{:.2f} on the spiral array", True,
    ),
    "pitch.melody_range": Phrase(
        "range", "a melody that spans {span}", "a melody within {span}",
        "has the wider melody", "has the narrower melody", "{:.0f} semitones",
    ),
    "pitch.melody_pitch": Phrase(
        "register", "a melody high up, around {pitch}", "a melody deep down, around {pitch}",
        "lies higher", "lies lower", "a melody around {pitch}",
    ),
    "pitch.range": Phrase(
        "compass", "a compass of {span}", "", "spans more of the keyboard",
        "spans less of the keyboard", "{:.0f} semitones",
    ),
    "pitch.step_share": Phrase(
        "motion", "a melody that moves almost wholly by step", "a melody with few steps",
        "moves more by step", "moves less by step", "% of the intervals",
    ),
    "pitch.leap_share": Phrase(
        "motion", "a melody full of leaps", "a melody almost without leaps",
        "leaps more", "leaps less", "% of the intervals a fourth and more",
    ),
    "pitch.repeat_share": Phrase(
        "repeated notes", "notes repeated over and over on one pitch", "a melody that never stays on a note",
        "repeats its notes more", "repeats its notes less", "% of the melody's notes",
    ),
    "pitch.arch": Phrase(
        "shape of phrase", "phrases that arch upward", "phrases that sink in the middle",
        "has phrases that arch more", "has phrases that arch less", "{:+.1f} semitones in the middle",
    ),
    "rhythm.tempo_qpm": Phrase(
        "tempo", "a fast tempo of {:.0f} quarters a minute", "a slow tempo of {:.0f} quarters a minute",
        "is faster", "is slower", "{:.0f} quarters a minute",
    ),
    "rhythm.tempo_change": Phrase(
        "rubato", "a tempo that bends", "", "bends its tempo more", "keeps its tempo steadier", "% around the mean",
    ),
    "rhythm.onsets_per_second": Phrase(
        "pace", "a rush of notes, {count} onsets a second", "few notes, about {count} a second",
        "is busier", "is calmer in its notes", "{:.1f} onsets a second",
    ),
    "rhythm.notes_per_second": Phrase(
        "density", "dense writing, {count} notes a second", "", "is denser", "is thinner", "{:.1f} notes a second",
        True,
    ),
    "rhythm.syncopation": Phrase(
        "off-beats", "strong off-beats", "nothing off the beat",
        "is more syncopated", "keeps more to the beat", "{:.2f} levels an onset",
    ),
    "rhythm.off_quarter_share": Phrase(
        "subdivision", "few notes that fall on a quarter", "almost everything on the quarters",
        "divides the quarter more", "keeps more to the quarters", "% of the onsets between the quarters",
    ),
    "rhythm.triplet_share": Phrase(
        "triplets", "triplets", "", "has more triplets", "has fewer triplets", "% of the onsets",
    ),
    "rhythm.swing": Phrase(
        "triplets", "swung eighths, {:.1f} to 1", "", "swings more", "swings less", "{:.2f} to 1",
    ),
    "rhythm.unevenness": Phrase(
        "note lengths", "short and long notes in sharp contrast", "notes all of one length",
        "contrasts short and long notes more", "is more even in its note lengths", "nPVI {:.0f}",
    ),
    "rhythm.articulation": Phrase(
        "touch", "", "detached notes that leave {rest} of their time silent",
        "is more legato", "is more detached", "% of their time the notes sound",
    ),
    "rhythm.silence": Phrase(
        "silence", "silences", "", "has more silence", "has less silence", "% of the time",
    ),
    "rhythm.groove": Phrase(
        "groove", "one rhythm from bar to bar", "a rhythm that is new in every bar",
        "keeps its rhythm more from bar to bar", "changes its rhythm more from bar to bar", "% of the places alike",
    ),
    "rhythm.returning_bars": Phrase(
        "repetition", "bars that come back again and again", "bars that never come back",
        "repeats more of its bars", "repeats fewer of its bars", "% of the bars",
    ),
    "rhythm.section_bars": Phrase(
        "length of section", "", "", "has the longer sections", "has the shorter sections", "{:.0f} bars",
    ),
    "harmony.chord_changes_per_bar": Phrase(
        "harmonic rhythm", "quick changes of chord, {rate}", "slow changes of chord, {rate}",
        "changes its chords faster", "changes its chords more slowly", "{:.1f} chords a bar", True,
    ),
    "harmony.seventh_share": Phrase(
        "kinds of chord", "seventh chords everywhere", "hardly a seventh chord",
        "has more seventh chords", "has fewer seventh chords", "% of the time", True,
    ),
    "harmony.diminished_share": Phrase(
        "diminished chords", "diminished chords", "", "has more diminished chords", "has fewer diminished chords",
        "% of the time", True,
    ),
    "harmony.inversion_share": Phrase(
        "bass", "a bass that often leaves the root", "",
        "inverts its chords more", "stands more on its roots", "% of the chords inverted", True,
    ),
    "harmony.authentic_share": Phrase(
        "falling fifths", "chords that fall by fifths", "hardly a dominant that falls home",
        "has more falling fifths between its chords", "has fewer falling fifths between its chords", "% of the changes",
        True,
    ),
    "harmony.plagal_share": Phrase(
        "rising fifths", "chords that rise by fifths", "", "has more rising fifths between its chords",
        "has fewer rising fifths between its chords", "% of the changes",
        True,
    ),
    "harmony.consonance": Phrase(
        "consonance", "pure consonance", "much dissonance", "is more consonant", "is more dissonant",
        "index {:.2f}", True,
    ),
    "harmony.voices": Phrase(
        "texture", "a full texture of {count} pitches at once", "", "has the fuller texture", "has the thinner texture",
        "{:.1f} pitches at once",
    ),
    "harmony.together": Phrase(
        "how the parts move", "parts that move together", "parts that go their own ways", "moves more in chords",
        "lets its parts go more their own ways", "% of the notes begin together", True,
    ),
    "harmony.spacing": Phrase(
        "spacing", "wide spacing", "close spacing", "spaces its notes wider", "spaces its notes closer",
        "{:.1f} semitones between neighbours", True,
    ),
    "harmony.modulations": Phrase(
        "changes of key", "keys that keep changing", "", "changes its key more", "changes its key less",
        "{:.1f} times in 16 bars",
    ),
    "harmony.home_share": Phrase(
        "changes of key", "", "long stretches away from the home key", "stays more at home", "strays more from home",
        "% of the time in the home key",
    ),
    "emotion.crescendo_share": Phrase(
        "dynamics", "crescendo upon crescendo", "", "swells more", "swells less", "% of the bars",
    ),
    "harmony.key_clarity": Phrase(
        "clarity of key", "", "a key that is hard to tell", "is clearer in its key", "is vaguer in its key",
        "{:.2f} above the next",
    ),
    "harmony.major": Phrase(
        "mode", "", "", "is more often in major", "is more often in minor", "% in major keys",
    ),
    "emotion.valence": Phrase("valence", "", "", "sounds brighter", "sounds darker", "valence {:+.2f}"),
    "emotion.arousal": Phrase("arousal", "", "", "sounds more excited", "sounds calmer", "arousal {:+.2f}"),
    "emotion.loudness": Phrase("loudness", "", "", "is louder", "is softer", "velocity {:.0f}"),
    "emotion.loudness_range": Phrase(
        "dynamics", "wide dynamics", "", "has the wider dynamics", "has the narrower dynamics", "velocity ± {:.0f}",
    ),
    "emotion.accents": Phrase(
        "accents", "heavy accents on the beat", "", "accents the beat more",
        "accents the beat less", "{:+.0f} in velocity",
    ),
}  # fmt: skip


_LABELS = {
    "rhythm.tempo_qpm": "tempo",
    "harmony.chord_changes_per_bar": "harmonic rhythm",
    "harmony.authentic_share": "falling fifths",
    "harmony.voices": "pitches at once",
    "rhythm.section_bars": "section length",
    "pitch.step_share": "steps",
    "pitch.leap_share": "leaps",
    "pitch.repeat_share": "repeated notes",
    "harmony.seventh_share": "sevenths",
    "harmony.plagal_share": "rising fifths",
    "rhythm.onsets_per_second": "onsets per second",
    "rhythm.off_quarter_share": "off the quarter",
    "rhythm.tempo_change": "change of tempo",
}
_INTERVALS = (
    "a single note", "a second", "a second", "a third", "a third", "a fourth", "a fifth", "a fifth", "a sixth",
    "a sixth", "a seventh", "a seventh", "an octave",
)  # fmt: skip
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WHITE_KEYS = (0, 2, 4, 5, 7, 9, 11)


def label_of(name: str) -> str:
    """What a figure is called in a table."""
    return _LABELS.get(name, name.split(".")[1].replace("_", " ").removesuffix(" share"))


def number(count: float) -> str:
    """A number, rounded, as running text has it."""
    whole = round(count)
    return _NUMBERS[whole] if 0 <= whole < len(_NUMBERS) else str(whole)


def pitch_name(pitch: float) -> str:
    """Name of the nearest MIDI pitch, 60 = C4, black keys as most music has them (C#, Eb, F#, Ab, Bb)."""
    nearest = round(pitch)
    place = (7 * nearest + 3) % 12 - 3
    return f"{line_name(place)}{nearest // 12 - 1}"


def place_name(pitch: float) -> str:
    """Name of the nearest white key: where music lies, not which note it is."""
    return pitch_name(min((key for key in range(128) if key % 12 in _WHITE_KEYS), key=lambda key: abs(key - pitch)))


def span_name(semitones: float) -> str:
    """A span as musicians say it: "a fifth", "an octave and a half", "three octaves"."""
    if semitones < 12.5:
        return _INTERVALS[max(0, round(semitones))]
    halves = round(semitones / 6)
    if halves <= 3:
        return ("an octave", "an octave and a half")[halves - 2]
    return f"{number(halves // 2)}{' and a half' if halves % 2 else ''} octaves"


def rate_name(changes_per_bar: float) -> str:
    """How often chords change: "a chord every two bars", "one chord a bar", "three chords a bar"."""
    if changes_per_bar < 0.75:
        return f"a chord every {number(min(64, max(2, round(1 / max(changes_per_bar, 1e-3)))))} bars"
    if changes_per_bar < 1.25:
        return "one chord a bar"
    return "three chords in two bars" if changes_per_bar < 1.75 else f"{number(changes_per_bar)} chords a bar"


def listed(texts: list[str]) -> str:
    """One text of several: "a, b and c"."""
    return "".join(texts) if len(texts) < 2 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def told(text: str, *values: float) -> str:
    """A phrase or an amount with its value filled in, or with two values, "132 against 96 quarters a minute"."""
    if text.startswith("%"):
        text = "{share}" + text[1:]
    start, end = text.find("{"), text.find("}") + 1
    if start < 0:
        return text
    shown = [text[start:end].format(value, **_readings(value)) for value in values]
    return text[:start] + " against ".join(shown) + text[end:]


def _readings(value: float) -> dict[str, str]:
    """A value as a place among the pitches, a span of semitones, a count, a share, what is left of a share."""
    return {
        "pitch": place_name(value),
        "span": span_name(value),
        "count": number(value),
        "rate": rate_name(value),
        "share": f"{100 * value:.0f}%",
        "rest": f"{100 * (1 - value):.0f}%",
    }
