"""Retention: what is deleted by itself once it is old, where settings say so; a little at each sweep.

A room tells of its own rule here (`also`). Nobody's accounts and posts are deleted before an operator says so.
"""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from model import audit, settings
from model.settings import Settings
from pottle.store import Tx, db

AT_REST = 3_600  # seconds, until a rule that found nothing looks again


class Rule(NamedTuple):
    """What is deleted when it is old.

    `set_to` is the setting in words, or None where the rule is off. `work` deletes a few, in a unit that others hardly
    notice, and says whether there may be more. `due` says what is to go now, as lines of columns.
    """

    name: str
    set_to: Callable[[Settings], str | None]
    work: Callable[[Tx], bool]
    due: Callable[[], Awaitable[list[tuple[str, ...]]]]


_rules: dict[str, Rule] = {}
_looks_again: dict[str, float] = {}


def also(rule: Rule) -> None:
    """Has a rule be kept: by the sweep, by the command, and in what the doctor says."""
    _rules[rule.name] = rule
    db.on_sweep(partial(_go_on, rule))


def rules() -> list[Rule]:
    """All of them that are on."""
    return [rule for rule in _rules.values() if rule.set_to(settings.chosen())]


def in_words(chosen: Settings) -> str:
    """What is set: "accounts: 400 days; activity log: 365 days"."""
    said = [f"{rule.name}: {days}" for rule in _rules.values() if (days := rule.set_to(chosen))]
    return "; ".join(said) or "nothing is deleted by itself"


async def keep(rule: Rule) -> None:
    """Deletes all that a rule wants deleted now, in many units."""
    while await db.write(rule.work):
        pass


def _go_on(rule: Rule, tx: Tx) -> None:
    if rule.set_to(settings.chosen()) and time.monotonic() >= _looks_again.get(rule.name, 0) and not rule.work(tx):
        _looks_again[rule.name] = time.monotonic() + AT_REST


def days(number: int | None) -> str | None:
    """A setting in words."""
    return None if number is None else f"{number} days"


also(Rule("activity log", lambda chosen: days(chosen.retention_audit), audit.forget_old, audit.due))
