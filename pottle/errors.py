"""Refusals: the errors that the rules raise, each with the HTTP status that `pottle/http/problems.py` answers with."""

import re
from collections.abc import Collection

from pottle.rates import Allowance

MOST_NAMED = 100  # fields in one answer
CALLED: dict[str, str] = {}  # what people call the fields that they fill in; an application says it (pottle/engine.py)


class Refusal(Exception):
    """A request that the rules refuse. A unit may raise it only before it has written anything.

    A subclass with a `title` ("Session Needed") is a problem of a type of its own, `urn:pottle:session-needed`.
    """

    status = 400
    title: str | None = None

    def __init__(self, detail: str = "", **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class NotFound(Refusal):
    """Not there, or not visible to whoever asks: the two must look the same."""

    status = 404


class Forbidden(Refusal):
    """Visible, but not yours to do."""

    status = 403


class Unauthenticated(Refusal):
    """No credentials, or bad ones."""

    status = 401


class Conflict(Refusal):
    """It contradicts what is there already."""

    status = 409


def taken(field: str, value: str) -> Conflict:
    """The Conflict of a name that somebody has already, which a form tells at its field."""
    said = sentence(field, f"{value} is taken")
    return Conflict(said, errors=[{"field": field, "message": f"{said} Please choose another."}])


class Stale(Refusal):
    """The version named in If-Match is no longer the current one."""

    status = 412


class Invalid(Refusal):
    """Values that break a rule: what is wrong, by field, as a phrase that reads on from its name."""

    status = 422

    def __init__(self, wrong: dict[str, str]) -> None:
        named = [{"field": field, "message": sentence(field, phrase)} for field, phrase in wrong.items()]
        more = f" (And {len(wrong) - 1} more.)" if len(wrong) > 1 else ""
        super().__init__(named[0]["message"] + more, errors=named[:MOST_NAMED])


def sentence(field: str, phrase: str) -> str:
    """A sentence about a field, which it calls what people call it."""
    entry = re.fullmatch(r"(\w+)\[(\d+)\]", field)
    name = CALLED.get(field) or (f"{entry[1].removesuffix('s')} {int(entry[2]) + 1}" if entry else field)
    said = f"{name} {phrase}".strip()
    if entry or " " in name or not name:  # else it is a field of programs, whose case counts
        said = said[:1].upper() + said[1:]
    return said if said[-1] in ".!?" else f"{said}."


class TooMany(Refusal):
    """A limit is used up for another `retry_after` seconds."""

    status = 429

    def __init__(self, retry_after: int, allowance: Allowance) -> None:
        super().__init__(f"Too many requests. Try again in {retry_after} s.")
        self.retry_after = retry_after
        self.allowance = allowance


class Overloaded(Refusal):
    """More is waiting than can be done soon, or the database is locked by another program: try again."""

    status = 503


class StorageFull(Refusal):
    """The disk is full. Nothing was changed."""

    status = 507


Versions = Collection[int] | None


def check_version(current: int, wanted: Versions) -> None:
    """Raises Stale when a client names versions (If-Match), and the current one is not among them."""
    if wanted is not None and current not in wanted:
        raise Stale(f"It has been changed meanwhile: its version is now {current}.")
