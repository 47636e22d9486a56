"""`/api/posts/…/reactions`: what somebody thinks of a post, in one click."""

from quart import Blueprint

from api.access import REACTING, me
from model.talk import reaction
from model.talk.reaction import KINDS, Reactions
from pottle.http.answers import gives
from pottle.http.asking import signed_in
from pottle.http.limits import limited

blueprint = Blueprint("reactions", __name__, url_prefix="/api/posts/<id:post_id>/reactions")

KIND = f"<any({', '.join(KINDS)}):kind>"


@blueprint.put(f"/{KIND}", endpoint="mark")
@limited(REACTING)
@signed_in
@gives(Reactions)
async def add(post_id: int, kind: reaction.Kind) -> Reactions:
    """React to a post. `up` and `down` exclude each other; reacting twice is reacting once."""
    return await reaction.add(me(), post_id, kind)


@blueprint.delete(f"/{KIND}", endpoint="unmark")
@limited(REACTING)
@signed_in
@gives(Reactions)
async def remove(post_id: int, kind: reaction.Kind) -> Reactions:
    """Take a reaction back."""
    return await reaction.remove(me(), post_id, kind)
