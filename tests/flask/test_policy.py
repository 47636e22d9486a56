"""The rules that the code keeps, over the routes of `/flask`; who may do what there; and what OpenAPI says of it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import openapi_spec_validator
import pytest
from quart import Quart

import main
from api.flask.front_ends import NOT_HERE
from model.settings import Settings
from tests.api.conftest import Json
from tests.api.test_openapi import templated
from tests.conftest import PASSWORD, Person, World
from tests.flask.conftest import COOKIE, SITE, Visit, ok, posted
from tests.pages import anchors
from tests.server import ROOT
from tests.test_policy import CHANGING, STANCES, routes

# `ended` had rights: a session that was signed out. {ours} is the channel of `class`, {his} a post of Bob's there and
# {post} one of his in the lobby. Charlie is an outsider, Bob a member, Alice a moderator of `class`; Root made it.
ROLES = ["nobody", "ended", "charlie", "bob", "alice", "root"]
TABLE = """
                                                                       nobody ended charlie bob alice root
POST   /flask/api/authenticate   {"uid": "alice", "password": "PASSWORD"} 200   200   200   200  200   200
DELETE /flask/api/authenticate                                            401   401   200   200  200   200
GET    /flask/api/id                                                      401   401   200   200  200   200
GET    /flask/api/user                                                    401   401   200   200  200   200
POST   /flask/api/user           {"uid": "NEW", "name": "New", "password": "PASSWORD"} 200 200 200 200 200 200
PUT    /flask/api/user           {"name": "NEW"}                          401   401   200   200  200   200
DELETE /flask/api/user           {"password": "wrong"}                    401   401   403   403  403   403
GET    /flask/api/id/pfp                                                  401   401   404   404  404   404
PUT    /flask/api/id/pfp         {"pfp": "eA=="}                          401   401   400   400  400   400
DELETE /flask/api/id/pfp                                                  401   401   404   404  404   404
GET    /flask/api/section                                                 200   200   200   200  200   200
GET    /flask/api/user/section                                            401   401   200   200  200   200
POST   /flask/api/user/section   {"sections": ["class"]}                  401   401   404   200  200   200
GET    /flask/api/groups                                                  200   200   200   200  200   200
POST   /flask/api/groups/filter  {"section_name": "Class"}                200   200   200   200  200   200
GET    /flask/api/channels                                                200   200   200   200  200   200
POST   /flask/api/channels/filter {"group_name": "Home"}                  200   200   200   200  200   200
POST   /flask/api/channels/filter {"group_name": "Class"}                 404   401   404   200  200   200
GET    /flask/api/posts                                                   200   200   200   200  200   200
POST   /flask/api/posts/filter   {"channel_id": 1}                        200   200   200   200  200   200
POST   /flask/api/posts/filter   {"channel_id": {ours}}                   404   401   404   200  200   200
GET    /flask/api/post/user                                               401   401   200   200  200   200
GET    /flask/api/post?id={post}                                          200   200   200   200  200   200
GET    /flask/api/post?id={his}                                           404   401   404   200  200   200
POST   /flask/api/post           {"title": "x", "comment": "y", "channel_id": 1}      401 401 200 200 200 200
POST   /flask/api/post           {"title": "x", "comment": "y", "channel_id": {ours}} 401 401 404 200 200 200
PUT    /flask/api/post           {"id": {post}, "title": "x"}             401   401   403   200  403   403
PUT    /flask/api/post           {"id": {his}, "title": "x"}              401   401   404   200  403   403
POST   /flask/api/vote           {"post_id": {post}, "vote_type": "upvote"} 401 401   200   200  200   200
POST   /flask/api/vote           {"post_id": {his}, "vote_type": "upvote"} 401  401   404   200  200   200
DELETE /flask/api/vote           {"post_id": {his}}                       401   401   404   200  200   200
GET    /flask/api/vote/post?post_id={post}                                200   200   200   200  200   200
GET    /flask/api/vote/post?post_id={his}                                 404   401   404   200  200   200
POST   /flask/api/channel        {"name": "x", "group_id": 1}             401   401   200   200  200   200
POST   /flask/api/channel        {"name": "x", "group_id": 2}             401   401   404   200  200   200
GET    /flask/api/car_chat                                                200   200   200   200  200   200
POST   /flask/api/car_chat       {"message": "x"}                         401   401   200   200  200   200
GET    /flask/api/messages                                                200   200   200   200  200   200
POST   /flask/api/messages       {"message": "x"}                         401   401   201   201  201   201
GET    /flask/api/jokes                                                   200   200   200   200  200   200
PUT    /flask/api/jokes/like/{post}                                       200   200   200   200  200   200
PUT    /flask/api/jokes/jeer/{post}                                       200   200   200   200  200   200
PUT    /flask/api/jokes/like/{his}                                        404   401   404   404  404   404
GET    /flask/api/microblog                                               401   401   200   200  200   200
POST   /flask/api/microblog      {"content": "x", "topicPath": "/x"}      401   401   200   200  200   200
PUT    /flask/api/microblog      {"id": {post}, "content": "x"}           401   401   403   200  403   403
PUT    /flask/api/microblog      {"id": {his}, "content": "x"}            401   401   404   404  404   404
GET    /flask/api/microblog/reply?postId={post}                           200   200   200   200  200   200
GET    /flask/api/microblog/reply?postId={his}                            404   401   404   404  404   404
POST   /flask/api/microblog/reply {"postId": {post}, "content": "x"}      401   401   200   200  200   200
POST   /flask/api/microblog/reply {"postId": {his}, "content": "x"}       401   401   404   404  404   404
POST   /flask/api/microblog/reaction {"postId": {post}, "reactionType": "up"} 401 401 200 200 200 200
POST   /flask/api/microblog/reaction {"postId": {his}, "reactionType": "up"} 401 401 404 404 404 404
DELETE /flask/api/microblog/reaction {"postId": {post}, "reactionType": "up"} 401 401 404 404 404 404
GET    /flask/api/microblog/topics                                        200   200   200   200  200   200
GET    /flask/api/microblog/page/{page}                                     200   200   200   200  200   200
DELETE /flask/api/microblog      {"id": {post}}                           401   401   403   200  403   200
DELETE /flask/api/microblog      {"id": {his}}                            401   401   404   404  404   404
POST   /flask/api/post           {"content": "x", "pageUrl": "/x"}        401   401   201   201  201   201
GET    /flask/api/post/all                                                200   200   200   200  200   200
GET    /flask/api/post/page?url=/x                                        200   200   200   200  200   200
GET    /flask/api/post/user/{user}                                        200   200   200   200  200   200
GET    /flask/api/post/{post}                                             200   200   200   200  200   200
GET    /flask/api/post/{his}                                              404   401   404   404  404   404
PUT    /flask/api/post/{post}    {"content": "x"}                         401   401   403   200  403   403
POST   /flask/api/post/reply     {"parentId": {post}, "content": "x"}     401   401   201   201  201   201
POST   /flask/api/post/reply     {"parentId": {his}, "content": "x"}      401   401   404   404  404   404
DELETE /flask/api/post/{post}                                             401   401   403   200  403   200
DELETE /flask/api/post           {"id": {post}}                           401   401   403   200  403   200
DELETE /flask/api/post           {"id": {his}}                            401   401   404   200  200   200
"""
ROW = re.compile(r"(\w+) +(/\S+) *(\{.*\})? +((?:\d{3} *){6})")
CHANNELS = (("car_chat", 1), ("messages", 1), ("jokes", 1))
READING_POSTS = {"/flask/api/groups/filter", "/flask/api/channels/filter", "/flask/api/posts/filter"}


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, flask_origins=(SITE,), flask_channels=CHANNELS, rate_limits=False)


@pytest.fixture(scope="module")
def built() -> list[Any]:
    """The routes of an application that nobody has started."""
    app = main.create_app(Settings(instance=Path("/nowhere"), flask_origins=(SITE,)))
    return [found for found in routes(app) if found[1].rule.startswith("/flask/")]


@pytest.mark.check
def test_every_change_has_a_limit_and_every_route_a_stance_and_a_docstring(built: list[Any]) -> None:
    assert len(built) == 52
    for method, rule, handler in built:
        changing = method in CHANGING and rule.rule not in READING_POSTS
        assert hasattr(handler, "limit") is changing, f"{method} {rule.rule}"
        assert handler.stance in STANCES
        assert handler.__doc__.strip()
        assert method in CHANGING | {"GET"}
        assert handler.scheme == "flask"


@dataclass
class Row:
    """One request, and what each role is to be answered."""

    method: str
    path: str
    body: str
    statuses: dict[str, int]


def row(line: str) -> Row:
    found = ROW.fullmatch(line.strip())
    assert found, line
    method, path, body, statuses = found.groups()
    return Row(method, path, body or "", dict(zip(ROLES, map(int, statuses.split()), strict=True)))


ROWS = [row(line) for line in TABLE.strip().splitlines()[1:]]


@pytest.fixture
def page_of(visit: Visit) -> Callable[[str], Awaitable[Person]]:
    """A page of each role, signed in anew: some rows end a session."""

    async def make(role: str) -> Person:
        if role == "nobody":
            return visit()
        uid = "alice" if role == "ended" else role
        signed = await visit().post("/flask/api/authenticate", {"uid": uid, "password": PASSWORD})
        page = visit(secret=signed.cookies[COOKIE])
        if role == "ended":
            await page.delete("/flask/api/authenticate")
        return page

    return make


@pytest.mark.check
def test_every_route_has_a_row(built: list[Any]) -> None:
    asked = {(row.method, re.sub(r"\{\w+\}", "{id}", row.path.split("?")[0])) for row in ROWS}
    assert asked == {(method, re.sub(r"\{\w+\}", "{id}", templated(rule.rule))) for method, rule, _ in built}


@pytest.mark.check
def test_the_guide_lists_every_endpoint_and_leads_somewhere(built: list[Any]) -> None:
    guide = ROOT / "docs" / "flask-front-ends.md"
    text = guide.read_text()
    listed = re.findall(r"^\| `(\w+) (/flask/\S+)`", text, re.MULTILINE)
    assert sorted(listed) == sorted((method, templated(rule.rule)) for method, rule, _ in built)
    for path in NOT_HERE:
        assert path.removeprefix("/flask") in text, path
    for target in re.findall(r"\]\(([^)]+)\)", text):
        name, _, anchor = target.partition("#")
        there = guide.parent / name if name else guide
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


async def test_every_role_is_answered_as_its_column_says(
    visit: Visit, page_of: Callable[[str], Awaitable[Person]], world: World
) -> None:
    wrong = []
    pages = {role: await page_of(role) for role in ROLES}
    for row in ROWS:
        for role, status in row.statuses.items():
            names = {"ours": world.class_channel, "NEW": f"new-{role}", "PASSWORD": PASSWORD}
            names |= {"page": "x", "user": 1}
            if "{post}" in row.path + row.body or "{his}" in row.path + row.body:
                names["post"] = (await posted(visit("bob")))["id"]
                names["his"] = (await posted(visit("bob"), channel_id=world.class_channel))["id"]
            got = await pages[role].http.request(row.method, filled(row.path, names), content=filled(row.body, names))
            if got.status_code != status:
                wrong.append(f"{row}: {role} got {got.status_code}: {got.text}")
            if row.path == "/flask/api/authenticate":  # which a client remembers
                pages[role] = await page_of(role)
    assert not wrong, "\n".join(wrong)


def filled(text: str, names: dict[str, Any]) -> str:
    """A text with what its placeholders stand for."""
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", str(value)) if name.islower() else text.replace(name, str(value))
    return text


class TestOpenAPI:
    @pytest.fixture
    async def document(self, anyone: Person) -> Json:
        return dict((await anyone.get("/openapi.json")).json())

    async def test_it_is_valid_and_has_its_own_tag(self, document: Json, built: list[Any]) -> None:
        openapi_spec_validator.validate(document)
        tagged = {
            (method.upper(), path)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if operation["tags"] == ["Flask"]
        }
        assert tagged == {(method, templated(rule.rule)) for method, rule, _ in built}
        assert document["paths"]["/flask/api/id"]["get"]["security"] == [{"flask": []}]
        refusal = document["paths"]["/flask/api/id"]["get"]["responses"]["default"]["content"]["application/json"]
        assert refusal["schema"] == {"$ref": "#/components/schemas/FlaskRefusal"}
        assert "additionalProperties" not in document["components"]["schemas"]["FlaskSignUpRequest"]

    async def test_the_rest_is_as_without_it(self, document: Json, app: Quart, instance: Path) -> None:
        plain = main.create_app(Settings(instance=instance))
        transport = httpx.ASGITransport(app=plain)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://x.test") as http:
            without = (await http.get("/openapi.json")).json()
        assert without["paths"] == {p: what for p, what in document["paths"].items() if not p.startswith("/flask/")}
        for name, schema in without["components"]["schemas"].items():
            assert document["components"]["schemas"][name] == schema

    async def test_answers_are_what_it_says(self, document: Json, visit: Visit) -> None:
        bob = visit("bob")
        made = await posted(bob, content={"a": [1]})
        ok(await bob.post("/flask/api/microblog", {"content": "x", "topicPath": "/x", "data": {"a": [1]}}))
        asked: list[tuple[str, str, Callable[[], Any]]] = [
            ("get", "/flask/api/id", lambda: bob.get("/flask/api/id")),
            ("get", "/flask/api/section", lambda: bob.get("/flask/api/section")),
            ("get", "/flask/api/user/section", lambda: bob.get("/flask/api/user/section")),
            ("get", "/flask/api/groups", lambda: bob.get("/flask/api/groups")),
            ("get", "/flask/api/channels", lambda: bob.get("/flask/api/channels")),
            ("get", "/flask/api/posts", lambda: bob.get("/flask/api/posts")),
            ("get", "/flask/api/microblog", lambda: bob.get("/flask/api/microblog")),
            ("get", "/flask/api/microblog/topics", lambda: bob.get("/flask/api/microblog/topics")),
            ("get", "/flask/api/post/all", lambda: bob.get("/flask/api/post/all")),
            ("get", "/flask/api/vote/post", lambda: bob.get(f"/flask/api/vote/post?post_id={made['id']}")),
        ]
        for method, path, ask in asked:
            schema = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
            jsonschema.validate(ok(await ask()), {**schema, "components": document["components"]})
        schema = {**document["components"]["schemas"]["FlaskRefusal"], "components": document["components"]}
        for answer in (await visit().get("/flask/api/id"), await bob.get("/flask/api/nowhere")):
            jsonschema.validate(answer.json(), schema)
