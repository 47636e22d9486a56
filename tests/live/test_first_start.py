"""Starting on a folder that is not there, and from a checkout that nobody may write to."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests import databases
from tests.conftest import PASSWORD, needs
from tests.live.meeting import Meeting, changes
from tests.server import ROOT, STARTED_ANEW, Server

# Root may write wherever it likes; without its capabilities it may not.
FILES = ["postgres-seen"] if databases.POSTGRES else ["app.db", "app.db-turn"]
WHILE_OPEN = [] if databases.POSTGRES else ["app.db-wal", "app.db-shm"]
LIKE_ANYBODY = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


@pytest.mark.slow
async def test_gunicorn_starts_on_a_folder_that_is_not_there(tmp_path: Path, stack: AsyncExitStack) -> None:
    server = Server(tmp_path / "new" / "instance", tmp_path)
    server.through = STARTED_ANEW
    with server:
        nobody = Meeting(server, stack, {})
        found = await nobody.sockets(each=1)
        epochs = {(await socket.ask(type="subscribe", channel=1))["epoch"] for (socket,) in found.values()}
        assert len(epochs) == 1
        assert "Lobby" in (await (await nobody.http()).get("/")).text
        assert "Traceback" not in server.output()
        kept = [server.instance / name for name in (*FILES, *WHILE_OPEN)]
        assert {file.stat().st_mode & 0o777 for file in kept} == {0o600}  # there are password hashes in them


@pytest.mark.slow
def test_a_setting_that_makes_no_sense_ends_gunicorn_and_says_why(tmp_path: Path) -> None:
    """It does not go on starting workers that cannot start."""
    with pytest.raises(RuntimeError, match="POTTLE_SIGN_UP='perhaps': must be one of open, invitation, closed"):
        Server(tmp_path / "instance", tmp_path, POTTLE_SIGN_UP="perhaps").start()


@pytest.fixture
def locked_checkout() -> Iterator[Path]:
    """A folder with the tracked files in `checkout`, where nobody may write; beside it `instance`, `home` and `tmp`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        checkout = folder / "checkout"
        for file in filter(None, listed.stdout.split("\0")):
            if (ROOT / file).exists():
                (checkout / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / file, checkout / file)
        for path in [checkout, *checkout.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        for own in ("instance", "home", "tmp"):
            (folder / own).mkdir()
        yield folder
        for path in [checkout, *checkout.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    """All files in a folder, with size and time."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if "instance" not in path.relative_to(folder).parts[:1]
    }


@pytest.mark.slow
async def test_a_checkout_that_nobody_may_write_to_serves_everything(
    locked_checkout: Path, tmp_path: Path, stack: AsyncExitStack
) -> None:
    """Only the instance folder is written to: not the checkout, not the home folder, not the temporary one."""
    server = Server(locked_checkout / "instance", tmp_path, root=locked_checkout / "checkout")
    if os.getuid() == 0:
        needs("setpriv")
        server.through = LIKE_ANYBODY
    server.settings |= {"HOME": str(locked_checkout / "home"), "TMPDIR": str(locked_checkout / "tmp")}
    before = everything(locked_checkout)
    with server:
        await use(Meeting(server, stack, {}))
        server.stop()
        server.start()
        again = await (await Meeting(server, stack, {}).http()).get("/api/users/hanna")
        assert again.json()["name"] == "Hanna"
        assert "Traceback" not in server.output()
    assert everything(locked_checkout) == before
    assert {path.name for path in (locked_checkout / "instance").iterdir()} >= {*FILES}


async def use(nobody: Meeting) -> None:
    """A bit of everything."""
    client = await nobody.http()
    user = {"uid": "hanna", "name": "Hanna", "password": PASSWORD}
    assert (await client.post("/api/users", json=user)).status_code == 201
    token = await nobody.sign_in("hanna")
    hanna = await nobody.http(token)
    channel = await nobody.channel(by=token)
    socket = await nobody.socket(token)
    await socket.ask(type="subscribe", channel=channel)
    made = await nobody.post(channel, "**Hello**", by=token)
    assert (await changes(socket, 1))[0]["post"] == made
    assert (await hanna.patch(f"/api/posts/{made['id']}", json={"body": "Bye"})).status_code == 200
    assert (await hanna.put(f"/api/posts/{made['id']}/reactions/up")).status_code == 200
    assert (await hanna.put("/api/me/avatar", content=image())).status_code == 200
    for path in ("/", f"/channels/{channel}", "/docs", "/openapi.json", "/readyz", "/api/users/hanna/avatar"):
        answer = await client.get(path)
        assert answer.status_code == 200, path
    page = (await client.get("/")).text
    for asset in {part.split('"')[0] for part in page.split('"/static/')[1:]}:
        assert (await client.get(f"/static/{asset}")).status_code == 200
    await socket.raw.close()


def image() -> bytes:

    data = BytesIO()
    Image.new("RGB", (20, 20), "red").save(data, "PNG")
    return data.getvalue()
