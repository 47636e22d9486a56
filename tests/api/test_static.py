"""/static: hashed addresses are immutable for a year, others are asked for again."""

import re
from dataclasses import replace

import pytest

from pottle.http import assets
from pottle.http.minifying import minified_css, minified_js
from pottle.store import db
from tests.api.conftest import refused
from tests.cases import in_turn
from tests.conftest import Person

ODD_DATES = [
    "yesterday",
    "",
    "0",
    "Thu, 99 Jan 99999 99:99:99 GMT",
    "Thu, 01 Jan 1970 00:00:00 +99999999999",
    "-" * 999,
]


@pytest.fixture(autouse=True)
def plain(anyone: Person) -> None:
    """What is not about compression asks for none."""
    anyone.http.headers["Accept-Encoding"] = "identity"


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
    source = (assets.FOLDER / "pottle" / "browser.js").read_text()
    assert hashed.text == plain.text == minified_js(source)


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


ROOMS = re.findall(r'@import "(.+)";', (assets.FOLDER / "style.css").read_text())
STYLE = minified_css("\n".join((assets.FOLDER / room).read_text() for room in ROOMS)).encode()
SIZE = len(STYLE)
PARTS = {
    "bytes=0-9": (0, 10),
    "bytes=5-5": (5, 6),
    "bytes=-5": (SIZE - 5, SIZE),
    f"bytes=-{SIZE + 1}": (0, SIZE),
    "bytes=-" + "9" * 5_000: (0, SIZE),
    "bytes=10-": (10, SIZE),
    "BYTES = 10 - ": (10, SIZE),
    f"bytes=0-{SIZE}": (0, SIZE),
    f"bytes={SIZE - 1}-{SIZE - 1}": (SIZE - 1, SIZE),
    "bytes=1-" + "9" * 5_000: (1, SIZE),
}


@in_turn("path", ["/static/style.css", f"/static/~{assets.release()}/style.css"])
@in_turn("wanted", PARTS)
async def test_a_part_can_be_asked_for(anyone: Person, path: str, wanted: str) -> None:
    begin, end = PARTS[wanted]
    answer = await anyone.get(path, headers={"Range": wanted})
    assert answer.status_code == 206
    assert answer.content == STYLE[begin:end]
    assert answer.headers["Content-Length"] == str(end - begin)
    assert answer.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{SIZE}"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"] == (await anyone.get(path)).headers["ETag"]


