"""The register of what is kept about people: model/privacy.toml, joined with what the tables themselves say.

What an account takes along, and what leaves with it or with its group, is read from the tables' keys, so it is so.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Column, Table

from model.settings import Settings
from pottle.store import Base

FILE = Path(__file__).with_name("privacy.toml")
GROUNDS = {
    "task": "what the school, club or site is there for: Art. 6(1)(e) GDPR with school law, or (b) or (f)",
    "wish": "the person's own wish, who switches it on and off: Art. 6(1)(a) or (b) GDPR",
    "security": "security of processing: Art. 6(1)(e) or (f) with Art. 32 GDPR",
    "duty": "a legal duty: Art. 6(1)(c) GDPR",
}
# How the names of columns end that no export has: what opens something, and whom a post answers, who may be anonymous.
HIDDEN = ("_hash", "secret", "answered_id")


class Line(msgspec.Struct):
    """What is kept about people in one table. `columns` says what is in each; the rest of them is about nobody.

    `ground` is a key of GROUNDS. `export`, `account` and `group` say whether it is in one's export, and what becomes of
    it when the account and when the group is deleted.
    """

    part: str
    why: str = ""
    ground: str = ""
    kept: str = ""
    seen: str = ""
    nothing: str = ""
    plain: list[str] = []
    columns: dict[str, str] = {}
    export: str = ""
    account: str = ""
    group: str = ""


class Told(msgspec.Struct):
    """What an export says of a table: what is in it, why, on what ground, for how long, and who sees it."""

    columns: dict[str, str]
    why: str
    ground: str
    kept: str
    seen: str


def register(chosen: Settings) -> dict[str, Line]:
    """The register, by table, for these settings. Of tables that are not there, nothing."""
    lines = msgspec.convert(tomllib.loads(FILE.read_text()), dict[str, Line])
    days = {one.name: _days(getattr(chosen, one.name)) for one in fields(chosen)}
    tables = Base.metadata.tables
    return {name: _joined(line, tables[name], days) for name, line in lines.items() if name in tables}


def _days(value: Any) -> str:
    """A setting that is a number of days, or several; without one nothing is deleted."""
    said = f"{value} days" if isinstance(value, int) else str(value or "")
    return said or "no limit is set"


def _joined(line: Line, table: Table, days: dict[str, str]) -> Line:
    if line.nothing:
        return line
    return msgspec.structs.replace(
        line,
        kept=line.kept.format_map(days),
        export=line.export or _exported(table),
        account=line.account or _of_account(table),
        group=line.group or ("deleted" if goes_with(table, "groups") else "stays"),
    )


def told(chosen: Settings) -> dict[str, Told]:
    """What somebody is told who takes along what is kept about them (Art. 15 GDPR)."""
    about = {name: line for name, line in register(chosen).items() if not line.nothing}
    return {
        name: Told(line.columns, line.why, GROUNDS[line.ground], line.kept, line.seen) for name, line in about.items()
    }


def refers(column: Column[Any]) -> str | None:
    """Which table a column refers to."""
    return next((key.target_fullname.partition(".")[0] for key in column.foreign_keys), None)


def cascades(column: Column[Any]) -> bool:
    """Whether a row goes with the row that this column refers to."""
    return any(key.ondelete == "CASCADE" for key in column.foreign_keys)


def goes_with(table: Table, of: str) -> bool:
    """Whether each row goes with what it belongs to, if not by itself then by another table between."""
    if table.name == of:
        return True
    towards = {refers(column) for column in table.c if cascades(column)} - {table.name, None}
    return any(goes_with(Base.metadata.tables[other], of) for other in towards if other is not None)


def owning(table: Table) -> list[Column[Any]]:
    """The columns that say whose a row is: it goes with them, or at least loses its name."""
    found = [column for column in table.c if refers(column) == "users"]
    return [column for column in found if cascades(column)] or found[:1]


def _exported(table: Table) -> str:
    if table.name == "users":
        hidden = [column.name for column in table.c if column.name.endswith(HIDDEN)]
    elif owning(table):
        hidden = [column.name for column in table.c if column.name.endswith(HIDDEN) or refers(column) == "users"]
        hidden = [name for name in hidden if name not in {column.name for column in owning(table)}]
    else:
        return ""
    return f"yes, without {', '.join(hidden)}" if hidden else "yes"


def _of_account(table: Table) -> str:
    if goes_with(table, "users"):
        return "deleted"
    return "stays, without the account" if owning(table) else ""


def as_markdown(chosen: Settings) -> str:
    """The register as a page."""
    pages = [INTRODUCTION, "\n".join(f"- **{name}**: {said}" for name, said in GROUNDS.items())]
    parts: dict[str, list[str]] = {}
    for name, line in register(chosen).items():
        parts.setdefault(line.part, []).append(_in_words(name, line))
    pages += [f"## {part}\n\n" + "\n\n".join(lines) for part, lines in parts.items()]
    return "\n\n".join(pages) + "\n"


def _in_words(name: str, line: Line) -> str:
    if line.nothing:
        return f"### `{name}`\n\nNothing about people: {line.nothing}."
    rows = [f"| {what} | {said} |" for what, said in _facts(line)]
    return "\n".join([f"### `{name}`\n", f"{line.why[0].upper()}{line.why[1:]}.\n", "| | |", "|---|---|", *rows])


def _facts(line: Line) -> Iterator[tuple[str, str]]:
    for column, said in line.columns.items():
        yield f"`{column}`", said
    yield "**ground**", line.ground
    yield "**how long**", line.kept
    yield "**who sees it**", line.seen
    yield "**in one's export**", line.export
    yield "**when the account goes**", line.account
    if line.group != "stays":
        yield "**when the group goes**", line.group


INTRODUCTION = """# Register

What each table of the database keeps about people. [privacy.md](privacy.md) says what that means, and what is kept
elsewhere. `quart --app main register` prints this page with the settings of your server; a test holds it to the tables.
What is not said to go with its group belongs to none.

Grounds, as they are usual at schools (your data protection officer has the last word):"""
