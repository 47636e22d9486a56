"""Static files. `/static/~HASH/…` is immutable for a year; the same file without the hash is revalidated.

One hash stands for the whole folder, so that a module's relative import finds the file of the same release. What is
sent, each worker makes once: small (pottle/http/minifying.py), and compressed for whoever takes that.
"""

import gzip
import hashlib
import logging
import re
from functools import cache, lru_cache
from mimetypes import guess_type
from pathlib import Path
from typing import NamedTuple

from quart import Blueprint, Response, abort, request
from quart_schema import hide
from werkzeug.security import safe_join

from pottle import translation
from pottle.http import conditions
from pottle.http.minifying import MINIFIED
from pottle.http.problems import problem
from pottle.store import db

log = logging.getLogger("pottle")

FOLDER = Path(__file__).parents[2] / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}  # whatever the system thinks
OTHER = "application/octet-stream"
IMPORT = re.compile(r'^@import "([^":]+)";', re.MULTILINE)
YEAR = "public, max-age=31536000, immutable"

blueprint = Blueprint("assets", __name__)


@cache
def release() -> str:
    """The hash of all static files, and of the texts of scripts in all languages."""
    digest = hashlib.sha256()
    for file in sorted(FOLDER.rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(FOLDER)).encode())
            digest.update(file.read_bytes())
    for catalogue in translation.files():
        digest.update(catalogue.read_bytes())
    return digest.hexdigest()[:12]


def asset(name: str) -> str:
    """The URL of a static file, which changes with its content."""
    return f"{request.root_path}/static/~{release()}/{name}"  # url_for would take 20 us, 18 times a page


class Ready(NamedTuple):
    """What can be sent as it is, also compressed."""

    content: bytes
    compressed: bytes | None
    media_type: str
    modified: float
    digest: str


def ready(content: bytes, media_type: str, modified: float) -> Ready:
    """Makes `content` ready to be sent; a text is also compressed."""
    texts = media_type.startswith("text/") or media_type.endswith(("xml", "json"))
    compressed = gzip.compress(content, mtime=0) if texts else content
    digest = hashlib.blake2b(content, digest_size=8).hexdigest()
    return Ready(content, compressed if len(compressed) < len(content) else None, media_type, modified, digest)


def as_it_is(path: Path, modified: float) -> Ready:
    """A static file."""
    return ready(path.read_bytes(), TYPES.get(path.suffix) or guess_type(path)[0] or OTHER, modified)


@lru_cache(maxsize=1_000)
def small(path: Path, modified: float) -> Ready:
    """A static file; JavaScript and CSS without what only people need, and CSS with what it imports."""
    found = as_it_is(path, modified)
    if path.suffix not in MINIFIED:
        return found
    try:
        return ready(MINIFIED[path.suffix](_joined(path)).encode(), found.media_type, modified)
    except ValueError as error:
        log.warning("%s is sent as it is: %s", path.name, error)
        return found


@blueprint.get("/static/~<release_hash>/<path:name>")
@blueprint.get("/static/<path:name>")
@hide
async def file(name: str, release_hash: str = "") -> Response:
    """A static file, or the part of it that is asked for."""
    # While workers are replaced, an old page may ask a new worker.
    return answer(_file(name), YEAR if release_hash == release() else "no-cache")


def _file(name: str) -> Ready:
    try:
        path = Path(safe_join(str(FOLDER), name) or abort(404)).resolve(strict=True)
        return (as_it_is if db.settings.development else small)(path, path.stat().st_mtime)
    except (OSError, ValueError):  # there is none, or its name can be none of a file
        abort(404)


def _joined(path: Path) -> str:
    """A text, with each `@import "…";` of a style sheet replaced by that file: one request instead of several."""
    text = path.read_text("utf-8")
    return IMPORT.sub(lambda found: _joined(path.parent / found[1]), text) if path.suffix == ".css" else text


def answer(what: Ready, rule: str) -> Response:
    """Sends it, compressed to whoever takes that. (pottle/http/caching.py makes a 304 of it, or a 412.)

    A part is one of the plain content: two parts of what two releases of zlib compressed would not fit together.
    """
    wanted = request.headers.get("Range")
    packed = what.compressed if wanted is None and request.accept_encodings.quality("gzip") > 0 else None
    content = what.content if packed is None else packed
    response = Response(content, 200, {"Cache-Control": rule, "Accept-Ranges": "bytes"}, what.media_type)
    response.set_etag(what.digest if packed is None else f"{what.digest}-gzip")
    response.last_modified = what.modified  # type: ignore[assignment]  # it takes seconds, too
    if what.compressed is not None:
        response.vary.add("Accept-Encoding")
    if packed is not None:
        response.headers["Content-Encoding"] = "gzip"
    return _part(response, content, wanted) if wanted and request.method == "GET" else response


def _part(response: Response, content: bytes, wanted: str) -> Response:
    """The part of an answer that is wanted, unless the client has a part of another version."""
    versions = response.headers["ETag"], response.headers["Last-Modified"]
    etag, modified = (version.encode() for version in versions)
    conditional = conditions.status_for(etag, request.scope["headers"], modified) != 200  # type: ignore[arg-type]
    part = conditions.part(wanted, len(content))
    if conditional or part is None or request.headers.get("If-Range", versions[0]).strip() not in versions:
        return response
    begin, end = part
    if begin == end:
        return problem(416, f"The file has {len(content)} bytes.", {"Content-Range": f"bytes */{len(content)}"})
    response.set_data(content[begin:end])
    response.status_code = 206
    response.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(content)}"
    return response


@blueprint.get("/favicon.ico")
@hide
async def icon() -> Response:
    """What browsers ask for when a page, say the API's JSON, names no icon."""
    return await file("logo.svg")