@in_turn("wanted", ["bytes=-0", f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=" + "9" * 5_000 + "-"])
async def test_a_part_that_is_not_there_is_refused_with_the_size(anyone: Person, wanted: str) -> None:
    answer = await anyone.get("/static/style.css", headers={"Range": wanted})
    refused(answer, 416)
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


@in_turn(
    "wanted",
    [
        *(
            "bytes=5-1",
            "bytes=-",
            "bytes=",
            "bytes",
            "",
            "=",
            "lines=0-9",
            "bytes=a-b",
            "bytes=--5",
            "bytes=1-2-3",
            "bytes=+1-2",
        ),
        *(
            "bytes=0-4,8-9",
            "bytes=0-0,-1",
            "bytes=-1,",
            f"bytes={'0-,' * 9_000}0-",
            "bytes=0.5-1",
            "\xff",
            "bytes=\xb2-9",
        ),
    ],
)
async def test_other_ranges_count_for_nothing(anyone: Person, wanted: str) -> None:
    answer = await anyone.get("/static/style.css", headers={"Range": wanted.encode("latin-1")})
    assert (answer.status_code, answer.content) == (200, STYLE)
    assert answer.headers["Accept-Ranges"] == "bytes"


async def test_head_has_no_parts(anyone: Person) -> None:
    for wanted in ("bytes=0-9", "bytes=-5", f"bytes={SIZE}-"):
        head = await anyone.http.head("/static/style.css", headers={"Range": wanted})
        assert (head.status_code, head.headers["Content-Length"]) == (200, str(SIZE))


async def test_a_part_is_of_what_the_client_has_or_it_gets_all(anyone: Person) -> None:
    whole = await anyone.get("/static/style.css")
    etag, modified = whole.headers["ETag"], whole.headers["Last-Modified"]
    others = (f"W/{etag}", f'{etag[:-1]}-gzip"', '"other"', "yesterday", "", "Thu, 01 Jan 1970 00:00:00 GMT")
    for same, status in ((etag, 206), (modified, 206), *[(other, 200) for other in others]):
        part = {"Range": "bytes=-5", "If-Range": same}
        assert ((await anyone.get("/static/style.css", headers=part)).status_code, same) == (status, same)


async def test_conditions_come_before_parts(anyone: Person) -> None:
    etag = (await anyone.get("/static/style.css")).headers["ETag"]
    for wanted in ("bytes=-5", f"bytes={SIZE}-"):
        known = {"Range": wanted, "If-None-Match": etag}
        assert (await anyone.get("/static/style.css", headers=known)).status_code == 304
    other = {"Range": "bytes=-5", "If-Match": '"other"'}
    refused(await anyone.get("/static/style.css", headers=other), 412)


async def test_dates_are_conditions_too(anyone: Person) -> None:
    whole = await anyone.get("/static/style.css")
    early, late = "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    now, etag = whole.headers["Last-Modified"], whole.headers["ETag"]
    for headers, status in (
        ({"If-Modified-Since": early}, 200),
        ({"If-Modified-Since": now}, 304),
        ({"If-Modified-Since": late}, 304),
        ({"If-Modified-Since": late, "If-None-Match": '"other"'}, 200),
        ({"If-Unmodified-Since": early}, 412),
        ({"If-Unmodified-Since": now}, 200),
        ({"If-Unmodified-Since": late}, 200),
        ({"If-Unmodified-Since": early, "If-Match": etag}, 200),
        *[({name: odd}, 200) for name in ("If-Modified-Since", "If-Unmodified-Since") for odd in ODD_DATES],
    ):
        answer = await anyone.get("/static/style.css", headers=headers)
        assert (headers, answer.status_code) == (headers, status)


GZIP = {"Accept-Encoding": "br, gzip"}


@pytest.mark.parametrize("name", ["style.css", "pottle.js", "logo.svg"])
async def test_texts_are_compressed_for_whoever_takes_that(anyone: Person, name: str) -> None:
    plain = await anyone.get(f"/static/{name}")
    packed = await anyone.get(f"/static/{name}", headers=GZIP)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) == len(plain.content)
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    head = await anyone.http.head(f"/static/{name}", headers=GZIP)
    assert {**head.headers, "x-request-id": ""} == {**packed.headers, "x-request-id": ""}
    for coding in ("gzip;q=0", "*;q=0", "br", "identity, gzip;q=0.0"):
        answer = await anyone.get(f"/static/{name}", headers={"Accept-Encoding": coding})
        assert "Content-Encoding" not in answer.headers, coding


async def test_both_are_the_same_version_to_who_has_one(anyone: Person) -> None:
    plain = (await anyone.get("/static/style.css")).headers["ETag"]
    packed = (await anyone.get("/static/style.css", headers=GZIP)).headers["ETag"]
    for etag in (plain, packed):
        for coding in (GZIP, {}):
            answer = await anyone.get("/static/style.css", headers={**coding, "If-None-Match": etag})
            assert (answer.status_code, answer.content) == (304, b"")
            assert "Content-Encoding" not in answer.headers
            assert answer.headers["Vary"] == "Accept-Encoding"
    refused(await anyone.get("/static/style.css", headers={**GZIP, "If-Match": '"other"'}), 412)


async def test_a_part_is_never_one_of_compressed_bytes(anyone: Person) -> None:
    packed = (await anyone.get("/static/style.css", headers=GZIP)).headers["ETag"]
    part = await anyone.get("/static/style.css", headers={**GZIP, "Range": "bytes=0-9"})
    assert (part.status_code, part.content, part.headers.get("Content-Encoding")) == (206, STYLE[:10], None)
    whole = await anyone.get("/static/style.css", headers={**GZIP, "Range": "bytes=0-9", "If-Range": packed})
    assert (whole.status_code, whole.content) == (200, STYLE)


async def test_whoever_develops_gets_the_files_as_they_are(anyone: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "settings", replace(db.settings, development=True))
    answer = await anyone.get("/static/style.css", headers=GZIP)
    assert answer.text == (assets.FOLDER / "style.css").read_text()


@in_turn(
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
