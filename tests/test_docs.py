"""What the documentation says is so: names, commands, examples, links, layers."""

import ast
import inspect
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import typer

import stilo
from stilo.cli import app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("models/**/*.md")])


def _commands(group, path=()):
    """Every command below the group as (words, command)."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


STILO = typer.main.get_command(app)
COMMANDS = dict(_commands(STILO))
NAMES = [" ".join(words) for words in COMMANDS]


def _examples(text):
    """The stilo command lines in a text, without what the shell adds to them."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True) if re.match(r"\s*(\.venv/bin/)?stilo ", line) else []
        words = words[: words.index(">")] if ">" in words else words
        if words:
            yield words[1:]


def _parse(words):
    """Parse a command line as stilo would, without running it."""
    depth = next(n for n in (2, 1) if tuple(words[:n]) in COMMANDS)
    command = COMMANDS[tuple(words[:depth])]
    with command.make_context(" ".join(words[:depth]), list(words[depth:])):
        pass


@pytest.mark.parametrize("words", COMMANDS, ids=NAMES)
def test_every_command_teaches(words):
    command = COMMANDS[words]
    examples = list(_examples(command.help))
    assert examples, "no example"
    assert all(tuple(example[: len(words)]) == words for example in examples)
    for example in examples:
        _parse(example)
    undocumented = [parameter.name for parameter in command.params if not getattr(parameter, "help", None)]
    assert undocumented in ([], ["path"])


@pytest.mark.parametrize("words", COMMANDS, ids=NAMES)
def test_every_command_is_in_the_readme(words):
    assert f"`stilo {' '.join(words)}" in README


def test_every_kind_of_output_is_told_and_no_other():
    from stilo.workshop.outputs import ENDINGS

    [output] = [parameter for parameter in COMMANDS["compose",].params if parameter.name == "outputs"]
    [row] = [line for line in README.splitlines() if line.startswith("| `stilo compose NAME -o OUT...")]
    for text in (output.help, row):
        assert set(re.findall(r"\.[a-z0-9]+\b", text)) == set(ENDINGS) - {".midi", ".xml"}


def test_the_examples_of_the_readme_parse():
    blocks = "\n".join(re.findall(r"```\n(.*?)```", README, re.DOTALL))
    examples = [words for words in _examples(blocks) if words[0] != "--help"]
    assert len(examples) >= 3
    for words in examples:
        _parse(words)


def test_the_public_names_are_the_exported_ones():
    assert stilo.__all__ == sorted(set(stilo.__all__))
    assert set(dir(stilo)) == set(stilo.__all__)
    for name in stilo.__all__:
        assert getattr(stilo, name) is not None
        assert getattr(stilo, name).__doc__, f"{name} has no docstring"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        stilo.nothing  # noqa: B018


def test_the_python_of_the_readme_uses_public_names():
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    assert set(re.findall(r"stilo\.(\w+)", code)) <= set(stilo.__all__)
    compile(code, "README.md", "exec")


def _python_beside_commands():
    """The rows of the table that sets the command line beside Python: (words of the command, Python)."""
    rows = re.findall(r"^\| `stilo ([^`]*)` \| `(stilo\.[^`]*)` \|$", README, re.MULTILINE)
    return [(shlex.split(words), code) for words, code in rows]


def test_the_python_beside_the_commands_can_be_called():
    rows = _python_beside_commands()
    assert len(rows) >= 9
    for words, code in rows:
        _parse([*words, "-o", "new.mid"] if words[0] == "compose" and "-o" not in words else words)
        for call in (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)):
            function = getattr(stilo, call.func.attr, stilo.Library.save)
            positional = [None] * (len(call.args) + (function is stilo.Library.save))
            inspect.signature(function).bind(*positional, **{keyword.arg: None for keyword in call.keywords})


@pytest.mark.parametrize(
    ("words", "function"), [("learn", stilo.learn), ("compose", stilo.Request), ("similar", stilo.similar)]
)
def test_options_that_the_table_does_not_name_are_the_same_in_python(words, function):
    """Same word, same default; `--json` is how a terminal shows a result, no wish."""
    differing = {word for row, _ in _python_beside_commands() if row[0] == words for word in row if word[0] == "-"}
    known = inspect.signature(function).parameters
    for option in (parameter for parameter in COMMANDS[words,].params if parameter.opts[0].startswith("--")):
        if differing.isdisjoint(option.opts) and option.opts != ["--json"]:
            assert option.default == known[option.opts[0].strip("-").replace("-", "_")].default, option.opts


@pytest.mark.parametrize("first", ["import stilo.compose.request", "import stilo.compose.composer", "pass"])
def test_compose_can_be_called_whatever_was_imported_before(first):
    code = f"{first}\nimport stilo\nfrom stilo.compose.request import Request\nassert callable(stilo.compose)\n"
    subprocess.run([sys.executable, "-c", code + "assert stilo.Request is Request"], check=True)


def test_importing_stilo_imports_nothing_else():
    code = "import sys; before = set(sys.modules); import stilo; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name for name in done.stdout.split() if name.startswith("stilo")} == {"stilo"}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


def test_every_decision_is_listed():
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    entries = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert re.findall(r"\]\((\d[^)]*)\)", index) == entries


def test_the_layers_are_drawn_as_they_are_checked():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    checked = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = re.search(r"```\n(.*?)```", page, re.DOTALL).group(1).splitlines()
    assert [re.split(r"\s{2,}", line)[0] for line in drawn] == checked


def test_the_glossary_names_things_that_exist():
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rooms = {path.name for path in (ROOT / "src" / "stilo").iterdir() if path.is_dir()}
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    for row in re.findall(r"^\|[^|]*\|.*\|([^|]*)\|$", page, re.MULTILINE)[2:]:
        for name in re.findall(r"`([^`]+)`", row):
            if name.endswith("/"):
                assert name[:-1] in rooms
            elif name.startswith("models.") or name.startswith("styles."):
                module, _, attribute = name.rpartition(".")
                if name == "models.tokens":
                    import_module("stilo.models.tokens")
                else:
                    assert hasattr(import_module(f"stilo.{module}"), attribute), name
            else:
                last = re.split(r"[.(]", name)[-1] if "(" not in name else name.partition("(")[0]
                assert re.search(rf"\b{re.escape(last.strip('_'))}", source), name


def test_constraints_pin_everything_that_is_needed():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    }
    needed = [*settings["dependencies"], *settings["optional-dependencies"]["dev"]]
    names = {re.match(r"[\w.-]+", requirement).group().lower().replace("_", "-") for requirement in needed}
    assert names <= pinned
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
