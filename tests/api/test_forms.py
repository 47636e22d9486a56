"""Pages without JavaScript: what one does by HTML forms, by the rules of the API."""

import re
from html import unescape

import httpx

from tests.api.conftest import LOBBY, posted
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person

HTML = {"Accept": "text/html"}


def field(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return unescape(found[1])


async def sent(person: Person, path: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
    return await person.http.post(path, data=fields, headers={**HTML, **(headers or {})})


async def newest(anyone: Person) -> dict[str, object]:
    found: dict[str, object] = (await anyone.get(LOBBY)).json()["posts"][0]
    return found


class TestWriting:
    async def test_a_post_a_reply_a_reaction_an_edit_and_its_end(self, alice: Person, anyone: Person) -> None:
        page = await alice.get("/channels/1/write", headers=HTML)
        made = await sent(
            alice, "/channels/1/write", idempotency_key=field(page, "idempotency_key"), body="By a form\r\n"
        )
        post = await newest(anyone)
        assert (made.status_code, made.headers["Location"]) == (303, f"/posts/{post['id']}#p{post['id']}")
        assert post["body"] == "By a form\n"
        act = f"/posts/{post['id']}"
        assert (await sent(alice, f"{act}/reply", body="And a reply")).status_code == 303
        assert (await newest(anyone))["parent"] == post["id"]
        assert (await sent(alice, f"{act}/react", add="heart")).status_code == 303
        assert 'name="remove" value="heart"' in (await alice.get(f"{act}/act", headers=HTML)).text
        assert (await anyone.get(f"/api{act}")).json()["reactions"] == {"heart": 1}
        await sent(alice, f"{act}/react", remove="heart")
        assert (await anyone.get(f"/api{act}")).json()["reactions"] == {}
        version = field(await alice.get(f"{act}/act", headers=HTML), "version")
        assert (await sent(alice, f"{act}/edit", body="Edited", version=version)).status_code == 303
        assert (await anyone.get(f"/api{act}")).json()["body"] == "Edited"
        version = field(await alice.get(f"{act}/act", headers=HTML), "version")
        gone = await sent(alice, f"{act}/delete", version=version)
        assert (gone.status_code, gone.headers["Location"]) == (303, "/channels/1")
        assert (await anyone.get(f"/api{act}")).json()["state"] == "removed"

    async def test_sent_twice_it_counts_once(self, alice: Person, anyone: Person) -> None:
        page = await alice.get("/channels/1/write", headers=HTML)
        key = field(page, "idempotency_key")
        first, second = [await sent(alice, "/channels/1/write", idempotency_key=key, body="Once") for _ in range(2)]
        assert first.headers["Location"] == second.headers["Location"]
        assert len((await anyone.get(LOBBY)).json()["posts"]) == 1

    async def test_what_was_typed_stays_when_it_is_refused(self, alice: Person, bob: Person) -> None:
        long = "<b>" + "x" * 10_001
        again = await sent(alice, "/channels/1/write", body=long)
        assert again.status_code == 422
        assert "must have at most 10000 characters" in again.text
        assert long in unescape(again.text)
        post = await posted(alice, "Alice's")
        refused = await sent(bob, f"/posts/{post['id']}/edit", body="Bob's now", version="1")
        assert (refused.status_code, "Only its author may edit a post." in refused.text) == (403, True)
        await alice.patch(f"/api/posts/{post['id']}", {"body": "Meanwhile"})
        stale = await sent(alice, f"/posts/{post['id']}/edit", body="Mine, long thought about", version="1")
        assert stale.status_code == 412
        assert "Mine, long thought about" in stale.text
        assert field(stale, "version") == "2"

    async def test_a_limit_is_the_apis(self, alice: Person) -> None:
        answers = [await sent(alice, "/channels/1/write", body=f"Number {number}") for number in range(21)]
        assert [answer.status_code for answer in answers] == [303] * 20 + [429]
        assert "Number 20" in answers[-1].text
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert (await alice.post(LOBBY, {"body": "By the API"})).status_code == 429

    async def test_another_site_can_send_none(self, anyone: Person, world: object) -> None:
        await sent(anyone, "/account/sign-in", uid="alice", password=PASSWORD)
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert (await sent(anyone, "/channels/1/write", headers, body="Forged")).status_code == 401
            assert (await sent(anyone, "/account/delete", headers, password=PASSWORD)).status_code == 401
        assert (await sent(anyone, "/channels/1/write", body="Mine")).status_code == 303


class TestEntering:
    async def test_in_and_out(self, anyone: Person) -> None:
        page = await anyone.get("/account/sign-in?next=/channels/1", headers=HTML)
        entered = await sent(anyone, "/account/sign-in", next=field(page, "next"), uid="bob", password=PASSWORD)
        assert (entered.status_code, entered.headers["Location"]) == (303, "/channels/1")
        assert (await anyone.get("/api/me")).json()["uid"] == "bob"
        assert (await sent(anyone, "/account/sign-out")).headers["Location"] == "/"
        assert (await anyone.get("/api/me")).status_code == 401

    async def test_up(self, anyone: Person) -> None:
        again = await sent(anyone, "/account/sign-up", name="Dora", uid="dora", password="short", next="/channels/1")
        assert again.status_code == 422
        assert 'id="error-password"' in again.text
        assert "short" not in re.findall(r'value="([^"]*)"', again.text)
        assert field(again, "next") == "/channels/1"
        made = await sent(
            anyone, "/account/sign-up", name="Dora", uid="dora", password="a long password", next="/channels/1"
        )
        assert (made.status_code, made.headers["Location"]) == (303, "/channels/1")
        assert (await anyone.get("/api/me")).json()["name"] == "Dora"

    async def test_a_wrong_password(self, anyone: Person) -> None:
        again = await sent(anyone, "/account/sign-in", uid="bob", password="a guess")
        assert (again.status_code, "Wrong user name or password." in again.text) == (401, True)
        assert 'value="bob"' in again.text
        assert "a guess" not in again.text

    @in_turn("way", ["https://evil.example", "//evil.example", "/\\evil.example", "", "/a b"])
    async def test_it_leads_nowhere_else(self, anyone: Person, way: str) -> None:
        entered = await sent(anyone, "/account/sign-in", uid="bob", password=PASSWORD, next=way)
        assert entered.headers["Location"] == "/"

    async def test_another_site_signs_nobody_in(self, anyone: Person) -> None:
        from_there = {"Origin": "https://evil.example"}
        answer = await sent(anyone, "/account/sign-in", from_there, uid="bob", password=PASSWORD)
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers


class TestLeaving:
    async def test_it_needs_the_password(self, anyone: Person) -> None:
        await sent(anyone, "/account/sign-in", uid="charlie", password=PASSWORD)
        again = await sent(anyone, "/account/delete", password="a guess")
        assert (again.status_code, "That is not your password." in again.text) == (403, True)
        taken = await sent(anyone, "/account/export", password=PASSWORD)
        assert taken.json()["account"][0]["uid"] == "charlie"
        assert (await sent(anyone, "/account/delete", password=PASSWORD)).headers["Location"] == "/"
        assert (await anyone.get("/api/users/charlie")).status_code == 404
