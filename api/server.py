"""`/api/server`: how the server is, for admins."""

from quart import Blueprint

from api.access import admins
from model.operating import glance
from model.operating.glance import Glance
from pottle.http.answers import gives

blueprint = Blueprint("server", __name__, url_prefix="/api/server")


@blueprint.get("")
@admins
@gives(Glance)
async def show() -> Glance:
    """How the server is: version, sizes, the last backup, and what an admin should see to. For admins."""
    return await glance.glance()
