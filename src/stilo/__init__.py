"""stilo: learn a musical style from your own files, see what it is made of, compose in it.

    import stilo

    style = stilo.learn("waltzes", ["waltzes/"])
    print(stilo.style_card(style))
    piece = stilo.compose(style, stilo.Request(bars=32, seed=7))
    stilo.write(piece.score, "new.musicxml")

Every name is imported when it is first used, so that `import stilo` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stilo.compose.composer import Composition, compose
    from stilo.compose.request import Request
    from stilo.elements.card import profile_card
    from stilo.elements.embedding import StyleEmbedding, embed
    from stilo.elements.plot import plot_piano_roll, plot_profile
    from stilo.elements.pooling import pool_profiles, profile_distance
    from stilo.elements.profile import Profile
    from stilo.errors import InputError, SetupError, StiloError
    from stilo.library.store import Library
    from stilo.models.learned_embedding import LearnedEmbedding
    from stilo.music.files import read_score as read
    from stilo.music.files import write_score as write
    from stilo.music.score import Score
    from stilo.sound.render import render
    from stilo.sound.waveform import Waveform, write_audio
    from stilo.styles.bundle import read_bundle, write_bundle
    from stilo.styles.measuring import analyse_piece as analyse
    from stilo.styles.measuring import recognise_pieces as recognise
    from stilo.styles.style import Style
    from stilo.workshop import check, learn_split, style_card
    from stilo.workshop import learn_style as learn
    from stilo.workshop import load_style as load
    from stilo.workshop import similar_styles as similar

__all__ = [
    "Composition",
    "InputError",
    "LearnedEmbedding",
    "Library",
    "Profile",
    "Request",
    "Score",
    "SetupError",
    "StiloError",
    "Style",
    "StyleEmbedding",
    "Waveform",
    "analyse",
    "check",
    "compose",
    "embed",
    "learn",
    "learn_split",
    "load",
    "plot_piano_roll",
    "plot_profile",
    "pool_profiles",
    "profile_card",
    "profile_distance",
    "read",
    "read_bundle",
    "recognise",
    "render",
    "similar",
    "style_card",
    "write",
    "write_audio",
    "write_bundle",
]

# public name → (module, name there)
_HOMES = {
    "Composition": ("stilo.compose.composer", "Composition"),
    "InputError": ("stilo.errors", "InputError"),
    "LearnedEmbedding": ("stilo.models.learned_embedding", "LearnedEmbedding"),
    "Library": ("stilo.library.store", "Library"),
    "Profile": ("stilo.elements.profile", "Profile"),
    "Request": ("stilo.compose.request", "Request"),
    "Score": ("stilo.music.score", "Score"),
    "SetupError": ("stilo.errors", "SetupError"),
    "StiloError": ("stilo.errors", "StiloError"),
    "Style": ("stilo.styles.style", "Style"),
    "StyleEmbedding": ("stilo.elements.embedding", "StyleEmbedding"),
    "Waveform": ("stilo.sound.waveform", "Waveform"),
    "analyse": ("stilo.styles.measuring", "analyse_piece"),
    "check": ("stilo.workshop", "check"),
    "embed": ("stilo.elements.embedding", "embed"),
    "learn": ("stilo.workshop", "learn_style"),
    "learn_split": ("stilo.workshop", "learn_split"),
    "load": ("stilo.workshop", "load_style"),
    "plot_piano_roll": ("stilo.elements.plot", "plot_piano_roll"),
    "plot_profile": ("stilo.elements.plot", "plot_profile"),
    "pool_profiles": ("stilo.elements.pooling", "pool_profiles"),
    "profile_card": ("stilo.elements.card", "profile_card"),
    "profile_distance": ("stilo.elements.pooling", "profile_distance"),
    "read": ("stilo.music.files", "read_score"),
    "read_bundle": ("stilo.styles.bundle", "read_bundle"),
    "recognise": ("stilo.styles.measuring", "recognise_pieces"),
    "render": ("stilo.sound.render", "render"),
    "similar": ("stilo.workshop", "similar_styles"),
    "style_card": ("stilo.workshop", "style_card"),
    "write": ("stilo.music.files", "write_score"),
    "write_audio": ("stilo.sound.waveform", "write_audio"),
    "write_bundle": ("stilo.styles.bundle", "write_bundle"),
}


def __getattr__(name: str) -> object:
    """The public name, imported now; `compose` is the package itself, which can be called."""
    if name == "compose":
        return import_module("stilo.compose")
    if name not in _HOMES:
        raise AttributeError(f"module 'stilo' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
