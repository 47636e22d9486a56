"""Modules joined to one file, with short names: they do what they did, and what is not understood is refused."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pottle.http.assets import FOLDER
from pottle.http.bundles import joined
from pottle.http.renaming import renamed
from tests.conftest import needs
from tests.server import ROOT


def written(folder: Path, **modules: str) -> Path:
    for name, code in modules.items():
        (folder / f"{name}.js").write_text(code)
    return folder / "main.js"


def test_it_works(tmp_path: Path) -> None:
    """Each module runs once, whoever needs it, and what comes later has the same ones."""
    needs("node")
    main = written(
        tmp_path,
        one="export const list = [];\nexport function add(name) { list.push(name); }\n",
        two=(
            "import { add as note } from './one.js';\nnote('two');\n"
            "export class Two { name = 'Two'; }\nexport { add } from './one.js';\n"
        ),
        main=(
            "import { list, add } from './one.js';\nimport { Two } from './two.js';\nadd(new Two().name);\n"
            "export const later = () => import('./later.js');\nexport { list };\n"
        ),
        later=(
            "import { add } from './two.js';\nimport { own } from './own.js';\nexport function run() { add(own); }\n"
        ),
        own="import { add } from './one.js';\nadd('own');\nexport const own = 'later';\n",
    )
    (tmp_path / "joined.mjs").write_text(joined(main, "./beside"))
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "later.js").write_text(joined(tmp_path / "later.js", beside=main))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    program = """
        import { later, list } from './joined.mjs';
        for (let times = 0; times < 2; times += 1) (await later()).run();
        console.log(list.join());
    """
    command = ["node", "--input-type=module", "-e", program]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (ran.stdout.strip(), ran.stderr) == ("two,Two,own,later,later", "")


@pytest.mark.parametrize(
    "modules",
    [
        {"main": "import all from './one.js';\n", "one": ""},
        {"main": "export let changing = 1;\n"},
        {"main": "import { a } from './one.js';\n", "one": "import { b } from './main.js';\n"},
    ],
)
def test_what_it_does_not_understand_is_refused(tmp_path: Path, modules: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"main\.js"):
        joined(written(tmp_path, **modules))


def test_the_clients_own_tests_hold_for_what_is_joined(tmp_path: Path) -> None:
    """Short names change nothing: not of properties, patterns, defaults, templates or what the browser brings."""
    needs("node")
    tests = tmp_path / "tests" / "browser"
    shutil.copytree(ROOT / "tests" / "browser", tests, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for path in set(
        re.findall(r"\.\./\.\./static/([^']+)'", "".join(file.read_text() for file in tests.glob("*.mjs")))
    ):
        place = tmp_path / "static" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(joined(FOLDER / path))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    ran = subprocess.run(["node", "--test", *tests.glob("*.mjs")], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-3000:]
    assert "\n# fail 0" in ran.stdout


def test_what_is_no_variable_of_its_own_keeps_its_name() -> None:
    code = """
        const answer = 1;
        function ask(first, { given, other: own = answer, ...rest }) {
          const { kept } = rest;
          return { answer, first: document.answer, [own]: `${given} answer`, kept, ask() { return this.#hidden; } };
        }
    """
    assert "".join(renamed([code])[0].split()) == (
        "conste=1;functions(o,{given:t,other:n=e,...r}){const{kept:i}=r;"
        "return{answer:e,first:document.answer,[n]:`${t}answer`,kept:i,ask(){returnthis.#e}}}"
    )
