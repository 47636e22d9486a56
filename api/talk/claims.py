"""Claims of posts that came from another site: `/api/posts/…/claim`, `/api/me/claims` and `/api/groups/…/claims`."""

from typing import Literal

import msgspec
from quart import Blueprint

from api.access import EDITING, me, on_our_pages
from model.arriving import claim
from model.arriving.claim import ClaimView, OwnClaim
from pottle.http.answers import Answer, Paging, asks, cursor, gives, listed, takes
from pottle.http.asking import signed_in
from pottle.http.limits import limited

blueprint = Blueprint("claims", __name__, url_prefix="/api")


class OwnClaims(msgspec.Struct):
    """One's own claims that wait, newest first."""

    claims: list[OwnClaim]


class ClaimsView(msgspec.Struct):
    """Claims that wait, newest first."""

    claims: list[ClaimView]
    next: str | None
    prev: str | None


class Deciding(msgspec.Struct):
    """Yes or no."""

    state: Literal["approved", "declined"]


@blueprint.put("/posts/<id:post_id>/claim")
@limited(EDITING)
@signed_in
@gives(None, 204)
async def claim_post(post_id: int) -> None:
    """Say that a post, and all else of the guest who wrote it on another site, is one's own. A moderator decides."""
    await claim.claim(me(), post_id)


@blueprint.get("/me/claims")
@signed_in
@on_our_pages
@gives(OwnClaims)
async def index() -> OwnClaims:
    """One's own claims that wait."""
    return OwnClaims(await claim.own(me()))


@blueprint.get("/groups/<slug>/claims")
@signed_in
@on_our_pages
@asks(Paging)
@gives(ClaimsView)
async def waiting(slug: str, query: Paging) -> Answer:
    """Who says to have written which posts that were imported into a group. Its moderators may see it."""
    return listed(ClaimsView, await claim.waiting(me(), slug, cursor(query)))


@blueprint.patch("/groups/<slug>/claims/<id:claim_id>")
@limited(EDITING)
@signed_in
@on_our_pages
@takes(Deciding)
@gives(None, 204)
async def decide(slug: str, claim_id: int, data: Deciding) -> None:
    """Say yes or no to a claim. With a yes all posts of that guest are the account's."""
    await claim.decide(me(), slug, claim_id, data.state)
