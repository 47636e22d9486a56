"""Answers: a view as JSON, with its ETag, its caching rule, and its place in the OpenAPI document.

And lists: `?limit=&before=&after=`, opaque cursors, and a Link header (RFC 8288).
"""

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Annotated, Any, get_origin
from urllib.parse import urlencode

import msgspec
from msgspec import Meta
from quart import Response, request
from quart_schema import document_querystring, document_request, document_response
from werkzeug.datastructures import Headers

from pottle.errors import Invalid
from pottle.http import bodies, caching, conditions
from pottle.store.paging import LARGEST, Cursor, Page
from pottle.translation import _
from pottle.values import as_it_is

Handler = Callable[..., Awaitable[Any]]

encode = msgspec.json.encode


class Answer(msgspec.Struct):
    """What a handler returns when a view alone does not say it: another status than the first documented, headers,
    and the path of what was made."""

    view: Any = None
    status: int | None = None
    location: str | None = None
    headers: Mapping[str, str] = {}


def gives(model: Any, *statuses: int) -> Callable[[Handler], Handler]:
    """Answers with `model` (None for no body) under the first of `statuses` (200), and documents them all."""
    statuses = statuses or (200,)

    def decorate(handler: Handler) -> Handler:
        for status in statuses:
            handler = document_response(model, status)(handler)

        @wraps(handler)
        async def wrapper(*args: Any, **kwargs: Any) -> Response:
            returned = await handler(*args, **kwargs)
            if isinstance(returned, Response):
                return returned
            answer = returned if isinstance(returned, Answer) else Answer(returned)
            made = {"Location": request.root_path + answer.location} if answer.location else {}
            return respond(answer.view, answer.status or statuses[0], {**answer.headers, **made})

        return wrapper

    return decorate


def respond(view: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A view as JSON with its ETag. (pottle/http/caching.py makes a 304 of it where the client has it.)"""
    if view is None:
        return Response(b"", status, {"Cache-Control": "no-store", **(headers or {})}, mimetype="application/json")
    body = encode(view)
    tag = etag(body, getattr(view, "version", getattr(view, "seq", 0)))
    rule = caching.rule() if request.method in ("GET", "HEAD") else "no-store"
    all_headers = Headers()
    all_headers[:] = {"ETag": tag, "Cache-Control": rule, "Content-Type": "application/json", **(headers or {})}.items()
    return Response(body, status, all_headers)


def ready_made(data: bytes, media_type: str, tag: str) -> Response:
    """Bytes as they are, with their ETag."""
    return Response(data, 200, {"ETag": tag, "Cache-Control": caching.rule()}, content_type=media_type)


def etag(body: bytes, version: int) -> str:
    """`"version-bytehash"`: the version is what If-Match compares, the hash what If-None-Match does."""
    return f'"{version}-{hashlib.blake2b(body, digest_size=8).hexdigest()}"'


def wanted_versions() -> set[int] | None:
    """The versions in If-Match; None without one, or for `*`. What is no ETag of ours matches nothing."""
    given = request.headers.getlist("If-Match")
    return conditions.versions(",".join(given)) if given else None


def takes(model: Any, *others: Any) -> Callable[[Handler], Handler]:
    """Passes the request's JSON, checked against `model`, as `data`, and documents it; for `bytes`, what was sent.

    It is checked against one of the `others` where it has the first field of that: what a path of its own documents.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            data = await (bodies.raw() if model is bytes else bodies.parsed(model, *others))
            return await handler(*args, data=data, **kwargs)

        return document_request(model)(wrapper)

    return decorate


def takes_pieces(handler: Handler) -> Handler:
    """Passes what was sent as `pieces`, as it comes, and documents it: for what may be larger than memory."""

    @wraps(handler)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await handler(*args, pieces=bodies.pieces(), **kwargs)

    return document_request(bytes)(wrapper)


def asks(model: type[msgspec.Struct]) -> Callable[[Handler], Handler]:
    """Passes the query, checked against `model`, as `query`, and documents it."""
    fields = {field.encode_name: field.name for field in msgspec.structs.fields(model)}
    may_be_empty = not any(field.required for field in msgspec.structs.fields(model))
    lists = {field.encode_name for field in msgspec.structs.fields(model) if _is_list(field.type)}

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            caching.asked_for(frozenset(fields))
            if may_be_empty and not request.query_string:
                return await handler(*args, query=model(), **kwargs)
            given = {name: request.args.getlist(name) if name in lists else request.args[name] for name in request.args}
            query = bodies.checked(given, model, strict=False)
            # msgspec reads the text "null" as None; a query leaves out what it does not ask for.
            if nulls := [name for name in given if name in fields and getattr(query, fields[name]) is None]:
                raise Invalid(dict.fromkeys(nulls, _("cannot be null; leave it out")))
            return await handler(*args, query=query, **kwargs)

        return document_querystring(model)(wrapper)

    return decorate


def _is_list(kind: Any) -> bool:
    """Whether a query field may be given more than once."""
    while hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    return get_origin(kind) is list


def changed_fields(data: msgspec.Struct) -> dict[str, Any]:
    """The fields of a PATCH that were sent; msgspec.UNSET marks the others. Raises Invalid when there are none."""
    fields = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}
    if not fields:
        raise Invalid({"": _("send at least one field to change")})
    return fields


Opaque = Annotated[str, as_it_is("a cursor is looked at by `cursor`")]


class Paging(msgspec.Struct):
    """Which part of a list: at most `limit` items, those older than `before` or newer than `after`."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    before: Opaque | None = None
    after: Opaque | None = None


def cursor(query: Paging) -> Cursor:
    """The cursor that a query asks for. Raises Invalid for a made-up one, or for both ways at once."""
    if query.before is not None and query.after is not None:
        raise Invalid({"after": _("cannot be combined with before")})
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
        raise Invalid({name: _("is not a cursor of this list")}) from error
    number = int(plain[1:]) if plain.startswith("c") and plain[1:].isdecimal() and len(plain) <= 20 else LARGEST + 1
    if number > LARGEST or encoded(number) != text:
        raise Invalid({name: _("is not a cursor of this list")})
    return number
