"""Texts: keys of channels in their one form, and names and titles as lines of visible text."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from model.talk import keys
from pottle import text

revision = "0008"
down_revision = "0007"

# The texts that are one line, by table and column, and what stands there where nothing of one can be seen.
LINES = [
    ("users", "name", "uid"),
    ("groups", "name", "slug"),
    ("channels", "title", "key"),
    ("posts", "guest", "'Former user'"),
    ("tokens", "name", "'Token'"),
]


def upgrade() -> None:
    for table, column, instead in LINES:
        for row in _rows(f"SELECT id, {column} AS given, {instead} AS instead FROM {table}"):  # noqa: S608
            line = row.given and (text.made_one_line(row.given) or row.instead)
            if line != row.given:
                _set(table, column, row.id, line)
    changed = dict(_changed_keys())
    for id_ in changed:  # another may have the new key as yet
        _set("channels", "key", id_, f"\n{id_}")
    for id_, key in changed.items():
        _set("channels", "key", id_, key)


def _changed_keys() -> Iterator[tuple[int, str]]:
    """The channel with most posts gets the key that several are one under; the others get theirs with their id."""
    taken: set[tuple[int, str]] = set()
    for row in _rows("SELECT id, group_id, key FROM channels ORDER BY posts DESC, id"):
        key = _normal(row.key)
        if (row.group_id, key) in taken:
            key = f"{key[:280]} ({row.id})"
        taken.add((row.group_id, key))
        if key != row.key:
            yield row.id, key


def _normal(key: str) -> str:
    try:
        return keys.normal(text.made_one_line(key)) or key
    except ValueError:
        return key


def _rows(query: str) -> Sequence[Any]:
    return op.get_bind().execute(sa.text(query)).fetchall()


def _set(table: str, column: str, id_: int, value: str) -> None:
    update = sa.text(f"UPDATE {table} SET {column} = :value WHERE id = :id")  # noqa: S608  # the names are ours
    op.get_bind().execute(update, {"value": value, "id": id_})


def downgrade() -> None:
    """What was made tidy stays so."""
