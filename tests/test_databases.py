"""What the tests stand on: a database of its own for each instance folder, on either engine."""

import shutil
from pathlib import Path

from tests import databases

NAME = "SELECT name FROM users WHERE uid = ?"


def test_a_copy_of_a_folder_has_a_copy_of_the_database(instance: Path, tmp_path: Path) -> None:
    with databases.opened(instance) as raw:
        raw.execute("UPDATE users SET name = '100%' WHERE uid LIKE 'bo%'")
        assert raw.execute(NAME, ["bob"]).fetchall() == [("100%",)]
    copy = Path(shutil.copytree(instance, tmp_path / "copy"))
    with databases.opened(copy) as raw:
        assert raw.execute(NAME, ["bob"]).fetchone() == ("100%",)
        raw.execute("UPDATE users SET name = :name", {"name": "Else"})
        assert "users" in raw.tables()
        raw.assert_sound()
    with databases.opened(instance) as raw:
        assert raw.execute(NAME, ["bob"]).fetchone() == ("100%",)
        assert raw.execute(NAME, ["alice"]).fetchone() == ("Alice",)
    assert b"100%" in databases.contents(instance)
