"""Two styles beside each other: files, folders and styles of the library."""

import json

import pytest

from stilo.cli import main
from stilo.errors import InputError
from stilo.library.store import Library
from stilo.music.files import write_score
from stilo.workshop import compare, comparison_card, draw_comparison, library_moods, show_style


@pytest.fixture
def folders(tmp_path, tune):
    """Two folders of two pieces; the second also holds a file that cannot be read."""
    for name in ("slow", "fast"):
        (tmp_path / name).mkdir()
        for i in range(2):
            write_score(tune, tmp_path / name / f"{i}.mid")
    (tmp_path / "fast" / "broken.mid").write_bytes(b"nothing")
    return tmp_path / "slow", tmp_path / "fast"


def run(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


def test_folders_files_and_styles_are_compared(folders, make_style):
    with Library() as library:
        library.save(make_style("Waltz"))
    compared = compare(folders[0], "Waltz")
    assert compared.titles == ("slow", "Waltz")
    assert compared.comparison.a.pieces == 2
    assert compared.comparison.distance < 0.05  # the style has the profile of the tune
    told = []
    compared = compare(folders[0] / "0.mid", folders[1], tell=told.append)
    assert [item.path.name for item in compared.failures] == ["broken.mid"]
    assert len(told) == 4


def test_of_a_style_and_a_folder_of_one_name_it_is_said_which_was_taken(folders, make_style, monkeypatch, capsys):
    with Library() as library:
        library.save(make_style("slow"))
    monkeypatch.chdir(folders[0].parent)
    card, said = "A  slow, {}", "stilo: slow: took the {}, not the {} of this name ({})\n"
    _, out, err = run(["analyse", "slow", folders[0]], capsys)
    assert out.startswith(card.format("1 piece\n"))
    assert err == said.format("style", "folder", "./slow")
    _, out, err = run(["analyse", "./slow", folders[0]], capsys)
    assert out.startswith(card.format("2 pieces\n"))
    assert err == ""
    for given in (["slow"], ["slow", "slow", "fast/0.mid"], ["slow", "slow/0.mid", "--json"]):
        _, _, err = run(["analyse", *given], capsys)
        assert err == said.format("folder", "style", 'stilo show "slow"')


def test_what_is_nothing_is_told(folders, tmp_path):
    with pytest.raises(InputError, match="no file, no folder and no style"):
        compare(folders[0], "Tango")
    (tmp_path / "bad.mid").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"bad\.mid"):
        compare(tmp_path / "bad.mid", folders[0])


def test_a_style_where_files_are_asked_for_is_told_how_to_show_it(folders, make_style, capsys):
    with Library() as library:
        library.save(make_style("Waltz"))
    status, _, err = run(["analyse", "waltz"], capsys)
    assert (status, err) == (1, 'stilo: waltz: is a style: stilo show "Waltz"\n')
    status, out, err = run(["analyse", "waltz", folders[0], "tango", "--jobs", "0"], capsys)
    assert status == 1
    assert "2 pieces from 4 files" in out
    assert [line.strip() for line in err.splitlines()[1:]] == [
        'waltz: is a style: stilo show "Waltz"',
        "tango: does not exist",
    ]


def test_the_card_says_what_is_compared_and_how_sure_that_is(folders):
    card = comparison_card(compare(folders[0], folders[1]))
    assert "A  slow, 2 pieces\nB  fast, 2 pieces" in card
    assert "nothing that could be heard" in card
    assert "so few pieces" in card
    assert max(map(len, card.split("\n"))) <= 80
    single = comparison_card(compare(folders[0] / "0.mid", folders[1] / "1.mid"))
    assert "nothing can be said of chance" in " ".join(single.split())


def test_the_picture_is_drawn(folders, tmp_path):
    compared = compare(folders[0], folders[1])
    light, dark = (
        draw_comparison(compared, tmp_path / "l.png"),
        draw_comparison(compared, tmp_path / "d.png", dark=True),
    )
    assert light.read_bytes()[:8] == dark.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert light.read_bytes() != dark.read_bytes()


def test_analyse_compares_exactly_two(folders, capsys, tmp_path):
    status, out, err = run(["analyse", *folders, "--plot", tmp_path / "p.png", "--dark"], capsys)
    assert status == 1  # for the broken file
    assert "WHAT DIFFERS MOST" in out
    assert "broken.mid" in err
    assert (tmp_path / "p.png").is_file()
    status, out, _ = run(["analyse", folders[0], folders[0] / "0.mid", "--json", "--compare"], capsys)
    assert status == 0
    told = json.loads(out)
    assert told["a"] == "slow"
    assert told["differences"]
    status, out, _ = run(["analyse", *sorted(folders[0].iterdir()), folders[1] / "0.mid"], capsys)
    assert status == 0
    assert "WHAT DIFFERS MOST" not in out


def test_json_is_of_each_file_however_many_are_given(folders, capsys):
    two = [folders[0] / "0.mid", folders[1] / "broken.mid"]
    status, out, _ = run(["analyse", *two, "--json"], capsys)
    assert status == 1
    good, bad = map(json.loads, out.splitlines())
    assert (good["file"], bad["file"]) == tuple(map(str, two))
    assert set(bad) == {"file", "error"}
    status, out, _ = run(["analyse", folders[0], folders[0] / "0.mid", "--json"], capsys)
    assert status == 0
    assert len(out.splitlines()) == len(list(folders[0].iterdir()))


def test_one_and_three_are_not_compared(folders, capsys):
    for given in ([folders[0]], [folders[0], folders[0], folders[1]]):
        status, out, err = run(["analyse", *given, "--compare"], capsys)
        assert (status, out) == (2, "")
        assert f"compares two, not {len(given)}" in err


def test_the_moods_of_the_library_surround_a_picture(make_style, tmp_path, stilo_home):
    assert library_moods() == {}
    assert not (stilo_home / "styles.db").exists()  # looking makes no library
    with Library() as library:
        library.save(make_style("Waltz"))
        library.save(make_style("Polka", 1))
        assert set(library.moods(1)) <= {"Waltz", "Polka"}
        assert len(library.moods(1)) == 1
    style = show_style("Waltz", tmp_path / "p.png", dark=True)
    assert library_moods()["Polka"] == (style.profile.emotion.valence, style.profile.emotion.arousal)
    alone = tmp_path / "alone.png"
    with Library() as library:
        library.remove("Polka")
    show_style("Waltz", alone, dark=True)
    assert alone.read_bytes() != (tmp_path / "p.png").read_bytes()
