"""The README is short, and its anatomy is true."""

import re

import pytest

from tests.pages import chapter, page, tracked

MOST_LINES = 200

pytestmark = pytest.mark.check


def test_it_is_read_in_ten_minutes() -> None:
    assert len(page("README.md").splitlines()) <= MOST_LINES


def test_the_anatomy_names_everything_at_the_top_and_nothing_else() -> None:
    cells = re.findall(r"^\| (`[^|]+`) \|", chapter("README.md", "Anatomy"), re.MULTILINE)
    named = re.findall(r"`([^`]+)`", " ".join(cells))
    assert sorted(named) == sorted(
        {f"{top}/" if rest else top for top, _, rest in (name.partition("/") for name in tracked())}
    )
