"""Imports as admins start them: by one process of its own, over all workers, which can be cancelled and may die."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from model.arriving import job
from model.settings import Settings
from pottle.store import Snapshot, db
from tests.api.conftest import Json, opened, posted, refused
from tests.conftest import Person


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, upload_bytes=2_000)  # and so 200,000 for what is imported


async def sent(root: Person, data: bytes, group: str = "new", file: str = "old.json") -> Json:
    answer = await root.post(f"/api/imports?group={group}&name={file}", content=data)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def until(root: Person, id_: int, *states: str) -> Json:
    """The import, once it is in one of these states."""
    async with asyncio.timeout(60):
        while (found := (await root.get(f"/api/imports/{id_}")).json())["state"] not in states:
            await asyncio.sleep(0.05)
    return dict(found)


@pytest.mark.slow
async def test_from_a_file_to_posts(root: Person, bob: Person, anyone: Person) -> None:
    page = (await root.post("/api/groups/home/channels", {"key": "/2026/a%C3%A9/", "title": "Page"})).json()
    old = await posted(bob, "From *elsewhere*", page["id"])
    data = (await root.get("/api/groups/home/export")).content
    await opened(root, "new")
    made = await sent(root, data)
    assert made["state"] == "checking"
    checked = await until(root, made["id"], "checked", "failed")
    assert (checked["state"], checked["source"]) == ("checked", "pottle"), checked["error"]
    assert checked["counts"]
    going = await root.patch(f"/api/imports/{made['id']}", {"state": "importing"})
    assert going.status_code == 200
    done = await until(root, made["id"], "done", "failed")
    assert done["state"] == "done", done["error"]
    assert [one["id"] for one in (await root.get("/api/imports")).json()["imports"]] == [made["id"]]
    refused(await root.patch(f"/api/imports/{made['id']}", {"state": "importing"}), 409)
    channels = (await root.get("/api/groups/new/channels")).json()["channels"]
    found = [post for one in channels for post in (await root.get(f"/api/channels/{one['id']}/posts")).json()["posts"]]
    (post,) = found
    assert (post["body"], post["author"]) == ("From *elsewhere*", {"guest": "Bob"})
    assert (await bob.put(f"/api/posts/{post['id']}/claim")).status_code == 204
    for address, there in (
        ("/2026/aé/?utm_source=x", f"/channels/{post['channel']}"),
        (f"/2026/a%C3%A9/index.html?comment=comment-{old['id']}", f"/posts/{post['id']}"),
        (f"/?comment={old['id']}", f"/posts/{post['id']}"),
    ):
        led = await anyone.get(f"/old/new{address}")
        assert (led.status_code, led.headers["Location"]) == (301, there), address
    refused(await anyone.get("/old/new/2027/"), 404)


@pytest.mark.slow
async def test_the_end_of_the_dry_run_ends_nothing_that_was_begun_after_it(root: Person, bob: Person) -> None:
    """It is noticed a moment later. Fails when the dry run's process counts for what comes after it, too."""
    await posted(bob, "From elsewhere")
    data = (await root.get("/api/groups/home/export")).content
    await opened(root, "new")
    made = await until(root, (await sent(root, data))["id"], "checked")
    held = await job._alone()
    await job._go_on(made["id"])
    await job._say_that_it_died(made["id"], job.CHECKING)
    assert (await until(root, made["id"], "importing", "failed"))["state"] == "importing"
    os.close(held)  # its own process dies
    await job._say_that_it_died(made["id"], job.PLACING)
    assert (await db.read(Snapshot.one, job.BY_ID, id=made["id"])).state == "failed"


async def test_what_cannot_be_read_says_so(root: Person, instance: Path) -> None:
    await opened(root, "new")
    made = await sent(root, b"bad")
    failed = await until(root, made["id"], "failed", "checked")
    assert failed["state"] == "failed"
    assert failed["error"]
    refused(await root.post("/api/imports?group=new&name=x", content=b""), 422)
    refused(await root.post("/api/imports?group=none&name=x", content=b"x"), 404)
    assert [path.name for path in (instance / "imports").iterdir()] == ["lock"]


@pytest.mark.slow
async def test_it_can_be_cancelled_or_die(root: Person, bob: Person, instance: Path) -> None:
    """Of what is looked at nothing is left then, and another may begin."""
    await opened(root, "new")
    data = (await root.get("/api/groups/home/export")).content
    first = await sent(root, data)
    await until(root, first["id"], "checked")
    cancelled = (await root.patch(f"/api/imports/{first['id']}", {"state": "cancelled"})).json()
    assert cancelled["state"] == "cancelled"
    assert not (instance / "imports" / str(first["id"])).exists()
    refused(await root.patch(f"/api/imports/{first['id']}", {"state": "cancelled"}), 409)
    second = await sent(root, data)
    refused(await root.post("/api/imports?group=new&name=x", content=data), 409)
    os.kill(worker_of(second["id"]), signal.SIGKILL)
    dead = await until(root, second["id"], "failed")
    assert "nothing was imported" in dead["error"]
    third = await sent(root, data)
    assert (await until(root, third["id"], "checked"))["state"] == "checked"


def worker_of(id_: int) -> int:
    """The process that does the work of an import of ours."""
    mine = f"import-job\0{id_}\0".encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        status = (path.parent / "status").read_text()
        if path.read_bytes().endswith(mine) and f"PPid:\t{os.getpid()}\n" in status:
            return int(path.parent.name)
    raise AssertionError("nobody works")


async def test_it_is_for_admins(bob: Person, anyone: Person) -> None:
    for path in ("/api/imports", "/api/imports/1"):
        refused(await anyone.get(path), 401)
        refused(await bob.get(path), 403)
    refused(await bob.post("/api/imports?group=home&name=x", content=b"x"), 403)


async def test_what_is_too_large_is_refused(root: Person) -> None:
    refused(await root.post("/api/imports?group=home&name=x", content=b"x" * 300_000), 413)
