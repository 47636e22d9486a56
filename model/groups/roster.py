"""Rosters: who is in a class, as names or as the CSV that a school's program writes. Pure rules, no database.

A CSV has one column (the name) or two (first name, last name), with commas, semicolons or tabs between. With a line of
headings it may have more, in any order: `name`, or `first name` and `last name`, and maybe `uid`; others are ignored.
"""

# ruff: noqa: RUF001

import csv
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

import msgspec

from model.accounts.user import Name, Uid, is_reserved
from pottle import text
from pottle.errors import Invalid
from pottle.translation import _
from pottle.values import Unfit, fit

MOST = 500  # names at once
LONGEST_UID = 36  # leaves room for a number
# What a column is called, in the languages of many schools.
HEADINGS: dict[str, list[str]] = msgspec.json.decode(Path(__file__).with_name("headings.json").read_bytes())
LONGEST_HEADING = 4  # words, as in "Vor- und Nachname"
# What Unicode does not take apart into a letter and its mark.
LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i"})
APOSTROPHES = str.maketrans("'ʻʼ‘`", "’’’’’")
NAMELESS = "user"  # for a name without any letter that ASCII has a likeness of


class Pupil(NamedTuple):
    """One line of a roster: where it is, the name, and the uid if the roster gives one."""

    where: str
    name: str
    uid: str | None = None


