"""What a request may do, and how often, is asked before anything costly is done for it; what is refused counts too.

Seen to fail at commit ebebf1a: refused requests cost more than accepted ones, and none of them counted.
"""

import asyncio
import base64
import importlib
import io
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from quart import Quart
from sqlalchemy import text
from werkzeug.routing import Rule

import main
from api.access import POSTING
from model.settings import Settings
from pottle.errors import Overloaded, TooMany
from pottle.http.limits import _counting
from pottle.rates import Allowance, Rate
from pottle.store import Tx, db, limits
from tests.api.conftest import LOBBY, opened, posted, refused
from tests.api.test_limits import clock
from tests.attacks.conftest import Raw
from tests.conftest import PASSWORD, Person, World
from tests.pushed import Browser
from tests.server import PATIENCE
from tests.test_policy import CHANGING, importing, modules, routes

__all__ = ["clock"]

SLOW = ("[a](http://[ " * 1_000)[:10_000]  # the slowest text that we know
SITE = "https://flask.example"
ELSEWHERE = "/api/channels/99999/posts"
KEY = {"Idempotency-Key": "once"}


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "PNG")
    return out.getvalue()


PICTURE = picture()
CREDENTIAL = {"id": "AbC", "response": {}}
NEW_USER = {"uid": "new", "name": "New", "password": PASSWORD}
BODIES: dict[str, Any] = {
    "POST /api/users": NEW_USER,
    "PATCH /api/users/<uid>": {"disabled": True},
    "POST /api/session": {"uid": "alice", "password": PASSWORD},
    "POST /api/session/confirm": {"password": PASSWORD},
    "POST /api/session/confirm/options": None,
    "POST /api/session/second": {"ticket": "two_x", "code": "123456"},
    "POST /api/providers/<provider>": {"invitation": "K7QD-29XM"},
    "POST /api/providers/<provider>/link": None,
    "POST /api/session/passkey/options": None,
    "POST /api/session/passkey": {"credential": CREDENTIAL},
    "POST /api/passkeys/options": {"uid": "new", "name": "New"},
    "POST /api/passkeys": {"uid": "new", "name": "New", "credential": CREDENTIAL},
    "POST /api/password/passkey/options": {"code": "K7QD-29XM"},
    "PUT /api/password/passkey": {"code": "K7QD-29XM", "credential": CREDENTIAL},
    "POST /api/me/passkeys/options": None,
    "POST /api/me/passkeys": {"credential": CREDENTIAL},
    "PATCH /api/me/passkeys/<id:passkey_id>": {"name": "x"},
    "POST /api/me/second": None,
    "PUT /api/me/second": {"code": "123456"},
    "POST /api/me/second/codes": None,
    "PUT /api/password": {"code": "K7QD-29XM", "password": PASSWORD},
    "PATCH /api/me": {"password": "another horse", "current_password": PASSWORD},
    "DELETE /api/me": {"password": PASSWORD},
    "PUT /api/me/avatar": PICTURE,
    "POST /api/images": PICTURE,
    "POST /api/me/export": {"password": PASSWORD},
    "POST /api/preview": {"channel": 1, "body": "x"},
    "POST /api/me/tokens": {"name": "x"},
    "POST /api/me/push": Browser("https://push.example/1").subscription(),
    "POST /api/me/push/test": None,
    "POST /api/groups": {"slug": "new", "name": "New"},
    "PATCH /api/groups/<slug>": {"name": "New"},
    "POST /api/groups/<slug>/members": {"uid": "bob"},
    "POST /api/groups/<slug>/invitations": {},
    "POST /api/invitations/look-up": {"code": "K7QD-29XM"},
    "POST /api/me/invitations": {"code": "K7QD-29XM"},
    "POST /api/users/<uid>/invitations": None,
    "POST /api/groups/<slug>/roster": {"names": [f"Pupil {chr(97 + n)}" for n in range(26)]},
    "POST /api/groups/<slug>/roster/<uid>": None,
    "POST /api/groups/<slug>/sso": {"token": "a.b.c"},
    "POST /api/groups/<slug>/sessions": {"origin": "https://blog.example"},
    "POST /api/groups/<slug>/secrets": None,
    "POST /api/groups/<slug>/webhooks": {"url": "https://127.0.0.1:1/"},
    "POST /api/webhooks": {"url": "https://127.0.0.1:1/"},
    "PATCH /api/webhooks/<id:hook_id>": {"active": True},
    "POST /api/webhooks/<id:hook_id>/secret": None,
    "POST /api/webhooks/<id:hook_id>/test": None,
    "POST /api/webhooks/<id:hook_id>/again": {},
    "PUT /api/me/feed": None,
    "POST /api/groups/<slug>/channels": {"key": "new"},
    "PATCH /api/channels/<id:channel_id>": {"title": "New"},
    "POST /api/channels/<id:channel_id>/posts": {"body": SLOW},
    "POST /api/channels/<id:channel_id>/posts/bulk": {"posts": [{"body": SLOW}] * 2},
    "PATCH /api/posts/<id:post_id>": {"body": SLOW},
    "PATCH /api/posts/<id:post_id>/edit": {"state": "published"},
    "PUT /api/posts/<id:post_id>/reactions/<kind>": None,
    "PUT /api/channels/<id:channel_id>/read": {"posts": [99999]},
    "PUT /api/channels/<id:channel_id>/notices": {"how": "follow"},
    "PUT /api/me/notices/read": {},
    "PUT /api/me/notices/settings": {"digest_at": "07:00"},
    "PUT /api/me/notices/groups/<slug>": {},
    "POST /unsubscribe/<token>": None,
    "POST /api/decisions": {"decisions": [{"post": 99999, "version": 1}], "state": "published"},
    "POST /api/decisions/undo": {"decisions": [99999]},
    "POST /api/groups/<slug>/history/<uid>/clearing": {"days": 1},
    "PATCH /api/appeals/<id:appeal_id>": {"state": "granted"},
    "PUT /api/me/decisions/<id:statement_id>/appeal": {"text": "x"},
    "POST /api/groups/<slug>/notes": {"uid": "bob", "text": "x"},
    "POST /api/posts/<id:post_id>/reports": {"reason": "rude"},
    "POST /api/groups/<slug>/blocks": {"user": "bob", "why": "x"},
    "POST /api/blocks": {"user": "bob", "why": "x"},
    "PUT /api/groups/<slug>/trust/<uid>": {"level": "watched"},
    "PATCH /api/groups/<slug>/rules": {"links": 2},
    "POST /api/groups/<slug>/rules/try": {"body": SLOW},
    "POST /admin/mail": None,
    "POST /account/address": {"token": "x"},
    "POST /api/me/address": None,
    "POST /api/mail/bounces": b"x",
    "POST /api/password/forgotten": {"who": "alice"},
    "POST /account/forgotten": {"who": "alice"},
    "POST /api/groups/<slug>/invitations/mails": {"addresses": ["dora@school.example"]},
    "POST /api/imports": b"x",
    "PATCH /api/imports/<id:job_id>": {"state": "cancelled"},
    "PUT /api/posts/<id:post_id>/claim": None,
    "PATCH /api/groups/<slug>/claims/<id:claim_id>": {"state": "approved"},
    "POST /account/sign-in": {"uid": "alice", "password": PASSWORD},
    "POST /account/sign-up": {**NEW_USER, "uid": "newer"},
    "POST /account/sign-in/second": {"ticket": "two_x", "code": "123456"},
    "POST /account/confirm": {"password": PASSWORD},
    "POST /account/second": None,
    "POST /account/second/on": {"code": "123456"},
    "POST /account/second/codes": None,
    "POST /account/second/off": None,
    "POST /account/sign-out": None,
    "POST /account/language": {"language": "de"},
    "POST /account/export": {"password": PASSWORD},
    "POST /account/delete": {"password": PASSWORD},
    "POST /channels/<id:channel_id>/write": {"body": SLOW},
    "POST /posts/<id:post_id>/reply": {"body": SLOW},
    "POST /posts/<id:post_id>/react": {"add": "up"},
    "POST /posts/<id:post_id>/edit": {"body": SLOW, "version": "1"},
    "POST /posts/<id:post_id>/delete": {"version": "1"},
    "POST /flask/api/authenticate": {"uid": "alice", "password": PASSWORD},
    "POST /flask/api/user": NEW_USER,
    "PUT /flask/api/user": {"password": "another horse", "current_password": PASSWORD},
    "DELETE /flask/api/user": {"password": PASSWORD},
    "PUT /flask/api/id/pfp": {"pfp": base64.b64encode(PICTURE).decode()},
    "POST /flask/api/channel": {"name": "new", "group_id": 99999},
    "POST /flask/api/car_chat": {"message": SLOW},
    "POST /flask/api/messages": {"message": SLOW},
    "PUT /flask/api/jokes/like/<id:joke_id>": None,
    "PUT /flask/api/jokes/jeer/<id:joke_id>": None,
    "POST /flask/api/user/section": {"sections": ["K7QD-29XM"]},
    "POST /flask/api/post": {"title": "", "comment": SLOW, "channel_id": 99999},
    "PUT /flask/api/post": {"id": 99999, "comment": SLOW},
    "DELETE /flask/api/post": {"id": 99999},
    "POST /flask/api/microblog": {"content": "x", "topicId": 99999},
    "PUT /flask/api/microblog": {"id": 99999, "content": "x"},
    "DELETE /flask/api/microblog": {"id": 99999},
    "POST /flask/api/microblog/reply": {"postId": 99999, "content": "x"},
    "POST /flask/api/microblog/reaction": {"postId": 99999, "reactionType": "up"},
    "DELETE /flask/api/microblog/reaction": {"postId": 99999, "reactionType": "up"},
    "PUT /flask/api/post/<id:post_id>": {"content": SLOW},
    "POST /flask/api/post/reply": {"parentId": 99999, "content": SLOW},
    "POST /flask/api/vote": {"post_id": 99999, "vote_type": "upvote"},
    "DELETE /flask/api/vote": {"post_id": 99999},
}
# Whether a password is right is what these ask: model/accounts/account.py counts the attempt before it looks.
ASK_FOR_A_PASSWORD = {
    *("POST /api/session", "POST /api/session/confirm", "PATCH /api/me", "DELETE /api/me"),
    *("POST /account/sign-in", "POST /account/confirm", "POST /account/delete"),
    *("POST /flask/api/authenticate", "PUT /flask/api/user", "DELETE /flask/api/user"),
}
SIGN_OUT = {"DELETE /api/session", "POST /account/sign-out", "DELETE /flask/api/authenticate"}
NOWHERE = {"slug": "nowhere", "uid": "nobody", "kind": "up"}


