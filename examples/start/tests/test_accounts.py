"""Signing up, in and out."""

from dataclasses import replace

import httpx
import pytest

from pottle.store import db
from tests.conftest import PASSWORD, Enter


async def test_one_signs_up_in_and_out(enter: Enter) -> None:
    ada = await enter("ada")
    assert (await ada.get("/api/me")).json() == {"uid": "ada", "name": "Ada"}
    assert (await ada.delete("/api/session")).status_code == 204
    assert (await ada.get("/api/me")).status_code == 401


async def test_a_user_name_is_taken_in_any_case(enter: Enter) -> None:
    ada = await enter("ada")
    again = await ada.post("/api/users", json={"uid": "ADA", "name": "Another", "password": PASSWORD})
    assert again.status_code == 409


async def test_a_wrong_password_and_an_unknown_user_look_alike(enter: Enter) -> None:
    ada = await enter("ada")
    wrong = await ada.post("/api/session", json={"uid": "ada", "password": "wrong password"})
    unknown = await ada.post("/api/session", json={"uid": "nobody", "password": "wrong password"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["detail"] == unknown.json()["detail"]


async def test_a_cookie_changes_nothing_for_a_page_of_another_origin(enter: Enter) -> None:
    nobody = await enter("")
    await nobody.post("/api/users", json={"uid": "bob", "name": "Bob", "password": PASSWORD})
    own = {"Origin": "http://test", "Sec-Fetch-Site": "same-origin"}
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    signed = await nobody.post("/api/session", json={"uid": "bob", "password": PASSWORD}, headers=own)
    assert "HttpOnly" in signed.headers["Set-Cookie"]
    assert (await nobody.post("/api/tasks", json={"text": "Mine"}, headers=own)).status_code == 201
    assert (await nobody.post("/api/tasks", json={"text": "Forged"}, headers=foreign)).status_code == 401


async def test_bad_input_is_refused_in_one_shape(enter: Enter) -> None:
    nobody = await enter("")
    refused: httpx.Response = await nobody.post("/api/users", json={"uid": "a b", "name": "", "password": "short"})
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert {error["field"] for error in refused.json()["errors"]} >= {"uid"}


async def test_a_line_break_makes_no_other_user_name(enter: Enter) -> None:
    nobody = await enter("")
    twin = await nobody.post("/api/users", json={"uid": "ada\n", "name": "Ada", "password": PASSWORD})
    assert twin.status_code == 422


async def test_wrong_passwords_count_and_right_ones_do_not(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await enter("ada")
    monkeypatch.setattr(db, "settings", replace(db.settings, rate_limits=True))
    for password, statuses in ((PASSWORD, [201] * 6), ("wrong password", [401] * 5 + [429])):
        tried = [await ada.post("/api/session", json={"uid": "ada", "password": password}) for _ in statuses]
        assert [answer.status_code for answer in tried] == statuses


async def test_who_is_signed_in_is_kept_in_no_cache(enter: Enter) -> None:
    ada = await enter("ada")
    assert (await ada.get("/", headers={"Accept": "text/html"})).headers["Cache-Control"] == "no-store"
