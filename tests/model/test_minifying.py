"""JavaScript and CSS lose what only people need, and nothing else."""

import subprocess
from pathlib import Path

import pytest

from pottle.http import minifying
from pottle.http.assets import FOLDER
from pottle.http.minifying import minified_css, minified_js
from tests.conftest import needs

PROGRAMS = [
    ("let a = 1;\n\n  // no comment\nlet b = 2; /* nor\n this */", "let a=1;let b=2;"),
    ("let a = 1\nlet b = 2", "let a=1\nlet b=2"),
    ("return\nx", "return\nx"),
    ("a = b\n(c)", "a=b\n(c)"),
    ("f(\n  a,\n  b,\n)", "f(a,b,)"),
    ("if (a) {\n  b();\n}\nelse {\n}", "if(a){b();}\nelse{}"),
    ("a = b + ++c - -d; e = f++ + g", "a=b+ ++c- -d;e=f++ +g"),
    ("a\n++b", "a\n++b"),
    ("x = 1 .toFixed(); y = .5", "x=1 .toFixed();y=.5"),
    ("class A {\n  #b\n  #c = 1\n  static d\n  get e() { return this.#c; }\n}", None),
    ("s = '//' + \"/*\" + '\\'//'", "s='//'+\"/*\"+'\\'//'"),
    ("s = `  // ${ a + `  ${ { b: `}` }.b }  /* ` }  `", "s=`  // ${a+`  ${{b:`}`}.b}  /* `}  `"),
    ("s = `\\`  ${a}$ {  \\${ `", "s=`\\`  ${a}$ {  \\${ `"),
    ("r = /[/'\"`]  \\/ /g.test(a) / 2 / b // c", "r=/[/'\"`]  \\/ /g.test(a)/2/b"),
    ("return / x/ in y", "return / x/ in y"),
    ("a = b / / c/.d", "a=b/ / c/.d"),
    ("f(/'/, x => / \"/)", "f(/'/,x=>/ \"/)"),
    ("a < !--b", "a< !--b"),
    ("export { a, b as c } from './d.js'; import e, * as f from \"g\"", None),
    ("é = 'ü'; für = $a ?? b?.c", "é='ü';für=$a??b?.c"),
]
SHEETS = [
    ("a , b > c {\n  color : red ;\n  /* no */ margin: 0 auto;\n}\n", "a,b > c{color :red;margin:0 auto}"),
    ("a :hover { width: calc( 1px + 2px ) }", "a :hover{width:calc(1px + 2px)}"),
    ("a::before { content: ' ; } /* ' }", "a::before{content:' ; } /* '}"),
    ("a { background: url(data:x;y,/*z) }", "a{background:url(data:x;y,/*z)}"),
    ("@media (min-width: 1px) and (max-width: 2px) { a { b: c } }", None),
]


@pytest.mark.parametrize(("source", "small"), PROGRAMS)
def test_it_works(source: str, small: str | None) -> None:
    found = minified_js(source)
    assert small is None or found == f"{small}\n"
    assert minified_js(found) == found
    assert parts(found) == parts(source)


@pytest.mark.parametrize(("source", "small"), SHEETS)
def test_style_sheets(source: str, small: str | None) -> None:
    found = minified_css(source)
    assert small is None or found == f"{small}\n"
    assert minified_css(found) == found


def parts(source: str) -> list[str]:
    return [token.text for token in minifying.tokens(source) if token.kind != "blank"]


def test_what_is_no_program_is_not_cut(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no end"):
        minified_js("a = `b")


def test_all_that_browsers_get_is_still_javascript(tmp_path: Path) -> None:
    needs("node")
    for file in FOLDER.rglob("*.js"):
        source = file.read_text()
        small = minified_js(source)
        assert parts(small) == parts(source), file
        assert len(small) < len(source)
        (tmp_path / f"{'-'.join(file.relative_to(FOLDER).parts)}").with_suffix(".mjs").write_text(small)
    reads = "const vm = require('vm'), fs = require('fs'); for (const file of process.argv.slice(1)) "
    reads += "new vm.SourceTextModule(fs.readFileSync(file, 'utf8'), { identifier: file })"
    command = ["node", "--no-warnings", "--experimental-vm-modules", "-e", reads]
    subprocess.run([*command, *map(str, tmp_path.iterdir())], check=True, timeout=60)


@pytest.mark.parametrize("name", ["tokens", "base", "talk", "managing"])
def test_a_style_sheet_has_the_same_rules(name: str) -> None:
    source = (FOLDER / f"style/{name}.css").read_text()
    small = minified_css(source)
    assert len(small) < 0.9 * len(source)
    assert [small.count(sign) for sign in "{}@#,'\""] == [_without_comments(source).count(sign) for sign in "{}@#,'\""]


def _without_comments(source: str) -> str:
    return "".join(part.partition("*/")[2] if at else part for at, part in enumerate(source.split("/*")))