def called(method: str, rule: Rule) -> str:
    """What the tests call a route."""
    return f"{method} {re.sub('<any[^<>]*:kind>', '<kind>', rule.rule)}"


def asked(method: str, rule: Rule) -> dict[str, Any]:
    """A request of a route that is well-formed, about what is not there."""
    name = called(method, rule)
    path = re.sub(r"<(?:[^<>]*:)?(\w+)>", lambda part: NOWHERE.get(part[1], "99999"), rule.rule)
    body = BODIES.get(name)
    assert name in BODIES or method == "DELETE", f"{name} has to be in BODIES of {__file__}"
    form = not rule.rule.startswith(("/api/", "/flask/"))  # of a page that needs no JavaScript
    kind = "content" if isinstance(body, bytes) else "data" if form else "json"
    sent = {kind: body} if body is not None else {}
    return {"method": method, "url": path, **sent}


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, flask_origins=(SITE,))


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is costly, each time that it is done."""
    done: list[str] = []

    def spied(place: str) -> None:
        module, _, name = place.rpartition(".")
        original = getattr(importlib.import_module(module), name)

        def spy(*args: Any, **kwargs: Any) -> Any:
            done.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(place, spy)

    for place in (
        *(
            "model.talk.posting.rendered",
            "model.accounts.passwords.hashed",
            "model.accounts.passwords.matches",
            "model.accounts.passwords.digests",
            "model.accounts.avatar.drawn",
            "model.talk.image.drawn",
        ),
        *("model.groups.roster.from_names", "model.groups.roster.from_csv", "api.flask.accounts._decoded"),
    ):
        spied(place)
    return done


@pytest.mark.check
class TestPolicy:
    def test_costly_work_has_one_door_each(self) -> None:
        """The spies above stand there."""
        for package, *doors in (
            ("argon2", "accounts/passwords"),
            ("PIL", "pictures"),
            ("markdown_it", "talk/markdown", "talk/notation"),
            ("nh3", "arriving/texts", "talk/markdown"),
        ):
            assert importing(modules("api", "model", "main.py"), package) == [f"model/{door}.py" for door in doors]
        assert importing(modules("api", "model"), "model.talk.markdown.rendered") == [
            "model/arriving/planning.py",
            "model/flask/plan.py",
            "model/flask/under_pages.py",
            "model/talk/posting.py",
        ]

    def test_every_change_below_flask_has_a_limit_too(self) -> None:
        built = main.create_app(Settings(instance=Path("/nowhere"), flask_origins=(SITE,)))
        for method, rule, handler in routes(built):
            if method in CHANGING and not rule.rule.endswith(("/filter", "/api/live")):  # which only read
                assert hasattr(handler, "limit"), f"{method} {rule.rule} has no limit"


def changing(app: Quart) -> Iterator[tuple[str, Rule]]:
    """Every state-changing route."""
    for method, rule, handler in routes(app):
        if method in CHANGING and hasattr(handler, "limit"):
            yield method, rule


def of_flask(world: World, uid: str) -> dict[str, str]:
    return {"Origin": SITE, "Cookie": f"jwt_python_flask={world.tokens[uid]}"}


async def sent(who: Person, world: World, method: str, rule: Rule) -> httpx.Response:
    headers = of_flask(world, who.uid) if who.uid and rule.rule.startswith("/flask") else {}
    return await who.http.request(**asked(method, rule), headers=headers)


async def test_where_the_limit_is_used_up_no_route_does_any_work(
    app: Quart, root: Person, world: World, work: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def used_up(_read: object, _party: str, rate: Any, _uses: int = 1) -> None:
        raise TooMany(1, Allowance(rate, 0, 1.0))

    monkeypatch.setattr(limits, "check", used_up)
    for method, rule in changing(app):
        answer = await sent(root, world, method, rule)
        assert (answer.status_code, work) == (429, []), f"{called(method, rule)}: {answer.text}"


@pytest.mark.parametrize("uid", ["charlie", ""])
async def test_what_somebody_may_not_do_is_no_work_and_counts(
    app: Quart, person: Callable[..., Person], world: World, work: list[str], monkeypatch: pytest.MonkeyPatch, uid: str
) -> None:
    spent: list[str] = []
    spend = limits.spend

    def counted(tx: Any, party: str, rate: Any, *more: Any, **named: Any) -> Allowance:
        spent.append(rate.name)
        return spend(tx, party, rate, *more, **named)

    def refill(tx: Tx) -> None:
        """There are more routes than anybody may ask for in a minute."""
        tx.session.execute(text("DELETE FROM limits"))

    monkeypatch.setattr(limits, "spend", counted)
    for method, rule in changing(app):
        await db.write(refill)
        name, who = called(method, rule), person(uid)
        if name in ASK_FOR_A_PASSWORD | SIGN_OUT:
            continue
        spent.clear()
        answer = await sent(who, world, method, rule)
        if answer.status_code < 400:
            work.clear()
        else:
            limit = app.view_functions[rule.endpoint].limit  # type: ignore[union-attr]
            names = {limit.name, "guests" if limit is POSTING and not uid else limit.name}
            assert work == [], f"{name}: {answer.status_code}"
            assert names & {*spent}, f"{name}: {answer.status_code} {answer.text} counted as {spent}"


async def use_up(ask: Callable[[], Awaitable[httpx.Response]], status: int, count: int = POSTING.count) -> None:
    """Does what is refused as often as it is allowed, and sees that the next one is too many."""
    for _ in range(count):
        refused(await ask(), status)
    refused(await ask(), 429)


async def test_refused_posts_count(alice: Person, work: list[str]) -> None:
    await use_up(lambda: alice.post(ELSEWHERE, {"body": SLOW}), 404)
    refused(await alice.post(LOBBY, {"body": "Hello"}), 429)
    assert work == []


async def test_refused_posts_of_guests_count(root: Person, anyone: Person, work: list[str]) -> None:
    path = f"/api/channels/{await opened(root, 'blog')}/posts"
    await use_up(lambda: anyone.post(path, {"body": SLOW, "guest": "Gus"}), 401, 60)
    assert work == []


async def test_a_post_of_somebody_else_is_not_edited_with_work(alice: Person, bob: Person, work: list[str]) -> None:
    path = f"/api/posts/{(await posted(alice))['id']}"
    work.clear()
    await use_up(lambda: bob.patch(path, {"body": SLOW}), 403, 60)
    assert work == []


async def test_an_old_version_is_not_edited_with_work(alice: Person, work: list[str]) -> None:
    path = f"/api/posts/{(await posted(alice))['id']}"
    work.clear()
    refused(await alice.patch(path, {"body": SLOW}, headers={"If-Match": '"9-00"'}), 412)
    assert work == []


async def test_a_taken_uid_is_told_without_work(anyone: Person, work: list[str]) -> None:
    await use_up(lambda: anyone.post("/api/users", {**NEW_USER, "uid": "Alice"}), 409, 100)
    assert work == []


async def test_a_class_code_does_not_make_signing_up_free(
    alice: Person, anyone: Person, work: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.users.BY_CODE", Rate("few", 40, per=3600))
    code = (await alice.post("/api/groups/class/invitations", {})).json()["code"]
    other = (await alice.post("/api/groups/class/invitations", {})).json()["code"]
    taken = {**NEW_USER, "uid": "alice", "invitation": code}
    await use_up(lambda: anyone.post("/api/users", taken), 409, 40)
    assert work == []
    assert (await anyone.post("/api/users", {**NEW_USER, "invitation": other})).status_code == 201
    assert (await anyone.post("/api/users", {**NEW_USER, "uid": "two"})).status_code == 201


async def test_of_many_at_once_no_more_are_looked_at_than_may_be(alice: Person) -> None:
    answers = await asyncio.gather(*(alice.post(ELSEWHERE, {"body": SLOW}) for _ in range(200)))
    assert sorted(answer.status_code for answer in answers) == [404] * 20 + [429] * 180


async def test_of_many_at_once_no_more_are_rendered_than_may_be(alice: Person, work: list[str]) -> None:
    answers = await asyncio.gather(*(alice.post(LOBBY, {"body": SLOW}) for _ in range(60)))
    assert sorted(answer.status_code for answer in answers) == [201] * 20 + [429] * 40
    assert work == ["rendered"] * 20


async def test_what_is_counted_and_not_committed_counts(
    alice: Person, work: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last post that may be has run, and its batch waits for another unit. Fails where only `allowance` tells."""
    for _ in range(POSTING.count - 1):
        await posted(alice)
    work.clear()
    begun, go_on = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]

    def hold(_: Tx, number: int) -> None:
        begun[number].set()
        go_on[number].wait()

    running = [asyncio.create_task(db.write(hold, 0))]
    await asyncio.to_thread(begun[0].wait)
    running.append(asyncio.create_task(alice.post(LOBBY, {"body": SLOW})))  # type: ignore[arg-type]
    async with asyncio.timeout(PATIENCE):
        while db.waiting < 2:
            await asyncio.sleep(0.001)
        running.append(asyncio.create_task(db.write(hold, 1)))
        while db.waiting < 3:
            await asyncio.sleep(0.001)
    go_on[0].set()
    await asyncio.to_thread(begun[1].wait)
    looked, check = asyncio.Event(), limits.check
    loop = asyncio.get_running_loop()

    def spied(*args: Any) -> float:
        try:
            return check(*args)
        finally:
            loop.call_soon_threadsafe(looked.set)

    monkeypatch.setattr(limits, "check", spied)
    other = asyncio.create_task(alice.post(LOBBY, {"body": SLOW}))
    await looked.wait()
    go_on[1].set()
    assert (await other).status_code == 429
    assert work == ["rendered"]
    await asyncio.gather(*running)


