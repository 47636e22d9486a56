"""`quart --app main doctor`: says what is wrong, what to do about it, and by its exit code whether it cannot wait."""

import json
import os
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.accounts.providers.configured import providers
from model.operating import doctor
from model.operating.doctor import Patient, examine
from model.settings import Settings
from pottle import times
from pottle.store import files, migrations
from pottle.store.database import Database
from pottle.store.files import WrongDatabase
from pottle.store.locks import Presence
from tests import databases
from tests.cases import in_turn
from tests.conftest import cannot_run, needs
from tests.store.test_backup import cut_off, damaged, foreign, newer, no_database
from tests.test_backup_commands import quart


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance)


def found(settings: Settings, **environ: str) -> dict[str, tuple[str, str]]:
    """What the doctor says about each thing: how bad it is, and the words."""
    return {about: (level, says) for level, about, says in examine(Patient(settings, environ))}


@pytest.mark.sqlite("its file; PostgreSQL's checks are tried in tests/postgres/test_commands.py")
def test_it_works(settings: Settings) -> None:
    assert {about: level for about, (level, _) in found(settings).items()} == {
        **dict.fromkeys(["version", "sqlite", "folder", "file system", "disk", "descriptors"], "ok"),
        **dict.fromkeys(["revision", "integrity", "journal", "synchronous", "log", "clock", "admin"], "ok"),
        **dict.fromkeys(["address", "limits", "sign-up", "search", "retention"], "ok"),
        "workers": "warn",  # for nobody serves here
    }


def test_it_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    """Also where there is nothing yet."""
    databases.url_of(settings.instance)  # is there from now on
    before = {path.name: path.read_bytes() for path in settings.instance.iterdir()}
    found(settings)
    assert {path.name: path.read_bytes() for path in settings.instance.iterdir()} == before
    assert found(replace(settings, instance=tmp_path / "nowhere"))["folder"][0] == "warn"
    assert not (tmp_path / "nowhere").exists()


def test_single_sign_on(settings: Settings) -> None:
    """Only where there is any: whether sites are https, and whether an old secret was forgotten."""

    def says(origin: str, *made: str) -> tuple[str, str]:
        with databases.opened(settings.instance) as raw:
            raw.execute("UPDATE groups SET origins = ? WHERE slug = 'class'", (json.dumps([origin]),))
            raw.execute("DELETE FROM sso_secrets")
            add = "INSERT INTO sso_secrets (group_id, secret, created) SELECT id, 'sso_x', ? FROM groups"
            for when in made:
                raw.execute(f"{add} WHERE slug = 'class'", (when,))
        return found(settings)["single sign-on"]

    now, weeks_ago = times.now(), times.later(days=-20)
    assert says("https://class.example", now) == ("ok", "for class")
    assert says("https://class.example", weeks_ago, now)[0] == "ok"
    assert says("https://class.example", weeks_ago, weeks_ago) == (
        "warn",
        "class has had two secrets for weeks: delete the one that is not in use",
    )
    assert says("http://class.example", now)[0] == "warn"


