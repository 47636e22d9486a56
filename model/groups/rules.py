"""Who may do what: pure functions of the rules of a group or channel, and of the asker."""

from typing import Literal, Protocol

from model.accounts.session import Identity, SessionNeeded
from pottle.errors import Forbidden, Unauthenticated
from pottle.translation import _

Reading = Literal["public", "members"]
Posting = Literal["guests", "users", "members"]
Review = Literal["none", "guests", "all"]
Standing = Literal["member", "moderator"]
Badge = Literal["moderator", "admin"]


class Rules(Protocol):
    """The rules of a group, or of a channel (then with `locked`), and the asker's standing there."""

    group_id: int
    rules_version: int
    posting: Posting
    review: Review
    anonymous: bool
    images: bool
    origins: list[str]
    standing: Standing | None


def moderates(there: Rules, identity: Identity | None) -> bool:
    """Whether the asker is a moderator there, or an admin."""
    return bool(identity and (identity.admin or (there.standing == "moderator" and identity.may_moderate)))


def must_moderate(there: Rules, identity: Identity | None) -> None:
    """Raises Unauthenticated or Forbidden unless the asker moderates there."""
    if identity is None:
        raise Unauthenticated(_("Sign in first."))
    if not moderates(there, identity):
        if not identity.may_moderate:
            raise Forbidden(_("Only a moderator may do that, who has given a second factor in signing in."))
        raise Forbidden(_("Only a moderator may do that."))


def good_in(there: Rules, identity: Identity | None) -> bool:
    """Whether the asker may act there as who they are: a session for the sites of a group is good in that group."""
    return identity is None or identity.group in (None, there.group_id)


def must_be_good_in(there: Rules, identity: Identity | None) -> None:
    """Raises SessionNeeded where the asker's session is for the sites of another group."""
    if not good_in(there, identity):
        raise SessionNeeded(_("You are signed in for another group's site only. Sign in here to do that."))


def may_post(there: Rules, identity: Identity | None, origin: str | None) -> None:
    """Raises Unauthenticated or Forbidden unless the asker may post there.

    `origin` is that of the foreign page that a guest posts from; None for our own pages and for programs.
    """
    must_be_good_in(there, identity)
    if getattr(there, "locked", False) and not moderates(there, identity):
        raise Forbidden(_("This channel is locked."))
    if identity is None:
        if there.posting != "guests":
            raise Unauthenticated(_("Sign in to post here."))
        if origin is not None and origin not in there.origins:
            raise Forbidden(_("Guests may not post here from %(origin)s.", origin=origin))
    elif there.posting == "members" and not (there.standing or identity.admin):
        raise Forbidden(_("Only members may post here."))


def may_be_anonymous(there: Rules, identity: Identity | None) -> None:
    """Raises Forbidden where posts may not be anonymous, and for guests, who choose their name anyway."""
    if identity is None:
        raise Forbidden(_("Sign in to post anonymously: moderators know who wrote it."))
    if not there.anonymous:
        raise Forbidden(_("Posts cannot be anonymous here."))


def may_have_images(there: Rules) -> None:
    """Raises Forbidden where posts may have no images."""
    if not there.images:
        raise Forbidden(_("Posts have no images here."))


def waits(there: Rules, identity: Identity | None) -> bool:
    """Whether the asker's posts, edits and new discussions there are pending until a moderator approves them."""
    reviewed = there.review == "all" or (there.review == "guests" and identity is None)
    return reviewed and not moderates(there, identity)


def badge(there: Rules, identity: Identity | None) -> Badge | None:
    """The badge of the asker's posts there, so that nobody else passes for a moderator or admin."""
    if identity is not None and identity.role == "admin":
        return "admin"  # also where a session for a site has not the rights
    return "moderator" if moderates(there, identity) else None


def first_state(there: Rules, identity: Identity | None) -> Literal["published", "pending"]:
    """The state of what the asker writes there."""
    return "pending" if waits(there, identity) else "published"
