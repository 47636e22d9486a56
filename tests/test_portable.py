"""Export and import: everything that people made, line by line, and back again; all of it or nothing."""

import base64
import io
import json
import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from model.operating.exporting import LEFT_OUT, export, shapes
from model.operating.importing import FRESH, import_
from model.settings import Settings
from model.talk.search import upkeep
from pottle.errors import Conflict, Invalid
from pottle.store import Base, migrations
from pottle.store.database import Database
from pottle.store.files import WrongDatabase
from pottle.store.sqlite import prepare
from tests.cases import in_turn
from tests.conftest import Person, World
from tests.store.test_backup import one, quietly

pytestmark = pytest.mark.sqlite("the export of its file")


def exported(instance: Path, **options: Any) -> bytes:
    """The export of a folder's database."""
    out = io.BytesIO()
    export(instance / "app.db", out, quietly, **options)
    return out.getvalue()


def imported(instance: Path, content: bytes) -> int:
    """Imports; how many rows."""
    return import_(instance, io.BytesIO(content), len(content), quietly)


def objects(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


@pytest.fixture
def lively(instance: Path) -> Path:
    """A folder in whose database there is something in every table."""
    with closing(sqlite3.connect(instance / "app.db")) as raw, raw:
        raw.execute("INSERT INTO avatars VALUES (1, x'00ff')")
        for number in (1, 2, 3):
            raw.execute(
                "INSERT INTO posts (id, channel_id, parent_id, author_id, body, html, state, reactions, replies,"
                " created, version) VALUES (?, 1, ?, 1, ?, '<p>', 'published', '{}', 0, '2026', 1)",
                (number, number - 1 or None, 'Grüße\n"\u2028\x7f☃\U0001f600'),
            )
        raw.execute("DELETE FROM posts WHERE id = 3")
        raw.execute("INSERT INTO edits VALUES (7, 2, 1, 'New', '<p>', 'pending', '2026')")
        raw.execute(
            "INSERT INTO decisions VALUES "
            "(3, 2, 1, 'edit', 'pending', 'removed', 7, 'spam', 'No', 1, '2026', NULL, NULL, NULL)"
        )
        raw.execute("INSERT INTO reactions VALUES (1, 1, 'up', '2026')")
        raw.execute("INSERT INTO imports VALUES (x'00ff', 'post', 1)")
        raw.execute("INSERT INTO flask_numbers VALUES ('channel', 17, 1, '{}')")
        raw.execute("INSERT INTO flask_laughs VALUES (1, 2, 3)")
        raw.execute("INSERT INTO audit VALUES (NULL, '2026', '', 'user.created', 'bob', NULL, NULL)")
        raw.execute("INSERT INTO changes VALUES (41, 0, NULL, 'post.created', 1, '', '2026', 'channel:1')")
        raw.execute("UPDATE channels SET seq = 41, locked = 1, state = 'pending', begun_by = 1 WHERE id = 1")
        raw.execute("""UPDATE groups SET origins = '["https://a.example"]' WHERE id = 1""")
    return instance


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The instance folder to import into; it is not there yet."""
    return tmp_path / "imported"


def test_it_works(lively: Path, folder: Path) -> None:
    content = exported(lively)
    rows = objects(content)
    assert rows[0]["type"] == "pottle"
    assert rows[-1] == {"type": "end", "lines": len(rows) - 1}
    assert {"type": "avatar", "user_id": 1, "image": base64.b64encode(b"\x00\xff").decode()} in rows
    lobby = next(row for row in rows if row["type"] == "channel")
    assert (lobby["locked"], lobby["url"], lobby["key"]) == (True, None, "lobby")
    assert next(row for row in rows if row["type"] == "group")["origins"] == ["https://a.example"]
    assert imported(folder, content) == len(rows) - 2
    assert exported(folder) == content


def test_everything_is_in_it_or_left_out_for_a_reason(lively: Path) -> None:
    found = {str(table.name) for table in shapes(lively / "app.db").values()}
    assert found | set(LEFT_OUT) == {*Base.metadata.tables, "alembic_version"}
    assert not found & set(LEFT_OUT)
    filled = {name for name in found if one(lively / "app.db", f"SELECT count(*) FROM {name}")}  # noqa: S608
    types = {row["type"] for row in objects(exported(lively))}
    assert types == {name.removesuffix("s") for name in filled} | {"pottle", "end"}
    assert len(filled) >= 12, "a row of every table of ours"


def test_a_new_resource_is_in_it_at_once(instance: Path) -> None:
    """Whatever its columns are called, and of whatever type they are."""
    with closing(sqlite3.connect(instance / "app.db")) as raw, raw:
        raw.execute("CREATE TABLE gadgets (id INTEGER PRIMARY KEY, type TEXT, size FLOAT, tags JSON, at DATETIME)")
        raw.execute("INSERT INTO gadgets VALUES (7, 'web', 0.5, '{\"a\": 1}', '2026-11-22 09:50:28.000000')")
        raw.execute("INSERT INTO gadgets VALUES (8, NULL, NULL, NULL, NULL)")
    first, second = (row for row in objects(exported(instance)) if row["type"] == "gadget")
    assert first == {
        "type": "gadget", "id": 7, "type_": "web", "size": 0.5, "tags": {"a": 1}, "at": "2026-11-22T09:50:28"
    }  # fmt: skip
    assert second == {"type": "gadget", "id": 8, "type_": None, "size": None, "tags": None, "at": None}
    line = next(shape for shape, table in shapes(instance / "app.db").items() if table.name == "gadgets")
    assert msgspec.structs.asdict(msgspec.convert(first, line))["tags"] == {"a": 1}


async def test_what_was_imported_can_be_used(
    lively: Path, folder: Path, world: World, alice: Person, anyone: Person
) -> None:
    """And its ids and seqs go on where they were."""
    await upkeep.go_on()  # which the server does as it starts, and writes for it
    imported(folder, exported(lively))
    database = Database()
    await database.open(Settings(instance=folder))
    assert one(folder / "app.db", "SELECT count(*) FROM sessions") == 0
    made = await database.write(lambda tx: tx.changed("post.created", stream="channel:1"))
    head = one(lively / "app.db", "SELECT seq FROM sqlite_sequence WHERE name = 'changes'")
    assert made == head + 2, "the first in the new log is the database's own: a log is never empty again"
    await database.close()
    with closing(sqlite3.connect(folder / "app.db")) as raw, raw:
        columns = "channel_id, body, html, state, reactions, replies, created, version"
        raw.execute(f"INSERT INTO posts ({columns}) VALUES (1, '', '', 'published', '{{}}', 0, '2026', 1)")  # noqa: S608
    assert one(folder / "app.db", "SELECT max(id) FROM posts") == 4, "3 was deleted, and is not given again"


def test_a_position_is_never_behind_its_channel(lively: Path, folder: Path) -> None:
    """Also where somebody left `newest` out: a change that came after must have a higher seq."""
    first, *rest = objects(exported(lively))
    del first["newest"]
    imported(folder, written([first, *rest]))
    assert one(folder / "app.db", "SELECT seq FROM sqlite_sequence WHERE name = 'changes'") == 41


def test_passwords_can_be_left_out(lively: Path, folder: Path) -> None:
    content = exported(lively, passwords=False)
    assert b"argon2" not in content
    imported(folder, content)
    assert one(folder / "app.db", "SELECT count(*) - count(password_hash) FROM users") == 4


def test_an_export_of_an_older_version_is_migrated(tmp_path: Path, folder: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    migrations.upgrade(old / "app.db", "0002")
    content = exported(old)
    assert objects(content)[0]["revision"] == "0002"
    imported(folder, content)
    assert one(folder / "app.db", "SELECT version_num FROM alembic_version") == migrations.newest_revision()


async def test_a_database_in_which_nothing_happened_is_replaced(lively: Path, folder: Path) -> None:
    """As the first start of a server leaves it."""
    database = Database()
    await database.open(Settings(instance=folder))
    await database.close()
    imported(folder, exported(lively))
    assert exported(folder) == exported(lively)


def test_nothing_happened_yet_in_a_new_database(folder: Path) -> None:
    fresh = prepare(Settings(instance=folder))
    names = [str(table.name) for table in shapes(fresh).values()]
    counts = {name: one(fresh, f"SELECT count(*) FROM {name}") for name in names}  # noqa: S608
    assert {name: count for name, count in counts.items() if count} == FRESH


@pytest.mark.slow
def test_it_needs_no_more_memory_for_more_rows(lively: Path, folder: Path, tmp_path: Path) -> None:
    """40 MB of posts. Fails when either side collects the rows."""
    with closing(sqlite3.connect(lively / "app.db")) as raw, raw:
        for number in range(4, 4_004):
            values = (number, "x" * 10_000)
            names = "id, channel_id, author_id, body, html, state, reactions, replies, created, version"
            insert = f"INSERT INTO posts ({names}) VALUES (?, 1, 1, ?, '', '', '{{}}', 0, '2026', 1)"  # noqa: S608
            raw.execute(insert, values)
    tracemalloc.start()
    with (tmp_path / "all.jsonl").open("w+b") as file:
        export(lively / "app.db", file, quietly)
        file.seek(0)
        import_(folder, file, 0, quietly)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "all.jsonl").stat().st_size > 40_000_000
    assert peak < 15_000_000


def written(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def changed(number: int, **fields: Any) -> Callable[[list[bytes]], None]:
    """Sets fields of a line, whose number counts from 1; None takes one away."""

    def change(lines: list[bytes]) -> None:
        row = {**json.loads(lines[number - 1]), **fields}
        lines[number - 1] = json.dumps({k: v for k, v in row.items() if v != "nothing"}).encode() + b"\n"

    return change


def replaced(number: int, by: bytes) -> Callable[[list[bytes]], None]:
    def replace(lines: list[bytes]) -> None:
        lines[number - 1] = by

    return replace


def doubled(lines: list[bytes]) -> None:
    lines.insert(2, lines[2])


def cut(lines: list[bytes]) -> None:
    del lines[-1]


def cut_in_a_line(lines: list[bytes]) -> None:
    lines[-2:] = [lines[-2][:20]]


def lost(lines: list[bytes]) -> None:
    del lines[2]


def more(lines: list[bytes]) -> None:
    lines.append(b'{"type":"end","lines":1}\n')


def emptied(lines: list[bytes]) -> None:
    lines.clear()


def unreferred(lines: list[bytes]) -> None:
    """Without the users, on whom much depends."""
    lines[:] = [line for line in lines if json.loads(line)["type"] not in ("user", "end")]
    lines.append(written([{"type": "end", "lines": len(lines)}]))


WRONG = {
    "garbage": (replaced(3, b"\xff{}\n"), "Line 3"),
    "no object": (replaced(3, b"[1]\n"), "Line 3"),
    "an empty line": (replaced(3, b"\n"), "Line 3"),
    "an unknown type": (changed(3, type="recipe"), "Line 3"),
    "an unknown field": (changed(3, colour="red"), "Line 3"),
    "a missing field": (changed(3, id="nothing"), "Line 3"),
    "a wrong value": (changed(3, id="seven"), "Line 3"),
    "a number that is too big": (changed(3, id=2**64), "Line 3"),
    "null where there must be a value": (changed(3, id=None), "Line 3"),
    "a row twice": (doubled, "Line 4"),
    "a row lost": (lost, "lines should come before it"),
    "more after the end": (more, "nothing may come after the end"),
    "no end": (cut, "cut off"),
    "an end in a line": (cut_in_a_line, "Line"),
    "nothing": (emptied, "not an export"),
    "no header": (replaced(1, b""), "not an export"),
    "another header": (changed(1, type="kettle"), "not an export"),
    "another format": (changed(1, format=2), "format 2"),
    "a newer revision": (changed(1, revision="9999"), "newer than the code"),
    "an impossible counter": (changed(1, newest={"recipes": 1}), "Line 1"),
    "a negative counter": (changed(1, newest={"posts": -1}), "Line 1"),
    "a missing reference": (unreferred, "that is not in it"),
}


@in_turn("wrong", WRONG)
def test_it_refuses(lively: Path, folder: Path, wrong: str) -> None:
    spoil, says = WRONG[wrong]
    lines = exported(lively).splitlines(keepends=True)
    spoil(lines)
    with pytest.raises((Invalid, WrongDatabase), match=says) as refusal:
        imported(folder, b"".join(lines))
    assert {left.name for left in folder.iterdir()} == {"app.db-open"}
    assert "\n" not in str(refusal.value)


def test_a_database_in_use_by_people_is_left_as_it_is(lively: Path) -> None:
    content = exported(lively)
    with closing(sqlite3.connect(lively / "app.db")) as raw, raw:
        raw.execute("UPDATE users SET name = 'Precious' WHERE id = 1")
    with pytest.raises(Conflict, match="exists already"):
        imported(lively, content)
    assert one(lively / "app.db", "SELECT name FROM users WHERE id = 1") == "Precious"


async def test_it_refuses_beside_a_server(lively: Path, folder: Path) -> None:
    database = Database()
    await database.open(Settings(instance=folder))
    with pytest.raises(Conflict, match="Stop it first"):
        imported(folder, exported(lively))
    await database.close()


def test_a_new_database_survives_an_import_that_fails(lively: Path, folder: Path) -> None:
    fresh = prepare(Settings(instance=folder))
    was = exported(folder)
    with pytest.raises(Invalid):
        imported(folder, exported(lively)[:-30])
    assert exported(folder) == was
    assert fresh.exists()
