"""The use cases: what a person can ask of stilo, each a function that every face calls.

This is the one place that joins reading, measuring, learning, the library, composing and rendering. It knows no
terminal and no browser: progress is told to a function that the face passes in.
"""

from stilo.workshop.analysing import Collection, analyse_files, draw_profile, pooled
from stilo.workshop.cards import composition_line, proof_card, style_card
from stilo.workshop.checking import Checked, check, check_files
from stilo.workshop.comparing import Compared, compare, comparison_card, draw_comparison
from stilo.workshop.composing import compose_piece, make_request
from stilo.workshop.demo import run_demo
from stilo.workshop.finding import Likeness, similar_styles, styles_like
from stilo.workshop.installation import Finding, examine_installation
from stilo.workshop.keeping import (
    export_style,
    import_style,
    library_moods,
    list_styles,
    load_style,
    remove_style,
    show_style,
)
from stilo.workshop.learning import gather_pieces, learn_split, learn_style
from stilo.workshop.measuring import Analysed, MeasuredPiece
from stilo.workshop.outputs import (
    PICTURE_ENDING,
    check_folder,
    check_outputs,
    composition_json,
    plain,
    write_composition,
)
from stilo.workshop.progress import Notice, Progress, silent
from stilo.workshop.proving import sketches, write_sketches
from stilo.workshop.verdicts import originality_phrase, verdict_text

__all__ = [
    "PICTURE_ENDING",
    "Analysed",
    "Checked",
    "Collection",
    "Compared",
    "Finding",
    "Likeness",
    "MeasuredPiece",
    "Notice",
    "Progress",
    "analyse_files",
    "check",
    "check_files",
    "check_folder",
    "check_outputs",
    "compare",
    "comparison_card",
    "compose_piece",
    "composition_json",
    "composition_line",
    "draw_comparison",
    "draw_profile",
    "examine_installation",
    "export_style",
    "gather_pieces",
    "import_style",
    "learn_split",
    "learn_style",
    "library_moods",
    "list_styles",
    "load_style",
    "make_request",
    "originality_phrase",
    "plain",
    "pooled",
    "proof_card",
    "remove_style",
    "run_demo",
    "show_style",
    "silent",
    "similar_styles",
    "sketches",
    "style_card",
    "styles_like",
    "verdict_text",
    "write_composition",
    "write_sketches",
]
