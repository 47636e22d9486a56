"""Reports of posts, and blocks of people and networks."""

from typing import Any

from pottle import times
from tests.api.conftest import joined, opened, posted, refused
from tests.conftest import Person

WEEK = times.later(days=7)


async def blocked(by: Person, where: str, **what: Any) -> dict[str, Any]:
    made = await by.post(f"/api/{where}blocks", {"why": "Three insults.", **what})
    assert made.status_code == 201, made.text
    return dict(made.json())


class TestReports:
    async def test_a_report_is_seen_by_moderators_and_closed_by_what_they_decide(
        self, root: Person, alice: Person, bob: Person, anyone: Person
    ) -> None:
        post = await posted(bob)
        reports = f"/api/posts/{post['id']}/reports"
        made = await alice.post(reports, {"reason": "rude", "note": "Look at the last line."})
        assert made.status_code == 201
        refused(await alice.get(reports), 403)
        (seen,) = (await root.get(reports)).json()["reports"]
        assert (seen["by"], seen["reason"], seen["note"], seen["closed"]) == (
            "alice",
            "rude",
            "Look at the last line.",
            None,
        )
        await root.patch(f"/api/posts/{post['id']}", {"state": "removed", "reason": "unkind"})
        (mine,) = (await alice.get("/api/me/reports")).json()["reports"]
        assert mine["outcome"] == "removed"
        assert mine["closed"]
        assert "by" not in mine

    async def test_that_a_post_stays_closes_its_reports_too(
        self, root: Person, alice: Person, bob: Person, anyone: Person
    ) -> None:
        post = await posted(bob)
        await alice.post(f"/api/posts/{post['id']}/reports", {"reason": "spam"})
        assert (await root.patch(f"/api/posts/{post['id']}", {"state": "published"})).status_code == 200
        assert (await alice.get("/api/me/reports")).json()["reports"][0]["outcome"] == "kept"

    async def test_one_reports_a_post_once_and_again_after_it_changed(
        self, root: Person, alice: Person, bob: Person, anyone: Person
    ) -> None:
        post = await posted(bob)
        reports = f"/api/posts/{post['id']}/reports"
        assert (await alice.post(reports, {"reason": "spam"})).status_code == 201
        refused(await alice.post(reports, {"reason": "rude"}), 409)
        await root.patch(f"/api/posts/{post['id']}", {"state": "published"})
        refused(await alice.post(reports, {"reason": "rude"}), 409)
        await bob.patch(f"/api/posts/{post['id']}", {"body": "Now it is worse"})
        assert (await alice.post(reports, {"reason": "rude"})).status_code == 201

    async def test_nobody_reports_their_own_or_what_they_do_not_see(
        self, root: Person, alice: Person, bob: Person, anyone: Person
    ) -> None:
        post = await posted(bob)
        refused(await bob.post(f"/api/posts/{post['id']}/reports", {"reason": "spam"}), 409)
        hidden = await opened(root, "staff", reading="members")
        theirs = await posted(root, channel=hidden)
        refused(await bob.post(f"/api/posts/{theirs['id']}/reports", {"reason": "spam"}), 404)
        refused(await anyone.post(f"/api/posts/{post['id']}/reports", {"reason": "spam"}), 401)
        refused(await alice.post(f"/api/posts/{post['id']}/reports", {"reason": "dull"}), 422)


class TestBlocks:
    async def test_whoever_is_blocked_reads_and_does_not_write(
        self, root: Person, alice: Person, bob: Person, anyone: Person
    ) -> None:
        channel = await opened(root, "club")
        before = await posted(bob, channel=channel)
        made = await blocked(root, "groups/club/", user="BOB", until=WEEK)
        assert (made["user"], made["group"], made["until"], made["by"]) == ("bob", "club", WEEK, "root")
        problem = refused(await bob.post(f"/api/channels/{channel}/posts", {"body": "Hello"}), 403)
        assert problem["type"] == "urn:pottle:blocked"
        assert problem["until"] == WEEK
        assert f"{WEEK[:10]} {WEEK[11:16]}" in problem["detail"]
        assert "Three insults." in problem["detail"]
        others = await posted(alice, channel=channel)
        for writing in (
            bob.patch(f"/api/posts/{before['id']}", {"body": "Changed"}),
            bob.post("/api/groups/club/channels", {"key": "another"}),
            bob.put(f"/api/posts/{others['id']}/reactions/up"),
            bob.post(f"/api/posts/{others['id']}/reports", {"reason": "spam"}),
        ):
            assert refused(await writing, 403)["type"] == "urn:pottle:blocked"
        assert (await bob.get(f"/api/channels/{channel}/posts")).status_code == 200
        assert (await bob.delete(f"/api/posts/{before['id']}")).status_code == 204
        await posted(bob)  # elsewhere

    async def test_a_block_ends_with_its_time_or_before(
        self, root: Person, alice: Person, bob: Person, anyone: Person
    ) -> None:
        channel = await opened(root, "club")
        made = await blocked(root, "groups/club/", user="bob")
        (listed,) = (await root.get("/api/groups/club/blocks")).json()["blocks"]
        assert listed == made
        assert (await root.delete(f"/api/groups/club/blocks/{made['id']}")).status_code == 204
        await posted(bob, channel=channel)
        past = {"why": "x", "user": "bob", "until": "2020-01-01T00:00:00.000Z"}
        refused(await root.post("/api/groups/club/blocks", past), 422)
        log = (await root.get("/api/groups/club/audit")).json()["entries"]
        assert [entry["action"] for entry in log[:2]] == ["block.ended", "block.made"]

    async def test_only_admins_block_everywhere_and_nobody_those_who_look_after_it(
        self, root: Person, alice: Person, bob: Person, anyone: Person
    ) -> None:
        channel = await opened(root, "club")
        await joined(root, "club", "alice", "moderator")
        refused(await alice.post("/api/blocks", {"why": "x", "user": "bob"}), 403)
        refused(await bob.post("/api/groups/club/blocks", {"why": "x", "user": "alice"}), 403)
        refused(await root.post("/api/groups/club/blocks", {"why": "x", "user": "alice"}), 409)
        refused(await alice.post("/api/groups/club/blocks", {"why": "x", "user": "root"}), 409)
        refused(await alice.post("/api/groups/club/blocks", {"why": "x"}), 422)
        made = await blocked(root, "", user="bob")
        refused(await bob.post(f"/api/channels/{channel}/posts", {"body": "Hello"}), 403)
        refused(await alice.delete(f"/api/groups/club/blocks/{made['id']}"), 404)
        assert (await root.delete(f"/api/blocks/{made['id']}")).status_code == 204
        await posted(bob, channel=channel)

    async def test_guests_of_a_network_are_kept_out(
        self, root: Person, alice: Person, bob: Person, anyone: Person
    ) -> None:
        channel = await opened(root, "club", posting="guests")
        for network, refuses in (
            ("127.0.0.0/8", True),
            ("127.0.0.2", False),
            ("2001:db8::/32", False),
            ("127.0.0.1", True),
        ):
            made = await blocked(root, "groups/club/", network=network)
            came = await anyone.post(f"/api/channels/{channel}/posts", {"body": "Hello", "guest": "Gus"})
            assert came.status_code == (403 if refuses else 201), network
            await root.delete(f"/api/groups/club/blocks/{made['id']}")
        for wrong in ("0.0.0.0/0", "::/3", "nowhere", "1.2.3.4/33", ""):
            answer = await root.post("/api/groups/club/blocks", {"why": "x", "network": wrong})
            refused(answer, 422)
