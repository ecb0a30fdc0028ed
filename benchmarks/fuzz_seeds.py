"""Files that are in order, for fuzz_bundles.py to change: bundles, and music in every kind that is read."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from byte_mutations import members_of, zipped
from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.elements.pooling import pool_profiles
from stilo.elements.profile import analyse
from stilo.models.learned_embedding import FACET_ORDER, FACET_VALUES, LearnedEmbedding
from stilo.music.midi_write import midi_bytes
from stilo.music.musicxml_write import musicxml_bytes, packed_musicxml
from stilo.music.score import (
    ChordSymbol,
    KeySignature,
    Marker,
    Score,
    Tempo,
    TimeSignature,
    Track,
    notes_from_columns,
)
from stilo.originality.kept import SourceRuns, source_runs_of
from stilo.styles.bundle import write_bundle
from stilo.styles.style import Palette, Part, Proof, Source, Style
from stilo.styles.trial import GROUPS, Trial


def small_piece(bars: int = 4, seed: int = 7) -> Score:
    """A tune over held fifths and a drum, with every mark that a score can have."""
    rng = np.random.default_rng(seed)
    melody = 60 + np.array([0, 2, 4, 5, 7, 9, 11, 12])[rng.integers(0, 8, 3 * bars)]
    onsets = np.concatenate([np.arange(3 * bars) * 480, np.arange(bars) * 1440, np.arange(bars) * 1440])
    durations = np.concatenate([np.full(3 * bars, 480), np.full(bars, 1440), np.full(bars, 240)])
    pitches = np.concatenate([melody, np.full(bars, 48), np.full(bars, 36)])
    tracks = np.concatenate([np.zeros(3 * bars, int), np.ones(bars, int), np.full(bars, 2)])
    return Score(
        notes_from_columns(onsets, durations, pitches, 80, tracks),
        (Track("Flute", 73), Track("Piano", 0), Track("Drums", 0, is_drum=True)),
        tempos=(Tempo(0, 96.0), Tempo(1440, 120.0)),
        time_signatures=(TimeSignature(0, 3, 4),),
        key_signatures=(KeySignature(0, -1, False),),
        chord_symbols=(ChordSymbol(0, "C:maj"), ChordSymbol(1440, "G:7/3")),
        markers=(Marker(0, "A"),),
        title="Small tune",
    )


def bundles() -> list[bytes]:
    """Bundles with and without adapter, recognition, proof, fingerprints and demo; one of format 1."""
    piece = small_piece()
    style = _style()
    known = replace(style, runs=_runs())
    plain = Style("Bare", analyse(piece), style.embedding, None, "tiny-0")
    made = [_bundle(style, piece), _bundle(style, None), _bundle(plain, piece), _bundle(plain, None)]
    members = members_of(made[1])
    document = json.loads(members["style.json"])
    del document["sha256"]
    members["style.json"] = json.dumps({**document, "format": 1}).encode()
    return [made[0], *made, zipped(members), *[_bundle(known, None)] * 3, _bundle(known, piece)]


def _runs() -> SourceRuns:
    """Of two pieces, of which the first is what bundles are held against."""
    return source_runs_of([checked_piece(), small_piece(20, seed=8)])


def checked_piece() -> Score:
    """What every bundle with fingerprints is held against: a short piece with one note over and over at its end."""
    tune = small_piece(12)
    onsets = 12 * 1440 + np.arange(60) * 240
    drone = notes_from_columns(onsets, np.full(60, 240), np.full(60, 60), 80, np.zeros(60, int))
    return tune.with_notes(np.concatenate([tune.notes, drone]))


def _style() -> Style:
    rng = np.random.default_rng(0)
    one = analyse(small_piece())
    return Style(
        name="Waltz",
        profile=pool_profiles([one, analyse(small_piece().transposed(5))]),
        embedding=rng.normal(size=EMBEDDING_SIZE).astype(np.float32),
        adapter={
            "layers.0.down": rng.normal(size=(8, 4)).astype(np.float16),
            "layers.0.up": rng.normal(size=(4, 8)).astype(np.float32),
        },
        base_model="tiny-0",
        palette=Palette(96.0, (3, 4), "C major", (Part("Flute", 73, False, 0), Part("Drums", 0, True, 1, 0.5))),
        sources=(Source("one.mid", "ab" * 32, "One", "CC0", 120), Source("two.mid", "cd" * 32, held_out=True)),
        proof=Proof(3.5, 3.25, 3.0, 1, 80, 12.5, 40, "learned", (0.1, 0.4), _trial()),
        created_at="2026-01-02T03:04:05+00:00",
        parents={"Minuet": 0.75, "Jig": 0.25},
        recognition=LearnedEmbedding(rng.normal(size=(len(FACET_ORDER), FACET_VALUES)).astype(np.float32)),
        encoder="0123456789abcdef",
    )


def _trial() -> Trial:
    likeness = dict.fromkeys(GROUPS, 0.25)
    return Trial(8, 8, 1, likeness, likeness, 1, 2, 3, (-0.1, 0.1))


def composable(folder: Path) -> list[bytes]:
    """Bundles that can be composed in: with a small net of random weights, made in `folder`.

    The second is tuned, the third has fingerprints.
    """
    import os

    import torch

    from stilo.models.notes.base import base_identity
    from stilo.models.notes.checkpoint import save_model
    from stilo.models.notes.config import NoteModelConfig
    from stilo.models.notes.model import NoteModel

    torch.manual_seed(1)
    net = NoteModel(NoteModelConfig(width=24, layers=1, hidden=24, memory_width=8, condition_width=8))
    save_model(net, folder, {})
    os.environ["STILO_MODEL"] = str(folder)
    style = replace(_style(), base_model=base_identity())
    adapter = {f"{name}.added": np.zeros(weights.shape, np.float32) for name, weights in net.named_parameters()}
    bare = replace(style, adapter=None)
    return [
        _bundle(bare, None),
        _bundle(replace(style, adapter=adapter), None),
        _bundle(replace(bare, runs=_runs()), None),
    ]


def _bundle(style: Style, demo: Score | None) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.stilo"
        write_bundle(style, path, demo, fingerprints=True)
        return path.read_bytes()


_ABC = (
    b"X:1\nT:The Tune\nC:Trad.\nM:6/8\nL:1/8\nQ:3/8=90\nK:Dm\n"
    b'|:"Dm"A>Bc [def]2 z|(3ABc {g}d-d2:|[1 A3-A3|[2 [K:G]^f=f_f|]\n\nX:2\n'
    b"M:C|\nL:1/4\nV:1 name=Flute\nV:2\nK:Gmix\n[V:1] G/2A//B c,d'|& z4|\n[V:2] G,,2 x2|Z2|\n%%MIDI program 73\nP:AB\n",
    b"X:1\nT:A\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|\n",
)
_XML = (
    b"<score-partwise><part-list><score-part id='P'><part-name>Horn</part-name></score-part></part-list><part id='P'>"
    b"<measure number='1'><attributes><divisions>4</divisions><key><fifths>2</fifths><mode>minor</mode></key><time>"
    b"<beats>3+2</beats><beat-type>8</beat-type></time><staves>2</staves><transpose><diatonic>-4</diatonic>"
    b"<chromatic>-7"
    b"</chromatic></transpose></attributes><barline location='left'><repeat direction='forward'/></barline>"
    b"<direction><direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>90</per-minute></metronome>"
    b"</direction-type><sound tempo='90' dynamics='80' dacapo='yes'/></direction><harmony><root>"
    b"<root-step>C</root-step>"
    b"<root-alter>1</root-alter></root><kind>minor-seventh</kind><bass><bass-step>G</bass-step></bass></harmony>"
    b"<note><pitch><step>C</step><alter>1</alter><octave>4</octave></pitch><duration>4</duration><tie type='start'/>"
    b"<voice>1</voice></note><note><chord/><pitch><step>E</step><octave>4</octave></pitch><duration>4</duration></note>"
    b"<backup><duration>4</duration></backup><note><rest/><duration>2</duration></note><forward><duration>2</duration>"
    b"</forward></measure><measure number='2' implicit='yes'><note><grace/><pitch><step>D</step><octave>4</octave>"
    b"</pitch></note><note><pitch><step>C</step><alter>1</alter><octave>4</octave></pitch><duration>4</duration>"
    b"<tie type='stop'/><time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes>"
    b"</time-modification></note>"
    b"<barline location='right'><ending number='1,2' type='stop'/><repeat direction='backward' times='3'/>"
    b"</barline></measure>"
    b"<measure number='3'><note><unpitched><display-step>E</display-step><display-octave>4</display-octave></unpitched>"
    b"<duration>4</duration></note></measure></part></score-partwise>"
)


def music() -> list[bytes]:
    """MIDI of all three types, MusicXML plain and packed, ABC."""
    midi = midi_bytes(small_piece())
    xml = musicxml_bytes(small_piece())
    events = b"\0\xff\x03\x01A\0\xb0\x07\x64\x10\x90<@\x10<\0\x10\xf0\x01\xf7\0\xff/\0"
    type_0 = b"MThd\0\0\0\6\0\0\0\1\xe7\x28MTrk"
    type_0 += len(events).to_bytes(4, "big") + events
    type_2 = midi[:9] + b"\x02" + midi[10:]
    riff = b"RIFF" + (len(midi) + 12).to_bytes(4, "little") + b"RMIDdata" + len(midi).to_bytes(4, "little") + midi
    return [midi, type_0, type_2, riff, midi, xml, _XML, packed_musicxml(_XML), *_ABC, _ABC[0]]
