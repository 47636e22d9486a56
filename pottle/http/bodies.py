"""Request bodies: limited in size while they arrive, and validated field by field."""

import json
import re
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from functools import cache, cached_property
from math import isfinite
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec
from msgspec.structs import FieldInfo
from quart import Request, request
from quart.wrappers.request import Body
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from pottle.errors import Invalid
from pottle.store import db
from pottle.translation import _
from pottle.values import Unfit, fit, tidier

Model = TypeVar("Model", bound=msgspec.Struct)

EXACT = 2**53  # up to which a float is every integer
EACH = "each"  # in Meta.extra: what each item of a list is
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 50  # of a form
DRAIN = 1024 * 1024  # bytes; a client still sending when it is refused would see a reset instead of the answer
# Paths of an application that take more, with * for a number: how many times POTTLE_UPLOAD_BYTES each may have.
UPLOADS: dict[str, float] = {}
NUMBER = re.compile(r"(?<=/)[0-9]+(?=/)")


class Tolerant(msgspec.Struct):
    """A body or query that may have more fields than are known, which count for nothing: existing pages send such."""


class BoundedBody:
    """A request's body as Quart has it (`Request.body_class`), of which at most `limit` bytes are kept in memory.

    More is read for a while before it is refused, for a client can only read an answer once it has sent all: Quart 0.22
    answers an announced excess without reading it, and 0.23.1 buffers a chunked one whole.
    """

    def __init__(self, expected: int | None, limit: int | None) -> None:
        self._body = Body(None, None)
        self._limit = limit or 0
        self._received = 0
        self.clear = self._body.clear
        self.is_whole = False
        if expected is not None and expected > self._limit + DRAIN:
            self.set_complete()
            self._received = expected

    def append(self, data: bytes) -> None:
        """Another piece has come."""
        self._received += len(data)
        if self._received <= self._limit:
            self._body.append(data)
        elif self._received > self._limit + DRAIN:
            self.set_complete()

    def set_complete(self) -> None:
        """Nothing more comes, or is waited for."""
        self.is_whole = True
        self._body.set_complete()

    def set_result(self, data: bytes) -> None:
        """All of it has come."""
        self.append(data)
        self.set_complete()

    def __await__(self) -> Generator[Any, None, bytes]:
        data: bytes = yield from self._body.__await__()
        self._refuse_excess()
        return data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            yield piece
        self._refuse_excess()

    def _refuse_excess(self) -> None:
        if self._received > self._limit:
            raise _too_large(self._limit)


def _too_large(most: int) -> RequestEntityTooLarge:
    return RequestEntityTooLarge(_("The body may have at most %(most)s bytes.", most=most))


class BoundedRequest(Request):
    """A request whose body is bounded by what its path is for."""

    body_class = BoundedBody  # type: ignore[assignment]  # its types want a subclass

    def __init__(
        self, method: str, scheme: str, path: str, *args: Any, whole: bytes | None = None, **kwargs: Any
    ) -> None:
        settings = db.settings
        if whole is not None:  # all of it has come; else werkzeug looks for two headers
            self.content_length = len(whole)
        share = UPLOADS.get(NUMBER.sub("*", path)) if method in ("POST", "PUT") else None
        limit = settings.body_bytes if share is None else int(settings.upload_bytes * share)
        super().__init__(method, scheme, path, *args, **{**kwargs, "max_content_length": limit})
        if whole is not None:
            self.body.set_result(whole)

    @cached_property
    def blueprints(self) -> list[str]:
        """Quart's, which it asks three times and finds anew each time."""
        return super().blueprints


async def raw() -> bytes:
    """The request's body. Raises 413."""
    body = cast(BoundedBody, request.body)
    if body.is_whole:
        return await body
    return cast(bytes, await request.get_data())  # makes a task, to time what comes


def pieces() -> AsyncIterator[bytes]:
    """The request's body as it comes. Raises 413 where it is too large, at its end."""
    return aiter(cast(BoundedBody, request.body))


