"""Passwords that came with a Flask back end's accounts: they work, and are kept as argon2id from the next sign-in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.security import generate_password_hash

from model.accounts import passwords
from model.accounts.account import sign_in
from model.accounts.passwords import MOST_ITERATIONS, known, matches
from pottle.store import db
from tests import databases
from tests.conftest import ADDRESS, Person, World

SECRET = "grüße, Ada"
METHODS = ["pbkdf2:sha256:1000", "pbkdf2:sha1:1000", "scrypt:1024:8:1", "scrypt", "pbkdf2:sha256"]


@pytest.fixture
def keeps(app: object, instance: Path) -> Callable[[str], None]:
    """`keeps(hash)`: it is what is kept of Bob's password."""

    def put(kept: str) -> None:
        with databases.opened(instance) as raw:
            raw.execute("UPDATE users SET password_hash = ? WHERE uid = 'bob'", (kept,))

    return put


def kept(instance: Path) -> str:
    with databases.opened(instance) as raw:
        return str(raw.execute("SELECT password_hash FROM users WHERE uid = 'bob'").fetchone()[0])


async def signs_in(person: Person, password: str) -> int:
    return (await person.post("/api/session", {"uid": "bob", "password": password})).status_code


@pytest.mark.parametrize("method", METHODS)
async def test_it_works(keeps: Any, anyone: Person, instance: Path, method: str) -> None:
    theirs = generate_password_hash(SECRET, method)
    assert known(theirs)
    keeps(theirs)
    assert await signs_in(anyone, "wrong") == 401
    assert kept(instance) == theirs
    assert await signs_in(anyone, SECRET) == 201
    assert kept(instance).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await signs_in(anyone, SECRET) == 201
    assert await signs_in(anyone, "wrong") == 401


async def test_ours_stays_as_it_is(anyone: Person, instance: Path) -> None:
    before = kept(instance)
    assert await signs_in(anyone, "correct horse") == 201
    assert kept(instance) == before


async def test_a_password_that_was_set_meanwhile_stays(
    keeps: Any, instance: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen to fail without the comparison in account._start: the old password was good again."""
    keeps(generate_password_hash(SECRET, "pbkdf2:sha256:1000"))
    hashed = passwords.hashed

    async def meanwhile(password: str) -> str:
        keeps(await hashed("the new one"))
        return await hashed(password)

    monkeypatch.setattr(passwords, "hashed", meanwhile)
    await sign_in("bob", SECRET, ADDRESS)
    assert await matches(kept(instance), "the new one")


async def test_it_is_good_for_what_else_asks_for_a_password(keeps: Any, bob: Person) -> None:
    keeps(generate_password_hash(SECRET, "scrypt:1024:8:1"))
    assert (await bob.patch("/api/me", {"password": "another one", "current_password": "x"})).status_code == 403
    changed = await bob.patch("/api/me", {"password": "another one", "current_password": SECRET})
    assert changed.status_code == 200


HEX = "ab" * 32


ABSURD: list[Any] = [
    f"pbkdf2:sha256:{MOST_ITERATIONS + 1}$salt${HEX}",
    f"pbkdf2:sha256:0$salt${HEX}",
    f"pbkdf2:sha256:1000$salt${HEX}00",
    f"pbkdf2:md5:1000$salt${HEX}",
    f"pbkdf2:sha256:1000$${HEX}",
    f"scrypt:999999:99:99$salt${HEX}{HEX}",
    f"scrypt:1000:8:1$salt${HEX}{HEX}",
    f"scrypt:1024:0:1$salt${HEX}{HEX}",
    f"scrypt:1024:8:1$salt${HEX}",
    f"sha256$salt${HEX}",
    "plain$$hunter2",
    "hunter2",
    "",
    "$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
    "$argon2id$v=19$m=65536,t=1,p=8192$c2FsdHNhbHQ$aGFzaGhhc2g",
    "$argon2id$nonsense",
    "$2b$12$KIXQJ1xF",
    None,
    7,
]


async def test_what_is_no_hash_or_costs_too_much_is_not_known(keeps: Any, anyone: Person) -> None:
    """Nor tried: a hash that takes minutes would keep everybody from signing in."""
    assert not [absurd for absurd in ABSURD if known(absurd)]
    for absurd in ABSURD[:4]:
        keeps(absurd)
        assert await signs_in(anyone, SECRET) == 401


async def test_somebody_unknown_costs_one_hash_of_ours(
    app: object, anyone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one of werkzeug's, and none to be made anew: the time tells nothing that it did not tell before."""
    verified: list[str] = []
    verify = passwords._verify
    monkeypatch.setattr(passwords, "_verify", lambda *args: verified.append(args[0]) or verify(*args))
    assert (await anyone.post("/api/session", {"uid": "nobody", "password": SECRET})).status_code == 401
    assert verified == [passwords.DECOY]
    assert db.settings.rate_limits
