"""Nobody is taken for somebody who looks after a group: badges, names that look alike, reserved user names."""

from pathlib import Path

import pytest

from model.accounts.user import RESERVED, is_reserved, skeleton
from model.settings import Settings
from tests.api.conftest import Json, joined, opened, posted, refused, wrong_fields
from tests.cases import in_turn
from tests.conftest import Person

PASSWORD = "a long way to walk"
ALIKE = [
    *(
        "Ms. Rivera",
        "ms rivera",
        "MS.  RIVERA ✓",
        "Ms. Rivéra",
        "Мs. Rivеra",
        "Ｍs. Rivera",
        "𝐌s. 𝐑ivera",
        "Ms. R1vera",
    ),
    *(
        "Ms. Rlvera",
        "Ms. Rıvera",
        "МЅ. RІVЕRА",
        "Ms\u3000Rivera",
        "Ms. Ri\u200bvera",
        "🌟 Ms. Rivera 🌟",
        "Ｍs. Rivera",
    ),
]
OTHERS = ["Mr. Rivera", "Ms. River", "Ms. Riviera", "M. Rivera", "Ms. Rivera-Diaz", "Rivera", "🌟"]


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, rate_limits=False)


@pytest.fixture
async def channel(root: Person, alice: Person) -> int:
    """A channel of a public group of guests, whose moderator is Alice; she is called Ms. Rivera."""
    await alice.patch("/api/me", {"name": "Ms. Rivera"})
    channel = await opened(root, "open", posting="guests")
    await joined(root, "open", "alice", "moderator")
    return channel


async def author(reader: Person, channel: int) -> Json:
    """The author of the newest post, in the list of the channel."""
    return dict((await reader.get(f"/api/channels/{channel}/posts")).json()["posts"][0]["author"])


async def sign_up(anyone: Person, **fields: str) -> Json:
    made = await anyone.post("/api/users", {"uid": "dora", "name": "Dora", "password": PASSWORD, **fields})
    assert made.status_code == 201, made.text
    return dict(made.json())


class TestBadges:
    async def test_it_works(self, channel: int, alice: Person, bob: Person, root: Person, anyone: Person) -> None:
        for person, badge in ((alice, "moderator"), (root, "admin"), (bob, None)):
            made = await posted(person, channel=channel)
            shown = (await anyone.get(f"/api/posts/{made['id']}")).json()
            assert made["author"] == shown["author"] == await author(anyone, channel)
            assert made["author"].get("badge") == badge
        guest = await posted(anyone, channel=channel, guest="Gast")
        assert guest["author"] == {"guest": "Gast"}

    async def test_it_is_of_that_group_only(self, channel: int, alice: Person, anyone: Person) -> None:
        await posted(alice)
        assert "badge" not in await author(anyone, 1)

    async def test_it_is_never_stale(self, channel: int, bob: Person, root: Person, anyone: Person) -> None:
        """The lists are kept by the response cache until somebody becomes something else."""
        await posted(bob, channel=channel)
        assert "badge" not in await author(anyone, channel)
        await joined(root, "open", "bob", "moderator")
        assert (await author(anyone, channel))["badge"] == "moderator"
        await joined(root, "open", "bob", "member")
        assert "badge" not in await author(anyone, channel)
        await joined(root, "open", "bob", "moderator")
        assert (await author(anyone, channel))["badge"] == "moderator"
        await root.delete("/api/groups/open/members/bob")
        assert "badge" not in await author(anyone, channel)
        await root.patch("/api/users/bob", {"role": "admin"})
        assert (await author(anyone, channel))["badge"] == "admin"
        await root.patch("/api/users/bob", {"role": "user"})
        assert "badge" not in await author(anyone, channel)

    @pytest.mark.parametrize("member_first", [False, True])
    async def test_nor_after_an_invitation(
        self, channel: int, bob: Person, root: Person, anyone: Person, member_first: bool
    ) -> None:
        if member_first:
            await joined(root, "open", "bob")
        await posted(bob, channel=channel)
        assert "badge" not in await author(anyone, channel)
        made = await root.post("/api/groups/open/invitations", {"role": "moderator"})
        assert (await bob.post("/api/me/invitations", {"code": made.json()["code"]})).status_code == 201
        assert (await author(anyone, channel))["badge"] == "moderator"

    async def test_the_page_shows_it(self, channel: int, alice: Person, anyone: Person) -> None:
        await posted(alice, channel=channel)
        page = (await anyone.get(f"/channels/{channel}")).text
        assert '<b class="author" dir="auto" title="alice">Ms. Rivera</b>' in page
        assert '<span class="rank badge moderator">moderator</span>' in page

    async def test_colour_and_letter_are_the_user_names(self, channel: int, bob: Person, anyone: Person) -> None:
        await bob.patch("/api/me", {"name": "Zoe"})
        await posted(bob, channel=channel)
        await posted(anyone, channel=channel, guest="Bob")
        page = (await anyone.get(f"/channels/{channel}")).text
        assert '<span class="avatar hue-1" aria-hidden="true">B</span>' in page
        assert '<span class="avatar hue-none" aria-hidden="true">B</span>' in page


