"""`/openapi.json`, and `/docs`, where people read it (templates/docs.html)."""

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from markupsafe import Markup, escape
from quart import Blueprint, Quart, Response, current_app, request
from quart_schema import hide

from pottle.http.answers import etag, ready_made
from pottle.http.application import rendered
from pottle.http.openapi import Id, Words, document

EXTENSION = "pottle_openapi"

METHODS = ("get", "post", "put", "patch", "delete")
LARGEST = 10**17  # a number up to which nobody counts
CODE = re.compile(r"`([^`\n]+)`")


class Operation(NamedTuple):
    """One method of one path, with its references looked up."""

    method: str
    path: str
    about: dict[str, Any]
    parameters: list[dict[str, Any]]
    body: dict[str, Any] | None  # the schema of what is sent
    sends_json: bool
    answers: list[tuple[str, dict[str, Any]]]  # by status, those that are no refusals
    refusals: list[str]


class Reading:
    """A document, by its tags."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.info = document["info"]
        self.tags = document["tags"]
        self.schemas = dict(sorted(document["components"]["schemas"].items()))
        self._document = document
        self.refusals = {
            status: answer
            for operation in self.operations()
            for status, answer in self._answers(operation.about)
            if status >= "4"
        }

    def operations(self, tag: str | None = None) -> list[Operation]:
        """The operations of a tag, or all."""
        return [
            self._operation(method, path, item[method])
            for path, item in self._document["paths"].items()
            for method in METHODS
            if method in item and tag in (None, *item[method]["tags"])
        ]

    def resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        """What a reference leads to, or `part` itself."""
        if "$ref" not in part:
            return part
        _, _, room, name = part["$ref"].split("/")
        found: dict[str, Any] = self._document["components"][room][name]
        return found

    def example(self, schema: dict[str, Any]) -> str:
        """A body to begin with: what must be in it, or the first of its fields."""
        fields = self.resolved(schema).get("properties", {})
        wanted = self.resolved(schema).get("required") or list(fields)[:1]
        filled = {name: (fields[name].get("examples") or [""])[0] for name in wanted if name in fields}
        return json.dumps(filled, indent=2, ensure_ascii=False)

    def _operation(self, method: str, path: str, about: dict[str, Any]) -> Operation:
        answers = self._answers(about)
        sent: dict[str, Any] = about.get("requestBody", {}).get("content", {})
        media_type = next(iter(sent), "")
        return Operation(
            method.upper(),
            path,
            about,
            [self.resolved(parameter) for parameter in about.get("parameters", [])],
            sent[media_type].get("schema") if sent else None,
            media_type == "application/json",
            [(status, answer) for status, answer in answers if status < "4"],
            [status for status, _ in answers if status >= "4"],
        )

    def _answers(self, about: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        return sorted(
            (status, self.resolved(answer)) for status, answer in about["responses"].items() if status != "default"
        )


def coded(text: str) -> Markup:
    """A sentence as HTML, with what stands between backquotes as code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped


def prose(text: str) -> Markup:
    """A description as HTML, in paragraphs."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return Markup("").join(Markup("<p>{}</p>").format(coded(part)) for part in paragraphs if part)


def limits(schema: dict[str, Any]) -> str:
    """What a schema asks of a value, in words."""
    found = [
        _between(schema.get("minLength"), schema.get("maxLength"), "characters"),
        _between(schema.get("minItems"), schema.get("maxItems"), "items"),
        _between(schema.get("minimum"), schema.get("maximum"), ""),
        f"else {json.dumps(schema['default'])}" if "default" in schema else "",
    ]
    return ", ".join(part for part in found if part)


def _between(least: int | None, most: int | None, what: str) -> str:
    if most is not None and most >= LARGEST:
        most = None
    if least is not None and most is not None:
        return f"{least} to {most} {what}".strip()
    if most is not None:
        return f"at most {most} {what}".strip()
    return f"at least {least} {what}".strip() if least is not None else ""


blueprint = Blueprint("documentation", __name__)


class Documentation:
    """What is known of an application; its document and its page are made once."""

    def __init__(self, app: Quart, words: Words) -> None:
        self._app, self._words = app, words
        self.schemes: dict[str, dict[str, Any]] = {}  # ways to sign in beside the bearer token
        self._pages: dict[str, Markup] = {}  # by the prefix; a server has one
        self.document = lru_cache(maxsize=1)(self._make)

    def _make(self) -> bytes:
        return msgspec.json.encode(document(self._app, self._words, self.schemes), order="deterministic")

    async def page(self) -> Markup:
        """The document as HTML."""
        if request.root_path not in self._pages:
            api = Reading(msgspec.json.decode(self.document()))
            self._pages[request.root_path] = await rendered(
                "docs.html", api=api, prose=prose, coded=coded, limits=limits
            )
        return self._pages[request.root_path]


def register(app: Quart, words: Words) -> None:
    """Documents every route of `app`."""
    app.url_map.converters["id"] = Id
    app.extensions[EXTENSION] = Documentation(app, words)
    app.register_blueprint(blueprint)


def by_cookie(app: Quart, scheme: str, cookie: str) -> None:
    """Documents that the handlers of that `scheme` know who asks by that cookie."""
    app.extensions[EXTENSION].schemes[scheme] = {"type": "apiKey", "name": cookie, "in": "cookie"}


@blueprint.get("/openapi.json")
@hide
async def openapi() -> Response:
    """The OpenAPI document."""
    made = current_app.extensions[EXTENSION].document()
    return ready_made(made, "application/json", etag(made, 0))


@blueprint.get("/docs")
@hide
async def docs() -> Response:
    """The document, to read and to try."""
    page = (await current_app.extensions[EXTENSION].page()).encode()
    return ready_made(page, "text/html; charset=utf-8", etag(page, 0))
