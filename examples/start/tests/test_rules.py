"""Rules that the code keeps."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def lines(folder: str, pattern: str) -> list[str]:
    """The lines of a folder's files that a pattern matches, with where they are."""
    found = []
    for file in (ROOT / folder).rglob("*.py"):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()}")
    return found


@pytest.mark.check
def test_the_model_knows_nothing_of_http() -> None:
    assert lines("model", r"^(from|import) (quart|api)\b") == []


@pytest.mark.check
def test_sql_is_written_in_the_model_only() -> None:
    assert lines("api", r"^(from|import) sqlalchemy\b") == []


@pytest.mark.check
def test_the_engine_knows_nothing_of_the_application() -> None:
    assert lines("pottle", r"^\s*(from|import) (api|model|main)\b") == []
