"""Static files. `/static/~HASH/…` is immutable for a year; the same file without the hash is revalidated.

One hash stands for the whole folder, so that a module's relative import finds the file of the same release.
"""

import hashlib
from functools import cache
from pathlib import Path

from quart import Blueprint, Response, abort, request, send_from_directory
from quart_schema import hide

FOLDER = Path(__file__).parents[2] / "static"
YEAR = "public, max-age=31536000, immutable"

blueprint = Blueprint("assets", __name__)


@cache
def release() -> str:
    """The hash of all static files."""
    digest = hashlib.sha256()
    for file in sorted(FOLDER.rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(FOLDER)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def asset(name: str) -> str:
    """The URL of a static file, which changes with its content."""
    return f"{request.root_path}/static/~{release()}/{name}"  # url_for would take 20 us, 18 times a page


@blueprint.get("/static/~<release_hash>/<path:name>")
@hide
async def hashed(release_hash: str, name: str) -> Response:
    """A static file by its immutable URL."""
    response = await _file(name)
    if release_hash == release():  # while workers are replaced, an old page may ask a new worker
        response.headers["Cache-Control"] = YEAR
    return response


@blueprint.get("/static/<path:name>")
@hide
async def plain(name: str) -> Response:
    """A static file by its lasting URL: kept, and asked for again each time."""
    return await _file(name)


async def _file(name: str) -> Response:
    try:
        response = await send_from_directory(FOLDER, name, conditional=True)
    except OSError:  # a name that is too long for any file
        abort(404)
    if response.status_code >= 400:
        abort(response.status_code)  # in our shape
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get("/favicon.ico")
@hide
async def icon() -> Response:
    """What browsers ask for when a page, say the API's JSON, names no icon."""
    return await _file("logo.svg")
