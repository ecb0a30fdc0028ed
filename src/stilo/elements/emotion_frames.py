"""Frames of half a second: how clear the key is around each, major or minor, which chord, and how these move.

A frame's chroma is the time for which each pitch class sounds in it, doublings by their square root. Keys are scored by
correlation with the profiles of Albrecht & Shanahan (2013), as in Krumhansl (1990, ch. 4), around each frame; chords by
the cosine with plain templates over two frames, with a bonus for a root in the bass (after Fujishima 1999). Neither
claims to name the key or the chords of the piece (`key`, `chords` do): they say how it sounds from moment to moment.
"""

from __future__ import annotations

import numpy as np

from stilo.elements.layout import Bools, Floats, Ints
from stilo.elements.windowed import Windowed
from stilo.music.theory import SCALES

FRAME_CUES = 14
FRAME_SECONDS = 0.5
MOST_FRAMES = 4096  # a longer piece gets longer frames
# Albrecht & Shanahan (2013), table of the best profiles
_MAJOR = np.array([0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081])
_MINOR = np.array([0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052])
_SHORT, _LONG = 2, 8  # frames before and after: windows of 2n − 1 frames
_RETURN_FRAMES = 4
_SHARPNESS = 8.0  # how decidedly key scores become shares
_ROOT_IN_BASS = 0.1
# major and minor triads, diminished, augmented; dominant, minor, major and diminished sevenths; fourth, fifth, one tone
_TEMPLATES = (
    (0, 4, 7), (0, 3, 7), (0, 3, 6), (0, 4, 8), (0, 4, 7, 10), (0, 3, 7, 10), (0, 4, 7, 11), (0, 3, 6, 9),
    (0, 5, 7), (0, 7), (0,),
)  # fmt: skip
_IS_MAJOR = np.array([{4, 7} <= set(tones) for tones in _TEMPLATES])


def _key_profiles() -> Floats:
    """Centred unit profiles of C major … B major, C minor … B minor, [24, 12]."""
    rows = np.array([np.roll(profile, tonic) for profile in (_MAJOR, _MINOR) for tonic in range(12)])
    rows -= rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _outside_scales() -> Floats:
    """1 for pitch classes outside the scale of each of the 24 keys, [24, 12]."""
    outside = np.ones((24, 12))
    for tonic in range(12):
        outside[tonic, [(tonic + step) % 12 for step in SCALES["major"]]] = 0.0
        outside[12 + tonic, [(tonic + step) % 12 for step in SCALES["minor"]]] = 0.0
    return outside


def _chord_templates() -> Floats:
    """Unit templates, kind by kind, each on the twelve roots, [kinds · 12, 12]."""
    rows = np.zeros((len(_TEMPLATES) * 12, 12))
    for kind, tones in enumerate(_TEMPLATES):
        for root in range(12):
            rows[kind * 12 + root, [(root + tone) % 12 for tone in tones]] = 1 / np.sqrt(len(tones))
    return rows


_PROFILES, _OUTSIDE, _CHORDS = _key_profiles(), _outside_scales(), _chord_templates()


def hear_frames(chroma: Floats, bass: Ints, starts_seconds: Floats, seconds: Floats) -> Windowed:
    """Frames of slices of unchanging sound, at their centres in seconds, with `FRAME_CUES` columns.

    Args:
        chroma: octaves of each pitch class in each slice, [slices, 12].
        bass: lowest pitch of each slice, −1 in silence, [slices]; one slice must sound.
        starts_seconds: where each slice begins, [slices].
        seconds: how long it is, [slices].
    """
    lowest = np.where(bass >= 0, bass % 12, -1)[:, None] == np.arange(12)
    edges = _edges(bass >= 0, starts_seconds, seconds)
    time = _time_in_frames(np.concatenate([np.sqrt(chroma), lowest], axis=1), starts_seconds, seconds, edges)
    sound, low = time[:, :12], time[:, 12:]
    silent = sound.sum(axis=1) <= 0
    columns = np.concatenate([_chord_cues(sound, low, silent), _key_cues(sound), _motion_cues(sound, low)], axis=1)
    return Windowed.of((edges[1:] + edges[:-1]) / 2, columns)


def _edges(sounds: Bools, starts_seconds: Floats, seconds: Floats) -> Floats:
    """Bounds of the frames from the first sound to the last, [frames + 1]."""
    heard = np.flatnonzero(sounds)
    first = float(starts_seconds[heard[0]])
    length = float(starts_seconds[heard[-1]] + seconds[heard[-1]]) - first
    frame = max(FRAME_SECONDS, length / MOST_FRAMES)
    return np.asarray(first + frame * np.arange(max(1, int(np.ceil(length / frame - 1e-9))) + 1), np.float64)


