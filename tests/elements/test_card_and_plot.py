"""Cards and pictures: complete, within their size, the same each time."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from stilo.elements.card import bars_of, profile_card
from stilo.elements.figures import Shares
from stilo.elements.grid import BEATS_TRACKED, GRIDS, METRE_ESTIMATED, WRITTEN
from stilo.elements.local_key import KeyRegion
from stilo.elements.motifs import Motif, Occurrence
from stilo.elements.pianoroll import ROLL_WIDTH_PIXELS
from stilo.elements.plot import COURSE_PIXELS, PROFILE_PIXELS, plot_piano_roll, plot_profile
from stilo.elements.profile import analyse, pool_profiles
from stilo.elements.record import ELEMENTS, Profile
from stilo.elements.words import pitch_name
from stilo.errors import WriteError
from stilo.music.score import ChordSymbol, Marker, Score, Track, notes_from_columns


def png_size(data: bytes) -> tuple[int, int]:
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", data[16:24])


def test_card_tells_what_the_piece_is(make_piece):
    profile = analyse(make_piece(4, (3, 4)))
    card = profile_card(profile, "A waltz")
    assert card.startswith("A waltz\n═══")
    for text in ("PITCH", "HARMONY", "RHYTHM", "EMOTION", "3/4", profile.piece.key, "piano", "90 quarters a minute"):
        assert text.lower() in " ".join(card.lower().split()), text


def test_cards_fit_their_width(piece, odd_score):
    folder = pool_profiles([analyse(piece), analyse(odd_score)])
    for profile in (analyse(piece), analyse(odd_score), folder):
        lines = profile_card(profile, "x" * 300).split("\n")
        assert max(map(len, lines)) <= 80
        assert all(line == line.rstrip() for line in lines)


def test_of_a_single_line_no_figures_of_chords_are_shown(make_piece, make_line):
    figures = ("consonance", "tension", "sevenths", "falling fifths", "harmonic rhythm", "diatonic")
    card = profile_card(analyse(make_piece(4)), "Chords")
    assert [text for text in figures if f"  {text}  " in card] == list(figures)
    line = profile_card(analyse(make_line([60, 64, 67, 72] * 8, [1] * 32)), "A line")
    assert [text for text in figures if f"  {text}  " in line] == []
    assert "pitches at once    1 " in line


def test_card_of_a_folder_shows_the_spread(make_piece):
    card = profile_card(pool_profiles([analyse(make_piece(seed)) for seed in range(3)]), "Three")
    assert "Three pieces of about" in " ".join(card.split())
    assert " ± " in card


def test_card_of_too_little_music_only_counts(make_line):
    card = profile_card(analyse(make_line([60, 64], [1, 1])), "Two")
    assert "Too little music to tell: two notes, one bar." in card
    assert "instruments        piano 100%" in card
    for text in ("C major", "valence", "EMOTION", "HARMONY", "stands out", "entropy"):
        assert text.lower() not in card.lower()


def with_detail(profile, **changes):
    return replace(profile, piece=replace(profile.piece, **changes))


def test_card_says_that_bars_were_found(make_piece):
    profile = analyse(make_piece(4, (3, 4)))
    assert profile.piece.grid == WRITTEN
    cards = {grid: " ".join(profile_card(with_detail(profile, grid=grid), "x").split()) for grid in GRIDS}
    assert "found from the notes" not in cards[WRITTEN]
    assert "The file names no metre; 3/4 was found from the notes." in cards[METRE_ESTIMATED]
    assert "Played freely: beats, bars and tempo were found from the notes, and may be wrong" in cards[BEATS_TRACKED]


def test_card_tells_the_course_of_the_keys(make_piece):
    profile = analyse(make_piece(4))
    profile = replace(profile, harmony=replace(profile.harmony, key_clarity=0.9))

    def card(*keys):
        regions = tuple(KeyRegion(4.0 * i, 4.0, key) for i, key in enumerate(keys))
        in_g = replace(profile, harmony=replace(profile.harmony, keys={"G minor": 1.0}))
        return profile_card(with_detail(in_g, key="G minor", key_regions=regions), "x")

    assert "key                G minor\n" in card()
    assert "key                G minor throughout\n" in card("G minor")
    assert "key                G minor: g – B♭ – g – f♯\n" in card("G minor", "Bb major", "G minor", "F# minor")
    assert "key                G minor; time in  g 50%  B♭ 50%\n" in card(*["G minor", "Bb major"] * 5)
    vague = replace(profile, harmony=replace(profile.harmony, key_clarity=0.1))
    assert f"key                perhaps {profile.piece.key}" in profile_card(vague, "x")


def test_card_tells_motifs_with_their_bars_from_one(make_piece):
    places = tuple(Occurrence(bar, 4.0 * bar, 0, 0) for bar in (0, 0, 2, 4, 6, 8, 10, 12, 14))
    motifs = (
        Motif((-1, 4, 0), (1.0,) * 4, places),
        Motif((2, 2, 2), (1.0,) * 4, places[:2]),
        Motif((7, 7, 7), (1.0,) * 4, places[:2]),
    )
    card = profile_card(with_detail(analyse(make_piece(4)), motifs=motifs), "x")
    assert "motifs, semitones  −1 +4 0: bars 1, 3, 5, 7, 9, 11 and 2 more\n" in card
    assert "+2 +2 +2: bar 1\n" in card
    assert "+7 +7 +7" not in card


def test_card_of_drums_has_no_valence(odd_scores):
    card = profile_card(analyse(odd_scores["drums only"]), "Kit")
    assert "arousal" in card
    assert "valence" not in card


def test_card_title_cannot_command_the_terminal(make_piece):
    card = profile_card(analyse(make_piece(1)), "evil\x1b[2J\nname")
    assert "\x1b" not in card
    assert card.split("\n")[0] == "evil�[2J name"


@pytest.mark.parametrize("name", [name for name, element in ELEMENTS.items() if isinstance(element, Shares)])
def test_a_strangers_profile_without_names_has_a_card(make_piece, name):
    one, other = analyse(make_piece(1)), analyse(make_piece(2))
    group, table = name.split(".")
    for profile in (one, pool_profiles([one, other])):
        data = json.loads(json.dumps(profile.to_json()))
        data[group][table] = {}
        card = profile_card(Profile.from_json(data), "Nameless")
        assert card.startswith("Nameless\n")
        assert ", ," not in card
        assert "for;" not in card


def test_bars_show_shares():
    assert bars_of((0.5, 0.25, 0.001, 0.0)) == "█▄▁ "
    assert bars_of((0.0, 0.0)) == "  "


@pytest.mark.parametrize(("pitch", "name"), [(60, "C4"), (69, "A4"), (61, "C#4"), (70, "Bb4"), (59, "B3"), (0, "C-1")])
def test_pitch_names(pitch, name):
    assert pitch_name(pitch) == name


def test_profile_picture_is_a_png_of_its_size_and_deterministic(make_piece, tmp_path):
    profile = analyse(make_piece(1))
    plot_profile(profile, tmp_path / "one.png", "A $piece$ with a title of \x07 all kinds 音楽")
    plot_profile(profile, tmp_path / "two.png", "A $piece$ with a title of \x07 all kinds 音楽")
    one = (tmp_path / "one.png").read_bytes()
    assert one == (tmp_path / "two.png").read_bytes()
    assert png_size(one) == COURSE_PIXELS


def test_picture_is_not_blank_and_shows_the_profile(make_piece, make_line, tmp_path):
    from matplotlib.image import imread

    plot_profile(analyse(make_piece(1)), tmp_path / "piece.png", "same title")
    plot_profile(analyse(make_line([60, 61] * 12, [1] * 24)), tmp_path / "line.png", "same title")
    first, second = imread(tmp_path / "piece.png"), imread(tmp_path / "line.png")
    height = first.shape[0]
    for image in (first, second):
        for panel in (image[height // 5 : height // 2], image[height // 2 :]):
            assert len(np.unique(panel.reshape(-1, panel.shape[-1]), axis=0)) > 10
    shared = min(len(first), len(second))
    assert (first[:shared] != second[:shared]).any(axis=2).mean() > 0.02


@pytest.mark.parametrize("odd", ["no notes", "drums only", "one note", "every pitch", "endless bar"])
def test_odd_scores_can_be_drawn(odd, odd_scores, tmp_path):
    plot_profile(analyse(odd_scores[odd]), tmp_path / "p.png", odd)
    plot_piano_roll(odd_scores[odd], tmp_path / "r.png", odd)
    assert png_size((tmp_path / "p.png").read_bytes()) in (PROFILE_PIXELS, COURSE_PIXELS)
    assert png_size((tmp_path / "r.png").read_bytes())[0] == ROLL_WIDTH_PIXELS


def test_piano_roll_grows_with_the_bars_and_is_deterministic(make_piece, tmp_path):
    score = make_piece(1, (4, 4), 30)
    sizes = []
    for bars in (12, 24):
        plot_piano_roll(score, tmp_path / "a.png", "roll", bars)
        sizes.append(png_size((tmp_path / "a.png").read_bytes()))
    plot_piano_roll(score, tmp_path / "b.png", "roll", 24)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sizes[0][0] == sizes[1][0] == ROLL_WIDTH_PIXELS
    assert sizes[1][1] > 1.5 * sizes[0][1]


def test_piano_roll_shows_notes_in_the_colour_of_their_track(tmp_path):
    from matplotlib.image import imread

    notes = notes_from_columns([0, 960], [960, 960], [60, 72], 127, [0, 1])
    score = Score(notes, (Track("Low"), Track("High")), chord_symbols=(ChordSymbol(0, "C:min7"),),
                  markers=(Marker(0, "Verse $1"),))  # fmt: skip
    plot_piano_roll(score, tmp_path / "r.png", "two notes")
    image = np.rint(imread(tmp_path / "r.png")[..., :3] * 255).astype(int)
    blue, orange = (0x2F, 0x6F, 0x9F), (0xC8, 0x67, 0x2B)
    places = [np.argwhere((image == colour).all(axis=2)) for colour in (blue, orange)]
    notes_only = [place[place[:, 0] > 100] for place in places]  # below the legend
    assert all(len(place) > 500 for place in notes_only)
    low, high = notes_only
    assert low[:, 1].max() < high[:, 1].min()  # earlier
    assert low[:, 0].min() > high[:, 0].max()  # lower


def test_piano_roll_names_chords_as_people_write_them(make_line, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("stilo.elements.pianoroll.save_png", lambda figure, _path: drawn.append(figure))
    chords = (ChordSymbol(0, "A:min/5"), ChordSymbol(960, "N"), ChordSymbol(1920, "Eb:7"))
    plot_piano_roll(replace(make_line([60] * 8, [1] * 8), chord_symbols=chords), tmp_path / "r.png", "roll")
    texts = {text.get_text() for axes in drawn[0].axes for text in axes.texts}
    assert {"Am/E", "E♭7"} <= texts
    assert {"A:min/5", "N", "N.C."}.isdisjoint(texts)


def test_pictures_tell_when_they_cannot_be_written(make_piece, tmp_path):
    with pytest.raises(WriteError):
        plot_profile(analyse(make_piece(1)), tmp_path / "no such folder" / "p.png", "x")


def test_bars_out_of_range(make_piece, tmp_path):
    with pytest.raises(ValueError, match="most_bars"):
        plot_piano_roll(make_piece(1), tmp_path / "r.png", "x", 0)
