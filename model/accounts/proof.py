"""Proof that an e-mail address is an account's, by whoever can tell: a site's single sign-on, or a mail."""

from collections.abc import Callable

from pottle.store import Tx

Heard = Callable[[Tx, int, str, int | None], None]
Given = Callable[[Tx, int, str | None, str | None], None]

_then: list[Heard] = []
_when_given: list[Given] = []


def on_proof(do: Heard) -> None:
    """Has `do` be called within each unit in which an address is proven, with what `proven` gets."""
    _then.append(do)


def proven(tx: Tx, user_id: int, email: str, group_id: int | None = None) -> None:
    """Within a unit: the address is that user's; as far as `group_id`, where only that group's site says so."""
    for do in _then:
        do(tx, user_id, email, group_id)


def on_given(do: Given) -> None:
    """Has `do` be called within each unit in which a user gives an address, or another one, with what `given` gets."""
    _when_given.append(do)


def given(tx: Tx, user_id: int, before: str | None, email: str | None) -> None:
    """Within a unit: a user gives an address, which is unproven, instead of the one before."""
    if email != before:
        for do in _when_given:
            do(tx, user_id, before, email)
