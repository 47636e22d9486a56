"""Pushes of notices: what each kind says, and where it leads. It is the same that the bell shows, and mails tell."""

from typing import Any

from sqlalchemy import bindparam, select

from model.accounts.session import Identity
from model.groups.group import Group
from model.notices import notice, telling
from model.notices.bell import words
from model.notices.notice import FOR_MODERATORS, Kind, Noticed
from model.push import outbox, subscription
from model.push.words import BODY, Make, Said, of
from model.talk import queue
from pottle import times
from pottle.store import Snapshot, Tx
from pottle.translation import _, ngettext

WAIT_SECONDS = 4  # what is read at once, on whatever device, is no push

GROUP = select(Group.slug).where(Group.id == bindparam("id"))
VERDICTS = {
    "approved": _("Your post was approved."),
    "removed": _("Your post was removed by a moderator."),
    "declined": _("Your edit was not approved."),
    "upheld": _("Your appeal was answered: the decision stays"),
}


def _push(tx: Tx, notices: list[Noticed]) -> None:
    """Within the unit that makes them: puts those that are wanted into the outbox."""
    soon = times.later(seconds=WAIT_SECONDS)
    for one in notices:
        if one.push:
            outbox.put(tx, one.user_id, one.kind, one.post_id, one.group_id, max(one.due, soon))


def _of_post(kind: Kind) -> Make:
    def make(read: Snapshot, who: Identity, post_id: int | None, _group_id: int | None) -> Said | None:
        item = telling.still(read, who.user, kind, post_id or 0)
        if item is None:
            return None
        post, about = item.post, f"channel:{item.post.channel}"
        path = f"/channels/{post.channel}?at={post.id}#p{post.id}"
        return Said(item.title, _body(item), path, about)

    return make


def _body(item: telling.Item) -> str:
    """Who says what; each a sentence of its own, because languages put them together in their own ways."""
    if item.verdict:
        return VERDICTS[item.verdict]
    said: dict[str, Any] = {"author": item.post.author.shown(_("Anonymous")), "words": words(item.post.html, BODY)}
    if item.kind == "reply":
        return _("%(author)s answered you: %(words)s", **said)
    if item.kind == "mention":
        return _("%(author)s mentioned you: %(words)s", **said)
    return _("%(author)s: %(words)s", **said)


def _of_queue(read: Snapshot, who: Identity, _post_id: int | None, group_id: int | None) -> Said | None:
    """How much waits in a group, for as long as one looks after it."""
    row = read.one(GROUP, id=group_id)
    found = [one for one in queue.counts.within(read, who) if row and one.slug == row.slug]
    if not found:
        return None
    many = ngettext("%(num)s waits for a moderator", "%(num)s wait for a moderator", found[0].waiting)
    return Said(found[0].name, many, f"/groups/{found[0].slug}/queue", f"queue:{group_id}", "low")


notice.on_notice(_push)
notice.reached_by(subscription.anybody)
for _kind in ("reply", "mention", "post", "decided"):
    of(_kind, _of_post(_kind))
for _kind in FOR_MODERATORS:
    of(_kind, _of_queue)
