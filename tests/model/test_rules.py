"""model/groups/rules.py: who may do what."""

from dataclasses import dataclass, field

import pytest

from model.accounts.session import Identity
from model.groups import rules
from pottle.errors import Forbidden, Unauthenticated

BLOG = "https://blog.example"


@dataclass
class Place:
    """A place, with the rules of a new group."""

    posting: str = "users"
    review: str = "none"
    origins: list[str] = field(default_factory=list)
    standing: str | None = None
    locked: bool = False
    group_id: int = 1


USER = Identity(1, "u", "U", None, "user", 1, None, "9999")
ADMIN = Identity(2, "a", "A", None, "admin", 2, None, "9999")


def posts(place: Place, identity: Identity | None, origin: str | None = None) -> type[Exception] | None:
    try:
        rules.may_post(place, identity, origin)
    except (Forbidden, Unauthenticated) as refusal:
        return type(refusal)
    return None


@pytest.mark.parametrize(
    ("posting", "guest", "user", "member"),
    [
        ("guests", None, None, None),
        ("users", Unauthenticated, None, None),
        ("members", Unauthenticated, Forbidden, None),
    ],
)
def test_it_works(
    posting: str, guest: type[Exception] | None, user: type[Exception] | None, member: type[Exception] | None
) -> None:
    assert posts(Place(posting), None) is guest
    assert posts(Place(posting), USER) is user
    for standing in ("member", "moderator"):
        assert posts(Place(posting, standing=standing), USER) is member
    assert posts(Place(posting), ADMIN) is None


def test_a_guest_posts_from_our_own_pages_and_the_groups_origins() -> None:
    place = Place("guests", origins=[BLOG])
    assert posts(place, None) is None
    assert posts(place, None, BLOG) is None
    for origin in ("https://evil.example", "null", "", f"{BLOG}.evil.example", BLOG.upper(), f"{BLOG}:8443"):
        assert posts(place, None, origin) is Forbidden


def test_a_user_posts_from_everywhere() -> None:
    assert posts(Place(), USER, "https://evil.example") is None


def test_a_locked_channel_is_for_moderators() -> None:
    for who in (None, USER):
        assert posts(Place("guests", locked=True), who) is Forbidden
    assert posts(Place(locked=True, standing="member"), USER) is Forbidden
    assert posts(Place(locked=True, standing="moderator"), USER) is None
    assert posts(Place(locked=True), ADMIN) is None


@pytest.mark.parametrize(
    ("review", "guest", "user", "moderator"),
    [
        ("none", "published", "published", "published"),
        ("guests", "pending", "published", "published"),
        ("all", "pending", "pending", "published"),
    ],
)
def test_review_decides_what_waits(review: str, guest: str, user: str, moderator: str) -> None:
    assert rules.first_state(Place(review=review), None) == guest
    assert rules.first_state(Place(review=review), USER) == user
    assert rules.first_state(Place(review=review, standing="member"), USER) == user
    assert rules.first_state(Place(review=review, standing="moderator"), USER) == moderator
    assert rules.first_state(Place(review=review), ADMIN) == moderator


def test_only_moderators_and_admins_moderate() -> None:
    assert rules.moderates(Place(standing="moderator"), USER)
    assert rules.moderates(Place(), ADMIN)
    for place, who in ((Place(), USER), (Place(standing="member"), USER), (Place(standing="moderator"), None)):
        assert not rules.moderates(place, who)
    with pytest.raises(Unauthenticated):
        rules.must_moderate(Place(), None)
    with pytest.raises(Forbidden):
        rules.must_moderate(Place(standing="member"), USER)
