"""Who may do what. Pure functions of a group's rules, or a channel's in it, and of who asks."""

from typing import Literal, Protocol

from model.accounts.session import Identity
from pottle.errors import Forbidden, Unauthenticated

Reading = Literal["public", "members"]
Posting = Literal["guests", "users", "members"]
Review = Literal["none", "guests", "all"]
Standing = Literal["member", "moderator"]
Badge = Literal["moderator", "admin"]


class Rules(Protocol):
    """The rules of a group, or of a channel in it (then with `locked`), and what the asker is there."""

    posting: Posting
    review: Review
    origins: list[str]
    standing: Standing | None


def moderates(there: Rules, identity: Identity | None) -> bool:
    """Whether the asker may act on others' posts and channels there."""
    return bool(identity and (identity.admin or there.standing == "moderator"))


def must_moderate(there: Rules, identity: Identity | None) -> None:
    """Raises Unauthenticated or Forbidden for whoever does not moderate there."""
    if identity is None:
        raise Unauthenticated("Sign in first.")
    if not moderates(there, identity):
        raise Forbidden("Only a moderator may do that.")


def may_post(there: Rules, identity: Identity | None, origin: str | None) -> None:
    """Raises Unauthenticated or Forbidden unless the asker may post there.

    `origin` is the foreign page that a guest posts from, None for our own pages and for programs.
    """
    if getattr(there, "locked", False) and not moderates(there, identity):
        raise Forbidden("This channel is locked.")
    if identity is None:
        if there.posting != "guests":
            raise Unauthenticated("Sign in to post here.")
        if origin is not None and origin not in there.origins:
            raise Forbidden(f"Guests may not post here from {origin}.")
    elif there.posting == "members" and not (there.standing or identity.admin):
        raise Forbidden("Only members may post here.")


def waits(there: Rules, identity: Identity | None) -> bool:
    """Whether a moderator has to look first at what the asker writes there: posts, edits, new discussions."""
    reviewed = there.review == "all" or (there.review == "guests" and identity is None)
    return reviewed and not moderates(there, identity)


def badge(there: Rules, identity: Identity | None) -> Badge | None:
    """What the asker's posts there show beside the name, so that nobody else passes for a moderator or admin."""
    if identity is None or not moderates(there, identity):
        return None
    return "admin" if identity.admin else "moderator"


def first_state(there: Rules, identity: Identity | None) -> Literal["published", "pending"]:
    """The state that what the asker writes there begins in: `pending` where it waits, else `published`."""
    return "pending" if waits(there, identity) else "published"
