"""What letters say: for each kind a function that makes it when it is sent, of how things are then.

So nothing is told that was removed meanwhile, or that its reader may no longer see: the function answers None then.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from model.mail import outbox
from model.mail.outbox import Waiting
from pottle.store import db
from pottle.translation import translated

Make = Callable[[Waiting], Awaitable["Content | None"]]
Render = Callable[[str, dict[str, Any]], str]


@dataclass(frozen=True)
class Quote:
    """What somebody wrote, as plain text, and where it stands."""

    text: str
    by: str = ""
    where: str = ""
    url: str = ""


@dataclass(frozen=True)
class Content:
    """A letter. Texts may be those of pottle.translation; links are whole addresses (`at`).

    `reason` says why one gets it. `unsubscribe` is an https address of RFC 8058: a POST to it is enough.
    `message` names the letter for threads, once for each reader (`post-17`), and `follows` those that it follows, the
    first of its thread first, whether those were sent or not.
    """

    subject: str
    heading: str
    paragraphs: Sequence[str | Quote] = ()
    button: tuple[str, str] | None = None  # what it says, where it leads
    more: Sequence[str | Quote] = ()  # below the button
    reason: str = ""
    unsubscribe: str | None = None
    choose: str | None = None  # where one chooses which letters one gets
    group: tuple[str, str] | None = None  # slug and name, for List-Id
    message: str | None = None
    follows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wording:
    """How letters of a kind are made, and one as an example for the page that shows them all."""

    make: Make
    example: Callable[[], Content]


kinds: dict[str, Wording] = {}
_render: list[Render] = []


def wording(kind: str, make: Make, example: Callable[[], Content], *, urgent: bool = False) -> None:
    """Has letters of a kind say what `make` answers; an urgent one, which somebody waits for, goes before others."""
    kinds[kind] = Wording(make, example)
    if urgent:
        outbox.is_urgent(kind)


def rendered_by(render: Render) -> None:
    """Has `render(language, context)` make a letter's HTML."""
    _render[:] = [render]


def html_of(content: Content, language: str) -> str:
    """A letter as HTML, in a language."""
    return _render[0](language, {"content": _said(content, language), "here": db.settings.url})


def _said(content: Content, language: str) -> dict[str, Any]:
    """What a letter says, in a language."""
    told = {one.name: translated(getattr(content, one.name), language) for one in fields(content)}
    told["button"] = content.button and translated([*content.button], language)
    for parts in ("paragraphs", "more"):
        told[parts] = [_part(part, language) for part in getattr(content, parts)]
    return told


def _part(part: str | Quote, language: str) -> Any:
    return translated(part if isinstance(part, str) else asdict(part), language)


def at(path: str) -> str:
    """The whole address of a page here."""
    return f"{db.settings.url}{path}"
