"""The OpenAPI 3.1 document, by quart-schema; its faults (0.25.0) are worked around here and nowhere else.

Nested Structs left dangling references, `list[Struct]` became the bare object, request bodies and query fields were
never required, tags came in another order in each process, and the document was built anew for every reader.

It is written so that generators make clients from it that compile strictly (tests/clients): no `"default": null`, which
some take for "required"; every enum with its type; a union where one of two shapes is meant.
"""

import inspect
import re
import sys
from functools import cached_property
from typing import Any, get_args, get_origin

import msgspec
from markupsafe import Markup
from msgspec import UNSET
from quart import Blueprint, Quart, Response, current_app, request
from quart_schema import OpenAPIProvider, QuartSchema, hide
from quart_schema.openapi import APIKeySecurityScheme
from quart_schema.validation import DataSource
from werkzeug.routing.converters import BaseConverter
from werkzeug.routing.rules import Rule

from pottle.http import operations, reading
from pottle.http.answers import etag, ready_made
from pottle.http.bodies import Tolerant
from pottle.http.memo import Memo
from pottle.http.problems import Problem
from pottle.http.rendering import rendered
from pottle.http.terms import explain
from pottle.store import db

REF = "#/components/schemas/{name}"
SECURITY = {"bearer": {"type": "http", "scheme": "bearer"}}
WHOEVER_ASKS: list[dict[str, list[str]]] = [{}, {"bearer": []}]  # without a token, or with one
ABOUT = {
    "title": "Pottle",
    "version": "1",
    "description": "Accounts, discussions and live updates. The websocket at `/api/live` is described in the README.",
    "license": {"name": "MIT", "identifier": "MIT"},
    "contact": {"name": "Whoever runs this server"},
}
# Structs of which one part of the fields or the other is there: the name and the fields of each part.
EITHER = {"Author": {"UserAuthor": ("uid", "name", "avatar", "badge"), "GuestAuthor": ("guest",)}}
AT_TIMES = ("badge",)  # of these the ones that are there only at times


