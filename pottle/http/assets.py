"""Static files. `/static/~HASH/…` is immutable for a year; the same file without the hash is revalidated.

One hash stands for the whole folder, so that a module's relative import finds the file of the same release.
"""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import cast

from quart import Blueprint, Response, abort, request, send_from_directory
from quart.wrappers.response import FileBody
from quart_schema import hide

from pottle.http import conditions
from pottle.http.asgi import Headers
from pottle.http.problems import problem

FOLDER = Path(__file__).parents[2] / "static"
IMPORT = re.compile(r"""^(?:import|export)\b[^'"`;]*['"](\.{1,2}/[^'"]+)['"]""", re.MULTILINE)
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


def modules(name: str) -> list[str]:
    """A module and all that it imports, and those import, but for what is imported later: below `/static`.

    Whoever names them all at once has them come at once; else each import waits for the module that has it.
    """
    found = [FOLDER / name]
    for module in found:
        known = {(module.parent / path).resolve() for path in IMPORT.findall(module.read_text())}
        found += sorted(known.difference(found))
    return [file.relative_to(FOLDER).as_posix() for file in found]


@blueprint.get("/static/~<release_hash>/<path:name>")
@blueprint.get("/static/<path:name>")
@hide
async def file(name: str, release_hash: str = "") -> Response:
    """A static file, or the part of it that is asked for. (pottle/http/caching.py makes a 304 of it.)"""
    try:
        response = await send_from_directory(FOLDER, name, conditional=False)
    except OSError:  # a name that is too long for any file
        abort(404)
    # While workers are replaced, an old page may ask a new worker.
    rule = YEAR if release_hash == release() else "no-cache"
    response.headers.update({"Cache-Control": rule, "Accept-Ranges": "bytes"})
    size, versions = response.content_length or 0, (response.headers["ETag"], response.headers["Last-Modified"])
    asked: Headers = request.scope["headers"]  # type: ignore[assignment]
    etag, modified = (version.encode() for version in versions)
    if conditions.status_for(etag, asked, modified) != 200:
        response.set_data(b"")  # nothing is read from the disk, which takes half of the time
        return response
    part = conditions.part(request.headers.get("Range"), size)
    same = request.headers.get("If-Range", versions[0]).strip() in versions  # as that of which the client has a part
    if part is None or request.method != "GET" or not same:
        return response
    begin, end = part
    if begin == end:
        return problem(416, f"The file has {size} bytes.", {"Content-Range": f"bytes */{size}"})
    await cast(FileBody, response.response).make_conditional(begin, end)
    response.status_code = 206
    response.content_length = end - begin
    response.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    return response


@blueprint.get("/favicon.ico")
@hide
async def icon() -> Response:
    """What browsers ask for when a page, say the API's JSON, names no icon."""
    return await file("logo.svg")
