"""A profile in words, as on the back of a record."""

from __future__ import annotations

import math
from bisect import bisect_right

from stilo.elements.record import Profile
from stilo.music.theory import line_name

_ENOUGH = 0.75  # the share from which one key or metre speaks for a folder


def _word(value: float, bounds: tuple[float, ...], words: tuple[str, ...]) -> str:
    """The word for the interval between `bounds` that `value` lies in."""
    return words[bisect_right(bounds, value)]


def liner_note(profile: Profile) -> str:
    """A few sentences on how the music is made and how it is likely to sound."""
    if profile.rhythm.notes_per_bar == 0:
        return "Silence: there are no notes."
    parts = [_length(profile)]
    if profile.pitch.pitched_share > 0:
        parts += [_key(profile), _harmony(profile), _melody(profile)]
    else:
        parts.append("drums alone")
    parts += [_rhythm(profile), _form(profile), _mood(profile)]
    text = "; ".join(part for part in parts if part)
    return text[0].upper() + text[1:] + "."


def pitch_name(pitch: float) -> str:
    """Name of the nearest MIDI pitch, 60 = C4, black keys as most music has them (C#, Eb, F#, Ab, Bb)."""
    nearest = round(pitch)
    place = (7 * nearest + 3) % 12 - 3
    return f"{line_name(place)}{nearest // 12 - 1}"


def _length(profile: Profile) -> str:
    seconds = profile.rhythm.seconds
    length = f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
    if profile.pieces == 1:
        return f"{length}, {profile.rhythm.bars:.0f} {'bar' if profile.rhythm.bars == 1 else 'bars'}"
    return f"{profile.pieces} pieces of about {length}"


def _key(profile: Profile) -> str:
    harmony = profile.harmony
    chromatic = _word(
        profile.pitch.chromaticism,
        (0.02, 0.07, 0.15),
        ("purely of the scale", "mostly of the scale", "with chromatic colour", "strongly chromatic"),
    )
    name, share = next(iter(harmony.keys.items()), ("", 1.0))
    if profile.pieces > 1 and share < _ENOUGH:
        in_major = 100 * harmony.major
        name = _word(in_major, (15, 40, 60, 85), ("minor keys", "mostly minor keys", "major and minor keys alike",
                                                  "mostly major keys", "major keys"))  # fmt: skip
    return ", ".join(filter(None, (name, chromatic)))


def _harmony(profile: Profile) -> str:
    harmony = profile.harmony
    if not harmony.chords:
        return ""
    rate = harmony.chord_changes_per_bar
    pace = _word(rate, (0.7, 1.6, 2.6), ("slow", "steady", "lively", "restless"))
    often = (
        f"a chord every {max(2, round(1 / max(rate, 1e-3)))} bars"
        if rate < 0.7
        else "about one chord a bar"
        if rate < 1.5
        else f"about {rate:.0f} chords a bar"
    )
    sevenths = " full of sevenths" if harmony.seventh_share > 0.45 else ""
    leading = list(harmony.chords)[:3]
    return f"{pace} harmony{sevenths}, {often}, led by {', '.join(leading)}"


def _melody(profile: Profile) -> str:
    pitch = profile.pitch
    width = _word(pitch.melody_range, (10, 17, 26), ("a narrow", "a", "a wide", "a very wide"))
    motion = "stepwise " if pitch.step_share > 0.6 else "leaping " if pitch.leap_share > 0.35 else ""
    names = list(pitch.instruments)
    players = " and ".join(names[: 1 if names and pitch.instruments[names[0]] > 0.9 else 2])
    return f"{width} {motion}melody around {pitch_name(pitch.melody_pitch)}{', for ' if players else ''}{players}"


def _rhythm(profile: Profile) -> str:
    rhythm = profile.rhythm
    metre, share = next(iter(rhythm.metres.items()), ("", 1.0))
    where = metre if share >= _ENOUGH else "changing metres" if profile.pieces == 1 else f"often {metre}"
    speed = _word(rhythm.onsets_per_second, (1.5, 3.0, 5.0), ("broad", "flowing", "busy", "rushing"))
    accents = _word(
        rhythm.syncopation, (0.08, 0.25, 0.5), ("on the beat", "lightly syncopated", "syncopated", "strong off-beats")
    )
    swing = f", swung {rhythm.swing:.1f} to 1" if rhythm.swing > 1.25 else ""
    tempo = f"{where} at {rhythm.tempo_qpm:.0f} quarters a minute".lstrip()
    return f"{tempo}, {speed} rhythm, {accents}{swing}"


def _form(profile: Profile) -> str:
    returning = profile.rhythm.returning_bars
    if profile.rhythm.bars < 8:
        return ""
    return _word(
        returning,
        (0.05, 0.3, 0.6),
        ("bars that never return", "some bars return", "many bars return", "built of bars that return"),
    )


def _mood(profile: Profile) -> str:
    valence, arousal = profile.emotion.valence, profile.emotion.arousal
    if math.hypot(valence, arousal) < 0.2:
        return "of even temper"
    energy = _word(arousal, (-0.5, -0.15, 0.15, 0.5), ("still", "calm", "", "lively", "excited"))
    colour = _word(valence, (-0.5, -0.15, 0.15, 0.5), ("dark", "wistful", "", "bright", "happy"))
    tense = "tense" if profile.harmony.tension > 0.95 and profile.pitch.pitched_share > 0 else ""
    return ", ".join(word for word in (tense, energy, colour) if word)
