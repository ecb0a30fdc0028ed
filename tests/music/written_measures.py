"""A score of one part, and the measures of what is written of a score."""

from fractions import Fraction
from xml.etree import ElementTree as ET

from stilo.music.musicxml_write import musicxml_bytes
from stilo.music.score import (
    Score,
    TimeSignature,
    Track,
    notes_from_columns,
)


def measures(score):
    """The measures of every part of the written file: [parts][measures]."""
    return [part.findall("measure") for part in ET.fromstring(musicxml_bytes(score)).findall("part")]


def one_part(onsets, durations, pitches, signature=(4, 4), program=40, **more):
    """A score of one part; times in quarters."""
    ticks = [round(480 * Fraction(value)) for value in onsets], [round(480 * Fraction(value)) for value in durations]
    notes = notes_from_columns(*ticks, pitches)
    return Score(notes, (Track("Part", program),), 480, time_signatures=(TimeSignature(0, *signature),), **more)
