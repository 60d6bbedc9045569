"""The catalogue in docs/mistakes.md is that of the entries."""

from __future__ import annotations

from pathlib import Path

import pytest

from backlit.check.catalogue import mistakes
from backlit.check.catalogue_page import END, START, with_catalogue
from backlit.errors import BacklitError
from backlit.sources.catalogue_page import example_graph

PAGE = Path(__file__).parents[2] / "docs" / "mistakes.md"


def test_the_page_has_the_catalogue_of_the_entries():
    page = PAGE.read_text(encoding="utf-8")
    new = with_catalogue(page, example_graph)
    assert new == page, "write it anew: python -m backlit.sources.catalogue_page docs/mistakes.md"


def test_every_entry_has_its_lines():
    page = PAGE.read_text(encoding="utf-8")
    part = page.partition(START)[2].partition(END)[0]
    assert part.count("\nright  ") == part.count("\nwrong  ") == len(mistakes())
    assert [code for code in mistakes() if f"`{code}`" not in part] == []


def test_every_title_is_a_clause_and_every_reason_one_sentence():
    for entry in mistakes().values():
        words = entry.title.split()
        assert {"is", "are", "has", "goes", "begins", "decay", "stands", "moves", "were"} & set(words), entry.title
        assert not entry.title.endswith("."), entry.title
        assert entry.why.endswith("."), entry.why
        assert ". " not in entry.why, entry.why


def test_the_rest_of_the_page_stays():
    page = f"# Mine\n\nbefore\n{START}\nold lines\n{END}\nafter\n"
    new = with_catalogue(page, example_graph)
    assert new.startswith(f"# Mine\n\nbefore\n{START}\n")
    assert new.endswith(f"\n{END}\nafter\n")
    assert "old lines" not in new
    assert with_catalogue(new, example_graph) == new


@pytest.mark.parametrize("page", ["# none\n", f"{START}\n", f"{END}\n{START}\n"])
def test_a_page_without_a_place_for_it_is_refused(page):
    with pytest.raises(BacklitError, match="no place for the catalogue"):
        with_catalogue(page, example_graph)
