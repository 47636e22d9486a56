"""Proof that an e-mail address is an account's, by whoever can tell: a site's single sign-on, or a mail."""

from collections.abc import Callable

from pottle.store import Tx

Heard = Callable[[Tx, int, str, int | None], None]

_then: list[Heard] = []


def on_proof(do: Heard) -> None:
    """Has `do` be called within each unit in which an address is proven, with what `proven` gets."""
    _then.append(do)


def proven(tx: Tx, user_id: int, email: str, group_id: int | None = None) -> None:
    """Within a unit: the address is that user's; as far as `group_id`, where only that group's site says so."""
    for do in _then:
        do(tx, user_id, email, group_id)
