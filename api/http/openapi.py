"""The OpenAPI 3.1 document, by quart-schema; its faults (0.25.0) are worked around here and nowhere else.

Nested Structs left dangling references, `list[Struct]` became the bare object, request bodies and query fields were
never required, tags came in another order in each process, and the document was built anew for every reader.
"""

import inspect
import re
from collections.abc import Callable
from functools import cached_property
from typing import Any, get_args, get_origin

import msgspec
from quart import Blueprint, Quart, Response, current_app, render_template
from quart_schema import OpenAPIProvider, QuartSchema, hide
from quart_schema.openapi import APIKeySecurityScheme
from quart_schema.validation import DataSource
from werkzeug.routing.converters import BaseConverter
from werkzeug.routing.rules import Rule

from api.http.answers import etag, ready_made
from api.http.bodies import Tolerant
from api.http.problems import PROBLEM, Problem
from model.avatar import MEDIA_TYPE
from model.store import db

REF = "#/components/schemas/{name}"
SECURITY = {"bearer": {"type": "http", "scheme": "bearer"}}
ABOUT = {
    "title": "Pottle",
    "version": "1",
    "description": "Accounts, discussions and live updates. The websocket at `/api/live` is described in the README.",
}


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
        for refusal in {id(model): model for model in map(_refusal, self._app.view_functions.values())}.values():
            document["components"]["schemas"].update(_components(refusal)[1])
        document["paths"] = dict(document["paths"])
        document["servers"] = [{"url": db.settings.prefix or "/"}]
        plain: dict[str, Any] = _in_plain_types(document)
        return plain

    def build_paths(self, rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
        paths, components = super().build_paths(rule)
        function = self._app.view_functions[rule.endpoint]
        (operations,) = paths.values()
        completed = {method: self._completed(operation, rule, function) for method, operation in operations.items()}
        return {PARAMETER.sub(r"{\1}", rule.rule): completed}, components

    def _completed(self, operation: dict[str, Any], rule: Rule, function: Callable[..., Any]) -> dict[str, Any]:
        operation = {**operation, "tags": [rule.endpoint.split(".")[0]]}
        operation["operationId"] = rule.endpoint.replace(".", "_")
        operation["description"] = operation.get("description", "").strip()
        if getattr(function, "stance", "anyone") != "anyone":
            operation["security"] = [{getattr(function, "scheme", "bearer"): []}]
        if hasattr(function, "idempotent"):
            operation["parameters"] = [*operation["parameters"], IDEMPOTENCY_KEY]
        operation["responses"] = {**operation["responses"], "default": _refused(_refusal(function))}
        return operation

    def build_path_parameter(self, name: str, converter: BaseConverter) -> dict[str, Any]:
        parameter = super().build_path_parameter(name, converter)
        if isinstance(converter, Id):
            parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
        return parameter

    def build_querystring_parameters(self, model: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        _, components = _components(model)
        fields = components.pop(model.__name__)
        required = fields.get("required", [])
        parameters = [
            {"name": name, "in": "query", "schema": part, "required": name in required}
            for name, part in fields["properties"].items()
        ]
        return parameters, components

    def build_request_body(self, model: Any, source: DataSource) -> tuple[dict[str, Any], dict[str, Any]]:
        if model is bytes:
            return {"required": True, "content": {"image/*": BINARY}}, {}
        schema, components = _components(model)
        asked = components[model.__name__]
        if not issubclass(model, Tolerant):
            asked["additionalProperties"] = False  # takes() refuses unknown fields, msgspec alone would not
            if not asked.get("required"):
                asked["minProperties"] = 1  # a PATCH that changes nothing
        return {"required": True, "content": {"application/json": {"schema": schema}}}, components

    def build_response_object(self, model: Any, headers_model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if model is None:
            return {"description": "Done; there is no body."}, {}
        if model is bytes:
            return {"description": "An image.", "content": {MEDIA_TYPE: BINARY}}, {}
        if model is str:
            return {"description": "Text.", "content": {"text/plain": {"schema": {"type": "string"}}}}, {}
        schema, components = _components(model)
        described = get_args(model)[0] if get_origin(model) is list else model
        description = inspect.getdoc(described) or ""
        return {"description": description, "content": {"application/json": {"schema": schema}}}, components


# quart-schema 0.25's own takes `<slug>/invitations/<id:invitation_id>` for one parameter.
PARAMETER = re.compile(r"<(?:[^<>:]*:)?(\w+)>")
BINARY: dict[str, Any] = {"schema": {}}  # OpenAPI 3.1: bytes, as their media type says
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": "The same key again within 24 hours gets the same answer again.",
}


def _refusal(function: Callable[..., Any]) -> Any:
    """The shape of a handler's errors."""
    return getattr(function, "refusal", Problem)


def _refused(model: Any) -> dict[str, Any]:
    media_type, named = (PROBLEM, "Refused (RFC 9457).") if model is Problem else ("application/json", "Refused.")
    return {"description": named, "content": {media_type: {"schema": {"$ref": REF.format(name=model.__name__)}}}}


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
async def docs() -> str:
    """The document, to read and to try."""
    return await render_template("docs.html")
