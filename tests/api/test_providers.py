"""Signing in with an OpenID Connect provider, GitHub or Microsoft: who gets in, as whom, and by what no one does."""

import base64
import hmac
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import ECKey

from model.accounts.providers import asking
from model.accounts.providers.configured import providers
from model.settings import Settings
from tests.api.conftest import Json, bearer, opened, refused
from tests.api.test_second import set_up
from tests.conftest import PASSWORD, Person
from tests.provider import OTHERS, OWN, PAGE, TENANT, Provider, comes_back, leaves, providing, signed, signs_in

ECKEY2 = ECKey.generate_key("P-256", {"kid": "2", "use": "sig"})
ANNA = {"sub": "1", "name": "Anna Schmidt", "preferred_username": "anna@school.example"}
MAIL = {"email": "anna@school.example", "email_verified": True}
Unchanged = Callable[[], AbstractContextManager[None]]
People = Callable[..., Person]


@pytest.fixture
async def there() -> AsyncIterator[Provider]:
    async with providing() as made:
        yield made


@pytest.fixture
def sign_up() -> str:
    """The setting; a test that wants another overrides this by `pytest.mark.parametrize`."""
    return "open"


@pytest.fixture
def settings(instance: Path, there: Provider, sign_up: str) -> Settings:
    own = f'id = "pottle"\nsecret = "hush"\nissuer = "{there.url}"\n'
    text = f"""
[school]
{own}
[google]
{own}domains = ["school.example"]
newcomers = true
group = "class"
[microsoft]
{own}tenant = "{TENANT}"
[github]
{own}domains = ["school.example"]
[staff]
{own}newcomers = false
[trusted]
{own}second_factor = true
"""
    return replace(Settings(instance=instance), sign_in=providers(text), sign_up=sign_up)  # type: ignore[arg-type]


def said(response: httpx.Response, status: int) -> str:
    """What a page says of a refusal, which signs nobody in and has the browser forget what it began."""
    assert response.status_code == status, response.text
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert not response.cookies
    _, _, after = response.text.partition('role="alert">')
    return after.partition("<")[0]


async def who(person: Person) -> Json:
    answer = await person.get("/api/me")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_it_works(there: Provider, anyone: Person, person: People) -> None:
    """Somebody new has an account by the first click, and is the same by the next; with no password."""
    left = await leaves(anyone, "school", next="/groups/home#new")
    answer = there.sends_back(left.headers["Location"], ANNA | MAIL)
    back = await comes_back(anyone, "school", answer)
    assert (back.status_code, back.headers["Location"]) == (303, "/groups/home#new")
    own = await who(anyone)
    assert (own["uid"], own["name"], own["email"]) == ("anna", "Anna Schmidt", "anna@school.example")
    again = person()
    await signs_in(again, there, claims=ANNA | MAIL | {"name": "Anna Other", "preferred_username": "other"})
    assert await who(again) == own
    (linked,) = (await again.get("/api/me/providers")).json()["accounts"]
    assert (linked["provider"], linked["label"], linked["shown"]) == ("school", "School", "anna@school.example")
    shown = (await again.get("/api/me/sessions")).json()["sessions"]
    assert [one["how"] for one in shown] == ["provider", "provider"]
    (first, *_) = (await anyone.get("/api/providers")).json()["providers"]
    assert first == {"name": "school", "label": "School", "path": "/account/with/school"}


def claims_with(**more: object) -> Callable[[Json], str]:
    return lambda claims: signed({name: value for name, value in {**claims, **more}.items() if value is not None})


def with_the_public_key(claims: Json) -> str:
    """HS256, by what everybody knows."""
    _, payload, _ = signed(claims).split(".")
    header = b'{"alg":"HS256","kid":"1"}'
    said = f"{_part(header)}.{payload}"
    return f"{said}.{_part(hmac.digest(OWN.as_pem(private=False), said.encode(), 'sha256'))}"


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def without_algorithm(claims: Json) -> str:
    _, payload, signature = signed(claims).split(".")
    return f"eyJhbGciOiJub25lIn0.{payload}.{signature}"


