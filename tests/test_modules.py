"""What our JavaScript modules import is there: browsers would stop a page's script for one name that is not."""

import re
from pathlib import Path

import pytest

from tests.server import ROOT

pytestmark = pytest.mark.check

MODULES = sorted((ROOT / "static").rglob("*.js"))
IMPORTED = re.compile(r"^(?:import|export) \{([^}]*)\} from '(\.[^']+)'", re.MULTILINE)
DECLARED = re.compile(r"^export (?:async )?(?:const|let|function\*?|class) ([\w$]+)", re.MULTILINE)
LISTED = re.compile(r"^export \{([^}]*)\}", re.MULTILINE)


def names(listed: str, index: int) -> set[str]:
    """Of `a, b as c`: the names before `as` (0), or behind it (-1)."""
    return {part.split(" as ")[index].strip() for part in listed.split(",") if part.strip()}


def exported(module: Path) -> set[str]:
    code = module.read_text()
    return {*DECLARED.findall(code), *(name for listed in LISTED.findall(code) for name in names(listed, -1))}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT / "static")))
def test_what_it_imports_is_exported_there(module: Path) -> None:
    for listed, path in IMPORTED.findall(module.read_text()):
        wanted = (module.parent / path).resolve()
        assert wanted.is_file(), f"{path} is not there"
        assert names(listed, 0) <= exported(wanted), path


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT / "static")))
def test_it_imports_no_name_twice(module: Path) -> None:
    """As when two branches add the same line: the whole page's script would be refused."""
    imported = re.findall(r"^import \{([^}]*)\} from", module.read_text(), re.MULTILINE)
    known = [name for listed in imported for name in names(listed, -1)]
    assert len(known) == len(set(known))
