"""schemathesis asks every operation of the OpenAPI document in every way it can think of, and believes the document.

Whatever is sent, by whomever: no server error; the status, content type, headers and body that the document promises;
what breaks its schemas is refused; a method that it does not name is 405; what asks for credentials refuses those who
have none.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.conftest import World
from tests.lasting import SECONDS, SEED
from tests.server import Server, clean_environment

pytestmark = pytest.mark.slow

CONFIG = Path(__file__).with_name("schemathesis.toml")
# These end the session that the rest is asked with.
ENDING = ("me_delete", "session_delete")


@pytest.fixture(scope="module")
def asked(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a few posts and pictures."""
    folder = tmp_path_factory.mktemp("asked")
    with Server(shutil.copytree(world.folder, folder / "instance"), folder, by="uvicorn") as running:
        for uid, channel in (("alice", world.class_channel), ("bob", 1), ("root", 1)):
            with httpx.Client(base_url=running.url, headers=bearer(world.tokens[uid])) as client:
                assert client.post(f"/api/channels/{channel}/posts", json={"body": "Hello"}).status_code == 201
                png = {"Content-Type": "image/png"}
                assert client.put("/api/me/avatar", content=picture(), headers=png).status_code == 200
        yield running


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "PNG")
    return out.getvalue()


def found(server: Server, token: str, *options: str) -> str:
    """What schemathesis says where it finds something; nothing where it does not."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(CONFIG), "run", f"{server.url}/openapi.json", "--checks", "all", "--no-color"),
            *("--seed", str(SEED), "--continue-on-failure"),
            *(part for name, value in bearer(token).items() for part in ("--header", f"{name}: {value}")),
            *options,
        ],
        cwd=server.home,
        env=clean_environment(server.home),
        capture_output=True,
        text=True,
    )
    return "" if run.returncode == 0 else run.stdout + run.stderr


# Edge cases are tried by somebody who may do much, sequences of requests by whoever may make most.
PEOPLE = {
    "": ("--phases", "fuzzing"),
    "alice": ("--phases", "coverage,fuzzing"),
    "root": ("--phases", "fuzzing,stateful"),
}


@pytest.mark.parametrize("uid", [pytest.param(uid, id=uid or "nobody") for uid in PEOPLE])
def test_every_answer_is_what_the_document_says(asked: Server, world: World, uid: str) -> None:
    """Fails when a handler answers 202 where 201 is documented, when one fails for certain ids, and when unknown fields
    are accepted.
    """
    token = world.tokens.get(uid, "")
    kept = [part for id_ in ENDING for part in ("--exclude-operation-id", id_)] if uid else []
    problems = found(asked, token, *PEOPLE[uid], *kept, "--max-examples", str(int(SECONDS)))
    assert not problems, problems[-20_000:]
    assert "Traceback" not in asked.output()
