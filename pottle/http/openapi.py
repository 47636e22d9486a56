"""The OpenAPI 3.1 document of an application, made of what the decorators of its handlers say.

`takes`, `asks` and `gives` (pottle/http/answers.py) leave it by the public decorators of quart-schema, msgspec says
what a Struct looks like, and an application says by `Words` what its names mean. quart-schema's own generator (0.25.0)
leaves dangling references where Structs are nested, and says of no body or query field that it is required.

It is written so that generators make clients from it that compile strictly (tests/clients): no `"default": null`, which
some take for "required"; every enum with its type; a union where one of two shapes is meant.
"""

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import UNSET
from quart import Quart
from quart_schema.openapi import QUART_SCHEMA_HIDDEN_ATTRIBUTE as HIDDEN
from quart_schema.validation import QUART_SCHEMA_QUERYSTRING_ATTRIBUTE as QUERY
from quart_schema.validation import QUART_SCHEMA_REQUEST_ATTRIBUTE as BODY
from quart_schema.validation import QUART_SCHEMA_RESPONSE_ATTRIBUTE as ANSWERS
from werkzeug.routing import AnyConverter, BaseConverter, Rule

from pottle.http.asking import ANYONE
from pottle.http.bodies import EACH, Tolerant
from pottle.http.problems import PROBLEM, Problem, body_of, slug
from pottle.store import db

Json = dict[str, Any]
Handler = Callable[..., Any]


class Term(NamedTuple):
    """A description in Markdown, an example, and the `format` of JSON Schema where there is one."""

    description: str
    example: Any = None
    format: str | None = None


class Words(msgspec.Struct, frozen=True):
    """What an application says of its names.

    `called` is for people, in refusals: `{"uid": "The user name"}`. `terms` explains each name of a field or parameter,
    `"uid"`, or of one Struct's field, `"Account.uid"`, which counts first. `either` names Structs of which one part of
    the fields or another is there: `{"Author": {"UserAuthor": ("uid", "name"), "GuestAuthor": ("guest",)}}`; of these
    `sometimes` names those that may be missing.
    """

    about: Json = {}
    called: Mapping[str, str] = {}
    terms: dict[str, Term] = {}
    either: dict[str, dict[str, tuple[str, ...]]] = {}
    sometimes: tuple[str, ...] = ()


