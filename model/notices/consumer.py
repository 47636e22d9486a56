"""The consumer of the log that makes notices, and hands those that are due over to be mailed."""

from model.notices import addressees, bell, choices, notice, timing
from model.notices.notice import Noticed, Told
from pottle.store import Snapshot, Tx
from pottle.store.changes import Change
from pottle.store.consumers import Consumer, add

WAIT_SECONDS = 120  # so that several are one mail, and what is read at once is none
WAIT_FOR_MODERATORS = 600
APART = 900  # between two mails about one discussion
APART_FOR_MODERATORS = 3_600  # about what waits in one group


class Notices(Consumer):
    """Takes changes into notices, and bundles these."""

    name = "notices"
    kinds = notice.finders.keys()
    tags = frozenset({"table:notices"})

    def wants(self, read: Snapshot, rows: list[Change]) -> bool:
        """Whether anybody can be told. Decisions are noted all the same, for the bell has them from here."""
        return any(row.kind == "post.decided" for row in rows) or notice.reaches(read)

    def take(self, tx: Tx, rows: list[Change]) -> None:
        """Adds notices."""
        reached = notice.reaches(tx)
        rows = rows if reached else [row for row in rows if row.kind == "post.decided"]
        made = [new for row in rows for told in addressees.of(tx, row) if (new := _noticed(tx, told))]
        if authors := {one.user_id for one in made if one.kind == "decided"}:
            tx.changed("noticed", tags=map(bell.notices_of, sorted(authors)))
        for do in notice.listeners if made else ():
            do(tx, made)


def _noticed(tx: Tx, told: Told) -> Noticed | None:
    """Adds a notice, as its user wants it; None where there is one already, or they want nothing."""
    choice = choices.of(tx, told.user_id, told.group_id, told.channel_id)
    how, pushed = choice.how(told.kind), choice.pushes(told.kind)
    if how == "off" and not pushed and told.kind != "decided":
        return None
    made = notice.add(tx, told, None, None)
    return Noticed(made, *told, due=timing.loud(tx.now, choice.clock), push=pushed) if made else None


add(Notices())