now = time.time
HOSTILE: dict[str, Callable[[Json], str]] = {
    "another issuer": claims_with(iss="https://login.evil.example"),
    "for another client": claims_with(aud="another"),
    "for two, by nobody": claims_with(aud=["pottle", "another"]),
    "by another party": claims_with(aud=["pottle", "another"], azp="another"),
    "of another request": claims_with(nonce="another"),
    "of no request": claims_with(nonce=None),
    "expired": claims_with(exp=now() - 120),
    "of yesterday": claims_with(iat=now() - 86_400),
    "of tomorrow": claims_with(iat=now() + 86_400),
    "not yet": claims_with(nbf=now() + 3_600),
    "no times": claims_with(iat=None, exp=None),
    "words for times": claims_with(exp="soon"),
    "nobody": claims_with(sub=None),
    "an empty sub": claims_with(sub=""),
    "a number": claims_with(sub=17),
    "a long sub": claims_with(sub="1" * 256),
    "no algorithm": without_algorithm,
    "the public key as a secret": with_the_public_key,
    "another key of that name": lambda claims: signed(claims, OTHERS),
    "an unknown key": lambda claims: signed(claims, OTHERS, kid="2"),
    "spoilt": lambda claims: signed(claims)[:-4] + "AAAA",
    "no JWT": lambda _: "no token at all",
    "a list": lambda _: signed([1]),  # type: ignore[arg-type]
}


async def test_a_token_that_is_not_good_lets_nobody_in(
    there: Provider, anyone: Person, nothing_changes: Unchanged
) -> None:
    let_in = []
    with nothing_changes():
        for name, there.token in HOSTILE.items():
            back = await signs_in(anyone, there, claims=ANNA)
            if back.status_code != 401 or "What School answered could not be verified." not in back.text:
                let_in.append(name)
        assert (await anyone.get("/api/me")).status_code == 401
    assert let_in == []
    there.token = signed
    assert (await signs_in(anyone, there, claims=ANNA)).status_code == 303


