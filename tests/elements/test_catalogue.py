"""The page of the elements says what the declarations say."""

from pathlib import Path

import pytest

from stilo.elements.catalogue import OTHER_SOURCES, REFERENCES, cited, elements_page
from stilo.elements.figures import Figure
from stilo.elements.record import ELEMENTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "elements.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == elements_page(), "python -m stilo.elements.catalogue > docs/elements.md"


@pytest.mark.parametrize("name", list(ELEMENTS))
def test_every_element_stands_on_the_page_with_meaning_and_unit(name):
    [row] = [line for line in elements_page().splitlines() if line.startswith(f"| `{name}` |")]
    element = ELEMENTS[name]
    assert f"| {element.meaning} |" in row
    assert not isinstance(element, Figure) or f"| {element.unit} |" in row
    assert row.endswith(f"| {element.source} |")


@pytest.mark.parametrize("name", list(ELEMENTS))
def test_every_source_is_told_in_full(name):
    for reference in cited(ELEMENTS[name].source):
        assert reference in REFERENCES or ELEMENTS[name].source in OTHER_SOURCES, reference


def test_no_reference_is_idle():
    used = {reference for element in ELEMENTS.values() for reference in cited(element.source)}
    assert set(REFERENCES) <= used


def test_chapters_are_no_part_of_a_reference():
    assert cited("Krumhansl 1990, ch. 4; Foote 2000") == ["Krumhansl 1990", "Foote 2000"]
