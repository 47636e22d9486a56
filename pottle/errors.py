"""Refusals: what the rules say no with. `pottle/http/problems.py` says each in HTTP's words."""

import re
from collections.abc import Collection

from pottle.rates import Allowance

MOST_NAMED = 100  # fields in one answer
# What people call what they fill in; other fields are for programs, and called as they are.
CALLED = {
    "uid": "The user name",
    "name": "The name",
    "guest": "The name",
    "email": "The e-mail address",
    "password": "The password",
    "current_password": "The password that you have now",
    "slug": "The short name",
    "origins": "The list of sites",
    "title": "The title",
    "key": "The key",
    "url": "The address",
    "body": "The text",
    "comment": "The text",
    "code": "The code",
    "invitation": "The code",
    "csv": "The class list",
    "names": "The class list",
    "image": "The picture",
    "pfp": "The picture",
    "uses": "The number of uses",
    "days": "The number of days",
    "q": "What you look for",
}


class Refusal(Exception):
    """A request that the rules refuse. A unit may raise it only before it has written anything."""

    def __init__(self, detail: str = "", **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class NotFound(Refusal):
    """Not there, or not visible to whoever asks: the two must look the same."""


class Forbidden(Refusal):
    """Visible, but not yours to do."""


class SessionNeeded(Forbidden):
    """For whoever signed in with the password, not for a named token."""


class ConfirmationNeeded(Forbidden):
    """The password has to be typed again first."""


class Unauthenticated(Refusal):
    """No credentials, or bad ones."""


class Conflict(Refusal):
    """It contradicts what is there already."""


def taken(field: str, value: str) -> Conflict:
    """The Conflict of a name that somebody has already, which a form tells at its field."""
    said = sentence(field, f"{value} is taken")
    return Conflict(said, errors=[{"field": field, "message": f"{said} Please choose another."}])


class Stale(Refusal):
    """The version named in If-Match is no longer the current one."""


class Unseen(Refusal):
    """Something would become public, and the request does not name the version that was seen (If-Match)."""


class Invalid(Refusal):
    """Values that break a rule: what is wrong, by field, as a phrase that reads on from its name."""

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

    def __init__(self, retry_after: int, allowance: Allowance) -> None:
        super().__init__(f"Too many requests. Try again in {retry_after} s.")
        self.retry_after = retry_after
        self.allowance = allowance


class Overloaded(Refusal):
    """More is waiting than can be done soon, or the database is locked by another program: try again."""


class StorageFull(Refusal):
    """The disk is full. Nothing was changed."""


Versions = Collection[int] | None


def check_version(current: int, wanted: Versions) -> None:
    """Raises Stale when a client names versions (If-Match), and the current one is not among them."""
    if wanted is not None and current not in wanted:
        raise Stale(f"It has been changed meanwhile: its version is now {current}.")


def must_name_a_version(versions: Versions) -> None:
    """Raises Unseen without versions: the text may have been changed since whoever asks has read it."""
    if versions is None:
        raise Unseen("Its text may have changed since you read it: name the version that you saw (If-Match).")
