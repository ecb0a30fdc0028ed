"""What composing in a style starts from."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.music.score import Score, Tempo, TimeSignature, Track, notes_from_columns
from stilo.styles.learn import learn
from stilo.styles.palette import Part, palette_of
from stilo.styles.provenance import Source

pytestmark = pytest.mark.usefixtures("with_tiny_weights")


def test_the_palette_is_what_most_pieces_have(pieces, tune):
    other = replace(tune, tempos=(Tempo(0, 200.0),), time_signatures=(TimeSignature(0, 4, 4),))
    harp = replace(other, tracks=(Track("Harp", 46), Track("Kit", 0, True)))
    palette = learn("Waltz", [*pieces[:4], (harp, Source("/h.mid", "b" * 64))], tune=False).palette
    assert palette.tempo_qpm == 96.0
    assert palette.time_signature == (3, 4)
    assert palette.key
    flute, harp_part, piano, kit = palette.parts
    low, high = (int(f([s.notes["pitch"][s.notes["track"] == 0] for s, _ in pieces[:4]])) for f in (np.min, np.max))
    assert flute == Part(
        "Flute", 73, False, flute.rank, 0.8, low, high, is_single=True, share=0.6, rest_bars=flute.rest_bars
    )
    assert [part.share for part in palette.parts] == [0.6, 0.6, 0.4, 0.4], "of the notes of the pieces that have them"
    assert (harp_part.name, harp_part.program, harp_part.frequency) == ("Harp", 46, 0.2)
    assert (piano.name, piano.lowest, piano.highest, piano.frequency) == ("Piano", 48, 55, 0.8)
    assert (kit.is_drum, kit.program, kit.lowest, kit.highest) == (True, 0, 48, 55)
    assert [part.rank for part in palette.parts] == [0, 1, 2, 3]


def test_drums_on_several_tracks_are_one_part(tune):
    """A kick and a snare that strike together, a track each, and a melody beside them."""
    drums = notes_from_columns(
        np.tile(np.arange(48) * 480, 2), [120] * 96, [36] * 48 + [38] * 48, 80, [1] * 48 + [2] * 48
    )
    notes = np.concatenate([tune.notes[tune.notes["track"] == 0], drums])
    notes = notes[np.argsort(notes["onset_ticks"], kind="stable")]
    score = replace(tune, notes=notes, tracks=(tune.tracks[0], Track("Kick", 0, True), Track("Snare", 0, True)))
    flute, kit = palette_of([score], ["C major"]).parts
    assert (flute.share, kit.share) == (0.3333, 0.6667)
    assert (flute.is_single, kit.is_single) == (True, False)
    assert (kit.is_drum, kit.frequency, kit.lowest, kit.highest) == (True, 1.0, 36, 38)
    assert kit.name == "", "neither Kick nor Snare is all of it"


def called(tune, *names, title="Small tune"):
    """What the part of a flute is called that pieces call so."""
    pieces = [replace(tune, tracks=(Track(name, 73), tune.tracks[1]), title=title) for name in names]
    return palette_of(pieces, ["C major"] * len(names)).parts[0].name


def test_a_part_is_called_as_several_pieces_call_it():
    tune = Score(notes_from_columns([0, 480, 0], 480, [72, 74, 48], 80, [0, 0, 1]), (Track("", 73), Track("Piano", 0)))
    assert called(tune, "Cantus", "Cantus", "The Rose", "The Thorn", "", "") == "Cantus"
    assert called(tune, "Melody", "Melody", "", "", "", "", "") == "", "two of seven"
    assert called(tune, "A New March", "A Jig", "A Reel") == "", "titles where names belong"
    assert called(tune, "A Jig", "A Jig", title="a jig") == "", "the title of its piece"
    assert called(tune, "Flauto I", "", "") == "Flauto I", "an instrument is an instrument"


@pytest.mark.parametrize(("name", "kept"), [("A New March", ""), ("Piano Sonata No. 14", ""), ("Flauto I", "Flauto I")])
def test_of_one_piece_a_part_takes_its_name_only_from_an_instrument(tune, name, kept):
    assert called(tune, name) == kept
    assert called(tune, name, title=name) == ""


def test_what_is_repeated_in_the_pieces_may_be_repeated():
    """Ten pieces of sixteen bars of four notes: in all but one every second bar is as the one before."""
    scores = []
    for number in range(10):
        kinds = np.arange(16) // (1 if number == 0 else 2)
        pitch = (60 + kinds[:, None] + np.arange(4)).ravel()
        scores.append(Score(notes_from_columns(np.arange(64) * 480, [480] * 64, pitch), (Track(),)))
    assert palette_of(scores, ["C major"]).repeats == (1.0, 0.0, 0.0, 0.0)
    seldom = [scores[0]] * 8 + [scores[-1]] * 2
    assert palette_of(seldom, ["C major"] * 10).repeats == (1.0, 0.0, 0.0, 0.0), "nine of ten pieces, not half of them"
    always = Score(notes_from_columns(np.arange(64) * 480, [480] * 64, [60, 62, 64, 65] * 16), (Track(),))
    assert palette_of([always], ["C major"]).repeats == (15.0, 7.0, 3.0, 1.0)


def test_how_long_parts_rest_is_counted_in_bars(tune):
    notes = tune.notes[(tune.notes["track"] != 0) | (tune.notes["onset_ticks"] >= 4 * 1440)]
    rests = {part.name: part.rest_bars for part in palette_of([tune.with_notes(notes)], ["C major"]).parts}
    assert (rests["Flute"], rests["Piano"]) == (4.0, 0.0)


def test_what_a_person_strikes_together_is_together_though_some_ticks_apart(tune):
    """Chords of a piano and of drums, each note of them played a little later than the last."""
    onsets = np.repeat(np.arange(24) * 480, 2) + np.tile([0, 3], 24)
    for track, is_single in ((Track("Piano", 0), False), (Track("Kit", 0, True), False)):
        notes = notes_from_columns(onsets, 100, np.tile([40, 47], 24), 80)
        [part] = palette_of([replace(tune, notes=notes, tracks=(track,))], ["C major"]).parts
        assert part.is_single is is_single
    alone = replace(tune, notes=notes_from_columns(np.arange(24) * 480, 100, 40, 80), tracks=(Track("Kit", 0, True),))
    assert not palette_of([alone], ["C major"]).parts[0].is_single, "drums strike what they like together"