class Id(BaseConverter):
    """`<id:…>`: a positive integer that a database can hold; anything else is a path that does not exist."""

    regex = r"[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        """The id."""
        return int(value)


REF = "#/components/{}/{}"
SCHEMAS = REF.format("schemas", "{name}")
PARAMETER = re.compile(r"<(?:[^<>:]*:)?(\w+)>")
# What is answered with bytes or text, and not with JSON.
PLAIN: dict[Any, tuple[str, str, Json]] = {
    bytes: ("An image.", "image/webp", {"type": "string", "format": "binary"}),
    str: ("Text.", "text/plain", {"type": "string"}),
}
WHY = {
    400: ("The request cannot be read.", None),
    401: ("Sign in first, or sign in again.", None),
    403: ("It is there, but not for you to do.", None),
    404: ("It is not there, or not for you to see.", "There is no such group."),
    409: ("It contradicts what is there already.", None),
    412: (
        "It has been changed since the version that `If-Match` names.",
        "It has been changed meanwhile: its version is now 3.",
    ),
    413: ("The body is too large.", None),
    415: ("The body is not of the media type that is asked for.", None),
    422: ("A value breaks a rule; `errors` says which.", "body must have at most 10000 characters"),
    429: ("Too many requests; `Retry-After` says when to try again.", "Too many requests. Try again in 12 s."),
    503: ("Try again in a moment: too many writes are waiting, or the server is about to end.", None),
    507: ("The disk is full. Nothing was changed.", None),
}
HEADERS = {
    "ETag": ("Version and hash of the answer, for `If-Match` and `If-None-Match`.", '"3-9a0b1c2d3e4f5a6b"'),
    "Link": ("The neighbouring pages (RFC 8288).", '</api/groups?before=YzE3>; rel="next"'),
    "Location": ("Path of what was made, if it has one of its own.", "/api/groups/blog"),
    "RateLimit": ("What is left of a limit (IETF draft).", '"posting";r=19;t=3'),
    "RateLimit-Policy": ("The limit itself.", '"posting";q=20;w=60'),
    "Retry-After": ("Seconds until it is worth trying again.", "12"),
}
PARAMETERS = {
    "Idempotency-Key": {
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        "description": "The same key again within 24 hours gets the same answer again, and nothing is made twice.",
        "example": "0b0f4b5e-7d3c-4c41-9a4e-6f0f6f1f2a3b",
    },
    "If-Match": {
        "schema": {"type": "string"},
        "description": "ETag of the version that is to be changed. Another one answers 412 and changes nothing.",
        "example": '"3-9a0b1c2d3e4f5a6b"',
    },
}


def document(app: Quart, words: Words, schemes: dict[str, Json]) -> Json:
    """The document. `schemes` are ways to sign in beside the bearer token, as OpenAPI has them, by name."""
    making, paths, tags = _Making(words), dict[str, Json](), dict[str, str]()
    for rule in app.url_map.iter_rules():
        function = app.view_functions[rule.endpoint]
        if rule.websocket or hasattr(function, HIDDEN):
            continue
        tag = rule.endpoint.split(".")[0]
        tags[tag] = (sys.modules[function.__module__].__doc__ or tag).splitlines()[0]
        path = paths.setdefault(PARAMETER.sub(r"{\1}", rule.rule), {})
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path[method.lower()] = making.operation(rule, function, method, tag)
    return {
        "openapi": "3.1.0",
        "info": {"title": "API", "version": "1", "description": "", **words.about},
        "servers": [{"url": db.settings.prefix or "/"}],
        "security": [{}, {"bearer": []}],  # without a token, or with one
        "tags": [{"name": tag, "description": said} for tag, said in sorted(tags.items())],
        "paths": paths,
        "components": {
            "schemas": making.schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}, **schemes},
            "headers": {
                name: {"description": description, "schema": {"type": "string"}, "example": example}
                for name, (description, example) in HEADERS.items()
            },
            "parameters": {
                name: {"name": name, "in": "header", "required": False, **said} for name, said in PARAMETERS.items()
            },
            "responses": {slug(status): _refusal(status, *said) for status, said in WHY.items()},
        },
    }


def _refusal(status: int, why: str, detail: str | None) -> Json:
    example = body_of(status, detail or "")
    content = {"schema": _to("schemas", "Problem"), "example": example}
    headers = {"headers": _headers("Retry-After")} if status in (429, 503) else {}
    return {"description": why, "content": {PROBLEM: content}, **headers}


class _Making:
    """The document's operations, and the schemas that they refer to."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.schemas: dict[str, Json] = {}
        self._said: dict[str, str] = {}  # what each of them was before anything was explained
        self._schema(Problem)

    def operation(self, rule: Rule, function: Handler, method: str, tag: str) -> Json:
        """One method of one route."""
        summary, _, more = (inspect.getdoc(function) or "").partition("\n")
        rate, stance = getattr(function, "limit", None), getattr(function, "stance", "anyone")
        said = (
            more.strip(),
            getattr(function, "stance_says", ANYONE),
            getattr(function, "demand_says", ""),
            f"At most {rate.count} times in {rate.per} s (`{rate.name}`)." if rate else "",
        )
        in_path = [self._in_path(name, converter) for name, converter in rule._converters.items()]
        in_query = [*self._in_query(getattr(function, QUERY))] if hasattr(function, QUERY) else []
        takes_versions = "wanted_versions" in inspect.unwrap(function).__code__.co_names
        headers = {"Idempotency-Key": hasattr(function, "idempotent"), "If-Match": takes_versions}
        operation = {
            "tags": [tag],
            "operationId": rule.endpoint.replace(".", "_"),
            "summary": summary,
            "description": "\n\n".join(filter(None, said)),
            "parameters": [*in_path, *in_query, *(_to("parameters", name) for name, taken in headers.items() if taken)],
            "responses": self._answers(function, in_query),
        }
        refused = set[int]()
        if in_path:
            refused |= {404}
        if in_query:
            refused |= {422}
        if stance != "anyone":
            refused |= {401, 403}
            operation["security"] = [{getattr(function, "scheme", "bearer"): []}]
        if method != "GET":
            refused |= {401, 403, 409, 503, 507}
        if hasattr(function, BODY):
            model = getattr(function, BODY)[0]
            operation["requestBody"] = {
                "required": True,
                "content": self._body(model),
            }
            refused |= {400, 413, 422} if model is bytes else {400, 413, 415, 422}
        if takes_versions:
            refused |= {412}
        if rate:
            refused |= {429}
        if hasattr(function, "refusal"):  # errors of another shape, for clients of another back end
            content = {"application/json": {"schema": self._schema(function.refusal)}}
            operation["responses"]["default"] = {"description": "Refused.", "content": content}
        else:
            operation["responses"] |= {str(status): _to("responses", slug(status)) for status in refused or {400}}
            content = {PROBLEM: {"schema": _to("schemas", "Problem")}}
            operation["responses"]["default"] = {"description": "Any other refusal.", "content": content}
        return operation

    def _in_path(self, name: str, converter: BaseConverter) -> Json:
        schema: Json = {"type": "string"}
        if isinstance(converter, Id):
            schema = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
        elif isinstance(converter, AnyConverter):
            schema["enum"] = sorted(converter.items)
        return self._parameter("path", name, schema, True, "path")

    def _in_query(self, model: Any) -> Iterator[Json]:
        _, components = msgspec.json.schema_components([model], ref_template=SCHEMAS)
        fields = components.pop(model.__name__)
        self._add(components)
        for name, schema in fields["properties"].items():
            yield self._parameter("query", name, schema, name in fields.get("required", []), model.__name__)

    def _parameter(self, where: str, name: str, schema: Json, required: bool, owner: str) -> Json:
        """A parameter. A query has no null: it is left out instead."""
        choices = [choice for choice in schema.pop("anyOf", []) if choice.get("type") != "null"]
        schema.update(choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})
        self._explain(schema, owner, name)
        description = {"description": schema.pop("description")} if "description" in schema else {}
        return {"name": name, "in": where, "required": required, "schema": schema, **description}

    def _body(self, model: Any) -> Json:
        if model is bytes:
            return {"application/octet-stream": {"schema": PLAIN[bytes][2]}}
        return {"application/json": {"schema": self._object(model)}}

    def _object(self, model: Any) -> Json:
        reference = self._schema(model)
        for meta in (
            meta for field in msgspec.structs.fields(model) for meta in getattr(field.type, "__metadata__", ())
        ):
            if each := (meta.extra or {}).get(EACH):
                self._object(each)
        schema = self.schemas[model.__name__]
        if not issubclass(model, Tolerant):
            schema["additionalProperties"] = False  # takes() refuses unknown fields, msgspec alone would not
            if all(field.default is UNSET for field in msgspec.structs.fields(model)):
                schema["minProperties"] = 1  # a PATCH that changes nothing
        for part in schema["properties"].values():  # generators read `default` as "required": it is said in words alone
            default = part.pop("default", None)
            if default not in (None, []):
                part["description"] = f"{part.get('description', '')} `{default}` if it is left out.".strip()
        return reference

    def _answers(self, function: Handler, in_query: list[Json]) -> Json:
        limited = hasattr(function, "limit")
        is_list = any(parameter["name"] == "before" for parameter in in_query)
        answers = {}
        for status, (model, _) in getattr(function, ANSWERS, {}).items():
            answers[str(status)] = answer = self._answer(model)
            if not hasattr(function, "refusal"):
                sent = {"ETag": "content" in answer, "Link": is_list, "Location": status == 201}
                sent |= {"RateLimit": limited, "RateLimit-Policy": limited}
                answer["headers"] = _headers(*(name for name, is_sent in sent.items() if is_sent))
        return answers

    def _answer(self, model: Any) -> Json:
        if model is None:
            return {"description": "Done; there is no body."}
        if model in PLAIN:
            description, kind, schema = PLAIN[model]
            return {"description": description, "content": {kind: {"schema": schema}}}
        described = get_args(model)[0] if get_origin(model) is list else model
        content = {"application/json": {"schema": self._schema(model)}}
        return {"description": inspect.getdoc(described) or "", "content": content}

    def _schema(self, model: Any) -> Json:
        """The schema of a type, or a reference to it."""
        (schema,), components = msgspec.json.schema_components([model], ref_template=SCHEMAS)
        self._add(components)
        return schema

    def _add(self, components: dict[str, Json]) -> None:
        for name, schema in components.items():
            said = json.dumps(schema)
            if self._said.setdefault(name, said) != said:
                raise ValueError(f"Two structs are called {name}: give one of them another name.")
            if name in self.schemas:
                continue
            for field, part in schema.get("properties", {}).items():
                self._explain(part, name, field)
            self.schemas[name] = schema
            if name in self._words.either:
                self._split(name, schema)

    def _explain(self, part: Json, owner: str, name: str) -> None:
        """Says what a field means, and says it so that generators understand."""
        if part.get("default", ...) is None:
            del part["default"]
        for choice in part.get("anyOf", [part.get("items", part)]):
            if "enum" in choice:
                choice.setdefault("type", "string")
            if "pattern" in choice:
                choice["pattern"] = choice["pattern"].removesuffix(r"(?!\n)")
        term = self._words.terms.get(f"{owner}.{name}") or self._words.terms.get(name)
        if term is None or "$ref" in part:  # a reference brings its own description; some readers allow no other
            return
        part.setdefault("description", term.description)
        if term.example is not None:
            part.setdefault("examples", [term.example])
        for choice in part.get("anyOf", [part]) if term.format else ():
            if choice.get("type") == "string":
                choice["format"] = term.format

    def _split(self, name: str, schema: Json) -> None:
        """Makes of a Struct of which one part of the fields or another is there the union of these."""
        for part, fields in self._words.either[name].items():
            properties = {field: schema["properties"][field] for field in fields}
            required = [field for field in fields if field not in self._words.sometimes]
            self.schemas[part] = {**schema, "title": part, "properties": properties, "required": required}
        union = [_to("schemas", part) for part in self._words.either[name]]
        self.schemas[name] = {"title": name, "description": schema["description"], "oneOf": union}


def _to(room: str, name: str) -> Json:
    return {"$ref": REF.format(room, name)}


def _headers(*names: str) -> Json:
    return {name: _to("headers", name) for name in names}
