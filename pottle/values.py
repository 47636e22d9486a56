"""Validation of values from outside, by their types, with messages in plain words.

Every text that a route or a command takes has a type that is made here: `line(…)` for names, titles and the like, whose
rules are in pottle/text.py; `as_it_is(…)` for the others, with the reason. tests/test_text_policy.py walks them all.
"""

import re
from collections.abc import Callable, Iterator
from enum import Enum, EnumType
from functools import cache, reduce
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

import msgspec
from msgspec import Meta

from pottle import text
from pottle.translation import _, ngettext

TIDIES, SAYS = "tidies", "says"  # in Meta.extra: what makes a text tidy; what is said where the value is wrong
COMPOUND = (Union, UnionType, list)
KINDS = {
    "str": _("text"),
    "int": _("a whole number"),
    "bool": _("true or false"),
    "array": _("a list"),
    "object": _("an object"),
}


class Unfit(Exception):
    """A value of another kind than is wanted; its phrase reads on from the field's name: `must have …`."""

    def __init__(self, phrase: str) -> None:
        super().__init__(phrase)
        self.phrase = phrase


def line(
    longest: int,
    shortest: int = 1,
    pattern: str | None = None,
    says: str | None = None,
    tidies: Callable[[str], str] = text.line,
) -> Meta:
    """One line of visible text, trimmed and composed before its characters are counted.

    A `pattern` needs words: `says`, which reads on from the field's name.
    """
    return Meta(min_length=shortest, max_length=longest, pattern=pattern, extra={TIDIES: tidies, SAYS: says})


def as_it_is(why: str, longest: int | None = None, shortest: int | None = None) -> Meta:
    """A text that is taken as it was sent, because of `why`."""
    return Meta(min_length=shortest, max_length=longest, extra={TIDIES: None, "why": why})


def fit(value: Any, kind: Any, strict: bool = True) -> Any:
    """A value as `kind`, made tidy; where not `strict` a text may stand for a number. Raises Unfit."""
    try:
        tidy = tidier(kind)
        return msgspec.convert(tidy(value) if tidy else value, kind, strict=strict)
    except msgspec.ValidationError as error:  # which is a ValueError too
        raise Unfit(_phrase(str(error), kind)) from error
    except ValueError as error:
        raise Unfit(error.args[0]) from error


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is of that kind as it stands."""
    try:
        return bool(fit(value, kind) == value)
    except Unfit:
        return False


@cache
def tidier(kind: Any) -> Callable[[Any], Any] | None:
    """What makes a value of that type tidy; it may raise ValueError. None where nothing does."""
    kind = _bare(kind)
    if get_origin(kind) is list:
        inner = tidier(get_args(kind)[0])
        return inner and (lambda value: [inner(part) for part in value] if isinstance(value, list) else value)
    tidies = _extra(kind, TIDIES)
    return tidies and (lambda value: tidies(value) if isinstance(value, str) else value)


def leaves(kind: Any) -> Iterator[Any]:
    """The types that a type is made of, each with its annotations: `str` of `list[Annotated[str, …]] | None`."""
    kind = _bare(kind)
    if get_origin(kind) not in COMPOUND:
        yield kind
    else:
        for part in get_args(kind):
            yield from leaves(part)


def _bare(kind: Any) -> Any:
    """A list or union without its own annotations."""
    bare = getattr(kind, "__origin__", None) if hasattr(kind, "__metadata__") else None
    return bare if get_origin(bare) in COMPOUND else kind


def _extra(kind: Any, name: str) -> Any:
    """What the annotations of a type say under that name; None where they say nothing."""
    metas = (meta for leaf in leaves(kind) for meta in getattr(leaf, "__metadata__", ()) if isinstance(meta, Meta))
    return next(filter(None, ((meta.extra or {}).get(name) for meta in metas)), None)


def _phrase(error: str, kind: Any) -> str:
    """What msgspec says, in words that everybody knows. It names the index of what is wrong in a list."""
    what, _at, path = error.partition(" - at `")
    phrase = _in_words(what, kind)
    index = re.match(r"\$\[(\d+)\]", path)
    return (
        _("is wrong in entry %(number)s: it %(phrase)s", number=int(index[1]) + 1, phrase=phrase) if index else phrase
    )


def _in_words(what: str, kind: Any) -> str:
    if what.startswith("Expected `str` ") and (says := _extra(kind, SAYS)):
        return cast(str, says)
    if bound := re.fullmatch(r"Expected `(\w+)` (?:of length )?([<>]=) (-?\d+)", what):
        return _bounded(bound[1], bound[2] == ">=", int(bound[3]))
    if wanted := re.match(r"Expected `([\w |]+)`, got `(\w+)`", what):
        kinds: list[str] = [KINDS.get(part, part) for part in wanted[1].split(" | ") if part != "null"]
        return _("must be %(kind)s", kind=reduce(_either, kinds))
    choices = [str(choice) for leaf in leaves(kind) for choice in _choices(leaf)]
    if len(choices) > 1:
        return _("must be one of %(choices)s", choices=", ".join(choices))
    return _("must be %(kind)s", kind=choices[0]) if choices else _("cannot be used")


def _either(one: str, other: str) -> str:
    return _("%(one)s or %(other)s", one=one, other=other)


def _choices(leaf: Any) -> Iterator[Any]:
    if get_origin(leaf) is Literal:
        yield from get_args(leaf)
    elif isinstance(leaf, EnumType):
        yield from (member.value for member in list[Enum](leaf))


def _bounded(kind: str, least: bool, bound: int) -> str:
    if kind == "int":
        return _("must be at least %(bound)s", bound=bound) if least else _("must be at most %(bound)s", bound=bound)
    if least and bound == 1:
        return _("must not be empty")
    if kind == "str" and least:
        return ngettext("must have at least %(num)s character", "must have at least %(num)s characters", bound)
    if kind == "str":
        return ngettext("must have at most %(num)s character", "must have at most %(num)s characters", bound)
    if least:
        return ngettext("must have at least %(num)s entry", "must have at least %(num)s entries", bound)
    return ngettext("must have at most %(num)s entry", "must have at most %(num)s entries", bound)