async def test_new_keys_are_asked_for(there: Provider, person: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """When one is needed, and not each time."""
    for name in ("a", "b"):
        assert (await signs_in(person(), there, claims={"sub": name})).status_code == 303
    assert there.asked.count("/keys") == 1
    there.keys = [OWN, ECKEY2]
    there.token = lambda claims: signed(claims, ECKEY2, kid="2")
    assert (await signs_in(person(), there)).status_code == 401, "just now there was no such key"
    monkeypatch.setattr(asking, "EACH_SECONDS", 0)
    assert (await signs_in(person(), there)).status_code == 303


async def test_what_is_only_said_when_it_is_asked(there: Provider, anyone: Person, person: People) -> None:
    there.userinfo = ANNA | MAIL
    await signs_in(anyone, there)
    assert (await who(anyone))["email"] == "anna@school.example"
    assert "/userinfo" in there.asked
    there.userinfo = ANNA | {"sub": "2"}
    assert (await signs_in(person(), there)).status_code == 401, "that is of somebody else"


async def test_an_address_that_somebody_else_made_signs_nobody_in(there: Provider, bob: Person, person: People) -> None:
    """Login CSRF: Mallory's code in somebody else's browser; and a state that is not this browser's."""
    mallory, victim = person(), person()
    answer = there.sends_back((await leaves(mallory, "school")).headers["Location"], ANNA)
    expired = "This sign-in has expired, or was begun in another window. Please try again."
    assert said(await comes_back(victim, "school", answer), 401) == expired
    await leaves(victim, "school")
    assert said(await comes_back(victim, "school", answer), 401) == expired
    assert said(await comes_back(victim, "school", {"code": "1"}), 401) == expired
    assert (await comes_back(mallory, "school", answer)).status_code == 303, "it is still good where it was begun"


async def test_nothing_is_good_twice(there: Provider, anyone: Person, person: People) -> None:
    """Neither to whoever reads the address, nor to whoever keeps the cookie and a provider that answers twice."""
    left = await leaves(anyone, "school")
    kept = dict(anyone.http.cookies)
    answer = there.sends_back(left.headers["Location"], ANNA)
    assert (await comes_back(anyone, "school", answer)).status_code == 303
    assert "expired" in said(await comes_back(anyone, "school", answer), 401)
    thief = person()
    thief.http.cookies.update(kept)
    assert "could not be verified" in said(await comes_back(thief, "school", answer), 401)
    thief.http.cookies.update(kept)
    again = there.sends_back(left.headers["Location"], ANNA) | {"state": answer["state"]}
    assert "used before" in said(await comes_back(thief, "school", again), 401)


async def test_an_answer_is_of_whom_was_asked(there: Provider, anyone: Person) -> None:
    """Mix-up: another provider's way back, and RFC 9207."""
    left = await leaves(anyone, "school")
    answer = there.sends_back(left.headers["Location"], ANNA)
    assert "begun in another window" in said(await comes_back(anyone, "staff", answer), 401)
    left = await leaves(anyone, "school")
    answer = there.sends_back(left.headers["Location"], ANNA) | {"iss": "https://login.evil.example"}
    assert "could not be verified" in said(await comes_back(anyone, "school", answer), 401)
    left = await leaves(anyone, "school")
    answer = there.sends_back(left.headers["Location"], ANNA) | {"iss": there.url}
    assert (await comes_back(anyone, "school", answer)).status_code == 303


async def test_who_must_say_whose_answer_it_is_does(there: Provider, anyone: Person) -> None:
    there.metadata = {"authorization_response_iss_parameter_supported": True}
    assert "could not be verified" in said(await signs_in(anyone, there), 401)


async def test_it_leads_to_no_other_site(there: Provider, anyone: Person) -> None:
    for way in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:1", "/ x"):
        left = await leaves(anyone, "school", next=way)
        back = await comes_back(anyone, "school", there.sends_back(left.headers["Location"], ANNA))
        assert back.headers["Location"] == "/"


async def test_whoever_does_not_go_on_is_told(there: Provider, anyone: Person) -> None:
    state = {"state": there.sends_back((await leaves(anyone, "school")).headers["Location"], {})["state"]}
    denied = state | {"error": "access_denied"}
    assert said(await comes_back(anyone, "school", denied), 401).startswith("You did not go on with School.")
    state = {"state": there.sends_back((await leaves(anyone, "school")).headers["Location"], {})["state"]}
    broken = state | {"error": "server_error", "error_description": "<script>"}
    assert "could not be verified" in said(await comes_back(anyone, "school", broken), 401)


ODD = {
    "nothing": b"",
    "no JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
    "an error": b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
    "a way elsewhere": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "too much": b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"[" * 600_000,
    "packed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
}


async def test_a_provider_that_is_not_well(there: Provider, anyone: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PAUSE_SECONDS", 0)
    for odd in ODD.values():
        for path in ("/token", "/keys"):
            there.answers = {path: odd}
            assert "could not be reached" in said(await signs_in(anyone, there, claims=ANNA), 502)
        there.answers = {"/.well-known/openid-configuration": odd}
        assert (await leaves(anyone, "school")).status_code == 303, "it is known from before"
        asking._metadata.clear()
        left = await leaves(anyone, "school")
        assert left.status_code == 502
        assert "School could not be reached." in left.text
        refused(await anyone.get("/account/with/school"), 502)
        there.answers = {}
        asking._keys.clear()


async def test_a_provider_that_is_away_is_not_asked_by_everybody(there: Provider, anyone: Person) -> None:
    there.answers = {"/.well-known/openid-configuration": b""}
    for _ in range(3):
        assert (await leaves(anyone, "school")).status_code == 502
    assert len(there.asked) == 1


async def test_a_provider_that_nobody_set_up(anyone: Person) -> None:
    assert (await leaves(anyone, "nobody")).status_code == 404
    assert (await comes_back(anyone, "nobody", {"state": "1"})).status_code == 401


async def test_a_class_signs_in_by_its_domain(there: Provider, person: People, alice: Person) -> None:
    """Twenty pupils are members by the first click; not somebody of elsewhere who has such an address, or none."""
    for number in range(20):
        claims = {"sub": str(number), "name": f"Pupil {number}", "hd": "school.example", **MAIL}
        back = await signs_in(person(), there, "google", claims)
        assert back.status_code == 303, back.text
    members = (await alice.get("/api/groups/class/members?limit=100")).json()["members"]
    assert {f"pupil.{number}" for number in range(20)} <= {one["uid"] for one in members}
    for more in ({"hd": "evil.example"}, {}, {"hd": ["school.example"]}, {"hd": "school.example.evil.example"}):
        back = await signs_in(person(), there, "google", {"sub": "x", "name": "Eve", **MAIL, **more})
        assert said(back, 403) == "Only accounts of school.example can sign in with Google."


async def test_microsoft_by_its_tenant(there: Provider, person: People) -> None:
    """It proves no addresses."""
    anna, issuer = person(), f"{there.url}/{TENANT}/v2.0"
    of = ANNA | {"iss": issuer, "tid": TENANT, "email": "anna@school.example"}
    assert (await signs_in(anna, there, "microsoft", of)).status_code == 303
    assert (await who(anna))["email"] is None
    (linked,) = (await anna.get("/api/me/providers")).json()["accounts"]
    assert linked["provider"] == "microsoft"
    for wrong in ({"tid": TENANT.replace("1", "2")}, {"iss": issuer.replace("1111", "2222")}):
        assert (await signs_in(person(), there, "microsoft", of | wrong)).status_code == 401


async def test_github_by_its_proven_addresses(there: Provider, person: People) -> None:
    hub, there.userinfo = person(), {"id": 7, "login": "annas", "name": None}
    there.addresses = [{"email": "anna@home.example", "verified": True, "primary": True}]
    there.addresses += [{"email": "anna@school.example", "verified": False, "primary": False}]
    assert "Only accounts of school.example" in said(await signs_in(hub, there, "github"), 403)
    there.addresses[1]["verified"] = True
    assert (await signs_in(hub, there, "github")).status_code == 303
    assert ((await who(hub))["uid"], (await who(hub))["email"]) == ("annas", "anna@home.example")


@pytest.mark.parametrize("sign_up", ["invitation", "closed"])
async def test_somebody_new_where_not_everybody_may(
    there: Provider, person: People, root: Person, sign_up: str
) -> None:
    """With a code, where there are some; whoever has an account already may always."""
    assert "There is no account here yet for your School account." in said(await signs_in(person(), there), 403)
    assert (await signs_in(person(), there, "google", {"sub": "2", "hd": "school.example"})).status_code == 303
    await opened(root, "club")
    code = (await root.post("/api/groups/club/invitations", {})).json()["code"]
    newcomer = person()
    refused(await newcomer.post("/api/providers/school", {"invitation": "K7QD-29XM"}), 422)
    elsewhere = {"Origin": "https://evil.example"}
    refused(await newcomer.post("/api/providers/school", {"invitation": code}, headers=elsewhere), 403)
    begun = await newcomer.post("/api/providers/school", {"invitation": code, "next": "/groups/club"})
    assert begun.status_code == 201, begun.text
    answer = there.sends_back(begun.json()["url"], {"sub": "3", "name": "Carla"})
    back = await comes_back(newcomer, "school", answer)
    if sign_up == "closed":
        assert "There is no account here yet" in said(back, 403)
        return
    assert (back.status_code, back.headers["Location"]) == (303, "/groups/club")
    members = (await root.get("/api/groups/club/members")).json()["members"]
    assert "carla" in {one["uid"] for one in members}
    again = person()
    assert (await signs_in(again, there, claims={"sub": "3"})).status_code == 303
    await opened(root, "chess")
    code = (await root.post("/api/groups/chess/invitations", {})).json()["code"]
    begun = await person().post("/api/providers/school", {"invitation": code})
    newcomer.http.cookies = begun.cookies
    await comes_back(newcomer, "school", there.sends_back(begun.json()["url"], {"sub": "3"}))
    members = (await root.get("/api/groups/chess/members")).json()["members"]
    assert "carla" in {one["uid"] for one in members}, "whoever was here joins by it"


async def test_a_provider_for_those_who_are_here(there: Provider, anyone: Person) -> None:
    assert "If you have one: sign in with your password, and add it." in said(
        await signs_in(anyone, there, "staff"), 403
    )


async def test_the_same_address_is_not_the_same_person(there: Provider, anyone: Person, bob: Person) -> None:
    await bob.patch("/api/me", {"email": "anna@school.example", "current_password": PASSWORD})
    await signs_in(anyone, there, claims=ANNA | MAIL | {"preferred_username": "bob", "name": "Bob"})
    assert (await who(anyone))["uid"] == "bob2"


async def test_names_that_are_the_operators(there: Provider, person: People) -> None:
    """And one that looks like an admin's."""
    for sub, username, uid, name in (
        ("1", "admin", "admin2", "Root (admin2)"),
        ("2", "Ro0t", "ro0t2", "Root (ro0t2)"),
        ("3", "\u202e\u0000", "root2", "Root (root2)"),
    ):
        made = person()
        await signs_in(made, there, claims={"sub": sub, "preferred_username": username, "name": " R\u200boot\n"})
        assert ((await who(made))["uid"], (await who(made))["name"]) == (uid, name)


async def test_an_address_that_is_not_proven_is_none(there: Provider, person: People) -> None:
    for number, more in enumerate(({"email_verified": False}, {"email_verified": None}, {"email": "no address"})):
        made = person()
        await signs_in(made, there, claims=MAIL | {"sub": str(number)} | more)
        assert (await who(made))["email"] is None


async def test_who_is_disabled_stays_out(there: Provider, person: People, root: Person) -> None:
    await signs_in(person(), there, claims=ANNA)
    assert (await root.patch("/api/users/anna", {"disabled": True})).status_code == 200
    assert said(await signs_in(person(), there, claims=ANNA), 403) == "This account is disabled."


async def links(person: Person, there: Provider, claims: Json) -> httpx.Response:
    """Adds an account to one's own."""
    begun = await person.post("/api/providers/school/link")
    assert begun.status_code == 201, begun.text
    return await comes_back(person, "school", there.sends_back(begun.json()["url"], claims))


async def test_adding_one_and_taking_it_off(there: Provider, bob: Person, charlie: Person, person: People) -> None:
    back = await links(bob, there, ANNA)
    assert (back.status_code, back.headers["Location"]) == (303, "/account/access#linked")
    by_provider = person()
    await signs_in(by_provider, there, claims=ANNA)
    assert (await who(by_provider))["uid"] == "bob"
    assert (await links(bob, there, ANNA)).status_code == 303, "twice is once"
    taken = await links(charlie, there, ANNA)
    assert taken.status_code == 409
    assert "Another account here signs in with it." in taken.text
    (linked,) = (await bob.get("/api/me/providers")).json()["accounts"]
    refused(await charlie.delete(f"/api/me/providers/{linked['id']}"), 404)
    assert (await bob.delete(f"/api/me/providers/{linked['id']}")).status_code == 204
    refused(await by_provider.get("/api/me"), 401)
    assert (await bob.get("/api/me/providers")).json() == {"accounts": []}
    log = (await bob.get("/api/me/providers")).status_code
    assert log == 200


async def test_the_only_way_in_stays(there: Provider, anyone: Person) -> None:
    await signs_in(anyone, there, claims=ANNA)
    (linked,) = (await anyone.get("/api/me/providers")).json()["accounts"]
    refusal = refused(await anyone.delete(f"/api/me/providers/{linked['id']}"), 409)
    assert refusal["detail"].startswith("It is your only way to sign in.")
    assert (await links(anyone, there, {"sub": "2"})).status_code == 303
    assert (await anyone.delete(f"/api/me/providers/{linked['id']}")).status_code == 204


async def test_only_whoever_began_it_adds_one(there: Provider, bob: Person, charlie: Person, person: People) -> None:
    """Not whoever is signed in by then; and not another site."""
    begun = await bob.post("/api/providers/school/link")
    answer = there.sends_back(begun.json()["url"], ANNA)
    charlie.http.cookies.update(bob.http.cookies)
    back = await comes_back(charlie, "school", answer)
    assert back.status_code == 403
    assert "You were somebody else when you began this." in back.text
    refused(await bob.post("/api/providers/school/link", headers={"Origin": "https://evil.example"}), 403)
    refused(await person().post("/api/providers/school/link"), 401)


async def test_confirming_by_it(there: Provider, anyone: Person, person: People) -> None:
    """Who has no password says so again by the provider, which has to ask again."""
    await signs_in(anyone, there, claims=ANNA)
    confirm = {"confirm": "yes", "next": "/account/access"}
    left = await leaves(anyone, "school", **confirm)
    assert "prompt=login" in left.headers["Location"]
    answer = there.sends_back(left.headers["Location"], ANNA | {"auth_time": time.time()})
    assert (await comes_back(anyone, "school", answer)).headers["Location"] == "/account/access"
    left = await leaves(anyone, "school", **confirm)
    stale = there.sends_back(left.headers["Location"], ANNA | {"auth_time": time.time() - 3_600})
    assert (await comes_back(anyone, "school", stale)).status_code == 401
    left = await leaves(anyone, "school", **confirm)
    other = there.sends_back(left.headers["Location"], {"sub": "2"})
    assert (await comes_back(anyone, "school", other)).status_code == 403
    refused(await person().get("/account/with/school", params=confirm), 401)


async def test_the_window_for_another_site(there: Provider, anyone: Person, root: Person) -> None:
    """The session that it gets is that of the window, which has no cookie that lasts."""
    await opened(root, "blog", origins=["https://blog.example"])
    about = {"group": "blog", "origin": "https://blog.example"}
    assert (await leaves(anyone, "school", group="blog", origin="https://evil.example")).status_code == 403
    left = await leaves(anyone, "school", **about)
    back = await comes_back(anyone, "school", there.sends_back(left.headers["Location"], ANNA))
    assert back.status_code == 200
    assert "frame-ancestors 'none'" in back.headers["Content-Security-Policy"]
    token = back.text.partition('data-token="')[2].partition('"')[0]
    made = await anyone.post("/api/groups/blog/sessions", {"origin": "https://blog.example"}, headers=bearer(token))
    assert made.status_code == 201, made.text
    assert "Max-Age=600" in back.headers["Set-Cookie"]
    left = await leaves(anyone, "school", **about)
    denied = {"state": there.sends_back(left.headers["Location"], {})["state"], "error": "access_denied"}
    assert "You did not go on with School." in said(await comes_back(anyone, "school", denied), 401)


async def test_a_second_factor_comes_after_it(there: Provider, bob: Person, anyone: Person, root: Person) -> None:
    """Where the operator does not trust the provider's own; on our pages, and in the window."""
    await links(bob, there, ANNA)
    await set_up(bob)
    asked = await signs_in(anyone, there, claims=ANNA)
    assert asked.status_code == 200
    assert 'name="ticket"' in asked.text
    assert not asked.cookies
    await opened(root, "blog", origins=["https://blog.example"])
    left = await leaves(anyone, "school", group="blog", origin="https://blog.example")
    window = await comes_back(anyone, "school", there.sends_back(left.headers["Location"], ANNA))
    assert 'data-ticket="two_' in window.text
    assert (await anyone.get("/api/me")).status_code == 401
    assert 'name="ticket"' in (await signs_in(anyone, there, "trusted", claims=ANNA | {"amr": ["pwd"]})).text
    assert (await signs_in(anyone, there, "trusted", claims=ANNA | {"amr": ["pwd", "otp"]})).status_code == 303
    assert (await anyone.get("/api/me/sessions")).json()["sessions"][0]["second"] == "provider"


async def test_where_people_sign_in_there_are_links(anyone: Person, root: Person) -> None:
    page = (await anyone.get("/account/sign-in?next=/groups/home", headers=PAGE)).text
    assert 'href="/account/with/school?next=/groups/home"' in page
    assert 'href="/account/with/google"' in (await anyone.get("/", headers=PAGE)).text
    assert (
        '<code dir="auto">http://pottle.test/account/with/school/back</code>'
        in (await root.get("/admin", headers=PAGE)).text
    )
