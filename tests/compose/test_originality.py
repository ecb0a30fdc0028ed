"""Bars that come too near to what the style learned from are composed anew, and only those."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.compose import originality
from stilo.compose.composer import compose
from stilo.compose.desk import Desk
from stilo.compose.judge import heard_key
from stilo.compose.originality import against_style, made_original
from stilo.compose.request import Request
from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.models.notes.base import base_engine, base_identity
from stilo.models.notes.plan import Taste
from stilo.originality.kept import source_runs_of
from stilo.originality.level import Level
from stilo.styles.palette import Palette, Part

pytestmark = pytest.mark.usefixtures("with_tiny_weights")

BAR_TICKS = 4 * 480
REQUEST = Request(bars=24, seed=1, candidates=1)


@pytest.fixture
def style(make_style):
    embedding = np.random.default_rng(0).normal(size=EMBEDDING_SIZE).astype(np.float32)
    palette = Palette(96.0, (4, 4), "C major", (Part("Flute", 73, False, 0, 1.0, 60, 84, share=1.0),))
    return make_style(embedding=embedding, adapter=None, base_model=base_identity(), palette=palette)


@pytest.fixture
def written(style):
    """A desk, and what it writes when nothing is known."""
    desk = Desk(base_engine(), style, REQUEST, Taste())
    return desk, desk.write([2], lambda _share: None)[0]


def knowing(style, *scores):
    """The style as if it had learned from these."""
    sources = tuple(replace(style.sources[0], path=f"{i}.mid") for i in range(len(scores)))
    runs = replace(source_runs_of(scores), level=Level(0.5, 2.0, 5.0))  # the tiny model writes few notes
    return replace(style, sources=sources, runs=runs)


def some_bars(score, first, last):
    bar = score.notes["onset_ticks"] // BAR_TICKS
    return score.with_notes(score.notes[(bar >= first) & (bar <= last)])


def test_bars_that_are_known_are_composed_anew_and_no_others(style, written):
    desk, candidate = written
    against = against_style(knowing(style, some_bars(candidate.score, 8, 17)))
    assert against.check(candidate.score).verdict == "copied"
    changed, findings = made_original(desk, candidate, against)
    assert findings.excess <= 1
    assert findings.pieces.verdict == "original"  # the tiny model's few notes are too few for the base model's pieces
    assert findings.rewritten
    assert heard_key(changed.score) == changed.key
    first, last = min(one for one, _ in findings.rewritten), max(two for _, two in findings.rewritten)
    assert 8 <= first <= last <= 19
    for bars in ((0, first - 2), (last, 23)):
        before, after = (some_bars(one.score, *bars).notes for one in (candidate, changed))
        assert before[["onset_ticks", "pitch"]].tolist() == after[["onset_ticks", "pitch"]].tolist()
    assert changed.score.end_ticks <= 24 * BAR_TICKS


def test_what_is_original_stays_as_it_is(style, written):
    desk, candidate = written
    changed, findings = made_original(desk, candidate, against_style(style))
    assert changed is candidate
    assert findings.rewritten == ()


def test_a_copy_as_a_whole_is_made_better_in_a_bounded_number_of_rounds(style, written, monkeypatch):
    desk, candidate = written
    monkeypatch.setattr(originality, "MOST_ROUNDS", 2)
    against = against_style(knowing(style, candidate.score))
    before = against.check(candidate.score)
    changed, findings = made_original(desk, candidate, against)
    assert findings.excess < before.excess
    assert heard_key(changed.score) == changed.key


def test_versions_in_another_key_are_left_out(written, monkeypatch):
    desk, candidate = written
    keys = iter([candidate.key, None, candidate.key, None])
    monkeypatch.setattr("stilo.compose.desk.heard_key", lambda _score: next(keys))
    assert len(desk.rewrite(candidate, 2, 4, range(4))) == 2
    monkeypatch.setattr("stilo.compose.desk.heard_key", lambda _score: None)
    against = against_style(knowing(desk.style, some_bars(candidate.score, 8, 17)))
    changed, findings = made_original(desk, candidate, against)
    assert changed is candidate
    assert findings.verdict == "copied"


def test_the_report_tells_it_and_the_same_seed_gives_the_same_piece(style):
    first = compose(style, REQUEST)
    assert first.report.originality.pieces is None
    assert first.report.originality.base is not None
    known = knowing(style, some_bars(first.score, 4, 18))
    one, two = compose(known, REQUEST), compose(known, REQUEST)
    assert one.score == two.score
    assert one.report.originality == two.report.originality
    assert one.report.originality.pieces is not None
    assert one.report.originality.rewritten
    assert one.score != first.score


def test_it_is_said_what_a_piece_was_not_held_against(style, tmp_path, monkeypatch):
    def said(style):
        notices = []
        compose(style, replace(REQUEST, bars=2), notice=notices.append)
        return notices

    [line] = said(style)
    assert "not held against the style's pieces: the style 'Waltz' keeps no fingerprints" in line
    assert said(replace(style, sources=())) == []
    monkeypatch.setattr("stilo.originality.base.base_index_path", lambda: tmp_path / "nothing.npz")
    [line] = said(replace(style, sources=()))
    assert "no index of the base model's pieces is installed" in line
