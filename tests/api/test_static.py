"""/static: hashed addresses are immutable for a year, others are asked for again."""

import re

import pytest

from api.http import assets
from tests.api.conftest import refused
from tests.conftest import Person


async def test_it_works(anyone: Person) -> None:
    page = (await anyone.get("/")).text
    addresses = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page))
    assert len(addresses) >= 3
    for address in addresses:
        answer = await anyone.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


async def test_the_plain_address_is_asked_for_again(anyone: Person) -> None:
    answer = await anyone.get("/static/style.css")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"
    for name, value in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified")):
        again = await anyone.get("/static/style.css", headers={name: answer.headers[value]})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["Cache-Control"] == "no-cache"


async def test_both_give_the_same_file(anyone: Person) -> None:
    hashed = await anyone.get(f"/static/~{assets.release()}/pottle/browser.js")
    plain = await anyone.get("/static/pottle/browser.js")
    assert hashed.content == plain.content == (assets.FOLDER / "pottle" / "browser.js").read_bytes()


async def test_a_module_finds_its_neighbours_of_the_same_release(anyone: Person) -> None:
    for module in assets.FOLDER.glob("*.js"):
        for name in re.findall(r"""(?:from|import)\s*\(?['"](\.{1,2}/[^'"]+)['"]""", module.read_text()):
            answer = await anyone.get(f"/static/~{assets.release()}/{name.removeprefix('./')}")
            assert answer.status_code == 200, f"{module.name} imports {name}"


async def test_another_releases_address_is_not_kept(anyone: Person) -> None:
    """An old page may ask a new worker: it gets the file, but must not keep it under the old address."""
    answer = await anyone.get("/static/~000000000000/style.css")
    assert answer.status_code == 200
    assert "immutable" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("style.css", "text/css"), ("pottle.js", "text/javascript"), ("logo.svg", "image/svg+xml")],
)
async def test_every_file_says_what_it_is(anyone: Person, name: str, kind: str) -> None:
    answer = await anyone.get(f"/static/{name}")
    assert answer.headers["Content-Type"].split(";")[0] == kind


async def test_a_part_can_be_asked_for(anyone: Person) -> None:
    answer = await anyone.get("/static/style.css", headers={"Range": "bytes=0-9"})
    assert answer.status_code in (200, 206)
    assert len(answer.content) == (10 if answer.status_code == 206 else len((assets.FOLDER / "style.css").read_bytes()))


@pytest.mark.parametrize(
    "path",
    [
        "missing.js",
        "",
        "pottle",
        "../main.py",
        "..%2fmain.py",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/main.py",
        "pottle/../../main.py",
        "~%2e%2e/main.py",
        "~/../main.py",
        "style.css%00.js",
        "..%5cmain.py",
    ],
)
async def test_nothing_else_is_served(anyone: Person, path: str) -> None:
    refused(await anyone.get(f"/static/{path}"), 404)


async def test_nothing_is_written_there(alice: Person) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        refused(await alice.http.request(method, "/static/style.css"), 405)
