"""Passwords that guessers try first are refused, by whichever way one sets a password."""

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from model.accounts import passwords, user
from model.settings import Settings
from pottle.errors import Invalid
from tests.api.conftest import wrong_fields
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person

SITE = "https://school.github.io"
NAME = "Zoë O'Hara-Quill"
COMMON = ["password", "PassWord", "12345678", "qwertyuiop", "iloveyou", "football1", "trustno1", "1q2w3e4r5t"]
NAMES = ["zoe.quill", "ZOE-QUILL", "zoequill2026", "123zoe.quill!", "ZoëOHaraQuill99", "Pottle2026!"]
GOOD = ["correct horse", "zoe.quill and more", "pottle of milk", "🐴🔋📎🐴🔋📎🐴🔋", "password of mine"]

Set = Callable[[str], Awaitable[httpx.Response]]


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, rate_limits=False, flask_origins=(SITE,))


@pytest.fixture(params=["sign-up", "invitation", "account", "code", "roster", "flask sign-up", "flask account"])
async def set_(request: pytest.FixtureRequest, root: Person, alice: Person, anyone: Person) -> Set:
    """Each way to set a password, for somebody called Zoë."""
    new = {"uid": "zoe.quill", "name": NAME}
    if request.param in ("account", "code", "flask account"):
        await user.create("zoe.quill", NAME, PASSWORD)
    signed = await anyone.post("/api/session", {"uid": "zoe.quill", "password": PASSWORD})
    own = {"Authorization": f"Bearer {signed.json().get('token')}"}
    site = {"Origin": SITE}
    page = {**site, "Cookie": f"jwt_python_flask={signed.json().get('token')}"}
    anyone.http.cookies.clear()
    if request.param == "invitation":
        new["invitation"] = (await alice.post("/api/groups/class/invitations", {})).json()["code"]
    if request.param == "code":
        code = (await root.post("/api/users/zoe.quill/invitations")).json()["code"]
    if request.param == "roster":
        made = await alice.post("/api/groups/class/roster", {"csv": f"name,uid\n{NAME},zoe.quill"})
        code = made.json()["accounts"][0]["code"]
    ways: dict[str, Set] = {
        "sign-up": lambda word: anyone.post("/api/users", {**new, "password": word}),
        "account": lambda word: anyone.patch("/api/me", {"password": word, "current_password": PASSWORD}, headers=own),
        "code": lambda word: anyone.put("/api/password", json={"code": code, "password": word}),
        "flask sign-up": lambda word: anyone.post("/flask/api/user", {**new, "password": word}, headers=site),
        "flask account": lambda word: anyone.put("/flask/api/user", json={"password": word}, headers=page),
    }
    ways |= {"invitation": ways["sign-up"], "roster": ways["code"]}
    return ways[request.param]


async def test_every_way_refuses_them(set_: Set) -> None:
    """Seen to fail without the check in any of the ways."""
    for easy in ("iloveyou", "zoequill2026", "zoë o'hara-quill"):
        answer = await set_(easy)
        assert answer.status_code in (400, 422), f"{easy}: {answer.text}"
        assert "is too easy to guess" in answer.text
    assert (await set_("a better one than that")).is_success


@in_turn("easy", [*COMMON, *NAMES])
async def test_easy_ones_are_refused(anyone: Person, easy: str) -> None:
    made = await anyone.post("/api/users", {"uid": "zoe.quill", "name": NAME, "password": easy})
    assert wrong_fields(made) == {"password"}


@pytest.mark.parametrize("good", GOOD)
async def test_others_are_not(anyone: Person, good: str) -> None:
    made = await anyone.post("/api/users", {"uid": "zoe.quill", "name": NAME, "password": good})
    assert made.status_code == 201, made.text


async def test_the_operator_is_told_too(app: object) -> None:
    with pytest.raises(Invalid, match="too easy to guess"):
        await user.create("zoe", NAME, "iloveyou")


def test_the_list_is_long_enough() -> None:
    common = passwords._common_ones().split()
    assert sum(len(word) >= 8 for word in common) >= 10_000
    assert all(word == word.lower() for word in common)
    assert not passwords.is_common("iloveyou-and-horses")
    assert not passwords.is_common("")


class TestTheOperatorsOwnList:
    """As the downloader of haveibeenpwned.com writes it: SHA-1 and how often, sorted."""

    LEAKED = ("a leaked horse", "battery staple", "Tr0ub4dor and 3", "one more", "zzz zzz zzz")

    @pytest.fixture
    def settings(self, instance: Path, tmp_path: Path) -> Settings:
        hashes = sorted(hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest().upper() for word in self.LEAKED)
        (tmp_path / "leaked.txt").write_text("".join(f"{one}:{number}\r\n" for number, one in enumerate(hashes)))
        return Settings(instance=instance, breached_passwords=tmp_path / "leaked.txt")

    async def test_it_works(self, alice: Person) -> None:
        for word in self.LEAKED:
            edit = await alice.patch("/api/me", {"password": word, "current_password": PASSWORD})
            assert wrong_fields(edit) == {"password"}
        edit = await alice.patch("/api/me", {"password": "no leaked horse", "current_password": PASSWORD})
        assert edit.status_code == 200
