"""Plans tell the notes of a piece what labels tell them."""

import numpy as np
import pytest

from stilo.models.notes.told import ChordPlan, FormPlan


def test_plans_that_make_no_sense_are_refused():
    none, two = np.zeros(0, np.int64), np.zeros(2, np.int64)
    with pytest.raises(ValueError, match="follow each other"):
        ChordPlan(two, two, two)
    with pytest.raises(ValueError, match="onset, a root"):
        ChordPlan(two, none, two)
    with pytest.raises(ValueError, match="place in the form"):
        FormPlan(none, none, none)


def test_a_plan_tells_what_the_labels_of_the_notes_tell(make_labelled):
    """Where every chord has a note, plans and labels say the same."""
    from stilo.models.labels import chord_basses
    from stilo.models.notes.conditions import chords_told, form_told

    piece = make_labelled(3, notes=80)
    onset, bar = piece.steps["onset"].astype(np.int64), piece.steps["bar"].astype(np.int64)
    first = np.flatnonzero(np.diff(bar, prepend=-1))
    labels = piece.labels[first]
    named = ("chord_onset", "chord_root", "chord_quality")
    basses = chord_basses(piece.labels, piece.steps)[first]
    chords = ChordPlan(*(labels[name].astype(np.int64) for name in named), basses).at(onset)
    whole = form_told(piece.labels, piece.steps)
    assert np.array_equal(np.unique(bar), np.arange(bar[-1] + 1))
    form = FormPlan(*(getattr(whole, name)[first] for name in ("elapsed", "left", "lag"))).at(bar)
    for told, reference in ((chords, chords_told(piece.labels, piece.steps)), (form, whole)):
        for name in type(told).__dataclass_fields__:
            assert np.array_equal(getattr(told, name), getattr(reference, name)), name
