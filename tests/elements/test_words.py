"""Words of the liner note: right for music that is known, calibrated, and not the same for everything."""

import json
from dataclasses import replace

import numpy as np
import pytest

from stilo.elements.form import Section
from stilo.elements.norms import NORMS, PIECES, SHARES
from stilo.elements.phrases import PHRASES, place_name, rate_name, span_name, told
from stilo.elements.profile import analyse, pool_profiles
from stilo.elements.record import ELEMENTS, Profile
from stilo.elements.scales import scale_kind
from stilo.elements.standing import is_played, standard_score, standing_out, standing_phrase, word_for
from stilo.elements.words import agreement, liner_note
from stilo.music.score import Score, Tempo, TimeSignature, Track, notes_from_columns

QUARTER = 480


def piece(pitches, lengths_quarters, *, tempo=100.0, metre=(4, 4), below=()):
    """A melody, with chords of (onset, length, pitch) in quarters below it."""
    ticks = np.rint(np.array(lengths_quarters) * QUARTER).astype(int)
    onsets = np.concatenate([[0], np.cumsum(ticks)[:-1]])
    rows = [(o, t, p, 0) for o, t, p in zip(onsets, ticks, pitches, strict=True)]
    rows += [(round(o * QUARTER), round(t * QUARTER), p, 1) for o, t, p in below]
    columns = np.array(rows)
    notes = notes_from_columns(columns[:, 0], columns[:, 1], columns[:, 2], 80, columns[:, 3])
    tracks = (Track("Flute", 73), Track("Piano", 0))
    return Score(notes, tracks, tempos=(Tempo(0, tempo),), time_signatures=(TimeSignature(0, *metre),))


def triads(roots, length, minor=False):
    """One root-position triad after another, around the third octave."""
    third = 3 if minor else 4
    return [(i * length, length, 48 + root + tone) for i, root in enumerate(roots) for tone in (0, third, 7)]


def note_of(score):
    return " ".join(liner_note(analyse(score)).split())


def edited(profile, **changes):
    """The profile with elements changed: `rhythm__tempo_qpm=200`."""
    for name, value in changes.items():
        group, attribute = name.split("__")
        profile = replace(profile, **{group: replace(getattr(profile, group), **{attribute: value})})
    return profile


SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


@pytest.fixture(scope="module")
def plain():
    """Sixteen bars of scales over slow triads, in C major."""
    melody = (SCALE + SCALE[::-1]) * 4
    return analyse(piece(melody, [1] * 64, below=triads([0, 5, 7, 0] * 4, 4)))


def test_every_phrase_is_about_a_figure_and_can_be_told():
    for name, phrase in PHRASES.items():
        row = NORMS[name]
        for value in (row[0], row[-1], ELEMENTS[name].low, min(ELEMENTS[name].high, 1e6)):
            for text in (phrase.high, phrase.low, phrase.amount):
                assert "{" not in told(text, value)
            assert told(phrase.amount, value, value).count(" against ") == 1
        assert phrase.more
        assert phrase.less


def test_norms_are_rising_rows_of_real_figures():
    assert PIECES >= 1000
    assert list(SHARES) == sorted(SHARES)
    for name, row in NORMS.items():
        element = ELEMENTS[name]
        assert len(row) == len(SHARES)
        assert list(row) == sorted(row)
        assert element.low <= row[0]
        assert row[-1] <= element.high


def test_every_figure_has_a_norm():
    figures = {name for name, element in ELEMENTS.items() if hasattr(element, "unit")}
    assert figures == set(NORMS), "run benchmarks/music_at_large.py"


@pytest.mark.parametrize("name", sorted(PHRASES))
def test_standing_grows_with_the_value(name):
    row = NORMS[name]
    values = np.linspace(2 * row[0] - row[-1] - 1, 2 * row[-1] - row[0] + 1, 101)
    scores = [standard_score(name, value) for value in values]
    assert scores == sorted(scores)
    assert scores[0] < -2
    assert scores[-1] > 2


