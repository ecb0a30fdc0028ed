"""A proof tells what short pieces show, writes them side by side, and stays honest where they show nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest

from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.errors import InputError, WriteError
from stilo.library.store import Library
from stilo.models.encoder_files import encoder_identity
from stilo.models.notes.base import base_identity
from stilo.models.recogniser import recognise
from stilo.music.files import read_score
from stilo.styles.palette import Palette, Part
from stilo.styles.provenance import Proof
from stilo.styles.trial import Trial
from stilo.workshop import proof_card, style_card, write_sketches
from stilo.workshop.proving import SKETCHES, tried

PARTS = (Part("Flute", 73, False, 0, 1.0, 60, 84), Part("Piano", 0, False, 1, 0.9, 36, 72))
FLAT = dict.fromkeys(("pitch", "rhythm", "harmony", "emotion"), 0.25)


@pytest.fixture
def style(make_style, make_recognition, with_tiny_weights, with_tiny_encoder):
    return make_style(
        "Mine",
        embedding=np.random.default_rng(0).normal(size=EMBEDDING_SIZE).astype(np.float32),
        adapter=None,
        base_model=base_identity(),
        palette=Palette(96.0, (3, 4), "A minor", PARTS),
        recognition=make_recognition(1),
        encoder=encoder_identity(),
    )


@pytest.fixture
def two_heights(monkeypatch, tune):
    """Stands in for the composing: without what was learned the tune two octaves up, with it the tune as it is."""
    monkeypatch.setattr("stilo.workshop.proving.DRAWS", 40)
    low, high = ([tune.transposed(shift + i % 3) for i in range(SKETCHES)] for shift in (0, 24))
    monkeypatch.setattr("stilo.compose.sketching.sketch", lambda *_, is_learned: low if is_learned else high)
    return {"learned": low, "without": high}


def test_alone_in_the_library_it_is_measured_but_not_recognised(style):
    trial = tried(style).proof.trial
    assert (trial.pieces, trial.styles, trial.known_without, trial.known_learned) == (SKETCHES, 1, None, None)
    assert set(trial.without) == set(trial.learned) == set(FLAT)
    assert trial.without != trial.learned
    assert all(0 < value < 1 for value in (*trial.without.values(), *trial.learned.values()))
    low, high = trial.nearer_by
    assert low < np.mean([trial.without[group] - trial.learned[group] for group in FLAT]) < high
    assert tried(style).proof.trial == trial, "the same pieces every time"
    assert tried(replace(style, proof=None)).proof is None


def test_pieces_that_are_nearer_are_said_to_be(style, two_heights):
    trial = tried(style).proof.trial
    assert trial.learned["pitch"] < trial.without["pitch"] - 0.02
    assert trial.verdict == "nearer"
    two_heights["learned"][:], two_heights["without"][:] = two_heights["without"][:], two_heights["learned"][:]
    swapped = tried(style).proof.trial
    assert (swapped.without, swapped.learned) == (trial.learned, trial.without)
    assert swapped.verdict == "farther"
    two_heights["learned"][:] = two_heights["without"]
    same = tried(style).proof.trial
    assert same.nearer_by == (0, 0)
    assert same.verdict == "as near as without"


def test_a_silent_piece_goes_with_its_pair(style, two_heights, tune):
    silence = tune.with_notes(tune.notes[:0])
    two_heights["learned"][1] = silence
    assert tried(style).proof.trial.verdict == "nearer"
    two_heights["learned"][:] = [silence] * SKETCHES
    assert tried(style) is style


def test_among_others_it_is_told_for_whose_the_pieces_are_taken(style, make_style, two_heights):
    """The other style is what the encoder hears in the pieces without, this one what it hears in those with it."""
    encoder = encoder_identity()
    mine = replace(style, recognition=recognise(two_heights["learned"]))
    other = make_style("Other", recognition=recognise(two_heights["without"]), encoder=encoder)
    with Library() as library:
        library.save(other)
    trial = tried(mine).proof.trial
    assert (trial.known_without, trial.known_learned, trial.styles) == (0, SKETCHES, 2)
    with Library() as library:
        library.save(replace(other, recognition=mine.recognition), replace=True)
    trial = tried(replace(mine, recognition=other.recognition)).proof.trial
    assert (trial.known_without, trial.known_learned) == (SKETCHES, 0)


def test_a_style_is_no_other_than_itself_in_another_case(style):
    with Library() as library:
        library.save(style)
    assert tried(replace(style, name="MINE")).proof.trial.styles == 1


def test_the_pieces_of_the_trial_are_written_side_by_side(style, tmp_path):
    with Library() as library:
        library.save(tried(style))
    written = write_sketches("mine", tmp_path / "samples")
    assert [path.name for path in written][:4] == ["1-learned.mid", "1-without.mid", "2-learned.mid", "2-without.mid"]
    assert len(written) == 2 * SKETCHES
    assert all(len(read_score(path)) for path in written)
    first = written[0].read_bytes()
    write_sketches("mine", tmp_path / "samples")
    assert written[0].read_bytes() == first
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="file"):
        write_sketches("mine", tmp_path / "file")


def test_what_was_not_learned_has_no_proof(make_style, tmp_path):
    style = make_style("Blend", proof=None)
    with Library() as library:
        library.save(style)
    with pytest.raises(InputError, match="not learned from music"):
        write_sketches("Blend", tmp_path)
    with pytest.raises(InputError, match="no proof"):
        proof_card(style)


def proof(**changes):
    return Proof(2.0, 1.99, 1.9, 3, 900, 60.0, 40, "learned", **changes)


def words(style):
    return " ".join(proof_card(style).split())


def test_a_proof_says_what_may_be_chance(make_style):
    assert "0.100 better (95 %: +0.050 to +0.150)" in words(make_style(proof=proof(gained=(0.05, 0.15))))
    chance = words(make_style(proof=proof(gained=(-0.05, 0.25))))
    assert "0.100 better, which may be chance (95 %: -0.050 to +0.250)" in chance
    worse = replace(proof(gained=(-0.3, -0.1)), tuned_nats_per_note=2.2)
    assert "0.200 WORSE (95 %: -0.300 to -0.100)" in words(make_style(proof=worse))
    assert "0.100 better " in words(make_style(proof=proof())), "as it was before there were intervals"


def test_a_proof_says_how_near_the_pieces_come(make_style):
    nearer = Trial(8, 8, 1, FLAT, {**FLAT, "harmony": 0.15}, 2, 7, 5, nearer_by=(0.01, 0.04))
    style = make_style(proof=proof(trial=nearer))
    told = words(style)
    assert "harmony 0.25 → 0.15, emotion 0.25 → 0.25; all four together: nearer of these" in told
    assert "takes 2 → 7 of 8 for this style, among 5 of your library" in told
    assert told.removeprefix("Waltz ") in " ".join(style_card(style).split()).replace(" proof ", " ")
    farther = Trial(8, 8, 1, FLAT, {**FLAT, "harmony": 0.35}, nearer_by=(-0.04, -0.01))
    told = words(make_style(proof=proof(trial=farther)))
    assert "emotion 0.25 → 0.25; all four together: farther learned" in told
    assert "encoder" not in told
    chance = words(make_style(proof=proof(trial=replace(nearer, nearer_by=(-0.001, 0.05)))))
    assert "emotion 0.25 → 0.25; all four together: as near as without of these" in chance
    older = words(make_style(proof=proof(trial=replace(nearer, nearer_by=None))))
    assert "emotion 0.25 → 0.25 of these" in older, "without an interval nothing is said"


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("gained",), [0.1]),
        (("gained",), [0.2, 0.1]),
        (("gained",), ["a", "b"]),
        (("trial", "pieces"), 0),
        (("trial", "pieces"), 17),
        (("trial", "bars"), 1),
        (("trial", "bars"), 33),
        (("trial", "known_learned"), 9),
        (("trial", "known_learned"), None),
        (("trial", "without"), {"pitch": 0.1}),
        (("trial", "learned", "pitch"), 1.5),
        (("trial", "seed"), -1),
        (("trial", "nearer_by"), [0.2]),
        (("trial", "nearer_by"), [0.2, 0.1]),
        (("trial", "nearer_by"), [-2.0, 0.1]),
    ],
)
def test_a_strange_proof_is_told(path, wrong):
    whole = proof(gained=(0.0, 0.1), trial=Trial(8, 8, 1, FLAT, FLAT, 1, 2, 3, (-0.1, 0.1)))
    data = json.loads(json.dumps(whole.to_json()))
    assert Proof.from_json(data) == whole
    place = data
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = wrong
    with pytest.raises(InputError):
        Proof.from_json(data)


def test_an_older_proof_has_neither_interval_nor_trial():
    data = proof().to_json()
    del data["gained"], data["trial"]
    assert Proof.from_json(data) == proof()
    whole = proof(trial=Trial(8, 8, 1, FLAT, FLAT))
    data = whole.to_json()
    del data["trial"]["nearer_by"]
    assert Proof.from_json(data) == whole
