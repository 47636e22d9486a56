"""conformance/README.md: what it shows is what works."""

import re
from pathlib import Path
from typing import Any

import pytest

import conformance
from conformance.checker import PROPERTIES, check
from conformance.load import Load
from conformance.workload import run

MANUAL = (Path(conformance.__path__[0]) / "README.md").read_text()


@pytest.mark.check
def test_it_explains_every_property() -> None:
    for one in PROPERTIES:
        assert f"| **{one.check.__name__.replace('_', ' ')}** |" in MANUAL


@pytest.mark.check
def test_it_names_every_module() -> None:
    for path in Path(conformance.__path__[0]).glob("*.py"):
        assert path.name == "__init__.py" or f"`{path.name}`" in MANUAL, path.name


def example(changed: tuple[str, str] = ("", "")) -> Any:
    """The adapter that it shows, perhaps with something changed."""
    code = next(block for block in re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL) if "class Pinboard" in block)
    assert changed[0] in code
    names: dict[str, Any] = {}
    exec(code.replace(*changed), names)  # noqa: S102 (it is our own manual)
    return names["Pinboard"]()


@pytest.mark.slow
async def test_its_example_is_an_adapter_that_passes() -> None:
    verdicts = check(await run(example(), Load(seconds=1)))
    assert [verdict.kind for verdict in verdicts if verdict.anomalies] == []
    assert {verdict.kind for verdict in verdicts if verdict.checked} >= {"lost", "reordered", "stale read", "vanished"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "instead", "kind"),
    [
        ("            queue.put_nowait(Told(channel, marker))\n", "            pass\n", "lost"),
        ("        self.board.posts.insert(0, (marker, marker))\n", "", "vanished"),
        ("Listed(list(self.board.posts))", "Listed(self.board.posts[1:])", "stale read"),
    ],
)
async def test_without_a_line_it_fails(line: str, instead: str, kind: str) -> None:
    verdicts = check(await run(example((line, instead)), Load(seconds=1)))
    found = {verdict.kind for verdict in verdicts if verdict.anomalies}
    assert kind in found
