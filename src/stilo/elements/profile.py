"""The profile of a piece or a folder: pitch, rhythm, harmony and emotion, measured.

`analyse` measures one piece; `pool_profiles` joins many into one, `profile_distance` compares two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from stilo.elements.chords import ChordSpan, chord_path, chord_spans, estimate_chords
from stilo.elements.emotion import measure_emotion
from stilo.elements.figures import figure
from stilo.elements.form import Form, measure_form
from stilo.elements.grid import GridEstimate, on_grid
from stilo.elements.harmony import measure_harmony
from stilo.elements.key import estimate_key
from stilo.elements.layout import lay_out
from stilo.elements.local_key import KeyRegion, estimate_key_regions
from stilo.elements.motifs import Motif, find_motifs
from stilo.elements.onsets import gathered
from stilo.elements.pitch import measure_pitch
from stilo.elements.pooling import pool_profiles, profile_distance
from stilo.elements.record import ELEMENTS, GROUPS, LIKENESS_ROWS, PieceDetail, Profile
from stilo.elements.rhythm import measure_rhythm
from stilo.music.score import Score

_Span = TypeVar("_Span", ChordSpan, KeyRegion)

__all__ = ["ELEMENTS", "PieceDetail", "Profile", "analyse", "analysis_json", "pool_profiles", "profile_distance"]


def analyse(score: Score | GridEstimate, chords: Sequence[ChordSpan] | None = None) -> Profile:
    """Measure a piece, on the grid that its file gives or else on one that is found (`grid.on_grid`).

    Args:
        score: the piece, or what `on_grid` made of it. A score that comes with chords is measured as it is.
        chords: where known (`models.chord_reader.read_chords`, or marks of the score), in order of onset; else they are
            estimated by templates.

    Raises:
        InputError: the piece is too long to measure, or a chord's label cannot be understood.
    """
    grid = score if isinstance(score, GridEstimate) else _grid_for(score, chords)
    score = gathered(grid.score)
    layout = lay_out(score)
    estimate = estimate_key(layout)
    path = estimate_chords(layout, estimate.key) if chords is None else chord_path(layout, chords)
    spans = chord_spans(layout, path, estimate.key) if chords is None else tuple(chords)
    form = measure_form(layout)
    regions = estimate_key_regions(layout, estimate.key)
    harmony = measure_harmony(layout, estimate, path, regions)
    motifs = find_motifs(layout)
    pitch = measure_pitch(layout, estimate.key.tonic, estimate.key.mode == "minor", motifs.share)
    rhythm = measure_rhythm(layout, form)
    heard = pitch.pitched_share > 0
    emotion, curve = measure_emotion(layout, form.sections)
    return Profile(
        pitch=pitch,
        rhythm=rhythm,
        harmony=harmony,
        emotion=emotion,
        piece=PieceDetail(
            key=str(estimate.key) if heard else "",
            chords=in_file_quarters(spans, grid) if len(score) else (),
            sections=form.sections if len(score) else (),
            emotion_curve=curve,
            **_likeness_rows(form),
            grid=grid.kind,
            grid_error_seconds=figure(grid.mean_error_seconds),
            roles=layout.roles,
            motifs=_motifs_in_file_quarters(motifs.motifs, grid),
            key_regions=in_file_quarters(regions, grid),
        ),
    )


def _grid_for(score: Score, chords: Sequence[ChordSpan] | None) -> GridEstimate:
    # chords lie on the score that they came with
    return on_grid(score) if chords is None else GridEstimate(score)


def in_file_quarters(spans: Sequence[_Span], grid: GridEstimate) -> tuple[_Span, ...]:
    """Chords or keys of the score on its grid, where the file itself has them."""
    if not grid.is_played or not spans:
        return tuple(spans)
    onset = np.array([span.onset_quarters for span in spans])
    begins = grid.file_quarters(onset).tolist()
    ends = grid.file_quarters(onset + [span.duration_quarters for span in spans]).tolist()
    return tuple(
        replace(span, onset_quarters=figure(begin), duration_quarters=figure(end - begin))
        for span, begin, end in zip(spans, begins, ends, strict=True)
    )


def _motifs_in_file_quarters(motifs: Sequence[Motif], grid: GridEstimate) -> tuple[Motif, ...]:
    if not grid.is_played:
        return tuple(motifs)
    found = []
    for motif in motifs:
        begins = grid.file_quarters(np.array([one.onset_quarters for one in motif.occurrences])).tolist()
        moved = zip(motif.occurrences, begins, strict=True)
        found.append(replace(motif, occurrences=tuple(replace(o, onset_quarters=figure(at)) for o, at in moved)))
    return tuple(found)


def _likeness_rows(form: Form) -> dict[str, Any]:
    """Likeness as percentages, averaged over blocks when there are more than `LIKENESS_ROWS` rows."""
    matrix = form.likeness
    block = -(-len(matrix) // LIKENESS_ROWS)
    if block > 1:
        starts = np.arange(0, len(matrix), block)
        sizes = np.diff(np.append(starts, len(matrix)))
        summed = np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)
        matrix = summed / np.outer(sizes, sizes)
    percent = np.rint(matrix * 100).astype(int)
    return {"likeness": tuple(map(tuple, percent.tolist())), "bars_per_row": figure(block * form.bars_per_row)}


def analysis_json(profile: Profile, file: str) -> dict[str, Any]:
    """What `stilo analyse --json` prints for one file: keys, chords, tempo, metre, mood, form, roles, motifs, elements.

    Raises:
        ValueError: the profile is of a folder, not of a piece.
    """
    if profile.piece is None:
        raise ValueError("only the profile of a single piece has chords")
    data = profile.to_json()
    return {
        "file": file,
        "key": profile.piece.key,
        "keys": data["piece"]["key_regions"],
        "chords": data["piece"]["chords"],
        "tempo_qpm": profile.rhythm.tempo_qpm,
        "time_signature": next(iter(profile.rhythm.metres), "4/4"),
        "grid": profile.piece.grid,
        "grid_error_seconds": profile.piece.grid_error_seconds,
        "valence": profile.emotion.valence,
        "arousal": profile.emotion.arousal,
        "emotion_curve": data["piece"]["emotion_curve"],
        "sections": data["piece"]["sections"],
        "roles": data["piece"]["roles"],
        "motifs": data["piece"]["motifs"],
        "elements": {group: data[group] for group in GROUPS},
    }
