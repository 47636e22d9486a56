"""`/healthz` and `/readyz`: for whoever operates Pottle."""

import msgspec
from quart import Blueprint, Response

from api.http.answers import gives
from api.http.asking import anyone
from api.http.problems import problem
from model.store import db

blueprint = Blueprint("health", __name__)


class Health(msgspec.Struct):
    """In order."""

    status: str = "ok"


@blueprint.get("/healthz")
@anyone
@gives(Health)
async def alive() -> Health:
    """Whether the process answers."""
    return Health()


@blueprint.get("/readyz")
@anyone
@gives(Health)
async def ready() -> Health | Response:
    """Whether this worker can serve: its database answers, and its writer is not overrun."""
    if trouble := await db.trouble():
        return problem(503, trouble, {"Retry-After": "1"})
    return Health()
