"""Lists that pages poll: kept in the response cache, for all who may see the same groups."""

from typing import Any

from api.http.caching import audience, shown
from model import overview


def kept_for(whose: str, *tags: str) -> None:
    """A handler's word that its answer may be kept for that audience, if it is still the one that was asked for."""
    if whose == audience():
        shown("flask", *tags)


def kept_in(place: Any, *tags: str) -> None:
    """As `kept_for`, of what everybody sees who may see the channel."""
    whose = audience()
    if whose is not None and (place.reading == "public" or overview.sees(whose, place.group_id)):
        shown("flask", f"group:{place.group_id}", f"channel:{place.id}", *tags)