def test_standing_at_the_quantiles_is_that_of_a_normal_distribution():
    row = NORMS["rhythm.tempo_qpm"]
    assert standard_score("rhythm.tempo_qpm", row[3]) == pytest.approx(0, abs=0.1)
    assert standard_score("rhythm.tempo_qpm", row[5]) == pytest.approx(1.28, abs=0.01)
    assert standard_score("rhythm.tempo_qpm", row[1]) == pytest.approx(-1.28, abs=0.01)
    assert [word_for("rhythm.tempo_qpm", value, ("a", "b", "c", "d", "e")) for value in (row[0], row[3], row[-1])] == [
        "a", "c", "e",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("weights", "minor", "kind"),
    [
        ({0: 3, 2: 1, 3: 2, 5: 1, 7: 3, 8: 1, 10: 1}, True, "natural"),
        ({0: 3, 2: 1, 3: 2, 5: 1, 7: 3, 8: 1, 10: 0.7, 11: 0.3}, True, "mostly natural"),
        ({0: 3, 2: 1, 3: 2, 5: 1, 7: 3, 8: 1, 11: 1}, True, "harmonic"),
        ({0: 3, 2: 1, 3: 2, 5: 1, 7: 3, 8: 0.5, 9: 0.5, 10: 0.3, 11: 1}, True, "melodic"),
        ({0: 3, 2: 1, 3: 2, 5: 1, 7: 3, 9: 1, 10: 1}, True, "Dorian"),
        ({0: 3, 1: 1, 3: 2, 5: 1, 7: 3, 8: 1, 10: 1}, True, "Phrygian"),
        ({0: 3, 3: 2, 5: 1, 7: 3, 10: 1}, True, "pentatonic"),
        ({0: 3, 2: 1, 4: 2, 5: 1, 7: 3, 9: 1, 11: 1}, False, ""),
        ({0: 3, 2: 1, 4: 2, 5: 1, 7: 3, 9: 1, 10: 1}, False, "Mixolydian"),
        ({0: 3, 2: 1, 4: 2, 6: 1, 7: 3, 9: 1, 11: 1}, False, "Lydian"),
        ({0: 3, 2: 1, 4: 2, 7: 3, 9: 1}, False, "pentatonic"),
        ({0: 3, 3: 1, 4: 1, 5: 1, 7: 3, 10: 1}, False, "with lowered thirds and sevenths"),
        ({}, True, ""),
    ],
)
def test_kinds_of_scale(weights, minor, kind):
    row = np.array([weights.get(degree, 0) for degree in range(12)], float)
    assert scale_kind(tuple(row / max(row.sum(), 1e-9)), minor) == kind


def test_what_stands_out_comes_first(plain):
    fast = edited(plain, rhythm__tempo_qpm=300.0)
    assert "a fast tempo of 300 quarters a minute" in liner_note(fast).split(".")[0].lower()
    assert "300" not in liner_note(fast).split(".", 1)[1]  # what was said is not said again
    assert "fast tempo" not in liner_note(plain)
    slow = edited(plain, rhythm__tempo_qpm=56.0)
    assert "a slow tempo of 56 quarters a minute" in [standing_phrase(item) for item in standing_out(slow)]


def test_the_farthest_out_is_said_first_and_at_most_three(plain):
    wild = edited(plain, rhythm__tempo_qpm=300.0, pitch__chromaticism=0.5, rhythm__syncopation=2.0,
                  harmony__seventh_share=0.9, pitch__leap_share=0.9)  # fmt: skip
    scores = [abs(item.score) for item in standing_out(wild)]
    assert scores == sorted(scores, reverse=True)
    aspects = [PHRASES[item.name].aspect for item in standing_out(wild)]
    assert len(aspects) == len(set(aspects)) >= 5
    assert liner_note(wild).split(". ")[0].count(";") <= 2


def test_a_minor_piece_with_raised_sevenths_is_harmonic():
    melody = [57, 59, 60, 62, 64, 65, 68, 69] * 8
    text = note_of(piece(melody, [1] * 64, below=triads([9, 9, 9, 9] * 4, 4, minor=True)))
    assert "A minor, harmonic" in text


def test_slow_harmony_and_a_narrow_melody_are_called_so():
    melody = [69, 71, 69, 68] * 16
    text = note_of(piece(melody, [1] * 64, below=triads([9, 9, 9, 9, 2, 2, 2, 2] * 2, 4, minor=True)))
    assert "narrow melody around A4" in text or "melody within a second" in text or "within a third" in text
    assert "a chord every" in text


