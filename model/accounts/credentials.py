"""Changes of what opens an account: each is in the activity log, and told to whom the account is."""

from collections.abc import Callable

from model import audit
from pottle.store import Tx

Heard = Callable[[Tx, int, audit.Action, str | None], None]

_then: list[Heard] = []


def on_change(do: Heard) -> None:
    """Has `do` be called within each unit that changes what opens an account: with its id, what was done, a detail."""
    _then.append(do)


def note(
    tx: Tx, by: audit.Actor | None, action: audit.Action, user_id: int, uid: str, *, group: str | None = None,
    detail: str | None = None,
) -> None:  # fmt: skip
    """Within a unit: notes what `by` (None: the operator) changed of an account, and has its user told."""
    audit.note(tx, by, action, uid, group=group, detail=detail)
    for do in _then:
        do(tx, user_id, action, detail)
