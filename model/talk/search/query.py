"""What people type into the field: words, "phrases", -not, wor*, from: in: before: after: has:.

Nothing that they type is an error: what is no operator is looked for as words.
"""

import re
from datetime import date
from typing import Literal, NamedTuple, cast

from model.talk.search.words import Term, term

MOST_TERMS = 20
SHORTEST_BEGINNING = 2  # characters of `wo*`: fewer would be half of all words

Has = Literal["code", "image", "link", "answer"]
KINDS = ("code", "image", "link", "answer")
_PART = re.compile(
    r'(?P<no>-?)(?:(?P<operator>from|in|before|after|has):)?(?:"(?P<quoted>[^"]*)"?|(?P<bare>[^\s"]+))', re.IGNORECASE
)
_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)


class Query(NamedTuple):
    """What is to be found: `since` a day, or `before` it, in UTC."""

    terms: tuple[Term, ...] = ()
    without: tuple[Term, ...] = ()
    author: str | None = None
    place: str | None = None  # a group's slug, or a discussion's key or id
    before: str | None = None
    since: str | None = None
    has: tuple[Has, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not any(self._replace(without=()))


def understood(text: str) -> Query:
    """A query as it was typed."""
    terms: list[Term] = []
    without: list[Term] = []
    chosen: dict[str, str] = {}
    has: list[Has] = []
    for part in _PART.finditer(text):
        value = part["bare"] if part["quoted"] is None else part["quoted"]
        operator = (part["operator"] or "").lower()
        if operator == "has" and value.lower() in KINDS and not part["no"]:
            has.append(cast(Has, value.lower()))
        elif operator and not part["no"] and (known := _operand(operator, value)):
            chosen[operator] = known
        elif found := _term(part["bare"] or "", part["quoted"], operator):
            (without if part["no"] else terms).append(found)
    return Query(
        tuple(dict.fromkeys(terms))[:MOST_TERMS],
        tuple(dict.fromkeys(without))[:MOST_TERMS],
        chosen.get("from"),
        chosen.get("in"),
        chosen.get("before"),
        chosen.get("after"),
        tuple(dict.fromkeys(has)),
    )


def _operand(operator: str, value: str) -> str | None:
    if operator in ("from", "in"):
        return value.lstrip("@").strip() or None
    if operator == "has" or not (day := _DAY.fullmatch(value)):
        return None
    try:
        return str(date(*map(int, day.groups())))
    except ValueError:
        return None


def _term(bare: str, quoted: str | None, operator: str) -> Term | None:
    text = bare if quoted is None else quoted
    if operator:  # with something that it does not take
        text = f"{operator} {text}"
    begins = quoted is None and text.endswith("*") and len(text) > SHORTEST_BEGINNING
    return term(text, beginning=begins)
