"""Errors as those back ends answer them: a guard's `{"message", "data": null, "error"}`, a handler's `{"message"}`."""

from html import escape
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from quart import Response, request

from pottle.http.problems import title

# Invalid values and contradictions are both 400 there.
STATUSES = {422: 400, 409: 400}
GUARDED = (401, 403)
# What those back ends have, or those pages ask for, and Pottle does not: by the beginning of its path.
NOT_HERE = {
    "/flask/api/analytics": "There are no GitHub analytics here: ask api.github.com.",
    "/flask/facial": "Nobody signs in by a picture here: POST /flask/api/authenticate.",
}
UNKNOWN = "Pottle has no such endpoint: docs/flask-front-ends.md lists those that it has."


class FlaskRefusal(msgspec.Struct):
    """What went wrong; `data` (null) and `error` are there where a guard said no (401 and 403)."""

    message: str
    data: UnsetType | None = UNSET
    error: str | UnsetType = UNSET


def refusal(status: int, detail: str, headers: dict[str, str]) -> Response:
    """An error's answer."""
    status = STATUSES.get(status, status)
    if status == 404 and request.url_rule is None:
        detail = next((why for path, why in NOT_HERE.items() if request.path.startswith(path)), UNKNOWN)
    view = FlaskRefusal(escape(detail or title(status), quote=False))
    if status in GUARDED:
        view = FlaskRefusal(view.message, None, title(status))
    kept = {name: value for name, value in headers.items() if name != "WWW-Authenticate"}
    return answered(view, status, kept)


def not_here(name: str) -> str:
    """What to say at an endpoint that shows a channel, where no channel is named for it."""
    return f"No channel is shown here: POTTLE_FLASK_CHANNELS={name}=7 would show the channel with the number 7."


def answered(view: Any, status: int, headers: dict[str, str]) -> Response:
    """A view as JSON that nobody keeps."""
    headers = {"Cache-Control": "no-store", **headers}
    return Response(msgspec.json.encode(view), status, headers, content_type="application/json")