def _time_in_frames(rows: Floats, starts_seconds: Floats, seconds: Floats, edges: Floats) -> Floats:
    """Time integral of `rows` [slices, k], each constant over its slice, between neighbouring edges, [frames, k]."""
    until = np.zeros((len(rows) + 1, rows.shape[1]))
    np.cumsum(rows * seconds[:, None], axis=0, out=until[1:])
    at = np.clip(np.searchsorted(starts_seconds, edges, side="right") - 1, 0, len(rows) - 1)
    into = np.clip(edges - starts_seconds[at], 0.0, seconds[at])
    return np.maximum(0.0, np.diff(until[at] + rows[at] * into[:, None], axis=0))


def _chord_cues(sound: Floats, low: Floats, silent: Bools) -> Floats:
    """Fit, major, change of root, and of the changes: down a fifth, up a fifth, semitone, tritone."""
    pair = _unit(sound[:-1] + sound[1:]) if len(sound) > 1 else np.empty((0, 12))
    pair = np.concatenate([pair, _unit(sound[-1:])])
    under = low + np.concatenate([low[1:], np.zeros((1, 12))])
    under /= np.maximum(under.sum(axis=1, keepdims=True), 1e-9)
    likeness = pair @ _CHORDS.T
    on_bass = likeness.reshape(-1, len(_TEMPLATES), 12) + _ROOT_IN_BASS * under[:, None]
    best = on_bass.reshape(len(likeness), -1).argmax(axis=1)
    root = best % 12
    fit = np.column_stack([likeness.max(axis=1), _IS_MAJOR[best // 12]])
    fit[pair.sum(axis=1) <= 0] = np.nan
    move = np.concatenate([[0], np.diff(root)]) % 12
    joined = ~silent & np.concatenate([[False], ~silent[:-1]])
    change = np.where(joined, move != 0, np.nan)
    moves = np.stack([move == 5, move == 7, (move == 1) | (move == 11), move == 6], axis=1)
    return np.column_stack([fit, change, np.where((joined & (move != 0))[:, None], moves, np.nan)])


def _key_cues(sound: Floats) -> Floats:
    """Clarity over the short and the long window, majorness over both, chromaticism over the long one."""
    short, long = _around(sound, _SHORT), _around(sound, _LONG)
    near, far = _key_scores(short), _key_scores(long)
    shares = np.exp(_SHARPNESS * far)
    shares /= shares.sum(axis=1, keepdims=True)
    outside = (long * _OUTSIDE[far.argmax(axis=1)]).sum(axis=1) / np.maximum(long.sum(axis=1), 1e-9)
    near_cues = np.column_stack([near.max(axis=1), near[:, :12].max(axis=1) - near[:, 12:].max(axis=1)])
    far_cues = np.column_stack([far.max(axis=1), shares[:, :12].sum(axis=1) - shares[:, 12:].sum(axis=1), outside])
    near_cues[short.sum(axis=1) <= 0] = np.nan
    far_cues[long.sum(axis=1) <= 0] = np.nan
    return np.column_stack([near_cues[:, 0], far_cues[:, 0], near_cues[:, 1], far_cues[:, 1], far_cues[:, 2]])


def _around(sound: Floats, reach: int) -> Floats:
    """Sums over the frames less than `reach` away, [frames, 12]."""
    until = np.zeros((len(sound) + 1, 12))
    np.cumsum(sound, axis=0, out=until[1:])
    at = np.arange(len(sound))
    return np.maximum(0.0, until[np.minimum(len(sound), at + reach)] - until[np.maximum(0, at - reach + 1)])


def _key_scores(chroma: Floats) -> Floats:
    centred = chroma - chroma.mean(axis=1, keepdims=True)
    return np.asarray(_unit(centred) @ _PROFILES.T)


def _motion_cues(sound: Floats, low: Floats) -> Floats:
    """Likeness to the frame two seconds before, likeness of the bass to that of the frame before."""
    columns = np.full((len(sound), 2), np.nan)
    tones, bass = _unit(sound), low / np.maximum(low.sum(axis=1, keepdims=True), 1e-9)
    columns[_RETURN_FRAMES:, 0] = (tones[_RETURN_FRAMES:] * tones[:-_RETURN_FRAMES]).sum(axis=1)
    columns[1:, 1] = (bass[1:] * bass[:-1]).sum(axis=1)
    return columns


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