async def parsed(model: type[Model], *others: type[Model]) -> Model:
    """The request's JSON as `model`, or as one of the `others` where it has the first field of that.

    Raises 400, 413 or 415; Invalid with every invalid or unknown field.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType(_("Send JSON, as Content-Type: application/json."))
    body = await raw()
    try:
        value = decoder.decode(body)
        chosen = next((other for other in others if _is_meant(other, value)), model)
        if others and chosen is model:
            _must_be_small(body)
        return checked(value, chosen)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _must_be_small(body if others else b"")
        raise BadRequest(
            _half_character(body) or _("The body is not JSON in UTF-8: %(error)s", error=str(error))
        ) from error


async def form() -> dict[str, str]:
    """The fields of an HTML form; an empty one is not there. Raises 400, 413 or 415."""
    if request.mimetype != FORM:
        raise UnsupportedMediaType(_("Send a form."))
    try:
        sent = parse_qsl((await raw()).decode(), max_num_fields=MOST_FIELDS)
    except ValueError as error:  # no UTF-8, or too many
        raise BadRequest(_("The form cannot be read.")) from error
    return {name: value.replace("\r\n", "\n") for name, value in sent}


def _must_be_small(body: bytes) -> None:
    """Raises 413 for more than a body may have that brings one thing, where others may bring many."""
    if len(body) > db.settings.body_bytes:
        raise _too_large(db.settings.body_bytes)


def _is_meant(model: type[msgspec.Struct], value: Any) -> bool:
    return isinstance(value, dict) and msgspec.structs.fields(model)[0].encode_name in value


def _number(text: str) -> int | float:
    """A number with a point or an exponent. JSON has no integers of its own: some programs write 1 as 1.0."""
    number = float(text)
    if not isfinite(number):
        raise msgspec.DecodeError("a number is out of range")
    return int(number) if number.is_integer() and abs(number) <= EXACT else number


decoder = msgspec.json.Decoder(float_hook=_number)


def _half_character(body: bytes) -> str:
    """What to say of JSON with half of a surrogate pair in it, which msgspec takes for the end of the text."""
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])[1:-1]
        return _(
            "A text has %(half)s, which is half of a character: its other half (of a surrogate pair) is missing.",
            half=half,
        )
    except (ValueError, RecursionError):
        pass
    return ""


def one_by_one(model: type[msgspec.Struct], most: int) -> msgspec.Meta:
    """For a list whose items the handler checks itself, each as `model`: one that is wrong does not refuse them all."""
    items = {"items": {"$ref": f"#/components/schemas/{model.__name__}"}}
    return msgspec.Meta(min_length=1, max_length=most, extra={EACH: model}, extra_json_schema=items)


def checked(value: Any, model: type[Model], strict: bool = True) -> Model:
    """`value` (decoded JSON, or strings if not `strict`) as `model`; raises Invalid with all that is wrong."""
    if not isinstance(value, dict):
        raise Invalid({"": _("must be a JSON object")})
    fields, tidiers = _known(model)
    with suppress(ValueError):  # msgspec.ValidationError is one
        value = {**value, **{name: tidy(value[name]) for name, tidy in tidiers.items() if name in value}}
        good = msgspec.convert(value, model, strict=strict)
        known = issubclass(model, Tolerant) or value.keys() <= fields.keys()
        if known and not any(_has_nul(value[name]) for name in fields if name in value):
            return good
    raise Invalid(dict(_wrong_fields(value, model, strict)))


@cache
def _known(model: type[msgspec.Struct]) -> tuple[dict[str, FieldInfo], dict[str, Callable[[Any], Any]]]:
    """The fields of a model, and what makes those tidy that hold one line of text."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
    return fields, {name: tidy for name, field in fields.items() if (tidy := tidier(field.type))}


def _wrong_fields(value: dict[str, Any], model: type[Model], strict: bool) -> Iterator[tuple[str, str]]:
    """What msgspec does not tell: every field that is wrong, not only the first."""
    fields, _tidiers = _known(model)
    for name in () if issubclass(model, Tolerant) else value.keys() - fields.keys():
        yield name[:100].replace("\x00", "\ufffd"), _("is not a field here")
    for name, field in fields.items():
        if name not in value:
            if field.required:
                yield name, _("is required")
            continue
        try:
            fit(value[name], field.type, strict)
        except Unfit as unfit:
            yield name, unfit.phrase
        else:
            if _has_nul(value[name]):
                yield name, _("must not have the character NUL")


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, list):
        return any(map(_has_nul, value))
    if isinstance(value, dict):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    return False
