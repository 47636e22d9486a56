"""Lists that pages poll: kept in the response cache, for all who may see the same groups."""

from typing import Any, TypeVar

from model.flask import overview
from pottle.http.answers import encode
from pottle.http.caching import audience, shown
from pottle.store.paging import Filling

View = TypeVar("View")


def kept_for(whose: str, *tags: str) -> None:
    """A handler's word that its answer may be kept for that audience, if it is still the one that was asked for."""
    if whose == audience():
        shown("flask", *tags)


def kept_in(place: Any, *tags: str) -> None:
    """As `kept_for`, of what everybody sees who may see the channel."""
    whose = audience()
    if whose is not None and (place.reading == "public" or overview.sees(whose, place.group_id)):
        shown("flask", f"group:{place.group_id}", f"channel:{place.id}", *tags)


def that_fit(views: list[View]) -> list[View]:
    """The newest of them, oldest first as they are, that make a list which can be kept."""
    filling = Filling[View](overview.MOST, lambda view: len(encode(view)), overview.MOST_BYTES)
    all(map(filling.takes, reversed(views)))
    return filling.items[::-1]
