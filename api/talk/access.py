"""Who may follow a channel, and which answers about one are kept."""

from api.access import sessions
from model.accounts.session import Identity
from model.talk import channel
from model.talk.channel import ChannelRow
from pottle.http.caching import shown
from pottle.store import Snapshot


def _group_of(read: Snapshot, identity: Identity | None, id_: int) -> int | None:
    row = channel.seen_by(read, identity, id_)
    return row.group_id if row else None


sessions.streams_of("channel", _group_of)


def shown_in(found: ChannelRow, *tags: str) -> None:
    """As `shown`, for what shows something of a channel; where only members read, nothing is kept."""
    if found.reading == "public":
        shown(f"group:{found.group_id}", f"channel:{found.id}", *tags)