def no_folder(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("a file where the folder should be")


def older(path: Path) -> None:
    for file in path.parent.glob("app.db*"):
        file.unlink()
    migrations.upgrade(path, "0002")


def large_log(path: Path) -> None:
    with path.with_name("app.db-wal").open("wb") as file:
        file.truncate(doctor.LARGE_LOG + 1)


def a_later_change(path: Path) -> None:
    """As after the clock was set back, or on a machine without a battery."""
    add = "INSERT INTO changes (prev, kind, tags, created, stream) VALUES (0, 'x', '', ?, 'channel:1')"
    with databases.opened(path.parent) as raw:
        raw.execute(add, (times.later(hours=1),))


def no_admin(path: Path) -> None:
    with databases.opened(path.parent) as raw:
        raw.execute("UPDATE users SET disabled = '2026' WHERE role = 'admin'")


def unreferred(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("INSERT INTO reactions VALUES (999, 1, 'up', '2026')")


AILING: dict[Callable[[Path], None], tuple[str, str, str]] = {
    no_folder: ("FAIL", "folder", "cannot be written"),
    damaged: ("FAIL", "integrity", "restore a backup"),
    cut_off: ("FAIL", "database", "app.db"),
    no_database: ("FAIL", "database", "app.db"),
    foreign: ("FAIL", "database", "another program"),
    newer: ("FAIL", "database", "newer than the code"),
    a_later_change: ("FAIL", "clock", "Set the clock"),
    older: ("warn", "revision", "the next start"),
    large_log: ("warn", "log", "64 MiB"),
    no_admin: ("warn", "admin", "--admin"),
    unreferred: ("warn", "references", "reactions"),
}


OF_FILE = (damaged, cut_off, no_database, foreign, newer, older, large_log, unreferred)
ITS_OWN = pytest.mark.sqlite("its file")


@pytest.mark.parametrize("ail", [pytest.param(ail, marks=ITS_OWN if ail in OF_FILE else ()) for ail in AILING])
def test_it_finds(settings: Settings, ail: Callable[[Path], None]) -> None:
    level, about, says = AILING[ail]
    ail(settings.instance / "app.db")
    findings = found(settings)
    assert about in findings, findings
    assert findings[about][0] == level
    assert says in findings[about][1]
    assert not any("\n" in words for _, words in findings.values())


UNREACHABLE = providers('x = {id = "1", secret = "2", issuer = "http://127.0.0.1:9", group = "chess"}')
CHOSEN: list[tuple[dict[str, Any], str, str]] = [
    ({"trusted_proxies": ("10.0.0.0/8",)}, "address", "POTTLE_URL"),
    ({"url": "http://pottle.example"}, "address", "https"),
    ({"rate_limits": False}, "limits", "POTTLE_RATE_LIMITS"),
    ({"url": "https://pottle.example"}, "sign-up", "POTTLE_SIGN_UP"),
    ({"development": True}, "development", "POTTLE_DEVELOPMENT"),
    ({"flask_origins": ("http://localhost:4100", "http://x.test")}, "front ends", "http://x.test"),
    ({"sign_in": UNREACHABLE}, "provider x", "/account/with/x/back"),
    ({"sign_in": UNREACHABLE}, "newcomers", "there is no group chess"),
    ({"flask_origins": ("https://x.test",), "url": "http://pottle.example"}, "front ends", "/flask"),
]


@in_turn(("chosen", "about", "says"), CHOSEN)
def test_it_warns_of_a_setting(settings: Settings, chosen: dict[str, Any], about: str, says: str) -> None:
    level, words = found(replace(settings, **chosen))[about]
    assert level == "warn"
    assert says in words


def test_good_settings_are_ok(settings: Settings) -> None:
    good = replace(settings, url="https://pottle.example", trusted_proxies=("10.0.0.1/32",), sign_up="invitation")
    findings = found(good, POTTLE_URL="https://pottle.example", POTTLE_SIGN_UP="invitation")
    assert {findings[about][0] for about in ("address", "limits", "sign-up")} == {"ok"}
    assert "settings" not in findings
    assert found(replace(settings, url="http://localhost:8080"))["address"][0] == "ok"
    assert found(replace(settings, flask_origins=("http://localhost:4100",)))["front ends"][0] == "ok"


def test_it_names_what_an_unknown_setting_should_be(settings: Settings) -> None:
    says = "Unknown setting POTTLE_SIGNUP; did you mean POTTLE_SIGN_UP?"
    assert found(settings, POTTLE_SIGNUP="closed")["settings"] == ("warn", says)


@ITS_OWN
@pytest.mark.parametrize(("free", "level"), [(doctor.LITTLE_SPACE - 1, "FAIL"), (doctor.LITTLE_SPACE, "warn")])
def test_it_finds_a_full_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    with (settings.instance / "app.db").open("r+b") as file:
        file.truncate(doctor.LITTLE_SPACE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(free, 0, free))  # type: ignore[attr-defined]
    assert found(settings)["disk"][0] == level


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_descriptors")
def test_it_finds_few_descriptors(settings: Settings) -> None:
    assert found(settings)["descriptors"][0] == "warn"


MOUNTS = r"""
21 1 8:1 / / rw - ext4 /dev/sda1 rw
22 21 0:40 / /mnt rw shared:3 - 9p drvfs rw
23 22 8:2 / /mnt/a\040disk rw - ext4 /dev/sdb1 rw
24 21 0:50 / /srv rw - nfs4 server:/srv rw
25 21 0:51 / /run rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/x", "ext4"),
        ("/mnt/c/x", "9p"),
        ("/mnt/a disk/x", "ext4"),
        ("/srv/x", "nfs4"),
        ("/srvx", "ext4"),
        ("/run/x", "tmpfs"),
    ],
)
def test_it_knows_where_a_folder_lies(tmp_path: Path, folder: str, kind: str) -> None:
    (tmp_path / "mounts").write_text(MOUNTS.lstrip())
    assert files.kind_of(Path(folder), tmp_path / "mounts") == kind
    assert files.kind_of(Path(folder), tmp_path / "nowhere") == ""


@pytest.mark.sqlite("two machines may have PostgreSQL's database")
@in_turn(
    ("kind", "level"),
    [
        *[(kind, "FAIL") for kind in ("nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse", "ceph", "lustre", "vboxsf")],
        *[(kind, "warn") for kind in ("overlay", "tmpfs", "virtiofs", "fakeowner", "fuse.grpcfuse")],
        *[(kind, "ok") for kind in ("ext4", "xfs", "btrfs", "zfs", "apfs", "fuseblk", "")],
    ],
)
async def test_a_disk_that_others_may_write_to_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: str, level: str
) -> None:
    """At a start and by the doctor, unless somebody insists; what is only unwise is a warning.

    Two machines on one folder lost a write that was answered with 201, and nothing was said.
    """
    monkeypatch.setattr(files, "kind_of", lambda *_: kind)
    assert found(settings)["file system"][0] == level
    database = Database()
    if level == "FAIL":
        before = {path.name: path.read_bytes() for path in settings.instance.iterdir()}
        with pytest.raises(WrongDatabase, match="POTTLE_SHARED_DISK=on"):
            await database.open(settings)
        assert {path.name: path.read_bytes() for path in settings.instance.iterdir()} == before
        settings = replace(settings, shared_disk=True)
        assert found(settings)["file system"][0] == "warn"
    await database.open(settings)
    await database.close()


@ITS_OWN
@pytest.mark.slow
@pytest.mark.parametrize("closed", ["folder", "app.db", "app.db-turn"])
def test_whoever_runs_it_as_somebody_else_is_told_that_once(instance: Path, tmp_path: Path, closed: str) -> None:
    """Here root without its rights. And of no backup, for nothing is damaged. Fails where each look says so."""
    needs("setpriv")
    if os.getuid() != 0:
        cannot_run("needs root, to become somebody else")
    path = instance if closed == "folder" else instance / closed
    os.chown(path, 4711, 4711)
    path.chmod(0o700)
    code, out, err = quart(instance, "doctor", through=("setpriv", "--bounding-set=-all"))
    failures = [line for line in out.splitlines() if line.startswith("FAIL")]
    assert (code, len(failures)) == (1, 1), out + err
    assert "root (0)" in failures[0]
    assert "user 4711" in failures[0]
    assert "backup" not in out


@pytest.mark.sqlite("its bus; PostgreSQL's are counted in tests/postgres/test_commands.py")
async def test_it_counts_the_workers(settings: Settings) -> None:
    first, second = Database(), Database()
    await first.open(settings)
    await second.open(settings)
    assert found(settings)["workers"] == ("ok", "2 have the database open")
    await first.close()
    await second.close()


@ITS_OWN
def test_it_sees_a_server_in_another_container(settings: Settings) -> None:
    """Whose lock on the folder is there, though not its place on this machine's bus."""
    with closing(Presence(settings.instance / "app.db")):
        assert "another container" in found(settings)["workers"][1]


@ITS_OWN
@pytest.mark.slow
def test_the_exit_code_says_whether_something_fails(instance: Path, tmp_path: Path) -> None:
    code, out, err = quart(instance, "doctor")
    assert (code, err) == (0, "")
    assert {line.split()[0] for line in out.splitlines()} == {"ok", "warn"}
    no_database(instance / "app.db")
    code, out, err = quart(instance, "doctor")
    assert (code, err) == (1, "")
    assert any(line.startswith("FAIL  database") for line in out.splitlines())
    code, out, _ = quart(instance, "doctor", "--json")
    assert code == 1
    assert {"level", "about", "says"} == set(json.loads(out)[0])
    assert os.listdir(tmp_path / "instance")