class TestNames:
    @in_turn("name", ALIKE)
    async def test_a_guest_cannot_pass_for_a_moderator(self, channel: int, anyone: Person, name: str) -> None:
        answer = await anyone.post(f"/api/channels/{channel}/posts", {"body": "Hello", "guest": name})
        assert wrong_fields(answer) == {"guest"}

    @in_turn("name", OTHERS)
    async def test_others_have_names_too(self, channel: int, anyone: Person, name: str) -> None:
        await posted(anyone, channel=channel, guest=name)

    async def test_nor_can_a_user(self, channel: int, anyone: Person, alice: Person) -> None:
        """Who may have the name, but not there."""
        await sign_up(anyone, name="Ms. Rivéra")
        token = (await anyone.post("/api/session", {"uid": "dora", "password": PASSWORD})).json()["token"]
        anyone.http.headers["Authorization"] = f"Bearer {token}"
        assert "name" in refused(await anyone.post(f"/api/channels/{channel}/posts", {"body": "Hello"}), 403)["detail"]
        await posted(anyone)
        code = (await alice.post("/api/groups/open/invitations", {})).json()["code"]
        assert wrong_fields(await anyone.post("/api/me/invitations", {"code": code})) == {"name"}
        await anyone.patch("/api/me", {"name": "Dora Rivera"})
        await posted(anyone, channel=channel)
        assert (await anyone.post("/api/me/invitations", {"code": code})).status_code == 201
        assert wrong_fields(await anyone.patch("/api/me", {"name": "MS RIVERA"})) == {"name"}

    async def test_nor_who_signs_up_by_a_code(self, channel: int, anyone: Person, alice: Person) -> None:
        code = (await alice.post("/api/groups/open/invitations", {})).json()["code"]
        new = {"uid": "dora", "name": "ms. rivera", "password": PASSWORD, "invitation": code}
        assert wrong_fields(await anyone.post("/api/users", new)) == {"name"}

    async def test_nor_somebody_of_a_roster(self, channel: int, alice: Person) -> None:
        answer = await alice.post("/api/groups/open/roster", {"names": ["Ben", "Ms Rivera"]})
        assert wrong_fields(answer) == {"names[1]"}

    async def test_nobody_passes_for_an_admin(self, anyone: Person, bob: Person) -> None:
        new = {"uid": "dora", "name": "R00t", "password": PASSWORD}
        assert wrong_fields(await anyone.post("/api/users", new)) == {"name"}
        assert wrong_fields(await bob.patch("/api/me", {"name": "ROOT"})) == {"name"}

    async def test_moderators_keep_their_own(self, channel: int, alice: Person) -> None:
        await posted(alice, channel=channel)
        assert (await alice.patch("/api/me", {"name": "Ms. Rivera"})).status_code == 200

    def test_names_of_other_scripts_are_told_apart(self) -> None:
        for one, other in (("की", "को"), ("अनु", "अन"), ("李", "季"), ("محمد", "محمود"), ("Анна", "Инна"), ("🎉", "🎊")):
            assert skeleton(one) != skeleton(other)


class TestUserNames:
    @in_turn("uid", ["admin", "Admin", "adm1n", "ad.min", "moderator", "api", "support", "r00t", "Pottle"])
    async def test_some_are_reserved(self, anyone: Person, alice: Person, uid: str) -> None:
        new = {"uid": uid, "name": "Dora", "password": PASSWORD}
        assert wrong_fields(await anyone.post("/api/users", new)) == {"uid"}
        code = (await alice.post("/api/groups/class/invitations", {})).json()["code"]
        assert wrong_fields(await anyone.post("/api/users", {**new, "invitation": code})) == {"uid"}
        answer = await alice.post("/api/groups/class/roster", {"csv": f"name,uid\nDora,{uid}"})
        assert wrong_fields(answer) == {"line 2"}

    async def test_a_roster_makes_others(self, alice: Person) -> None:
        made = await alice.post("/api/groups/class/roster", {"names": ["Ad Min", "Support"]})
        assert [account["uid"] for account in made.json()["accounts"]] == ["ad.min2", "support2"]

    def test_all_of_them_are(self) -> None:
        assert all(map(is_reserved, RESERVED))
        assert not any(map(is_reserved, ("alice", "anna.schmidt", "mea", "roots", "admin7", "apis", "moderator.club")))
