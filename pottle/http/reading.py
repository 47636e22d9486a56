"""The OpenAPI document as people read it: what templates/docs.html needs to know of it."""

import json
import re
from typing import Any, NamedTuple

from markupsafe import Markup, escape

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
