"""What docs/ says is there is there."""

import ast
import re
from pathlib import Path

import pytest

from tests.server import ROOT

PAGES = [ROOT / "docs" / "anatomy.md", *sorted((ROOT / "docs" / "decisions").glob("*.md"))]
NAMED = re.compile(r"`((?:api|model|static|templates|bench|tests)/[\w./-]+|[\w.-]+\.py)(?:: (\w+))?`")


def functions(path: Path) -> set[str]:
    """The functions and classes of a module, methods too."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)}


@pytest.mark.check
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_file_and_function_that_it_names_exists(page: Path) -> None:
    for name, function in NAMED.findall(page.read_text()):
        assert (ROOT / name).exists(), name
        if function:
            assert function in functions(ROOT / name), f"{name}: {function}"


@pytest.mark.check
def test_the_anatomy_names_many_places() -> None:
    assert len(NAMED.findall(PAGES[0].read_text())) > 40


@pytest.mark.check
@pytest.mark.parametrize("page", PAGES[1:], ids=lambda path: path.name)
def test_every_decision_has_its_three_parts(page: Path) -> None:
    assert re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE) == [
        "The choice",
        "The numbers",
        "What would change our mind",
    ]