async def test_a_repeated_post_is_not_rendered_again(alice: Person, work: list[str]) -> None:
    made = await alice.post(LOBBY, {"body": SLOW}, headers=KEY)
    for _ in range(POSTING.count - 1):
        await posted(alice)
    work.clear()
    for _ in range(3):
        again = await alice.post(LOBBY, {"body": SLOW}, headers=KEY)
        assert (again.status_code, again.content) == (201, made.content)
    refused(await alice.post(LOBBY, {"body": SLOW}, headers={"Idempotency-Key": "another"}), 429)
    refused(await alice.post(LOBBY, {"body": "Hello"}, headers=KEY), 422)
    assert work == []


async def test_a_repeated_sign_up_is_not_hashed_again(anyone: Person, work: list[str]) -> None:
    made = await anyone.post("/api/users", NEW_USER, headers=KEY)
    work.clear()
    assert (await anyone.post("/api/users", NEW_USER, headers=KEY)).content == made.content
    assert work == []


async def test_who_hangs_up_while_a_post_is_made_has_used_it(
    alice: Person, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a client could have work done for it without end."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def hold(*_: object) -> str:
        begun.set()
        await go_on.wait()
        return "<p>x</p>"

    headers = ((b"authorization", f"Bearer {alice.token}".encode()), (b"content-type", b"application/json"))
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "to_thread", hold)
        for _ in range(POSTING.count):
            task = asyncio.create_task(raw("POST", LOBBY, headers, body=b'{"body": "%b"}' % (b"*x* " * 2_000)))
            await begun.wait()
            begun.clear()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    while _counting:  # in the background
        await asyncio.wait(_counting)
    refused(await alice.post(LOBBY, {"body": "Hello"}), 429)


async def test_what_is_our_own_fault_does_not_count(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    async def overloaded(*_: object, **__: object) -> None:
        raise Overloaded("Too many writes are waiting.")

    with monkeypatch.context() as patch:
        patch.setattr(db, "write", overloaded)
        for _ in range(POSTING.count + 5):
            refused(await alice.post(LOBBY, {"body": "Hello"}), 503)
    for _ in range(POSTING.count):
        await posted(alice)


async def test_the_spies_see_what_is_done(alice: Person, anyone: Person, work: list[str]) -> None:
    await posted(alice, "*Hello*")
    await anyone.post("/api/users", NEW_USER)
    await anyone.post("/api/session", {"uid": "new", "password": PASSWORD})
    await alice.put("/api/me/avatar", content=PICTURE)
    await alice.post("/api/groups/class/roster", {"names": ["Ann Other"]})
    assert work == ["rendered", "hashed", "matches", "drawn", "from_names"]
