"""Pictures that can be read, on paper and on a dark screen: contrast, room, lightness, for odd music too.

Contrast is measured on what is drawn: the page is rendered without its text, and the colour of every text is held
against the pixels behind it (WCAG 2.2, success criterion 1.4.3: 4.5 to 1).
"""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from stilo.elements.canvas import DARK, LIGHT, contrast, luminance
from stilo.elements.compare import compare_profiles
from stilo.elements.plot import COURSE_PIXELS, PROFILE_PIXELS, profile_figure
from stilo.elements.plot_compare import COMPARISON_PIXELS, comparison_figure
from stilo.elements.plot_emotion import MOST_NAMED, MOST_OTHERS
from stilo.elements.profile import analyse, pool_profiles
from stilo.elements.record import Profile

LEAST_CONTRAST = 4.5
MOODS = {f"Style number {i}": (np.cos(i) * 0.9, np.sin(2 * i) * 0.9) for i in range(40)} | {
    "At the edge": (1.0, 1.0),
    "Far over there with a name that never ends": (-1.0, -1.0),
    "$math$ and \x07 noise": (0.0, 0.0),
}


def texts_of(figure):
    """Texts that are drawn, with their boxes in pixels from the top left."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    height = figure.bbox.height
    texts = list(figure.texts)
    for axes in figure.axes:
        texts += axes.texts
        if axes.axison:
            texts += [label for which, axis in enumerate((axes.xaxis, axes.yaxis)) for label in in_view(axis, which)]
    boxes = [
        (text, text.get_window_extent(renderer)) for text in texts if text.get_visible() and text.get_text().strip()
    ]
    return [(text, (box.x0, height - box.y1, box.x1, height - box.y0)) for text, box in boxes]


def in_view(axis, which):
    """The labels of ticks that lie inside the axis."""
    low, high = sorted(axis.get_view_interval())
    return [label for label in axis.get_ticklabels(which="both") if low <= label.get_position()[which] <= high]


def pixels_of(figure):
    """The picture as drawn, uint8 [height, width, 3]."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def hex_of(colour):
    from matplotlib.colors import to_hex

    return to_hex(colour)


