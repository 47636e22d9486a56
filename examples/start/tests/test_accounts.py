"""Signing up, in and out."""

import httpx

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
