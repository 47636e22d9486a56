"""Refusals: the errors that the rules raise, each with the HTTP status that `pottle/http/problems.py` answers with."""

import re
from collections.abc import Collection
from itertools import islice

from pottle.rates import Allowance
from pottle.translation import Text, _

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
    said = sentence(field, _("%(value)s is taken", value=value))
    return Conflict(said, errors=[{"field": field, "message": _("%(said)s Please choose another.", said=said)}])


class Stale(Refusal):
    """The version named in If-Match is no longer the current one."""

    status = 412


class Invalid(Refusal):
    """Values that break a rule: what is wrong, by field, as a phrase that reads on from its name."""

    status = 422

    def __init__(self, wrong: dict[str, str]) -> None:
        first_ones = islice(wrong.items(), MOST_NAMED)
        named = [{"field": str(field), "message": sentence(field, phrase)} for field, phrase in first_ones]
        first, more = named[0]["message"], len(wrong) - 1
        said = _("%(first)s (And %(more)s more.)", first=first, more=more) if more else first
        super().__init__(said, errors=named)


class Sentence(Text):
    """A text that begins with a capital, in whichever language."""

    __slots__ = ()

    @classmethod
    def of(cls, text: Text) -> "Sentence":
        """That text as a sentence."""
        made = str.__new__(cls, _begun(text))
        for name in Text.__slots__:
            setattr(made, name, getattr(text, name))
        return made

    def translated(self, language: str) -> str:
        """As a text's."""
        return _begun(super().translated(language))


def _begun(said: str) -> str:
    return said[:1].upper() + said[1:]


def sentence(field: str, phrase: str) -> Text:
    """A sentence about a field, which it calls what people call it. Translators may put a colon between the two."""
    entry = re.fullmatch(r"(\w+)\[(\d+)\]", field)
    name = CALLED.get(field) or (f"{entry[1].removesuffix('s')} {int(entry[2]) + 1}" if entry else field)
    whole = phrase[-1] in ".!?"
    if not name:
        said = _("%(phrase)s", phrase=phrase) if whole else _("%(phrase)s.", phrase=phrase)
    elif whole:
        said = _("%(name)s %(phrase)s", name=name, phrase=phrase)
    else:
        said = _("%(name)s %(phrase)s.", name=name, phrase=phrase)
    is_of_programs = not entry and " " not in name and name  # whose case counts
    return said if is_of_programs else Sentence.of(said)


class TooMany(Refusal):
    """A limit is used up for another `retry_after` seconds."""

    status = 429

    def __init__(self, retry_after: int, allowance: Allowance) -> None:
        super().__init__(_("Too many requests. Try again in %(seconds)s s.", seconds=retry_after))
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
        raise Stale(_("It has been changed meanwhile: its version is now %(version)s.", version=current))
