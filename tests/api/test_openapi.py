"""GET /openapi.json and /docs: complete, valid, and without quart-schema's faults (docs of 0.25.0)."""

import re
from typing import Any

import jsonschema
import openapi_spec_validator
import pytest
from quart import Quart

from api.http import openapi
from tests.api.conftest import LOBBY, Json, posted, refused
from tests.conftest import Person

METHODS = {"get", "post", "put", "patch", "delete"}
FOR_PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics")


@pytest.fixture
async def document(anyone: Person) -> Json:
    answer = await anyone.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    return dict(answer.json())


def operations(document: Json) -> list[tuple[str, str, Json]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*map(references, part.values()))
    if isinstance(part, list):
        return set().union(*map(references, part))
    return set()


def schema_of(document: Json, method: str, path: str, status: str = "200") -> Json:
    """A schema of an answer, with what it refers to."""
    content = document["paths"][path][method]["responses"][status]["content"]
    return {**content["application/json"]["schema"], "components": document["components"]}


def templated(rule: str) -> str:
    """A route's path as OpenAPI writes it: `/api/users/{uid}`."""
    return re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule)


async def test_it_is_valid(document: Json) -> None:
    openapi_spec_validator.validate(document)
    assert document["openapi"].startswith("3.1")


async def test_every_route_is_documented(document: Json, app: Quart) -> None:
    routes = {
        (method.lower(), templated(rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method.lower() in METHODS and not rule.websocket and rule.rule.startswith(FOR_PROGRAMS)
    }
    assert {(method, path) for method, path, _ in operations(document)} == routes


async def test_every_operation_says_what_it_does_and_answers(document: Json) -> None:
    for method, path, operation in operations(document):
        what = f"{method} {path}"
        assert operation["summary"].strip(), what
        good = [status for status in operation["responses"] if status.startswith("2")]
        assert good, f"{what} documents no answer"
        for status in good:
            assert status == "204" or operation["responses"][status]["content"], what
        problem = operation["responses"]["default"]["content"]["application/problem+json"]
        assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}, what


async def test_every_operation_has_one_id_and_one_tag(document: Json) -> None:
    """quart-schema's tags are sets, which come in another order in each process."""
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(len(operation["tags"]) == 1 for _, _, operation in operations(document))


async def test_every_reference_leads_somewhere(document: Json) -> None:
    found = references(document)
    assert "#/components/schemas/Author" in found  # nested two deep
    for reference in found:
        part: Any = document
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
        assert part


async def test_a_list_of_structs_is_an_array(document: Json) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["PostsView"]["properties"]["posts"] == {
        "type": "array",
        "items": {"$ref": "#/components/schemas/PostView"},
    }
    assert schemas["TokensView"]["properties"]["tokens"]["type"] == "array"


async def test_every_body_is_required(document: Json) -> None:
    bodies = [operation["requestBody"] for _, _, operation in operations(document) if "requestBody" in operation]
    assert len(bodies) >= 12
    assert all(body["required"] is True for body in bodies)
    assert "requestBody" in document["paths"]["/api/me/avatar"]["put"]


async def test_a_query_says_what_is_required(document: Json) -> None:
    counts = {part["name"]: part for part in document["paths"]["/api/counts"]["get"]["parameters"]}
    assert counts["group"]["required"] is True
    assert counts["key"]["required"] is True
    posts = {part["name"]: part for part in document["paths"]["/api/channels/{channel_id}/posts"]["get"]["parameters"]}
    assert posts["limit"]["required"] is False
    assert (posts["limit"]["schema"]["minimum"], posts["limit"]["schema"]["maximum"]) == (1, 100)


async def test_an_id_in_a_path_is_a_positive_integer(document: Json) -> None:
    (parameter,) = document["paths"]["/api/posts/{post_id}"]["get"]["parameters"]
    assert parameter["schema"]["type"] == "integer"
    assert parameter["schema"]["minimum"] == 1


async def test_response_headers_are_not_put_among_the_content(document: Json) -> None:
    for _, _, operation in operations(document):
        for answer in operation["responses"].values():
            assert all("/" in media_type for media_type in answer.get("content", {}))


async def test_it_says_where_one_must_sign_in(document: Json) -> None:
    (scheme,) = document["components"]["securitySchemes"]
    assert document["paths"]["/api/me"]["get"]["security"] == [{scheme: []}]
    assert "security" not in document["paths"]["/api/channels/{channel_id}/posts"]["get"]


async def test_it_says_where_a_key_makes_a_retry_safe(document: Json) -> None:
    keyed = {
        path
        for method, path, operation in operations(document)
        if any(part["name"] == "Idempotency-Key" for part in operation["parameters"])
    }
    assert keyed == {
        "/api/users",
        "/api/groups",
        "/api/groups/{slug}/channels",
        "/api/channels/{channel_id}/posts",
    }


async def test_answers_are_what_it_says(document: Json, alice: Person, bob: Person) -> None:
    made = await posted(alice)
    await posted(bob, parent=made["id"])
    await bob.put(f"/api/posts/{made['id']}/reactions/up")
    await alice.post("/api/me/tokens", {"name": "x"})
    for path, template in (
        (LOBBY, "/api/channels/{channel_id}/posts"),
        (f"/api/posts/{made['id']}", "/api/posts/{post_id}"),
        ("/api/channels/1", "/api/channels/{channel_id}"),
        ("/api/groups", "/api/groups"),
        ("/api/groups/class/channels", "/api/groups/{slug}/channels"),
        ("/api/groups/class/members", "/api/groups/{slug}/members"),
        ("/api/me", "/api/me"),
        ("/api/me/tokens", "/api/me/tokens"),
        ("/api/me/reactions?channel=1", "/api/me/reactions"),
        ("/api/users/bob", "/api/users/{uid}"),
        ("/healthz", "/healthz"),
    ):
        jsonschema.validate((await alice.get(path)).json(), schema_of(document, "get", template))


async def test_a_problem_is_what_it_says(document: Json, alice: Person) -> None:
    schema = {**document["components"]["schemas"]["Problem"], "components": document["components"]}
    for answer in (await alice.get("/api/nowhere"), await alice.post(LOBBY, {"body": 1, "x": 2})):
        jsonschema.validate(answer.json(), schema)


async def test_it_is_built_once(anyone: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[int] = []
    schema = openapi.Provider.schema

    def counted(provider: openapi.Provider) -> Json:
        built.append(1)
        return schema(provider)

    monkeypatch.setattr(openapi.Provider, "schema", counted)
    for _ in range(3):
        await anyone.get("/openapi.json")
    assert len(built) == 1


async def test_a_number_is_not_sent_as_text(alice: Person) -> None:
    """quart-schema's own conversion would take "3" for 3."""
    refused(await alice.post(LOBBY, {"body": "Hello", "parent": "3"}), 422)


async def test_the_docs_ask_no_other_host(anyone: Person) -> None:
    page = await anyone.get("/docs")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href|data-openapi)="([^"]*)"', page.text)
    assert any(address.endswith("/openapi.json") for address in addresses)
    for address in addresses:
        assert address.startswith("/")
        assert not address.startswith("//")
        assert (await anyone.get(address)).status_code == 200
    assert "<script>" not in page.text


@pytest.mark.parametrize("path", ["/redocs", "/scalar"])
async def test_there_are_no_other_docs(anyone: Person, path: str) -> None:
    refused(await anyone.get(path), 404)
