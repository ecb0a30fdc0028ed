"""What is imported before a command has anything to do, and while it does it."""

import subprocess
import sys

import pytest

from stilo.library.store import Library

HEAVY = {"torch", "music21", "matplotlib", "scipy", "sqlalchemy", "symusic", "av", "numpy", "rich"}


def test_starting_imports_nothing_that_is_slow():
    code = "import sys, stilo, stilo.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY & set(loaded) == set()


@pytest.mark.parametrize("options", [(), ("--fast",)])
def test_analyse_needs_nothing_that_is_slow(song, options):
    code = f"""
import sys
from stilo.cli import main
try:
    main(["analyse", {str(song)!r}, *{options!r}])
finally:
    print(*{{name.partition(".")[0] for name in sys.modules}}, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("song.mid\n")
    assert set(done.stderr.split()) & HEAVY == {"numpy", "symusic"}


def test_similar_of_a_style_or_in_an_empty_library_needs_no_net(make_style, make_recognition, song):
    code = "import sys; from stilo.cli import main\ntry: main(['similar', sys.argv[1]])\nexcept SystemExit: pass\n"
    code += "print(*{name.partition('.')[0] for name in sys.modules})"

    def told(what):
        command = [sys.executable, "-c", code, what]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert {"torch", "music21", "matplotlib"} & set(done.stdout.splitlines()[-1].split()) == set()
        return done.stdout + done.stderr

    assert "the library is empty" in told(str(song))
    with Library() as library:
        for seed, name in enumerate(("Waltz", "Jig")):
            library.save(make_style(name, recognition=make_recognition(seed), encoder="0" * 16))
    assert "Jig" in told("Waltz")