class Id(BaseConverter):
    """`<id:…>`: a positive integer that a database can hold; anything else is a path that does not exist."""

    regex = r"[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        """The id."""
        return int(value)


class Provider(OpenAPIProvider):
    """quart-schema's provider, mended."""

    @cached_property
    def document(self) -> bytes:
        """The document, made once."""
        return msgspec.json.encode(self.schema(), order="deterministic")

    def schema(self) -> dict[str, Any]:
        document = super().schema()
        schemas: dict[str, Any] = document["components"]["schemas"]
        for model in [
            Problem,
            *(getattr(function, "refusal", Problem) for function in self._app.view_functions.values()),
        ]:
            schemas.update(_components(model)[1])
        for name, schema in list(schemas.items()):
            _improve(name, schema)
            schemas.update(_as_either(name, schema))
        document["components"].update(operations.components())
        document["paths"] = dict(document["paths"])
        document["security"] = WHOEVER_ASKS
        document["servers"] = [{"url": db.settings.prefix or "/"}]
        document["tags"] = self._tags()
        plain: dict[str, Any] = _in_plain_types(document)
        return plain

    def _tags(self) -> list[dict[str, str]]:
        """A tag for each file of api/, described by the first line of its docstring."""
        modules = {
            rule.endpoint.split(".")[0]: self._app.view_functions[rule.endpoint] for rule in self.generate_rules()
        }
        return [
            {"name": tag, "description": (sys.modules[function.__module__].__doc__ or tag).splitlines()[0]}
            for tag, function in sorted(modules.items())
        ]

    def build_paths(self, rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
        paths, components = super().build_paths(rule)
        function = self._app.view_functions[rule.endpoint]
        (described,) = paths.values()
        completed = {
            method: operations.completed(operation, rule, method, function) for method, operation in described.items()
        }
        return {PARAMETER.sub(r"{\1}", rule.rule): completed}, components

    def build_path_parameter(self, name: str, converter: BaseConverter) -> dict[str, Any]:
        parameter = super().build_path_parameter(name, converter)
        if isinstance(converter, Id):
            parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
        return _explained(parameter, "path")

    def build_querystring_parameters(self, model: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        _, components = _components(model)
        fields = components.pop(model.__name__)
        required = fields.get("required", [])
        parameters = [
            _explained({"name": name, "in": "query", "schema": part, "required": name in required}, model.__name__)
            for name, part in fields["properties"].items()
        ]
        return parameters, components

    def build_request_body(self, model: Any, source: DataSource) -> tuple[dict[str, Any], dict[str, Any]]:
        if model is bytes:
            return {"required": True, "content": {ANY_BYTES: BINARY}}, {}
        schema, components = _components(model)
        asked = components[model.__name__]
        if not issubclass(model, Tolerant):
            asked["additionalProperties"] = False  # takes() refuses unknown fields, msgspec alone would not
            if all(field.default is UNSET for field in msgspec.structs.fields(model)):
                asked["minProperties"] = 1  # a PATCH that changes nothing
        _improve(model.__name__, asked)
        for part in asked["properties"].values():
            _say_default(part)
        return {"required": True, "content": {"application/json": {"schema": schema}}}, components

    def build_response_object(self, model: Any, headers_model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if model is None:
            return {"description": "Done; there is no body."}, {}
        if model is bytes:
            return {"description": "An image.", "content": {"image/webp": BINARY}}, {}
        if model is str:
            return {"description": "Text.", "content": {"text/plain": {"schema": {"type": "string"}}}}, {}
        schema, components = _components(model)
        described = get_args(model)[0] if get_origin(model) is list else model
        description = inspect.getdoc(described) or ""
        return {"description": description, "content": {"application/json": {"schema": schema}}}, components


# quart-schema 0.25's own takes `<slug>/invitations/<id:invitation_id>` for one parameter.
PARAMETER = re.compile(r"<(?:[^<>:]*:)?(\w+)>")
BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
ANY_BYTES = "application/octet-stream"


def _improve(name: str, schema: dict[str, Any]) -> None:
    """Makes msgspec's schema of a Struct one that says what its fields mean, and that generators understand."""
    for field, part in schema.get("properties", {}).items():
        _clarify(part)
        explain(part, name, field)


def _clarify(part: dict[str, Any]) -> None:
    """Gives an enum its type; takes away `"default": null`, which generators read as "required", and what of a pattern
    only Python needs, whose `$` matches before a last newline too."""
    if part.get("default", ...) is None:
        del part["default"]
    for choice in part.get("anyOf", [part.get("items", part)]):
        if "enum" in choice:
            choice.setdefault("type", "string")
        if "pattern" in choice:
            choice["pattern"] = choice["pattern"].removesuffix(r"(?!\n)")


def _say_default(part: dict[str, Any]) -> None:
    """Says the default of a field that may be left out in words alone: generators read `default` as "required"."""
    default = part.pop("default", None)
    if default not in (None, []):
        part["description"] = f"{part.get('description', '')} `{default}` if it is left out.".strip()


def _as_either(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schemas of a Struct of which one part of the fields or the other is there; none for any other Struct."""
    if name not in EITHER:
        return {}
    parts = {
        part: {
            **schema,
            "title": part,
            "properties": {field: schema["properties"][field] for field in fields},
            "required": [field for field in fields if field not in AT_TIMES],
        }
        for part, fields in EITHER[name].items()
    }
    references = [{"$ref": REF.format(name=part)} for part in parts]
    return {**parts, name: {"title": name, "description": schema["description"], "oneOf": references}}


def _explained(parameter: dict[str, Any], owner: str) -> dict[str, Any]:
    """A parameter of a path or a query, with what its name means. A query has no null: it is left out instead."""
    schema = parameter["schema"]
    _clarify(schema)
    choices = [choice for choice in schema.pop("anyOf", []) if choice.get("type") != "null"]
    schema.update(choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})
    explain(schema, owner, parameter["name"])
    description = schema.pop("description", "")
    return {**parameter, "description": description} if description else parameter


def _components(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    (schema,), components = msgspec.json.schema_components([model], ref_template=REF)
    return schema, dict(components)


def _in_plain_types(document: Any) -> Any:
    """The document as JSON has it: every key a string."""
    if isinstance(document, dict):
        return {str(key): _in_plain_types(value) for key, value in document.items()}
    if isinstance(document, list | tuple | set):
        return [_in_plain_types(value) for value in document]
    return document


blueprint = Blueprint("documentation", __name__)
_pages: Memo[Markup] = Memo(2 * 1024 * 1024)


def register(app: Quart) -> None:
    """Documents every route of `app` at /openapi.json, and shows the document at /docs."""
    app.url_map.converters["id"] = Id
    as_it_is = app.make_response
    QuartSchema(
        app,
        openapi_path=None,
        info=ABOUT,
        security_schemes=SECURITY,  # type: ignore[arg-type]
        openapi_provider_class=Provider,
        conversion_preference="msgspec",
    )
    converted = app.make_response

    async def make_response(result: Any) -> Any:
        """quart-schema looks for something to convert in ready answers too, which takes longer than all else here."""
        return await (as_it_is if isinstance(result, Response) else converted)(result)

    app.make_response = make_response  # type: ignore[method-assign]
    app.register_blueprint(blueprint)


def by_cookie(app: Quart, scheme: str, cookie: str) -> None:
    """Documents that the handlers of that `scheme` know who asks by that cookie."""
    app.extensions["QUART_SCHEMA"].security_schemes[scheme] = APIKeySecurityScheme(name=cookie, in_="cookie")


@blueprint.get("/openapi.json")
@hide
async def openapi() -> Response:
    """The OpenAPI document."""
    provider = current_app.extensions["QUART_SCHEMA"].openapi_provider
    return ready_made(provider.document, "application/json", etag(provider.document, 0))


@blueprint.get("/docs")
@hide
async def docs() -> Response:
    """The document, to read and to try; as a page it is made once, too."""
    provider = current_app.extensions["QUART_SCHEMA"].openapi_provider
    tag = etag(provider.document + request.root_path.encode(), 0)
    if (page := _pages.get(tag.encode())) is None:
        api = reading.Reading(msgspec.json.decode(provider.document))
        page = await rendered("docs.html", api=api, prose=reading.prose, coded=reading.coded, limits=reading.limits)
        _pages.put(tag.encode(), page)
    return ready_made(page.encode(), "text/html; charset=utf-8", tag)
