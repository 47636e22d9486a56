"""Code in colours: what is marked, that nothing else becomes of it, and that no code takes long."""

import re
import time
from html import unescape

import pytest

from model.talk.highlighting import ALSO, LANGUAGES, highlighted

UNITS = [
    *(
        "a",
        "a ",
        '"',
        "'",
        "(",
        "{",
        "<",
        "</",
        "<!--",
        "/*",
        "//",
        "#",
        "\\",
        "`",
        "[",
        "$",
        "&",
        "=",
        "-",
        "0x",
        "1.",
    ),
    *("@", "a.b", "a(", '"a', "\n", "\t", "${", '"""', "--", "{-", "?", "<?php ", "a:", "a = ", "\u00e9", "-}", "a\n"),
]


@pytest.mark.parametrize("name", [*LANGUAGES, "diff"])
def test_no_code_takes_long_and_all_of_it_is_shown(name: str) -> None:
    """What grows with the square takes a second and more."""
    for unit in UNITS:
        code = (unit * 10_000)[:10_000]
        begun = time.process_time()
        shown = highlighted(code, name)
        assert time.process_time() - begun < 0.2
        assert shown is not None
        assert unescape(re.sub("<[^>]*>", "", shown)) == code


@pytest.mark.parametrize(
    ("name", "code", "marked"),
    [
        ("python", "def f(x):\n  return 'a # b'  # c", ["b:def", "name:f", "b:return", "text:'a # b'", "i:# c"]),
        ("JS", "const a = `x ${1}` /* b\n*/", ["b:const", "text:`x ${1}`", "i:/* b\n*/"]),
        ("html", '<a href="x">b</a>', ["b:<a", "name:href", 'text:"x"', "b:</a"]),
        ("json", '{"a": "b", "c": null}', ['name:"a"', 'text:"b"', 'name:"c"', "b:null"]),
        ("sql", "Select 1 -- a", ["b:Select", "number:1", "i:-- a"]),
        ("css", "a-b: 1px", ["name:a-b", "number:1px"]),
        ("diff", "+a\n-b\n c", ["added:+a\n", "gone:-b\n"]),
    ],
)
def test_what_is_marked(name: str, code: str, marked: list[str]) -> None:
    html = highlighted(code, name) or ""
    found = re.findall(r'<(?:span class="(\w+)"|(b|i))>([^<]*)</', html)
    assert [f"{kind or tag}:{unescape(said)}" for kind, tag, said in found] == marked


def test_every_other_name_is_that_of_a_language() -> None:
    assert set(ALSO.values()) <= LANGUAGES.keys()
    assert highlighted("x", "unknown") is None