def overlap(first, second):
    """Pixels in which two boxes overlap, on the shorter of both ways."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return min(width, height)


def assert_legible(figure, size):
    assert tuple(np.rint(figure.get_size_inches() * figure.dpi).astype(int)) == size
    texts = texts_of(figure)
    assert len(texts) > 20
    for text, box in texts:
        assert box[0] >= 0, text
        assert box[1] >= 0, text
        assert box[2] <= size[0], text
        assert box[3] <= size[1], text
        assert text.get_fontsize() >= 8, text
    for (one, first), (other, second) in itertools.combinations(texts, 2):
        assert overlap(first, second) < 2, (one.get_text(), other.get_text())
    colours = [(text, box, hex_of(text.get_color())) for text, box in texts]
    for text, _ in texts:
        text.set_visible(False)
    behind = pixels_of(figure)
    for text, box, colour in colours:
        left, top, right, bottom = (round(edge) for edge in box)
        region = behind[top : max(bottom, top + 1), left : max(right, left + 1)].reshape(-1, 3)
        kinds, counts = np.unique(region, axis=0, return_counts=True)
        ratios = np.array([contrast(colour, "#" + bytes(kind.tolist()).hex()) for kind in kinds])
        readable = counts[ratios >= LEAST_CONTRAST].sum() / counts.sum()
        assert readable > 0.9, (text.get_text(), colour, readable)


@pytest.fixture
def long_piece(make_piece):
    return analyse(make_piece(3, (4, 4), 48))


@pytest.mark.parametrize("dark", [False, True], ids=["paper", "dark"])
def test_the_page_of_a_piece_can_be_read(long_piece, dark):
    size = COURSE_PIXELS if len(long_piece.piece.sections) > 1 or long_piece.piece.motifs else PROFILE_PIXELS
    assert_legible(profile_figure(long_piece, "A piece " * 30, others=MOODS, dark=dark), size)


@pytest.mark.parametrize("dark", [False, True], ids=["paper", "dark"])
def test_the_page_of_a_folder_can_be_read(make_piece, dark):
    folder = pool_profiles([analyse(make_piece(seed, metre)) for seed, metre in enumerate([(4, 4), (3, 4), (12, 8)])])
    assert_legible(profile_figure(folder, "x" * 200, others=MOODS, dark=dark), PROFILE_PIXELS)


@pytest.mark.parametrize("dark", [False, True], ids=["paper", "dark"])
def test_the_page_of_two_can_be_read(make_piece, dark):
    first, second = (pool_profiles([analyse(make_piece(seed, m)) for seed in seeds]) for seeds, m in
                     ((range(4), (4, 4)), (range(10, 14), (3, 4))))  # fmt: skip
    other = first if dark else analyse(make_piece(9))  # one point covers the other; one piece beside a folder
    for a, b in ((first, second), (first, other)):
        figure = comparison_figure(compare_profiles(a, b), ("A folder " * 20, "y" * 90), dark=dark)
        assert_legible(figure, COMPARISON_PIXELS)


@pytest.mark.parametrize("odd", ["no notes", "drums only", "one note", "endless bar"])
def test_the_pages_of_odd_music_can_be_read(odd, odd_scores, long_piece):
    profile = analyse(odd_scores[odd])
    figure = profile_figure(profile, odd, others=MOODS)
    assert_legible(figure, tuple(np.rint(figure.bbox.size).astype(int)))
    if odd in ("no notes", "drums only"):
        assert_legible(comparison_figure(compare_profiles(profile, long_piece), (odd, "other")), COMPARISON_PIXELS)


def test_of_drums_no_panel_says_that_there_is_nothing(odd_scores):
    drums = analyse(odd_scores["drums only"])
    for profile in (drums, pool_profiles([drums, drums])):
        figure = profile_figure(profile, "Drums", others=MOODS)
        said = [text.get_text() for text, _ in texts_of(figure)]
        assert_legible(figure, tuple(np.rint(figure.bbox.size).astype(int)))
        assert not any(text.startswith("no ") for text in said)
        assert {"Emotion", "The bar"} <= set(said)
        assert not {"Chords", "Pitch classes", "Melodic intervals"} & set(said)


def test_a_strangers_profile_of_nothing_can_be_drawn(long_piece):
    data = json.loads(json.dumps(long_piece.to_json()))
    data["harmony"]["chords"] = {"I": 0.0, "V": 0.0}
    data["harmony"]["transitions"] = {"I→V": 0.0, "no arrow": 0.5}
    data["pitch"]["classes"] = [0.0] * 12
    data["rhythm"]["metres"] = {}
    assert_legible(profile_figure(Profile.from_json(data), "nothing"), COURSE_PIXELS)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["paper", "dark"])
def test_colours_of_the_themes(theme):
    assert contrast(theme.ink, theme.paper) > 12
    assert contrast(theme.shade, theme.tint("emotion", 0.15)) >= LEAST_CONTRAST
    for name in theme.accents:
        assert contrast(theme.accent(name), theme.paper) >= 3  # WCAG 1.4.11, what is no text
        # what stands for two things is told apart by lightness alone, too
        assert contrast(theme.accent(name), theme.tint(name, 0.5)) >= 1.5
    for colour in theme.tracks:
        assert contrast(colour, theme.paper) >= 2.5
    assert contrast(*theme.pair) >= 2.4
    assert min(contrast(colour, theme.paper) for colour in theme.pair) >= 2.3


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert luminance("#ff0000") == pytest.approx(0.2126)


def grey(image):
    return image @ np.array([0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("dark", [False, True], ids=["paper", "dark"])
def test_two_can_be_told_apart_in_grey(make_piece, dark):
    theme = DARK if dark else LIGHT
    a = pool_profiles([analyse(make_piece(seed)) for seed in range(3)])
    figure = comparison_figure(compare_profiles(a, a), ("one", "two"), dark=dark)
    image = pixels_of(figure).astype(int)
    shades = []
    for colour in theme.pair:
        exact = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
        place = (np.abs(image - exact).max(axis=2) <= 2) & (np.arange(image.shape[0]) > 200)[:, None]
        assert place.sum() > 2000, colour  # both are really there, beyond the legend
        shades.append(grey(image[place]).mean())
    assert abs(shades[0] - shades[1]) > 50


def test_the_plane_names_the_nearest_styles_and_keeps_names_apart(long_piece):
    figure = profile_figure(long_piece, "x", others=MOODS)
    names = [text.get_text() for text, _ in texts_of(figure)]
    named = [name for name in names if name.startswith("Style number")]
    assert 5 <= len(named) <= MOST_NAMED
    alone = profile_figure(long_piece, "x")
    assert not any("Style number" in text.get_text() for text, _ in texts_of(alone))
    close = profile_figure(long_piece, "x", others={"Beside": (0.5, -0.5)})
    assert "Beside" in [text.get_text() for text, _ in texts_of(close)]


@pytest.mark.parametrize("mood", [(0.1, 0.2), (1, 1), (-1, -1), (0.96, 0.9), (0, -1), (-1, 0)])
@pytest.mark.parametrize("apart", [0.0, 0.02, 0.12])
def test_each_name_lies_nearest_to_its_own_point(long_piece, mood, apart):
    """A crowd around the asked music, which keeps its name."""
    asked = replace(long_piece, emotion=replace(long_piece.emotion, valence=float(mood[0]), arousal=float(mood[1])))
    crowd = {f"N{i}": (mood[0] + apart * (i // 5 - 2), mood[1] + apart * (i % 5 - 2)) for i in range(25)}
    points = {**{name: np.clip(place, -1, 1) for name, place in crowd.items()}, "Asked": mood}
    figure = profile_figure(asked, "Asked", others=crowd)
    figure.draw_without_rendering()
    [plane] = [axes for axes in figure.axes if any(text.get_text() == "joyful" for text in axes.texts)]
    assert len(plane.collections) == 1 + MOST_OTHERS  # every ring is there, named or not
    everything = {text.get_text(): text.get_window_extent() for text in plane.texts}
    assert not any(one.overlaps(other) for one, other in itertools.combinations(everything.values(), 2))
    boxes = {name: box for name, box in everything.items() if name in points}
    assert "Asked" in boxes
    pixels = dict(zip(points, plane.transData.transform(list(points.values())), strict=True))
    for name in boxes.keys() - {"Asked"}:
        own = gap(boxes[name], pixels[name])
        others = [pixel for pixel in pixels.values() if np.hypot(*(pixel - pixels[name])) > 12]
        assert own < 30
        assert own < min((gap(boxes[name], pixel) for pixel in others), default=np.inf), name
    assert len(boxes) > 1 or apart


def gap(box, pixel):
    """From a box to a point, in pixels."""
    return np.hypot(
        *np.maximum(0, [max(box.x0 - pixel[0], pixel[0] - box.x1), max(box.y0 - pixel[1], pixel[1] - box.y1)])
    )


def test_a_darker_page_is_darker_and_shows_the_same(long_piece):
    light, dark = (profile_figure(long_piece, "x", dark=dark) for dark in (False, True))
    assert grey(pixels_of(light)).mean() > 200
    assert grey(pixels_of(dark)).mean() < 70
    light_texts, dark_texts = ([text.get_text() for text, _ in texts_of(figure)] for figure in (light, dark))
    assert light_texts == dark_texts
