"""A profile in words, as on the back of a record: what sets the music apart first, then how it is made.

The words are those of the place a figure has among music at large (`standing`): what everybody does is not said.
"""

from __future__ import annotations

import re

from stilo.elements.norms import NORMS
from stilo.elements.phrases import PHRASES, listed, number, pitch_name, place_name, rate_name
from stilo.elements.record import Profile
from stilo.elements.scales import MODES, scale_kind
from stilo.elements.standing import (
    OUTER_TENTH,
    OUTER_THIRD,
    SINGLE_LINE,
    Standing,
    amount_of_music,
    applies,
    is_played,
    is_too_little,
    standing,
    standing_out,
    standing_phrase,
    word_for,
)

__all__ = ["agreement", "liner_note", "pitch_name"]

_ENOUGH = 0.75  # the share from which one key or metre speaks for a folder
_MOST_SAID = 3
# of the 1,368 pieces of `norms.py` a third needs fewer than four chords, a third more than six, a tenth more than ten
_FEW_CHORDS, _MANY_CHORDS, _VERY_MANY_CHORDS = 4, 6, 10
_MOST_OF_THE_TIME = 0.8
_TEXTURES = ("", "all in chords", "melody and accompaniment", "several lines at once")  # as in `texture.TEXTURES`
_LEADS = 0.6  # the share of the time or the bars that speaks for all
UNCLEAR = 0.3  # how far the likeliest key must stand above the next to be told as a fact
_FEWEST_THROUGH_COMPOSED, _MOSTLY_NEW = 6, 0.85  # sections, and the share of them with a letter of their own
_SEVENTH = re.compile(r"(maj7|ø7|°7|\+7|7|6|sus[24])$")
_FEWEST_TO_COMPARE = 4
_ALIKE, _UNLIKE = 0.5, 1.25  # spread between the pieces, of that between pieces of all kinds
_NOT_COMPARED = ("rubato", "silence", "touch", "valence", "arousal", "dynamics", "loudness", "length of section")
_SUBJECTS = ("a melody ", "chords that ")


def liner_note(profile: Profile) -> str:
    """A few sentences on how the music is made and how it is likely to sound."""
    if profile.rhythm.notes_per_bar == 0:
        return "Silence: there are no notes."
    if is_too_little(profile):
        return f"Too little music to tell: {amount_of_music(profile)}."
    leading = standing_out(profile)[:_MOST_SAID]
    said = frozenset(PHRASES[item.name].aspect for item in leading)
    clauses = [_key(profile, said), _harmony(profile, said), _melody(profile, said)]
    clauses = clauses if profile.pitch.pitched_share > 0 else ["drums alone"]
    clauses += [_rhythm(profile, said), _form(profile, said), _mood(profile)]
    made = "; ".join(clause for clause in clauses if clause)
    return " ".join(filter(None, (_lead(leading), _sentence(made), _sentence(_size(profile)), agreement(profile))))


