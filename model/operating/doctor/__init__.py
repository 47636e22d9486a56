"""The doctor: looks at the machine, the database and the settings, and says what to do about what is wrong."""

import sqlite3
from collections.abc import Callable, Iterator

from model.operating.doctor import choices, kept, machine
from model.operating.doctor.findings import Finding, Patient
from pottle.store.first_look import WrongDatabase, explained

Look = Callable[[Patient], Iterator[Finding]]

__all__ = ["Finding", "Patient", "examine"]


def examine(patient: Patient) -> Iterator[Finding]:
    """Every look in turn. One that cannot be taken is a finding too; nothing is changed.

    What whoever runs it may not read is said once.
    """
    of_the_database = () if patient.closed else kept.LOOKS
    for look in (*machine.LOOKS, *of_the_database, *choices.LOOKS):
        try:
            yield from look(patient)
        except (OSError, WrongDatabase) as error:
            yield Finding("FAIL", _name(look), str(error))
        except sqlite3.Error as error:
            yield Finding("FAIL", _name(look), str(explained(patient.database, error) or error))


def _name(look: Look) -> str:
    return look.__name__.strip("_").replace("_", " ")
