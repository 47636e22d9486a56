"""What is deleted by itself once it is old, where settings say so: a little at each sweep, or by a command."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import main
from model.accounts import session, unused
from model.mail import letters, outbox
from model.mail.setting import smtp
from model.operating import retention
from model.settings import Ages, Settings
from model.talk import aging
from model.talk.desk import old
from pottle import times
from pottle.store import db
from tests import databases
from tests.api.conftest import LOBBY, bearer, dump, opened, posted, refused, signed_in_again
from tests.conftest import PASSWORD, Person

LONG_AGO = times.later(days=-400)


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(
        instance=instance,
        retention_accounts=300,
        retention_warning=30,
        retention_posts=Ages(365, (("keep", None),)),
        retention_removed=30,
    )


def sql(instance: Path, statement: str, *values: object) -> list[Any]:
    with databases.opened(instance) as raw:
        done = raw.execute(statement, values)
        return done.fetchall() if done.description else []


async def swept(rule: retention.Rule = aging.RULE) -> None:
    """As many sweeps as it takes."""
    await db.write(unused.note)
    await retention.keep(rule)


class TestPosts:
    """POTTLE_RETENTION_POSTS and POTTLE_RETENTION_REMOVED."""

    @pytest.fixture
    async def old(self, alice: Person, bob: Person, instance: Path) -> dict[str, Any]:
        """Bob's question of long ago, @alice in it, with a heart; its answer is of today."""
        post = await posted(bob, "Anybody here, @alice?")
        await alice.put(f"/api/posts/{post['id']}/reactions/heart")
        sql(instance, "UPDATE posts SET created = ? WHERE id = ?", LONG_AGO, post["id"])
        await posted(alice, "Yes", parent=post["id"])
        return post

    async def test_it_works(self, old: dict[str, Any], alice: Person, bob: Person, instance: Path) -> None:
        """The readers see it go, as if its author deleted it; nothing that is somebody's stays."""
        before = (await alice.get(LOBBY)).json()
        assert (await alice.get("/api/search?q=anybody")).json()["results"]
        await swept()
        shown = (await alice.get(LOBBY)).json()
        assert shown["seq"] > before["seq"]
        assert [(post["state"], post["body"]) for post in shown["posts"]] == [("published", "Yes"), ("removed", "")]
        assert shown["posts"][1]["author"] == {"guest": "Former user"}
        assert (await alice.get("/api/search?q=anybody")).json()["results"] == []
        assert (await alice.get("/api/channels/1")).json()["posts"] == 1
        for table in ("reactions", "mentions", "searched"):
            assert sql(instance, f"SELECT * FROM {table} WHERE post_id = ?", old["id"]) == []  # noqa: S608
        assert sql(instance, "SELECT author_id, body, html FROM posts WHERE id = ?", old["id"]) == [(None, "", "")]
        once = dump(instance)
        await swept()
        assert dump(instance) == once, "what has gone is left alone"

    async def test_other_groups_may_have_other_numbers(self, root: Person, instance: Path) -> None:
        kept = await posted(root, "For good", channel=await opened(root, "keep"))
        gone = await posted(root, "Not for good", channel=await opened(root, "other"))
        sql(instance, "UPDATE posts SET created = ?", LONG_AGO)
        await swept()
        assert (await root.get(f"/api/posts/{kept['id']}")).json()["body"] == "For good"
        refused(await root.get(f"/api/posts/{gone['id']}"), 404)

    async def test_texts_that_were_removed_go_earlier(self, alice: Person, bob: Person, instance: Path) -> None:
        posts = [await posted(bob, text, channel=2) for text in ("Rude", "Ruder")]
        for post in posts:
            await alice.patch(f"/api/posts/{post['id']}", {"state": "removed"})
        sql(instance, "UPDATE decisions SET created = ? WHERE post_id = ?", times.later(days=-31), posts[0]["id"])
        await swept()
        assert sql(instance, "SELECT body, author_id IS NULL FROM posts WHERE channel_id = 2 ORDER BY id") == [
            ("", 0),
            ("Ruder", 0),
        ]
        refused(await alice.patch(f"/api/posts/{posts[0]['id']}", {"state": "published"}), 404)

    async def test_who_wrote_elsewhere_is_forgotten_with_the_last_post(self, alice: Person, instance: Path) -> None:
        posts = [await posted(alice, text) for text in ("One", "Two")]
        sql(instance, "INSERT INTO guests (id, group_id, source, name, digest) VALUES (1, 1, 'isso', 'Ada', ?)", b"0")
        sql(instance, "INSERT INTO guest_posts SELECT id, 1 FROM posts")
        for post, left in zip(posts, (1, 0), strict=True):
            sql(instance, "UPDATE posts SET created = ? WHERE id = ?", LONG_AGO, post["id"])
            await swept()
            assert sql(instance, "SELECT count(*) FROM guests") == [(left,)]

    async def test_many_go_in_many_small_units(
        self, alice: Person, instance: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(aging, "WINDOW", 2)
        for number in range(5):
            await posted(alice, f"Number {number}")
        sql(instance, "UPDATE posts SET created = ? WHERE id % 2 = 1", LONG_AGO)
        await swept()
        assert [post["body"] for post in (await alice.get(LOBBY)).json()["posts"]] == ["Number 3", "Number 1"]


class TestModeration:
    """POTTLE_RETENTION_MODERATION, 365 days by default."""

    async def test_it_works(self, alice: Person, bob: Person, charlie: Person, instance: Path) -> None:
        """What is open, holds or is new stays."""
        posts = [await posted(bob, text, channel=2) for text in ("Rude", "Ruder")]
        for post in posts:
            await alice.post(f"/api/posts/{post['id']}/reports", {"reason": "rude"})
            await alice.patch(f"/api/posts/{post['id']}", {"state": "removed"})
        for table in ("reports", "statements"):
            assert sql(instance, f"SELECT count(*) FROM {table}") == [(2,)]  # noqa: S608
        sql(instance, "UPDATE reports SET closed = ? WHERE post_id = ?", LONG_AGO, posts[0]["id"])
        sql(instance, "UPDATE statements SET created = ?", LONG_AGO)
        sql(instance, "UPDATE statements SET appeal_state = 'open' WHERE post_id = ?", posts[1]["id"])
        assert await old.RULE.due() == [("reports", "1"), ("statements", "1")]
        await swept(old.RULE)
        for table in ("reports", "statements"):
            assert sql(instance, f"SELECT post_id FROM {table}") == [(posts[1]["id"],)]  # noqa: S608


class TestAccounts:
    """POTTLE_RETENTION_ACCOUNTS."""

    @pytest.fixture
    async def unused_for(self, app: object, instance: Path) -> Callable[..., None]:
        """Has accounts not been used for so many days."""
        await swept(unused.RULE)

        def make(days: int, *uids: str) -> None:
            for uid in uids:
                own = "(SELECT id FROM users WHERE uid = ?)"
                day = times.later(days=-days)[:10]
                sql(instance, f"UPDATE last_uses SET day = ?, warned = NULL WHERE user_id = {own}", day, uid)  # noqa: S608
                sql(instance, f"UPDATE sessions SET used = ? WHERE user_id = {own}", day, uid)  # noqa: S608

        return make

    async def test_it_works(
        self, unused_for: Callable[..., None], root: Person, charlie: Person, instance: Path
    ) -> None:
        """It is warned, and thirty days later it goes as if its owner deleted it."""
        await posted(charlie, "I was here")
        unused_for(271, "charlie")
        await swept(unused.RULE)
        assert sql(instance, "SELECT count(*) FROM last_uses WHERE warned IS NOT NULL") == [(1,)]
        unused_for(301, "charlie")
        await swept(unused.RULE)  # which warns it
        assert (await root.get("/api/users/charlie")).status_code == 200
        sql(instance, "UPDATE last_uses SET warned = ? WHERE warned IS NOT NULL", times.later(days=-30)[:10])
        await swept(unused.RULE)
        refused(await root.get("/api/users/charlie"), 404)
        assert (await root.get(LOBBY)).json()["posts"][0]["author"] == {"guest": "Former user"}
        newest = (await root.get("/api/audit")).json()["entries"][0]
        assert (newest["action"], newest["actor"], newest["subject"]) == ("user.deleted", "", "charlie")
        assert newest["detail"].startswith("not used since 20")

    async def test_the_account_page_says_so(self, bob: Person) -> None:
        page = await bob.get("/account/data", headers={"Accept": "text/html"})
        assert "An account that nobody uses for 300 days is deleted by itself." in page.text

    async def test_a_mail_warns_once_if_nobody_comes_back(
        self, unused_for: Callable[..., None], instance: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with_mail = {"mail": smtp("smtp://mail.example?from=pottle@school.example"), "url": "https://pottle.example"}
        monkeypatch.setattr(db, "settings", dataclasses.replace(db.settings, **with_mail))  # type: ignore[arg-type]
        unused_for(280, "charlie")
        await swept(unused.RULE)
        await swept(unused.RULE)
        letter = await outbox.take()
        assert letter is not None
        assert (letter.kind, letter.uid) == (unused.SOON, "charlie")
        assert await outbox.take() is None
        made = await letters.kinds[letter.kind].make(letter)
        assert made is not None
        assert "charlie" in letters.html_of(made, "en")
        sql(instance, "UPDATE last_uses SET warned = NULL")  # as when they sign in
        assert await letters.kinds[letter.kind].make(letter) is None

    @pytest.mark.parametrize("by", ["a token", "signing in"])  # a session ends long before
    async def test_who_comes_back_is_kept(
        self, unused_for: Callable[..., None], charlie: Person, anyone: Person, instance: Path, by: str
    ) -> None:
        token = charlie.token
        if by == "a token":
            token = (await charlie.post("/api/me/tokens", {"name": "bell"})).json()["token"]
        unused_for(290, "charlie")
        sql(instance, "UPDATE sessions SET used = ?", times.later(days=-1)[:10])  # older ones have ended
        await swept(unused.RULE)
        session.forget_all()  # as when the day is another
        if by == "signing in":
            await signed_in_again(anyone, "charlie", PASSWORD)
        else:
            assert (await anyone.get("/api/me", headers=bearer(token))).status_code == 200
        await swept(unused.RULE)
        own = "user_id = (SELECT id FROM users WHERE uid = 'charlie')"
        assert sql(instance, f"SELECT day, warned FROM last_uses WHERE {own}") == [(times.now()[:10], None)]  # noqa: S608

    @pytest.fixture
    def over(self, unused_for: Callable[..., None], instance: Path) -> Callable[..., None]:
        """Accounts whose time is over, and that were warned."""

        def make(*uids: str) -> None:
            unused_for(400, *uids)
            sql(instance, "UPDATE last_uses SET warned = day WHERE day < ?", times.later(days=-300)[:10])

        return make

    async def test_a_class_that_is_in_use_keeps_its_members(self, over: Callable[..., None], anyone: Person) -> None:
        over("alice", "bob")
        await swept(unused.RULE)
        assert (await anyone.get("/api/users/bob")).status_code == 200
        over("alice", "bob", "root")
        await swept(unused.RULE)  # now nobody uses it any more
        refused(await anyone.get("/api/users/bob"), 404)

    async def test_the_last_admin_stays(self, over: Callable[..., None], root: Person, instance: Path) -> None:
        over("root", "charlie")
        await swept(unused.RULE)
        assert sql(instance, "SELECT uid FROM users ORDER BY id") == [("alice",), ("bob",), ("root",)]

    async def test_where_it_is_off_nothing_is_noted(
        self, unused_for: Callable[..., None], instance: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(db, "settings", dataclasses.replace(db.settings, retention_accounts=None))
        await db.write(unused.note)
        assert sql(instance, "SELECT * FROM last_uses") == []


async def test_the_sweep_does_it_and_then_rests(root: Person, instance: Path) -> None:
    retention._looks_again.clear()
    first = await posted(root, "Old")
    sql(instance, "UPDATE posts SET created = ?", LONG_AGO)
    for sweep in db._sweeps:
        await db.write(sweep)
    refused(await root.get(f"/api/posts/{first['id']}"), 404)
    assert retention._looks_again["posts"] > 0
    retention._looks_again.clear()


async def test_who_leaves_may_take_along_what_they_wrote(
    alice: Person, bob: Person, charlie: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the API and by the form; a post that somebody replied to stays, empty and nobody's."""
    monkeypatch.setattr(aging, "AT_ONCE", 1)
    question = await posted(bob, "A question")
    await posted(alice, "An answer", parent=question["id"])
    for text in ("One", "Two"):
        await posted(charlie, text)
    gone = await bob.delete("/api/me", json={"password": PASSWORD, "everything": True})
    assert gone.status_code == 204
    form = {"password": PASSWORD, "everything": "true"}
    answer = await charlie.http.post("/account/delete", data=form, headers={"Origin": "http://pottle.test"})
    assert answer.headers["Location"] == "/"
    left = [(post["body"], post["author"]) for post in (await alice.get(LOBBY)).json()["posts"]]
    assert left[0][0] == "An answer"
    assert left[1:] == [("", {"guest": "Former user"})]


class TestTheCommand:
    """quart --app main retention."""

    @pytest.fixture
    def run(self, settings: Settings) -> Callable[..., Result]:
        def invoke(*args: str, given: str = "") -> Result:
            return main.create_app(settings).test_cli_runner().invoke(args=["retention", *args], input=given)

        return invoke

    @pytest.fixture
    def aged(self, instance: Path) -> None:
        """An account and a post of long ago."""
        with databases.opened(instance) as raw:
            own = "SELECT id FROM users WHERE uid = 'charlie'"
            raw.execute(f"INSERT INTO last_uses SELECT id, ?, ? FROM ({own}) own", (LONG_AGO[:10], LONG_AGO[:10]))  # noqa: S608
            raw.execute("UPDATE sessions SET used = ?", (LONG_AGO[:10],))
            columns = "channel_id, author_id, body, html, state, reactions, replies, created, version"
            raw.execute(
                f"INSERT INTO posts ({columns}) SELECT 1, id, 'Hi', '<p>Hi</p>', 'published', '{{}}', 0, ?, 1 "  # noqa: S608
                "FROM users WHERE uid = 'bob'",
                (LONG_AGO,),
            )

    def test_a_dry_run_says_what_would_go(self, run: Callable[..., Result], aged: None, instance: Path) -> None:
        before = dump(instance)
        found = run("--dry-run")
        assert found.exit_code == 0, found.output
        assert "posts: 365 days, keep: for good; texts that moderators removed: 30 days" in found.output
        assert f"accounts\tcharlie\t{LONG_AGO[:10]}\n" in found.output
        assert "posts\thome\t1\n" in found.output
        assert dump(instance)["posts"] == before["posts"]

    def test_it_asks_and_deletes(self, run: Callable[..., Result], aged: None, instance: Path) -> None:
        assert "Deleted" not in run(given="n\n").output
        assert run("--yes").output.endswith("Deleted.\n")
        assert sql(instance, "SELECT 1 FROM users WHERE uid = 'charlie'") == []
        assert run("--dry-run").output.endswith("Nothing is too old.\n")

    def test_the_doctor_says_what_is_set(self, settings: Settings) -> None:
        said = main.create_app(settings).test_cli_runner().invoke(args=["doctor"]).output
        assert "retention" in said
        assert "accounts: 300 days" in said
