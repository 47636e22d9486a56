"""GET /openapi.json and /docs: complete, valid, and without quart-schema's faults (docs of 0.25.0)."""

import re
from typing import Any

import jsonschema
import msgspec
import openapi_spec_validator
import pytest
from quart import Quart

from api.words import WORDS
from pottle.http import docs
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


def header_parameters(operation: Json) -> set[str]:
    """The names of the headers that a request may have; each is described once for all."""
    references = [part["$ref"] for part in operation["parameters"] if "$ref" in part]
    return {reference.rpartition("/")[2] for reference in references}


def fields(document: Json) -> list[tuple[str, str, Json]]:
    """(owner, name, what is said of it) of all properties and parameters; a reference is explained where it leads."""
    properties = [
        (owner, name, part)
        for owner, schema in document["components"]["schemas"].items()
        for name, part in schema.get("properties", {}).items()
        if "$ref" not in part
    ]
    parameters = [
        (operation["operationId"], part["name"], {**part["schema"], "description": part.get("description")})
        for _, _, operation in operations(document)
        for part in operation["parameters"]
        if "$ref" not in part
    ]
    return properties + parameters


def every_part(part: Any) -> list[Json]:
    """All objects of a document."""
    if isinstance(part, list):
        return [found for value in part for found in every_part(value)]
    return [part, *every_part([*part.values()])] if isinstance(part, dict) else []


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
        if (method, rule.rule) != ("GET", "/api/live")  # which only says that it is a websocket
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
    posts = schemas["PostsView"]["properties"]["posts"]
    assert (posts["type"], posts["items"]) == ("array", {"$ref": "#/components/schemas/PostView"})
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


async def test_it_says_where_one_must_sign_in_and_where_one_may(document: Json) -> None:
    """Said once for all, that one may: openapi-python-client asks for a token wherever an operation names a scheme."""
    (scheme,) = document["components"]["securitySchemes"]
    assert document["security"] == [{}, {scheme: []}]
    assert document["paths"]["/api/me"]["get"]["security"] == [{scheme: []}]
    assert "security" not in document["paths"]["/api/channels/{channel_id}/posts"]["get"]


async def test_it_says_where_a_version_can_be_named(document: Json) -> None:
    conditional = {
        (method, path)
        for method, path, operation in operations(document)
        if "If-Match" in header_parameters(operation) and "412" in operation["responses"]
    }
    assert conditional == {
        ("patch", "/api/channels/{channel_id}"),
        ("delete", "/api/channels/{channel_id}"),
        ("patch", "/api/groups/{slug}"),
        ("delete", "/api/groups/{slug}"),
        ("patch", "/api/groups/{slug}/rules"),
        ("patch", "/api/me"),
        ("delete", "/api/me"),
        ("patch", "/api/posts/{post_id}"),
        ("delete", "/api/posts/{post_id}"),
        ("patch", "/api/posts/{post_id}/edit"),
        ("delete", "/api/posts/{post_id}/edit"),
        ("patch", "/api/users/{uid}"),
        ("delete", "/api/users/{uid}"),
        ("patch", "/api/webhooks/{hook_id}"),
        ("delete", "/api/webhooks/{hook_id}"),
    }


async def test_every_parameter_and_property_says_what_it_means(document: Json) -> None:
    unexplained = [f"{owner}.{name}" for owner, name, part in fields(document) if not part.get("description")]
    assert unexplained == [], "say it in api/words.py, or with Meta(description=…)"


async def test_no_term_is_explained_that_nobody_uses(document: Json) -> None:
    used = {name for _, name, _ in fields(document)}
    unused = {term for term in WORDS.terms if term.rpartition(".")[2] not in used}
    assert unused == set()


