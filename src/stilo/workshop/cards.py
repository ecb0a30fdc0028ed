"""A style in words: its profile, what was learned, and where it comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from stilo.errors import InputError
from stilo.music.instruments import PROGRAM_NAMES
from stilo.styles.provenance import few_of, source_names
from stilo.workshop.verdicts import originality_phrase

if TYPE_CHECKING:
    from stilo.compose.composer import Composition
    from stilo.styles.palette import Palette
    from stilo.styles.provenance import Proof, Source
    from stilo.styles.style import Style
    from stilo.styles.trial import Trial
    from stilo.workshop.finding import Likeness

CARD_WIDTH = 80
LABEL_WIDTH = 19
MOST_FILES_NAMED = 12
FARTHEST_REAL = 1.05  # of 19 of 20 real pieces, from the mean of the others by their composer (`composer.Report`)


def style_card(style: Style, alike: Sequence[Likeness] = ()) -> str:
    """The style as plain text: what it is made of, composes with, learned from what, and what is like it."""
    from stilo.elements.card import profile_card

    told = {"composes with": [palette_line(style.palette)]}
    if style.proof is not None:
        told["proof"] = proof_lines(style, style.proof)
    if style.parents:
        told["blended from"] = [", ".join(f"{name} {share:.0%}" for name, share in style.parents.items())]
    if style.sources:
        told["from"] = [sources_line(style.sources), few_of(source_names(style.sources), MOST_FILES_NAMED)]
    if alike:
        told["most like"] = [", ".join(f"{one.name} ({one.overall:.2f})" for one in alike)]
    lines = [profile_card(style.profile, style.name).rstrip(), "", "STYLE"]
    for label, texts in told.items():
        wrapped = [line for text in texts for line in wrap(text, CARD_WIDTH - LABEL_WIDTH - 2, break_on_hyphens=False)]
        lines += [f"  {label if i == 0 else '':<{LABEL_WIDTH}}{line}" for i, line in enumerate(wrapped)]
    return "\n".join(lines) + "\n"


def proof_card(style: Style) -> str:
    """What shows that a style was learned, alone, as plain text.

    Raises:
        InputError: it was not learned from music.
    """
    if style.proof is None:
        raise InputError(f"the style '{style.name}' was not learned from music, so that there is no proof")
    lines = proof_lines(style, style.proof)
    each = ["\n    ".join(wrap(line, CARD_WIDTH - 4)) for line in lines]
    return "\n".join([style.name, *(f"  {line}" for line in each)]) + "\n"


def palette_line(palette: Palette) -> str:
    """Metre, tempo, key and the instruments that are composed for, on one line; of the others how many there are."""
    numerator, denominator = palette.time_signature
    tempo = "no tempo of its own" if palette.tempo_qpm is None else f"{palette.tempo_qpm:.0f} quarters a minute"
    told = [f"{numerator}/{denominator}", tempo]
    if palette.key:
        told.append(palette.key)
    usual = palette.usual_parts
    names = [part.name or ("Drums" if part.is_drum else PROGRAM_NAMES[part.program]) for part in usual]
    if names:
        told.append("; ".join(f"{name} ({n} parts)" if n > 1 else name for name, n in Counter(names).items()))
    rarer = len(palette.parts) - len(usual)
    line = ", ".join(told)
    return f"{line} (without {_counted(rarer, 'rarer part')})" if rarer else line


def proof_lines(style: Style, proof: Proof) -> list[str]:
    """Held-out nats/note before and after, what they were measured on, and the advice when there is some."""
    steps = [f"{proof.base_nats_per_note:.3f} before"]
    if proof.is_style_told:
        steps.append(f"{proof.vector_nats_per_note:.3f} style told")
    if style.adapter is not None and proof.tuned_nats_per_note is not None:
        steps.append(f"{proof.tuned_nats_per_note:.3f} tuned")
    lines = [
        f"held-out nats/note {' → '.join(steps)}, {_gained(proof)}",
        f"judged on {_judged_on(style, proof)}",
        f"learned in {proof.seconds:.0f} s",
    ]
    if proof.known_pieces:
        pieces = _counted(len(style.sources), "piece")
        lines.insert(2, f"{proof.known_pieces} of the {pieces} the base model knew before, at least in part")
    if proof.is_interrupted:
        kept = "stopped early: the best until then is kept"
        lines.append(
            "stopped before anything was learned: the base model stays as it is" if style.adapter is None else kept
        )
    elif style.adapter is None and proof.tuned_nats_per_note is not None:
        lines.append("tuning made this music no likelier: nothing of it is kept, the base model stays as it is")
    if not proof.is_style_told:
        less = f"told them it foresees less, {proof.vector_nats_per_note:.3f}"
        lines.append(f"is not told the style's figures when it composes: {less}")
    if proof.trial is not None:
        lines += trial_lines(proof.trial)
    return [*lines, proof.advice] if proof.advice else lines


def _judged_on(style: Style, proof: Proof) -> str:
    notes, pieces = _counted(proof.held_out_notes, "note"), _counted(proof.held_out_pieces, "piece")
    judged = f"{pieces} ({notes}) it did not learn from"
    if proof.folds > 1 and style.adapter is not None:
        from stilo.models.notes.strength import ENOUGH_PIECES

        is_of_few = proof.held_out_pieces < ENOUGH_PIECES
        kept = "their mean is kept" + (", as far as so few pieces prove it" if is_of_few else "")
        judged = f"{pieces} ({notes}), each by one of {proof.folds} tunings that had not heard it; {kept}"
    elif proof.folds > 1:
        judged = f"{pieces} ({notes}), each told the style of others alone"
    elif not any(source.held_out for source in style.sources):
        judged = f"the last quarter of each piece ({notes} of {pieces}), kept out of the learning"
    return judged if style.adapter is None else f"{judged}; they also chose when to stop tuning"


def trial_lines(trial: Trial) -> list[str]:
    """How near short pieces come to the style, element by element, and for whose the encoder takes them."""
    measured = [group for group in trial.without if trial.without[group] or trial.learned[group]]  # drums have no pitch
    each = ", ".join(f"{group} {trial.without[group]:.2f} → {trial.learned[group]:.2f}" for group in measured)
    verdict = f"; all four together: {trial.verdict}" if trial.verdict else ""
    lines = [
        f"{trial.pieces} pieces of {trial.bars} bars without it → with it, distance from your music: {each}{verdict}"
    ]
    if trial.known_learned is not None:
        lines.append(
            f"of these pieces an encoder that had no part in writing them takes {trial.known_without} → "
            f"{trial.known_learned} of {trial.pieces} for this style, among {trial.styles} of your library"
        )
    return lines


def _gained(proof: Proof) -> str:
    """As far as it is shown: what is nothing in its last digit, or may be chance, is neither better nor worse."""
    shown = round(proof.base_nats_per_note - proof.nats_per_note, 3)
    between = "" if proof.gained is None else f" (95 %: {proof.gained[0]:+.3f} to {proof.gained[1]:+.3f})"
    if not shown:
        return f"nothing gained{between}"
    if proof.gained is not None and proof.gained[0] <= 0 <= proof.gained[1]:
        return f"{abs(shown):.3f} {'better' if shown > 0 else 'worse'}, which may be chance{between}"
    return f"{abs(shown):.3f} {'better' if shown > 0 else 'WORSE'}{between}"


def composition_line(composition: Composition) -> str:
    """How long a piece came out, in which key, how near to its style, the seed that makes it again, what it shares."""
    request, report = composition.request, composition.report
    told = [f"{request.bars} bars", _counted(len(composition.score), "note")]
    if report.key:
        other = report.asked_key not in ("", report.key)
        told.append(f"{report.key} (asked for {report.asked_key}: no candidate was)" if other else report.key)
    elif report.asked_key:
        told.append(f"in no key (asked for {report.asked_key}: nothing in it has a pitch)")
    is_far = report.style_distance > FARTHEST_REAL
    beside = "farther than 19 of 20 real pieces: try another seed" if is_far else "real pieces: 0.5 to 1"
    line = f"{', '.join(told)}; {report.style_distance:.2f} from the style ({beside}); seed {request.seed}"
    phrase = originality_phrase(report.originality)
    return f"{line}; {phrase}" if phrase else line


def sources_line(sources: tuple[Source, ...]) -> str:
    """How many pieces, how many notes, under which licences."""
    notes = sum(source.notes for source in sources)
    licences = Counter(source.licence or "licence not stated" for source in sources)
    told = ", ".join(f"{licence} ({count})" if len(licences) > 1 else licence for licence, count in licences.items())
    return f"{_counted(len(sources), 'piece')}, {_counted(notes, 'note')}; {told}"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
