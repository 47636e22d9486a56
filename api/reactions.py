"""`/api/posts/…/reactions`: marks."""

from quart import Blueprint

from api.access import me
from model.talk import reaction
from model.talk.reaction import KINDS, Reactions
from pottle.http.answers import gives
from pottle.http.asking import signed_in
from pottle.http.limits import REACTING, limited
from pottle.store import db

blueprint = Blueprint("reactions", __name__, url_prefix="/api/posts/<id:post_id>/reactions")

KIND = f"<any({', '.join(KINDS)}):kind>"


@blueprint.put(f"/{KIND}")
@limited(REACTING)
@signed_in
@gives(Reactions)
async def mark(post_id: int, kind: reaction.Kind) -> Reactions:
    """Mark a post. `up` and `down` exclude each other; marking twice is marking once."""
    return await db.write(reaction.mark, me(), post_id, kind)


@blueprint.delete(f"/{KIND}")
@limited(REACTING)
@signed_in
@gives(Reactions)
async def unmark(post_id: int, kind: reaction.Kind) -> Reactions:
    """Take a mark back."""
    return await db.write(reaction.unmark, me(), post_id, kind)
