"""Who may do what. Pure rules over a `Place`: a group's rules and the asker's standing, and maybe a channel there."""

from typing import Literal, Protocol

from model.accounts.session import Identity
from pottle.errors import Forbidden, Unauthenticated

Badge = Literal["moderator", "admin"]


class Place(Protocol):
    """What the rules need to know of where something is to happen."""

    posting: str
    review: str
    origins: list[str]
    standing: str | None  # the asker's: "member", "moderator" or None


def moderates(place: Place, identity: Identity | None) -> bool:
    """Whether the asker may act on others' posts and channels there."""
    return bool(identity and (identity.admin or place.standing == "moderator"))


def must_moderate(place: Place, identity: Identity | None) -> None:
    """Raises Unauthenticated or Forbidden for whoever does not moderate there."""
    if identity is None:
        raise Unauthenticated("Sign in first.")
    if not moderates(place, identity):
        raise Forbidden("Only a moderator may do that.")


def may_post(place: Place, identity: Identity | None, origin: str | None) -> None:
    """Raises Unauthenticated or Forbidden unless the asker may post there.

    `origin` is the foreign page that a guest posts from, None for our own pages and for programs.
    """
    if getattr(place, "locked", False) and not moderates(place, identity):
        raise Forbidden("This channel is locked.")
    if identity is None:
        _guest_may_post(place, origin)
    elif place.posting == "members" and not (place.standing or identity.admin):
        raise Forbidden("Only members may post here.")


def _guest_may_post(place: Place, origin: str | None) -> None:
    if place.posting != "guests":
        raise Unauthenticated("Sign in to post here.")
    if origin is not None and origin not in place.origins:
        raise Forbidden(f"Guests may not post here from {origin}.")


def waits(place: Place, identity: Identity | None) -> bool:
    """Whether a moderator has to look first at what the asker writes there: posts, edits, new discussions."""
    reviewed = place.review == "all" or (place.review == "guests" and identity is None)
    return reviewed and not moderates(place, identity)


def badge(place: Place, identity: Identity | None) -> Badge | None:
    """What the asker's posts there show beside the name, so that nobody else is taken for who looks after the place."""
    if identity is None or not moderates(place, identity):
        return None
    return "admin" if identity.admin else "moderator"


def first_state(place: Place, identity: Identity | None) -> Literal["published", "pending"]:
    """The state that what the asker writes there begins in: `pending` where it waits, else `published`."""
    return "pending" if waits(place, identity) else "published"


def must_own(place: Place, identity: Identity, author: int | None) -> None:
    """Raises Forbidden unless it is the asker's own, or the asker moderates there."""
    if author != identity.user and not moderates(place, identity):
        raise Forbidden("It is not yours.")