def test_a_single_line_is_called_so_and_nothing_is_said_of_its_sevenths():
    text = note_of(piece(SCALE * 8, [0.5] * 64))
    assert "single line, as if over" in text
    for word in ("seventh chord", "triads", "texture", "consonan"):
        assert word not in text


def test_drums_alone_have_neither_key_nor_melody():
    onsets = np.arange(64) * 240
    score = Score(notes_from_columns(onsets, np.full(64, 60), np.full(64, 38)), (Track("Kit", 0, True),))
    text = note_of(score)
    assert "rums alone" in text
    for word in ("major", "minor", "melody", "chord", "of one length", "silence"):
        assert word not in text


def test_played_drums_are_not_called_syncopated():
    rng = np.random.default_rng(0)
    onsets = np.sort(np.arange(128) * 120 + rng.integers(-50, 50, 128) + 60)
    profile = analyse(Score(notes_from_columns(onsets, np.full(128, 60), np.full(128, 38)), (Track("Kit", 0, True),)))
    assert is_played(profile)
    assert "freely around the beat" in liner_note(profile)
    assert "off-beats" not in liner_note(profile)
    assert "never come back" not in liner_note(profile)


def test_mood_has_two_dimensions(plain):
    texts = {
        (v, a): liner_note(edited(plain, emotion__valence=v, emotion__arousal=a))
        for v in (-0.95, 0.9)
        for a in (-0.95, 0.95)
    }
    assert "mournful" in texts[-0.95, -0.95]
    assert "serene" in texts[0.9, -0.95]
    assert "agitated" in texts[-0.95, 0.95]
    assert "exuberant" in texts[0.9, 0.95]


def test_different_music_has_different_notes(make_piece, plain):
    notes = [
        liner_note(analyse(make_piece(seed, metre))) for seed, metre in enumerate([(4, 4), (3, 4), (6, 8), (2, 2)])
    ]
    assert len({*notes, liner_note(plain)}) == 5


def test_a_folder_says_in_what_its_pieces_agree(make_piece):
    alike = [analyse(make_piece(seed)) for seed in range(5)]
    folder = pool_profiles(alike)
    assert liner_note(folder).count("pieces of about") == 1
    assert "alike in" in agreement(folder)
    spread = dict(folder.spread) | {"rhythm.syncopation": 1.5}
    assert "unlike in off-beats" in agreement(replace(folder, spread=spread))
    assert agreement(pool_profiles(alike[:3])) == ""


@pytest.mark.parametrize("odd", ["no notes", "one note", "one tick", "drums only", "every pitch", "endless bar"])
def test_notes_of_odd_music_are_sentences(odd, odd_scores):
    text = liner_note(analyse(odd_scores[odd]))
    assert text.endswith(".")
    assert text[0].isupper()
    for flaw in ("  ", ";;", "; ;", " ,", " ;", "nan", "inf", "{", ";.", ", ;"):
        assert flaw not in text


def test_a_strangers_profile_at_its_bounds_has_a_note(plain):
    data = json.loads(json.dumps(plain.to_json()))
    for name, element in ELEMENTS.items():
        group, attribute = name.split(".")
        if hasattr(element, "unit"):
            data[group][attribute] = element.high
    assert liner_note(Profile.from_json(data)).endswith(".")


@pytest.mark.parametrize(
    ("semitones", "name"),
    [(0, "a single note"), (2, "a second"), (7, "a fifth"), (12, "an octave"), (18, "an octave and a half"),
     (24, "two octaves"), (31, "two and a half octaves"), (127, "ten and a half octaves")],
)  # fmt: skip
def test_spans(semitones, name):
    assert span_name(semitones) == name


@pytest.mark.parametrize(
    ("rate", "name"),
    [(0.0, "a chord every 64 bars"), (0.25, "a chord every four bars"), (0.5, "a chord every two bars"),
     (1.0, "one chord a bar"), (1.5, "three chords in two bars"), (2.1, "two chords a bar")],
)  # fmt: skip
def test_rates_of_chords(rate, name):
    assert rate_name(rate) == name


