"""Short names for what modules declare for themselves: a joined file is a seventh smaller, compressed.

A name is exchanged everywhere in its module at once, whichever scope it is of, so no scope needs to be known. What
stands for a property stays, and so does what the page around brings (`document`). It reads modules as they are written
here: with semicolons, without labels, `switch`, `var`, class expressions, empty statements and holes in arrays.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count, pairwise
from typing import NamedTuple

from pottle.http.minifying import Token, tokens

NAME = re.compile(r"[A-Za-z_]\w*")
LETTERS = "etnrisouaflchpdvmgybwExSTNCkLAOMDPHBjFIqUzWXVJKQGYZR"  # the commonest of programs first, which is smaller
KEYWORDS = {
    *("arguments", "as", "async", "await", "break", "case", "catch", "class", "const", "constructor", "continue"),
    *("default", "delete", "do", "else", "export", "extends", "false", "finally", "for", "from", "function", "get"),
    *("globalThis", "if", "import", "in", "instanceof", "let", "new", "null", "of", "return", "set", "static"),
    *("super", "this", "throw", "true", "try", "typeof", "undefined", "void", "while", "yield"),
}
BEFORE_BLOCK = {")", "{", "}", ";", "else", "try", "finally", "do", ""}
BEFORE_CONDITION = {"if", "for", "while"}
BEFORE_MEMBER = {"get", "set", "async", "static", "*"}
ENDS = {";": ("}",), ",": ("}", "]", ")")}  # what makes a sign before it needless
SPREAD = [".", ".", "."]


class Use(NamedTuple):
    """Where a variable stands: which token it is, whether it names a property too, and whether it is declared there."""

    at: int
    short: bool
    declares: bool


def renamed(modules: list[str]) -> list[str]:
    """Modules that do the same."""
    read = [list(tokens(module)) for module in modules]
    uses = [list(_uses(module)) for module in read]
    own = [{module[use.at].text for use in found if use.declares} for module, found in zip(read, uses, strict=True)]
    foreign = {
        module[use.at].text
        for module, found, names in zip(read, uses, own, strict=True)
        for use in found
        if module[use.at].text not in names
    }
    return [_renamed(*each, foreign) for each in zip(read, uses, own, strict=True)]


def _renamed(module: list[Token], uses: list[Use], own: set[str], foreign: set[str]) -> str:
    texts = [token.text for token in module]
    often = Counter(texts[use.at] for use in uses if texts[use.at] in own - foreign)
    names = dict(zip((name for name, _ in often.most_common()), _short(set(texts)), strict=False))
    private = Counter(text for text in texts if text.startswith("#"))
    names |= {name: f"#{short}" for (name, _), short in zip(private.most_common(), _short(set()), strict=False)}
    out = [
        names[text] if text.startswith("#") else text.replace("_", "") if text[0].isdigit() else text for text in texts
    ]
    for use in uses:
        if name := names.get(texts[use.at]):
            out[use.at] = f"{texts[use.at]}:{name}" if use.short else name
    for at, after in pairwise(at for at, token in enumerate(module) if token.kind != "blank"):
        if texts[after] in ENDS.get(texts[at], ()):
            out[at] = ""
    return "".join(out)


def _short(taken: set[str]) -> Iterator[str]:
    for number in count():
        for letter in LETTERS:
            name = f"{letter}{number - 1}" if number else letter
            if name not in taken:
                yield name


def _uses(module: list[Token]) -> Iterator[Use]:
    """The variables of a module."""
    seen = [(at, token) for at, token in enumerate(module) if token.kind != "blank"]
    texts = ["", "", "", *(token.text for _, token in seen), "", ""]
    declared = _declared(texts)
    inside, heading = ["block"], False  # what is around; whether a class begins
    for place, (at, token) in enumerate(seen, 3):
        before, after = texts[place - 1], texts[place + 1]
        if token.kind in ("sign", "template"):
            if token.text[0] in ")]}":
                inside.pop()
            if token.text == "{":
                block = before in BEFORE_BLOCK or texts[place - 2 : place] == ["=", ">"]
                inside.append("class" if heading else "block" if block else "object")
                heading = False
            elif token.text in "([" or token.text.endswith("${"):
                inside.append("code")
        elif token.text == "class" and before != ".":
            heading = True
        elif token.kind == "word" and NAME.fullmatch(token.text) and token.text not in KEYWORDS:
            key = inside[-1] == "object" and (before in ("{", ",") or before in BEFORE_MEMBER)
            property_ = before == "." and texts[place - 3 : place] != SPREAD
            member = inside[-1] == "class" and (before in ("{", "}", ";") or before in BEFORE_MEMBER)
            if not property_ and not member and not (key and (after in (":", "(") or before in BEFORE_MEMBER)):
                yield Use(at, key, place in declared or before in ("const", "let", "class", "function"))


def _declared(texts: list[str]) -> set[int]:
    """The places of names that parameters and patterns declare."""
    found: set[int] = set()
    opened: list[int] = []
    for place, text in enumerate(texts):
        if text in (")", "]", "}") or (text[:1] == "}" and len(text) > 1):
            begin = opened.pop()
            if (text == ")" and _are_parameters(texts, begin, place)) or texts[begin - 1] in ("const", "let"):
                found.update(_bound(texts, begin, place))
        if text in ("(", "[", "{") or (text.endswith("${") and text[0] in "`}"):
            opened.append(place)
        if text == "=" and texts[place + 1 : place + 2] == [">"] and NAME.fullmatch(texts[place - 1]):
            found.add(place - 1)
    return found


def _are_parameters(texts: list[str], begin: int, end: int) -> bool:
    of_arrow = texts[end + 1 : end + 3] == ["=", ">"]
    return of_arrow or (texts[end + 1] == "{" and texts[begin - 1] not in BEFORE_CONDITION)


def _bound(texts: list[str], begin: int, end: int) -> Iterable[int]:
    """The places of names that a pattern binds, but not of those in its defaults."""
    depth = 0
    for place in range(begin + 1, end):
        text, before = texts[place], texts[place - 1]
        depth += (text == "(") - (text == ")")
        first = before in ("(", "[", "{", ",", ":") or texts[place - 3 : place] == SPREAD
        if depth == 0 and first and NAME.fullmatch(text) and texts[place + 1] != ":":
            yield place
