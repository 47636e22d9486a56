"""What an operation's decorators say of it, in OpenAPI's words: who may, how often, how it is refused."""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

from werkzeug.routing.rules import Rule

from pottle.http.asking import ANYONE
from pottle.http.problems import PROBLEM, TITLES, slug

Function = Callable[..., Any]

SCHEMA = "#/components/schemas/{}"
WHY = {
    400: "The request cannot be read.",
    401: "Sign in first, or sign in again.",
    403: "It is there, but not for you to do.",
    404: "It is not there, or not for you to see.",
    409: "It contradicts what is there already.",
    412: "It has been changed since the version that `If-Match` names.",
    413: "The body is too large.",
    415: "The body is not of the media type that is asked for.",
    422: "A value breaks a rule; `errors` says which.",
    429: "Too many requests; `Retry-After` says when to try again.",
    503: "Try again in a moment: too many writes are waiting, or the server is about to end.",
    507: "The disk is full. Nothing was changed.",
}
DETAILS = {
    404: "There is no such post.",
    412: "It has been changed meanwhile: its version is now 3.",
    422: "body must have at most 10000 characters",
    429: "Too many requests. Try again in 12 s.",
}
UNSPECIFIED = {
    "description": "Any other refusal.",
    "content": {PROBLEM: {"schema": {"$ref": SCHEMA.format("Problem")}}},
}


def _text(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}, "example": example}


HEADERS = {
    "ETag": _text("Version and hash of the answer, for `If-Match` and `If-None-Match`.", '"3-9a0b1c2d3e4f5a6b"'),
    "Link": _text("The neighbouring pages (RFC 8288).", '</api/groups?before=YzE3>; rel="next"'),
    "Location": _text("Path of what was made, if it has one of its own.", "/api/posts/17"),
    "RateLimit": _text("What is left of a limit (IETF draft).", '"posting";r=19;t=3'),
    "RateLimit-Policy": _text("The limit itself.", '"posting";q=20;w=60'),
    "Retry-After": _text("Seconds until it is worth trying again.", "12"),
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": "The same key again within 24 hours gets the same answer again, and nothing is made twice.",
    "example": "0b0f4b5e-7d3c-4c41-9a4e-6f0f6f1f2a3b",
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "ETag of the version that is to be changed. Another one answers 412 and changes nothing.",
    "example": '"3-9a0b1c2d3e4f5a6b"',
}


def components() -> dict[str, dict[str, Any]]:
    """What operations refer to: headers, parameters and refusals."""
    return {
        "headers": HEADERS,
        "parameters": {"Idempotency-Key": IDEMPOTENCY_KEY, "If-Match": IF_MATCH},
        "responses": {slug(status): _refusal(status) for status in WHY},
    }


def _refusal(status: int) -> dict[str, Any]:
    example = {"type": f"urn:pottle:{slug(status)}", "title": TITLES[status], "status": status}
    if status in DETAILS:
        example["detail"] = DETAILS[status]
    schema = {"$ref": SCHEMA.format("Problem")}
    said: dict[str, Any] = {"description": WHY[status], "content": {PROBLEM: {"schema": schema, "example": example}}}
    if status in (429, 503):
        said["headers"] = _headers("Retry-After")
    return said


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def completed(operation: dict[str, Any], rule: Rule, method: str, function: Function) -> dict[str, Any]:
    """quart-schema's `operation` of a route, with all that the decorators of its handler say."""
    known = {
        "tags": [rule.endpoint.split(".")[0]],
        "operationId": rule.endpoint.replace(".", "_"),
        "description": _description(operation.get("description", "").strip(), function),
        "parameters": [*operation["parameters"], *_header_parameters(function)],
        "responses": _responses(operation, method, function),
    }
    if _stance(function) != "anyone":
        known["security"] = [{getattr(function, "scheme", "bearer"): []}]
    return {**operation, **known}


def _stance(function: Function) -> str:
    return str(getattr(function, "stance", "anyone"))


def _description(written: str, function: Function) -> str:
    rate = getattr(function, "limit", None)
    often = f"At most {rate.count} times in {rate.per} s (`{rate.name}`)." if rate else ""
    said = getattr(function, "stance_says", ANYONE), getattr(function, "demand_says", "")
    return "\n\n".join(filter(None, (written, *said, often)))


def _header_parameters(function: Function) -> list[dict[str, Any]]:
    wanted = [("Idempotency-Key", hasattr(function, "idempotent")), ("If-Match", _is_conditional(function))]
    return [{"$ref": f"#/components/parameters/{name}"} for name, is_wanted in wanted if is_wanted]


def _is_conditional(function: Function) -> bool:
    """Whether the handler asks for the versions of If-Match, which so cannot be forgotten here."""
    return "wanted_versions" in unwrap(function).__code__.co_names


def _responses(operation: dict[str, Any], method: str, function: Function) -> dict[Any, Any]:
    if hasattr(function, "refusal"):  # errors of another shape, for clients of another back end
        return {**operation["responses"], "default": _in_shape(function.refusal)}
    good = {status: _with_headers(status, part, operation, function) for status, part in operation["responses"].items()}
    statuses = _statuses(operation, method, function)
    refused = {status: {"$ref": f"#/components/responses/{slug(status)}"} for status in statuses}
    return {**good, **refused, "default": UNSPECIFIED}


def _in_shape(model: Any) -> dict[str, Any]:
    schema = {"$ref": SCHEMA.format(model.__name__)}
    return {"description": "Refused.", "content": {"application/json": {"schema": schema}}}


def _with_headers(status: int, part: dict[str, Any], operation: dict[str, Any], function: Function) -> dict[str, Any]:
    names = [
        ("ETag", "content" in part),
        ("Link", any(parameter["name"] == "before" for parameter in operation["parameters"])),
        ("Location", status == 201),
        ("RateLimit", hasattr(function, "limit")),
        ("RateLimit-Policy", hasattr(function, "limit")),
    ]
    return {**part, "headers": _headers(*(name for name, is_sent in names if is_sent))}


def _statuses(operation: dict[str, Any], method: str, function: Function) -> list[int]:
    """How the operation may be refused, apart from what every request may meet."""
    places = {parameter["in"] for parameter in operation["parameters"]}
    found = {404} if "path" in places else set()
    if "query" in places:
        found |= {422}
    if _stance(function) != "anyone":
        found |= {401, 403}
    if method != "get":
        found |= {401, 403, 409, 503, 507}
    if body := operation.get("requestBody"):
        found |= {400, 413, 422, *([415] if "application/json" in body["content"] else [])}
    if _is_conditional(function):
        found |= {412}
    if hasattr(function, "limit"):
        found |= {429}
    return sorted(found or {400})