async def test_examples_are_what_their_schemas_allow(document: Json) -> None:
    with_example = [(f"{owner}.{name}", part) for owner, name, part in fields(document) if "examples" in part]
    assert len(with_example) > 100
    for what, part in with_example:
        for example in part["examples"]:
            try:
                jsonschema.validate(example, {**part, "components": document["components"]})
            except jsonschema.ValidationError as error:
                pytest.fail(f"{what}: {error.message}")


async def test_every_operation_and_every_tag_is_described(document: Json) -> None:
    assert document["info"]["license"]["identifier"] == "MIT"
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    for method, path, operation in operations(document):
        assert operation["description"].strip(), f"{method} {path}"
        assert set(operation["tags"]) <= described


async def test_times_are_called_times(document: Json) -> None:
    """Every string that the database keeps as a time; `disabled` is one for admins, and a switch in a change."""
    times = {"at", "created", "edited", "expires"}
    found = [part for _, name, part in fields(document) if name in times]
    assert len(found) > 10
    for part in found:
        assert any(choice.get("format") == "date-time" for choice in part.get("anyOf", [part]))


async def test_what_may_be_left_out_has_no_default_that_generators_take_for_required(document: Json) -> None:
    schemas = document["components"]["schemas"]
    for name in ("NewPost", "NewInvitation", "NewGroup"):
        assert not any("default" in part for part in schemas[name]["properties"].values())
    assert "if it is left out" in schemas["NewInvitation"]["properties"]["days"]["description"]
    assert '"default":null' not in msgspec.json.encode(document).decode()


async def test_every_enum_has_a_type(document: Json) -> None:
    enums = [part for part in every_part(document) if "enum" in part]
    assert enums
    assert all(part.get("type") == "string" for part in enums)


async def test_an_author_is_a_user_a_guest_or_anonymous(document: Json, alice: Person) -> None:
    schemas = document["components"]["schemas"]
    either = [reference["$ref"].rpartition("/")[2] for reference in schemas["Author"]["oneOf"]]
    assert [schemas[name]["required"] for name in either] == [["uid", "name", "avatar"], ["guest"], ["anonymous"]]


async def test_what_may_be_empty_says_so_and_what_may_not_too(document: Json, alice: Person) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["PostEdit"]["minProperties"] == 1
    assert "minProperties" not in schemas["NewInvitation"]
    assert (await alice.post("/api/groups/class/invitations", {})).status_code == 201


async def test_answers_say_their_headers(document: Json) -> None:
    created = document["paths"]["/api/channels/{channel_id}/posts"]["post"]["responses"]
    assert set(created["201"]["headers"]) == {"ETag", "Location", "RateLimit", "RateLimit-Policy"}
    assert "Link" in document["paths"]["/api/channels/{channel_id}/posts"]["get"]["responses"]["200"]["headers"]
    later = document["components"]["responses"][created["429"]["$ref"].rpartition("/")[2]]
    assert set(later["headers"]) == {"Retry-After"}


async def test_it_says_where_a_key_makes_a_retry_safe(document: Json) -> None:
    keyed = {
        path for method, path, operation in operations(document) if "Idempotency-Key" in header_parameters(operation)
    }
    assert keyed >= {
        "/api/users",
        "/api/groups",
        "/api/groups/{slug}/channels",
        "/api/channels/{channel_id}/posts",
    }
    assert not keyed & {"/api/session", "/api/me/tokens", "/api/groups/{slug}/invitations"}, "these are never kept"


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
    made = docs.document

    def counted(*args: Any) -> Json:
        built.append(1)
        return made(*args)

    monkeypatch.setattr(docs, "document", counted)
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
        if address.startswith("#"):
            assert f'id="{address[1:]}"' in page.text, address
            continue
        assert address.startswith("/")
        assert not address.startswith("//")
        assert (await anyone.get(address)).status_code == 200
    assert "<script>" not in page.text


@pytest.mark.parametrize("path", ["/redocs", "/scalar"])
async def test_there_are_no_other_docs(anyone: Person, path: str) -> None:
    refused(await anyone.get(path), 404)