def decoded(data: bytes) -> str:
    """The text of a file, as spreadsheets write it: UTF-8, UTF-16 with its mark, or Windows-1252."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def from_names(names: list[str]) -> list[Pupil]:
    """The pupils of a list of names. Raises Invalid with every wrong name."""
    return checked([Pupil(f"names[{number}]", _tidy(name)) for number, name in enumerate(names)])


def from_csv(table: str) -> list[Pupil]:
    """The pupils of a CSV. Raises Invalid with every wrong line."""
    rows = list(_rows(table.removeprefix("\ufeff")))
    columns = _headings(rows[0][1]) if rows else None
    if columns is None:
        return checked([_plain(where, cells) for where, cells in rows])
    return checked([_by_heading(where, cells, columns) for where, cells in rows[1:]])


def _rows(table: str) -> Iterator[tuple[str, list[str]]]:
    """The lines that are not blank: where each is, and its cells."""
    first = next((line for line in table.splitlines() if line.strip(" \t,;")), "")
    separator = max(";\t,", key=first.count)
    reader = csv.reader(table.splitlines(), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(tidied := [_tidy(cell) for cell in cells]):
                yield _("line %(number)s", number=reader.line_num), tidied
    except csv.Error as error:
        raise Invalid(
            {_("line %(number)s", number=reader.line_num): _("is not CSV: %(error)s", error=error)}
        ) from error


def _headings(cells: list[str]) -> dict[str, int] | None:
    """Which column is what; None if the first line has no headings."""
    words = [_word(cell) for cell in cells]
    found = {kind: at for kind in HEADINGS for at, word in enumerate(words) if word in _known(kind)}
    whole = next((at for at, word in enumerate(words) if _is_whole_name(word)), None)
    if whole is not None:
        found.setdefault("name", whole)
    if "first" in found and "name" in found and "last" not in found:
        found["last"] = found.pop("name")
    elif "last" in found and "name" in found and "first" not in found:
        found["first"] = found.pop("name")
    if len(list(filter(None, words))) == 1 and len(found) == 1:
        return {"name": next(iter(found.values()))}  # the only column: in some languages one word means both
    return found if "name" in found or {"first", "last"} <= found.keys() else None


def _word(cell: str) -> str:
    plain = cell.casefold().translate(APOSTROPHES).replace("_", " ").replace("-", " ")
    return " ".join(plain.strip(" .:*#").split())


@cache
def _known(kind: str) -> set[str]:
    return {_word(word) for word in HEADINGS[kind]}


def _is_whole_name(word: str) -> bool:
    """Whether a heading names both parts: `Ism Familiya`, `Vor- und Nachname`, `Nom et prénom`, `Soyad, Ad`."""
    parts = {part.strip(",") for part in word.split()}
    return bool(parts & (_known("first") | {"vor"}) and parts & _known("last")) and len(parts) <= LONGEST_HEADING


def _plain(where: str, cells: list[str]) -> Pupil:
    advice = _("say in a first line what the columns are, such as name,uid")
    if any(cells[2:]):
        raise Invalid({where: _("has more than two columns; %(advice)s", advice=advice)})
    for cell in filter(None, cells):
        if not any(letter.isalpha() for letter in cell) or "@" in cell:
            raise Invalid({where: _("has %(cell)s where a name should be; %(advice)s", cell=cell, advice=advice)})
    if len(cells) > 1 and any(letter.isdigit() for letter in cells[1]):
        raise Invalid(
            {where: _("has %(value)s where a last name should be; %(advice)s", value=cells[1], advice=advice)}
        )
    return Pupil(where, " ".join(filter(None, cells)))


def _by_heading(where: str, cells: list[str], columns: dict[str, int]) -> Pupil:
    said = {kind: cells[at] if at < len(cells) else "" for kind, at in columns.items()}
    name = said.get("name") or f"{said.get('first', '')} {said.get('last', '')}".strip()
    return Pupil(where, name, said.get("uid") or None)


def _tidy(cell: str) -> str:
    """A cell as one visible line; one that cannot be stays as it is, for `checked` to refuse."""
    with suppress(ValueError):
        return text.line(" ".join(cell.split()))
    return cell


def checked(pupils: list[Pupil]) -> list[Pupil]:
    """The pupils unchanged. Raises Invalid for none or too many, bad names or uids, and duplicates."""
    if not 1 <= len(pupils) <= MOST:
        raise Invalid({"": _("a class list has 1 to %(most)s names, not %(value)s", most=MOST, value=len(pupils))})
    wrong: dict[str, str] = {}
    seen: dict[tuple[bool, str], str] = {}
    for pupil in pupils:
        key = pupil.uid is None, (pupil.uid or pupil.name).casefold()
        if problem := _problem(pupil, seen.get(key)):
            wrong[pupil.where] = problem
        seen.setdefault(key, pupil.where)
    if wrong:
        raise Invalid(wrong)
    return pupils


def _problem(pupil: Pupil, before: str | None) -> str | None:
    if not pupil.name:
        return _("has no name")
    if not any(letter.isalpha() for letter in pupil.name):
        return _("has a name without a letter: %(name)s", name=pupil.name)
    for value, kind, what in (
        (pupil.name, Name, _("a name that cannot be used")),
        (pupil.uid or "ok", Uid, _("the user name %(uid)s", uid=pupil.uid)),
    ):
        try:
            fit(value, kind)
        except Unfit as unfit:
            return _("has %(what)s: it %(phrase)s", what=what, phrase=unfit.phrase)
    if pupil.uid is not None and is_reserved(pupil.uid):
        return _("has the user name %(uid)s, which is reserved", uid=pupil.uid)
    if before is None:
        return None
    return _("is %(name)s again, as %(before)s is; tell the two apart", name=pupil.uid or pupil.name, before=before)


def uid_from(name: str) -> str:
    """A uid made from a name, in ASCII: `anna.schmidt`. It may be taken."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(LETTERS)).encode("ascii", "ignore").decode()
    words = [word.strip("-") for word in re.findall(r"[a-z0-9-]+", plain.replace("'", ""))]
    uid = ".".join(filter(None, words))[:LONGEST_UID].strip(".-")
    return uid if len(uid) > 1 else (f"{NAMELESS}.{uid}" if uid else NAMELESS)


def free(uid: str, taken: set[str]) -> str:
    """The uid itself, or the first with 2, 3, … behind it that is not taken; adds it to `taken`."""
    candidates = chain([uid], (f"{uid}{number}" for number in count(2)))
    found = next(made for made in candidates if made not in taken and not is_reserved(made))
    taken.add(found)
    return found
