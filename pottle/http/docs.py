"""`/openapi.json`, and `/docs`, where people read it (templates/docs.html)."""

import json
import re
from functools import cached_property

import msgspec
from markupsafe import Markup, escape
from quart import Blueprint, Quart, Response, current_app, request
from quart_schema import hide

from pottle.http.answers import etag, ready_made
from pottle.http.application import rendered_alone
from pottle.http.openapi import Id, Json, Words, document

EXTENSION = "pottle_openapi"

METHODS = ("get", "post", "put", "patch", "delete")
LARGEST = 10**17  # a number up to which nobody counts
BOUNDS = (("minLength", "maxLength", " characters"), ("minItems", "maxItems", " items"), ("minimum", "maximum", ""))
CODE = re.compile(r"`([^`\n]+)`")


def reading(made: Json) -> Json:
    """A document as templates/docs.html shows it: its operations, with their references looked up."""

    def resolved(part: Json) -> Json:
        if "$ref" not in part:
            return part
        _, _, room, name = part["$ref"].split("/")
        return dict(made["components"][room][name])

    def operation(method: str, path: str, about: Json) -> Json:
        answers = {status: resolved(answer) for status, answer in sorted(about["responses"].items())}
        content: Json = about.get("requestBody", {}).get("content", {})
        schema: Json | None = next((one["schema"] for one in content.values()), None)
        return {
            "method": method.upper(),
            "path": path,
            "about": about,
            "parameters": [resolved(parameter) for parameter in about["parameters"]],
            "body": schema,
            "schema": resolved(schema or {}),
            "sends_json": "application/json" in content,
            "answers": {status: answer for status, answer in answers.items() if status < "4"},
            "refusals": {status: answer for status, answer in answers.items() if "4" <= status != "default"},
        }

    paths = made["paths"].items()
    found = [operation(method, path, item[method]) for path, item in paths for method in METHODS if method in item]
    refusals = {status: answer for one in found for status, answer in one["refusals"].items()}
    schemas = dict(sorted(made["components"]["schemas"].items()))
    return {"info": made["info"], "tags": made["tags"], "operations": found, "refusals": refusals, "schemas": schemas}


def example(schema: Json) -> str:
    """A body to begin with: what must be in it, or the first of its fields."""
    fields = schema.get("properties", {})
    wanted = schema.get("required") or list(fields)[:1]
    filled = {name: (fields[name].get("examples") or [""])[0] for name in wanted if name in fields}
    return json.dumps(filled, indent=2, ensure_ascii=False)


def coded(text: str) -> Markup:
    """A sentence as HTML, with what stands between backquotes as code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped


def prose(text: str) -> Markup:
    """A description as HTML, in paragraphs."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return Markup("").join(Markup("<p>{}</p>").format(coded(part)) for part in paragraphs if part)


def limits(schema: Json) -> str:
    """What a schema asks of a value, in words."""
    found = []
    for lower, upper, what in BOUNDS:
        least, most = schema.get(lower), schema.get(upper)
        if most is not None and most < LARGEST:
            found.append(f"at most {most}{what}" if least is None else f"{least} to {most}{what}")
        elif least is not None:
            found.append(f"at least {least}{what}")
    if "default" in schema:
        found.append(f"else {json.dumps(schema['default'])}")
    return ", ".join(found)


class Documentation:
    """What is known of an application; its document and its page are made once."""

    def __init__(self, app: Quart, words: Words) -> None:
        self._app, self._words = app, words
        self.schemes: Json = {}  # ways to sign in beside the bearer token
        self._pages: dict[str, Markup] = {}  # by the prefix; a server has one

    @cached_property
    def document(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(document(self._app, self._words, self.schemes), order="deterministic")

    def page(self) -> Markup:
        """As HTML."""
        if request.root_path not in self._pages:
            api, helpers = reading(msgspec.json.decode(self.document)), (prose, coded, limits, example)
            known = {helper.__name__: helper for helper in helpers}
            self._pages[request.root_path] = rendered_alone("docs.html", root=request.root_path, api=api, **known)
        return self._pages[request.root_path]


blueprint = Blueprint("documentation", __name__)


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
    made = current_app.extensions[EXTENSION].document
    return ready_made(made, "application/json", etag(made, 0))


@blueprint.get("/docs")
@hide
async def docs() -> Response:
    """The document, to read and to try."""
    page = current_app.extensions[EXTENSION].page().encode()
    return ready_made(page, "text/html; charset=utf-8", etag(page, 0))
