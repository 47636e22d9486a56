"""The doctor: looks at the machine, the database and the settings, and says what to do about what is wrong."""

import sqlite3
from collections.abc import Callable, Iterator

from model.doctor import choices, kept, machine
from model.doctor.findings import Finding, Patient
from model.store.first_look import WrongDatabase

Look = Callable[[Patient], Iterator[Finding]]

__all__ = ["Finding", "Patient", "examine"]


def examine(patient: Patient) -> Iterator[Finding]:
    """Every look in turn. One that cannot be taken is a finding too; nothing is changed."""
    for look in (*machine.LOOKS, *kept.LOOKS, *choices.LOOKS):
        try:
            yield from look(patient)
        except (OSError, WrongDatabase) as error:
            yield Finding("FAIL", _name(look), str(error))
        except sqlite3.Error as error:
            yield Finding("FAIL", _name(look), f"{patient.database}: {error}. Stop the server and restore a backup.")


def _name(look: Look) -> str:
    return look.__name__.strip("_").replace("_", " ")