def _lead(leading: list[Standing]) -> str:
    """What stands out, in one sentence; what is said of the melody, of chords or of bars is said of them once."""
    texts = [standing_phrase(item) for item in leading]
    grouped: dict[str, list[str]] = {}
    for text in texts:
        subject = next((subject for subject in _SUBJECTS if text.startswith(subject)), "")
        grouped.setdefault(subject or text, []).append(text.removeprefix(subject))
    # where a melody lies comes last: "full of leaps, high up, around G5"
    return _sentence(
        "; ".join(
            key + ", ".join(sorted(parts, key=lambda part: part[-1].isdigit())) if key in _SUBJECTS else key
            for key, parts in grouped.items()
        )
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _size(profile: Profile) -> str:
    seconds, bars = profile.rhythm.seconds, round(profile.rhythm.bars)
    minutes = round(seconds / 60)
    length = f"{seconds:.0f} seconds" if seconds < 90 else f"{number(minutes)} minutes"
    played = f" for {_players(profile)}" if profile.pitch.instruments else ""
    if profile.pieces == 1:
        return f"{number(bars)} {'bar' if bars == 1 else 'bars'}, {length},{played}".rstrip(",")
    return f"{number(profile.pieces)} pieces of about {length}{',' if played else ''}{played}"


def _players(profile: Profile) -> str:
    """The instruments that have most of the notes, as many as it takes for nine tenths of them, at most four."""
    names: list[str] = []
    reached = 0.0
    for name, share in profile.pitch.instruments.items():
        if reached > 0.9 or len(names) == 4:
            return listed([*names[:3], "others"]) if reached <= 0.9 else listed(names)
        names.append(name)
        reached += share
    return listed(names)


def _key(profile: Profile, said: frozenset[str]) -> str:
    harmony = profile.harmony
    name, share = next(iter(harmony.keys.items()), ("", 1.0))
    kind = ""
    if harmony.major < 1 - _ENOUGH or harmony.major > _ENOUGH:
        kind = scale_kind(profile.pitch.classes, harmony.major < 0.5)
    if profile.pieces > 1 and share < _ENOUGH:
        bounds = ((0.1, "minor keys"), (0.4, "mostly minor keys"), (0.6, "major and minor keys alike"),
                  (0.9, "mostly major keys"))  # fmt: skip
        name = next((words for bound, words in bounds if harmony.major < bound), "major keys")
    if profile.pieces == 1 and name and harmony.key_clarity < UNCLEAR:
        name = f"perhaps {name}"
    if kind in MODES and name.endswith((" major", " minor")):
        return f"{name[:-6]} {kind}"
    words = (
        "" if "changes of key" in said else "all within the scale",
        "",
        "",
        "with chromatic colour",
        "strongly chromatic",
    )
    colour = "" if "colour" in said else word_for("pitch.chromaticism", profile.pitch.chromaticism, words)
    return ", ".join(filter(None, (name, kind, colour)))


def _harmony(profile: Profile, said: frozenset[str]) -> str:
    harmony = profile.harmony
    if not harmony.chords:
        return ""
    if harmony.voices < SINGLE_LINE:
        return f"a single line, as if over {listed(list(_triads(harmony.chords))[:3])}"
    pace = word_for("harmony.chord_changes_per_bar", harmony.chord_changes_per_bar,
                    ("very slow", "slow", "steady", "quick", "restless"))  # fmt: skip
    sevenths = word_for("harmony.seventh_share", harmony.seventh_share,
                        ("plain triads", "", "", "rich in sevenths", "full of sevenths"))  # fmt: skip
    parts = [
        "" if "harmonic rhythm" in said else f"{pace} harmonic rhythm, {rate_name(harmony.chord_changes_per_bar)}",
        _palette(profile),
        "" if "kinds of chord" in said else sevenths,
        _texture(profile, said),
    ]
    return ", ".join(filter(None, parts))


def _palette(profile: Profile) -> str:
    """The leading chords, and how many it takes to fill four fifths of the time."""
    chords = _triads(profile.harmony.chords)
    names, reached, needed = list(chords), 0.0, 0
    while reached < _MOST_OF_THE_TIME and needed < len(names):
        reached += chords[names[needed]]
        needed += 1
    if len(names) == 1:
        return f"nothing but {names[0]}"
    if needed <= _FEW_CHORDS - 1:
        return f"hardly more than {listed(names[: max(2, needed)])}"
    if needed <= _MANY_CHORDS:
        return f"{listed(names[:3])} above all"
    return f"{listed(names[:3])} among {'many' if needed <= _VERY_MANY_CHORDS else 'a great many'} chords"


def _triads(chords: dict[str, float]) -> dict[str, float]:
    """Shares of chords with their sevenths and suspensions counted to the triads, the largest first."""
    joined: dict[str, float] = {}
    for name, share in chords.items():
        triad = _SEVENTH.sub(lambda end: {"ø7": "°", "°7": "°", "+7": "+"}.get(end[0], ""), name)
        joined[triad] = joined.get(triad, 0.0) + share
    return dict(sorted(joined.items(), key=lambda item: (-item[1], item[0])))


def _texture(profile: Profile, said: frozenset[str]) -> str:
    """How many parts, and how they go together."""
    harmony = profile.harmony
    parts = next(
        (f"in {number(voices)} parts" for voices in (2, 3, 4, 5) if harmony.polyphony[voices - 1] > _LEADS), ""
    )
    fullness = parts or word_for(
        "harmony.voices", harmony.voices, ("bare texture", "light texture", "", "full texture", "very full texture")
    )
    kind = next((word for word, share in zip(_TEXTURES, harmony.texture, strict=True) if share > _LEADS), "")
    return ", ".join(
        word for word, aspect in ((fullness, "texture"), (kind, "how the parts move")) if word and aspect not in said
    )


def _melody(profile: Profile, said: frozenset[str]) -> str:
    pitch = profile.pitch
    width = word_for("pitch.melody_range", pitch.melody_range, ("very narrow", "narrow", "", "wide", "very wide"))
    register = word_for("pitch.melody_pitch", pitch.melody_pitch, ("low", "", "", "", "high"))
    steps, leaps = standing(profile, "pitch.step_share").score, standing(profile, "pitch.leap_share").score
    motion = "leaping" if leaps > max(OUTER_THIRD, steps) else "stepwise" if steps > OUTER_THIRD else ""
    repeats = word_for("pitch.repeat_share", pitch.repeat_share, ("", "", "", "", "that repeats its notes"))
    words = [
        "" if "range" in said else width,
        "" if "register" in said else register,
        "" if "motion" in said else motion,
        "melody",
        "" if "register" in said else f"around {place_name(pitch.melody_pitch)}",
        "" if "repeated notes" in said else repeats,
    ]
    words = [word for word in words if word]
    return "" if words == ["melody"] else " ".join(words)


def _rhythm(profile: Profile, said: frozenset[str]) -> str:
    rhythm = profile.rhythm
    metre, share = next(iter(rhythm.metres.items()), ("", 1.0))
    where = metre if share >= _ENOUGH else "changing metres" if profile.pieces == 1 else f"often {metre}"
    accents = (
        "played freely around the beat"
        if is_played(profile)
        else word_for(
            "rhythm.syncopation",
            rhythm.syncopation,
            ("square on the beat", "on the beat", "", "syncopated", "strong off-beats"),
        )
    )
    speed = word_for("rhythm.onsets_per_second", rhythm.onsets_per_second,
                     ("sparse", "broad", "flowing", "busy", "rushing"))  # fmt: skip
    uneven = word_for("rhythm.unevenness", rhythm.unevenness, ("even notes", "", "", "", "short notes against long"))
    parts = [
        where if "tempo" in said else f"{where} at {rhythm.tempo_qpm:.0f} quarters a minute".lstrip(),
        "" if "pace" in said else f"{speed} rhythm",
        accents if said.isdisjoint(("off-beats", "subdivision")) else "",
        "" if "note lengths" in said or not applies(profile, "rhythm.unevenness") else uneven,
        "triplets" if "triplets" not in said and standing(profile, "rhythm.triplet_share").score > OUTER_TENTH else "",
        f"swung {rhythm.swing:.1f} to 1" if rhythm.swing > 1.25 and "triplets" not in said else "",
        "detached notes"
        if applies(profile, "rhythm.articulation")
        and rhythm.articulation < NORMS["rhythm.articulation"][1]
        and "touch" not in said
        else "",
    ]
    return ", ".join(filter(None, parts))


def _form(profile: Profile, said: frozenset[str]) -> str:
    letters = _letters(profile)
    if not said.isdisjoint(("repetition", "groove")) or not applies(profile, "rhythm.returning_bars"):
        return letters
    returning = word_for("rhythm.returning_bars", profile.rhythm.returning_bars,
                         ("no bar returns", "few bars return", "", "many bars return", "most bars return"))  # fmt: skip
    return ", ".join(filter(None, (letters, returning)))


def _letters(profile: Profile) -> str:
    """The sections by their letters; nothing where no section returns though bars do."""
    sections = profile.piece.sections if profile.piece is not None else ()
    letters = {section.letter for section in sections}
    alphabet = len(sections) >= _FEWEST_THROUGH_COMPOSED and len(letters) >= _MOSTLY_NEW * len(sections)
    if alphabet or len(letters) == len(sections):
        bars_return = standing(profile, "rhythm.returning_bars").score > OUTER_THIRD
        if bars_return and applies(profile, "rhythm.returning_bars"):
            return ""
    if alphabet:
        return "through-composed"
    return f"form {' '.join(section.label for section in sections)}" if 2 <= len(sections) <= 9 else ""


# by third of arousal, then of valence: the word, and the word for the outer tenths
_MOODS = (
    (("wistful", "mournful"), ("calm", "very calm"), ("serene", "serene")),
    (("sombre", "dark"), ("even-tempered", "even-tempered"), ("cheerful", "bright")),
    (("restless", "agitated"), ("lively", "very lively"), ("spirited", "exuberant")),
)


_CAN_BE_TENSE = ("mournful", "sombre", "dark", "restless", "agitated", "lively", "very lively")


def _mood(profile: Profile) -> str:
    valence, arousal = standing(profile, "emotion.valence").score, standing(profile, "emotion.arousal").score

    def third(score: float) -> int:
        return int(score > -OUTER_THIRD) + int(score > OUTER_THIRD)

    mood = _MOODS[third(arousal)][third(valence)][max(abs(valence), abs(arousal)) > OUTER_TENTH]
    if profile.pitch.pitched_share == 0:
        return ("calm", "", "lively")[third(arousal)]
    tense = applies(profile, "harmony.tension") and standing(profile, "harmony.tension").score > OUTER_THIRD
    tense = tense and mood in _CAN_BE_TENSE
    return f"tense, {mood}" if tense else mood


def agreement(profile: Profile) -> str:
    """Of a folder: in what its pieces are alike, in what they differ, against the spread of music at large."""
    if profile.pieces < _FEWEST_TO_COMPARE:
        return ""
    ratios: dict[str, float] = {}
    for name, phrase in PHRASES.items():
        row, spread = NORMS.get(name), profile.spread.get(name)
        if row is None or spread is None or phrase.aspect in _NOT_COMPARED or not applies(profile, name):
            continue
        usual = (row[-2] - row[1]) / (2 * OUTER_TENTH)
        if usual > 0:
            ratios[phrase.aspect] = max(spread / usual, ratios.get(phrase.aspect, 0.0))
    order = sorted(ratios, key=lambda aspect: ratios[aspect])
    alike = listed([aspect for aspect in order[:3] if ratios[aspect] < _ALIKE])
    unlike = listed([aspect for aspect in order[::-1][:2] if ratios[aspect] > _UNLIKE])
    both = ", ".join(filter(None, (f"alike in {alike}" if alike else "", f"unlike in {unlike}" if unlike else "")))
    return f"The pieces are {both}." if both else ""
