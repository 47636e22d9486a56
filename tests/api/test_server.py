"""GET /api/server: the server at a glance, for admins."""

from pathlib import Path

from pottle import VERSION
from pottle.store import copies
from tests.api.conftest import posted, refused
from tests.conftest import Person


async def test_it_works(root: Person, alice: Person, instance: Path) -> None:
    await posted(alice)
    shown = (await root.get("/api/server")).json()
    assert (shown["version"], shown["accounts"], shown["disabled"], shown["backup"]) == (VERSION, 4, 0, None)
    assert shown["workers"] == 1
    assert shown["changes"] > 0
    assert shown["database"] > 0
    assert shown["free"] > 0
    assert "no backup" in shown["warnings"]
    copies.note(instance / "app.db")
    again = (await root.get("/api/server")).json()
    assert again["backup"] > "2026"
    assert "no backup" not in again["warnings"]


async def test_the_page_says_it_without_a_script(root: Person) -> None:
    page = (await root.get("/admin", headers={"Accept": "text/html"})).text
    assert '<li data-warning="no backup">There is no backup yet.' in page
    assert '<dd data-fact="accounts">4</dd>' in page


async def test_it_rejects_everybody_else(alice: Person, anyone: Person) -> None:
    refused(await anyone.get("/api/server"), 401)
    refused(await alice.get("/api/server"), 403)
