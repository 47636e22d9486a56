"""The page: readable without JavaScript, live with it."""

from quart import Blueprint, render_template
from quart_schema import hide

from api.access import asker
from model import task
from pottle.http.asking import anyone

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@hide
@anyone
async def home() -> str:
    """The tasks."""
    return await render_template("home.html", me=asker(), tasks=await task.listed())
