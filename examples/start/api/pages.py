"""The page: readable without JavaScript, live with it."""

from quart import Blueprint, Response, render_template
from quart_schema import hide

from api.access import asker
from model import task
from pottle.http.asking import anyone
from pottle.http.caching import rule

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@hide
@anyone
async def home() -> Response:
    """The tasks."""
    body = await render_template("home.html", me=asker(), tasks=await task.listed())
    return Response(body, headers={"Cache-Control": rule()}, content_type="text/html; charset=utf-8")
