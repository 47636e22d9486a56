"""What makes the pages an app that can be installed; tests/browser/test_push.py asks Chromium whether they are."""

import io
from pathlib import Path

import pytest
from PIL import Image

from model.settings import Settings
from tests.conftest import Person


async def test_the_manifest_leads_to_what_is_there(anyone: Person) -> None:
    page = (await anyone.get("/")).text
    assert 'rel="manifest" href="/app.webmanifest"' in page
    answer = await anyone.get("/app.webmanifest", headers={"Accept-Language": "de"})
    assert answer.headers["Content-Type"] == "application/manifest+json"
    assert answer.headers["Vary"] == "Accept-Language"
    said = answer.json()
    assert (said["lang"], said["display"], said["id"], said["scope"]) == ("de", "standalone", "/", "/")
    assert "maskable" in {icon["purpose"] for icon in said["icons"]}
    for icon in said["icons"]:
        shown = await anyone.get(icon["src"])
        assert shown.headers["Content-Type"] == icon["type"]
        assert "{}x{}".format(*Image.open(io.BytesIO(shown.content)).size) == icon["sizes"]
    for shortcut in said["shortcuts"]:
        assert (await anyone.get(shortcut["url"])).status_code == 401  # it asks who is there


async def test_the_service_worker_is_at_the_root_and_asked_for_anew(anyone: Person, bob: Person) -> None:
    """It may load nothing from elsewhere; what it keeps says nothing of whoever installs it."""
    answer = await anyone.get("/worker.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    release = (await anyone.get("/app.webmanifest")).json()["icons"][0]["src"].split("~")[1].split("/")[0]
    assert release in answer.text
    kept = await bob.get("/offline")
    assert kept.text == (await anyone.get("/offline")).text
    assert f"/static/~{release}/style.css" in kept.text


class TestPrefix:
    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, url="https://school.example/pottle")

    async def test_all_of_it_is_below_the_prefix(self, anyone: Person) -> None:
        said = (await anyone.get("/pottle/app.webmanifest")).json()
        assert (said["id"], said["start_url"], said["scope"]) == ("/pottle/",) * 3
        assert all(icon["src"].startswith("/pottle/static/") for icon in said["icons"])
        assert said["shortcuts"][0]["url"] == "/pottle/inbox"