def test_places_are_white_keys():
    assert place_name(68.3) in ("G4", "A4")
    assert place_name(60) == "C4"


@pytest.mark.parametrize("odd", ["one note", "highest note", "no time signature", "one bar", "late note"])
def test_of_too_little_music_nothing_is_told_but_how_much_it_is(odd, odd_scores):
    text = liner_note(analyse(odd_scores[odd]))
    assert text.startswith("Too little music to tell: ")
    for word in ("major", "minor", "pentatonic", "mournful", "serene", "melody", "chord"):
        assert word not in text
    assert "note" in text.split(": ")[1]


def test_too_little_ends_at_sixteen_notes_and_two_bars():
    told = [liner_note(analyse(piece(SCALE * 3, [1] * 24, metre=metre))) for metre in ((4, 4), (24, 4))]
    assert [text.startswith("Too little") for text in told] == [False, True]
    assert told[1] == "Too little music to tell: 24 notes, one bar."
    assert liner_note(analyse(piece((SCALE * 2)[:15], [1] * 15))).startswith("Too little music to tell: 15 notes")
    assert not liner_note(analyse(piece(SCALE * 2, [1] * 16))).startswith("Too little")


def test_a_key_that_is_not_clear_is_said_with_a_perhaps(plain):
    assert "C major" in liner_note(edited(plain, harmony__key_clarity=0.9))
    assert "erhaps C major" not in liner_note(edited(plain, harmony__key_clarity=0.9))
    assert "erhaps C major" in liner_note(edited(plain, harmony__key_clarity=0.1))


def test_what_stands_out_does_not_contradict_itself(plain):
    wild = edited(plain, rhythm__returning_bars=1.0, rhythm__groove=0.0)
    names = [item.name for item in standing_out(wild)]
    assert len({"rhythm.returning_bars", "rhythm.groove"} & set(names)) == 1
    assert "many bars return" not in liner_note(wild) or "new" not in liner_note(wild)


def test_chords_rise_by_fifths_only_where_they_fall_less(plain):
    to_and_fro = edited(plain, harmony__plagal_share=0.5, harmony__authentic_share=0.5)
    assert "rise by fifths" not in liner_note(to_and_fro)
    rising = edited(plain, harmony__plagal_share=0.9, harmony__authentic_share=0.05)
    assert "harmony.plagal_share" in [item.name for item in standing_out(rising)]


def test_cheerful_music_is_not_called_tense(plain):
    tense = edited(plain, harmony__tension=3.0, emotion__arousal=0.0)
    assert "tense, cheerful" not in liner_note(edited(tense, emotion__valence=0.4))
    assert "tense, bright" not in liner_note(edited(tense, emotion__valence=0.9))
    assert "tense, dark" in liner_note(edited(tense, emotion__valence=-0.95))


def test_the_mood_of_drums_is_how_excited_they_are(odd_scores):
    drums = analyse(odd_scores["drums only"])
    texts = {liner_note(edited(drums, emotion__arousal=0.95, emotion__valence=v)) for v in (-0.9, 0.0, 0.9)}
    assert len(texts) == 1
    assert "lively" in texts.pop()
    assert "emotion.valence" not in [item.name for item in standing_out(edited(drums, emotion__valence=-1.0))]


@pytest.mark.parametrize(
    ("letters", "returning", "told_of_form"),
    [
        ("ABAB", 0.5, "form A B A B"),
        ("ABCDEFGB", 0.02, "through-composed"),
        ("ABCDEFGHIJKLMNOP", 0.02, "through-composed"),
        ("ABCDEABC", 0.02, "form A B C D E A B C"),
        ("ABCD", 0.02, "form A B C D"),
        ("ABCD", 0.9, ""),
        ("ABCDEFG", 0.9, ""),
    ],
)
def test_form_is_told_where_it_is_one(plain, letters, returning, told_of_form):
    sections = tuple(Section(8 * i, 8, letter) for i, letter in enumerate(letters))
    profile = edited(plain, rhythm__returning_bars=returning, piece__sections=sections)
    note = liner_note(profile)
    assert told_of_form in note
    assert ("form A" in note) == told_of_form.startswith("form")
    assert ("through-composed" in note) == (told_of_form == "through-composed")
