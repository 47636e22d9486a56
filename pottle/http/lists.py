"""Lists over HTTP: `?limit=&before=&after=`, opaque cursors, and a Link header (RFC 8288)."""

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from msgspec import Meta
from quart import request

from pottle.errors import Invalid
from pottle.http.answers import Answer
from pottle.store.paging import Cursor, Page
from pottle.values import as_it_is

Opaque = Annotated[str, as_it_is("a cursor is looked at by `cursor`")]


class Paging(msgspec.Struct):
    """Which part of a list: at most `limit` items, those older than `before` or newer than `after`."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    before: Opaque | None = None
    after: Opaque | None = None


def cursor(query: Paging) -> Cursor:
    """The cursor that a query asks for. Raises Invalid for a made-up one, or for both ways at once."""
    if query.before is not None and query.after is not None:
        raise Invalid({"after": "cannot be combined with before"})
    return Cursor(query.limit, _decoded("before", query.before), _decoded("after", query.after))


def edges(page: Page[Any]) -> dict[str, str | None]:
    """`next` and `prev` as clients get them."""
    return {"next": encoded(page.next), "prev": encoded(page.prev)}


def here() -> str:
    """The URL of the list that is asked for, as far as to its cursor."""
    if not request.query_string:
        return f"{request.root_path}{request.path}?"
    others = [pair for pair in request.args.items(multi=True) if pair[0] not in ("before", "after")]
    return f"{request.root_path}{request.path}?" + "".join(f"{urlencode([pair])}&" for pair in others)


def links(page: Page[Any], url: str | None = None) -> dict[str, str]:
    """The Link header of a page, if it has neighbours; of the list at `url` (`here`), else of what is asked for."""
    url = url or here()
    found = [("next", "before", page.next), ("prev", "after", page.prev)]
    parts = [f'<{url}{name}={encoded(id_)}>; rel="{rel}"' for rel, name, id_ in found if id_ is not None]
    return {"Link": ", ".join(parts)} if parts else {}


def listed(view: Callable[..., Any], page: Page[Any]) -> Answer:
    """A page as the answer to a list: `view(items, next, prev)`, and its Link header."""
    return Answer(view(page.items, encoded(page.next), encoded(page.prev)), headers=links(page))


def encoded(id_: int | None) -> str | None:
    """An id as an opaque cursor."""
    return None if id_ is None else base64.urlsafe_b64encode(f"c{id_}".encode()).decode().rstrip("=")


def _decoded(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise Invalid({name: "is not a cursor of this list"}) from error
    if not plain.startswith("c") or not plain[1:].isdecimal() or len(plain) > 19 or encoded(int(plain[1:])) != text:
        raise Invalid({name: "is not a cursor of this list"})
    return int(plain[1:])
