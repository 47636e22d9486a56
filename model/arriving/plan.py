"""What a reader makes of a file: people, threads and comments, in any order, as a stream; and a report."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec

MOST_NOTED = 500_000  # in a report
MOST_IDS = 20  # that a line of a report lists


class Unreadable(Exception):
    """Why a file cannot be imported, in words for whoever chose it: with the line or the id, where there is one."""


class Person(msgspec.Struct):
    """Somebody who wrote. `key` stays the same in the source: an id, or an address in lower case; it is never shown.

    `email` is private: it is only there to prove a claim. `website` and `admin` are for the report.
    """

    key: str
    name: str
    email: str | None = None
    website: str | None = None
    admin: bool = False


class Thread(msgspec.Struct):
    """A page with comments: its address or path, as the source has it."""

    key: str
    title: str = ""
    closed: bool = False


class Comment(msgspec.Struct):
    """One comment, as the source has it; `thread` and `person` are keys, `parent` an id. Times are aware.

    `votes` are counts by a reaction's kind, for nobody knows whose they are. Of a `removed` one a tombstone is kept if
    something answers it.
    """

    id: str
    thread: str
    person: str | None
    parent: str | None
    text: str
    form: Literal["html", "markdown", "plain"]
    created: datetime
    edited: datetime | None = None
    state: Literal["published", "pending", "removed"] = "published"
    votes: dict[str, int] = {}
    pinned: bool = False


Part = Person | Thread | Comment


class Report(list[tuple[str, str, object, str]]):
    """What was left out or changed: which of the two, the kind, the id there, and why. Of too many some are counted."""

    def __init__(self, found: Iterable[tuple[str, str, object, str]] = ()) -> None:
        super().__init__(found)
        self.unlisted: int = getattr(found, "unlisted", 0)

    def left_out(self, kind: str, id_: object, why: str) -> None:
        """It was not imported."""
        self._note("Left out", kind, id_, why)

    def changed(self, kind: str, id_: object, why: str) -> None:
        """It was imported, but not as it was."""
        self._note("Changed", kind, id_, why)

    def _note(self, *what: Any) -> None:
        if len(self) < MOST_NOTED:
            self.append(what)
        else:
            self.unlisted += 1

    @property
    def lines(self) -> list[str]:
        """One line for each reason, with the first ids: `Left out: post 3, 7: is empty`."""
        ids: dict[tuple[str, str, str], list[str]] = {}
        for how, kind, id_, why in self:
            ids.setdefault((how, kind, why), []).append(str(id_))
        lines = [f"{how}: {kind} {_listed(found)}: {why}" for (how, kind, why), found in ids.items()]
        return [*lines, f"Left out or changed, too: {self.unlisted} more"] if self.unlisted else lines


def _listed(ids: list[str]) -> str:
    more = len(ids) - MOST_IDS
    return ", ".join(ids[:MOST_IDS]) + (f" and {more} more" if more > 0 else "")
