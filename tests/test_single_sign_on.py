"""docs/single-sign-on.md does what it says: its examples in every language, and the commands for secrets."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Person, needs
from tests.server import ROOT
from tests.test_backup_commands import quart, refused

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "single-sign-on.md").read_text()
PROGRAMS = {"Python": "python3", "PHP": "php", "Node": "node", "Ruby": "ruby"}
SITE = {"Origin": "https://blog.example"}


def example(language: str) -> str:
    """The program under a heading."""
    return re.split(r"```\w*\n", PAGE.split(f"\n### {language}\n")[1])[1].split("\n```")[0]


@pytest.fixture
async def secret(root: Person, instance: Path) -> str:
    """Of the group `blog`, by the command, beside a server that runs."""
    await root.post("/api/groups", {"slug": "blog", "name": "Blog", "origins": [SITE["Origin"]]})
    code, made, said = quart(instance, "secret", "create", "blog")
    assert code == 0, said
    return made.strip()


def told(language: str, secret: str) -> str:
    """What the example prints."""
    run = [PROGRAMS[language]] if language == "PHP" else [PROGRAMS[language], "-"]
    environment = {**os.environ, "SSO_SECRET": secret}
    done = subprocess.run(run, input=example(language), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("language", PROGRAMS)
async def test_an_example_works(language: str, anyone: Person, root: Person, secret: str) -> None:
    """With a name that is not ASCII, and as a moderator; and each time it is another token."""
    needs(PROGRAMS[language])
    for _ in range(2):
        token = told(language, secret)
        made = await anyone.post("/api/groups/blog/sso", {"token": token}, headers=SITE)
        assert made.status_code == 201, made.text
        assert made.json()["user"]["name"] == "Zoë Müller"
        assert made.json()["user"]["email"] == "zoe@school.example"
    members = (await root.get("/api/groups/blog/members")).json()["members"]
    assert {"uid": "zoe.muller", "name": "Zoë Müller", "role": "moderator"} in members


def test_there_is_an_example_for_each_language() -> None:
    assert re.findall(r"\n### (\w+)\n", PAGE) == [*PROGRAMS]


async def test_the_commands(instance: Path, root: Person, secret: str) -> None:
    assert re.fullmatch(r"sso_[\w-]{43}", secret)
    _, listed, _ = quart(instance, "secret", "list", "blog")
    assert re.fullmatch(r"1\s+\S+\s+never\n", listed)
    assert quart(instance, "secret", "create", "blog")[0] == 0
    assert "2 secrets already" in refused(instance, "secret", "create", "blog")
    assert quart(instance, "secret", "delete", "blog", 1)[1] == "Deleted secret 1.\n"
    assert "no secret 1" in refused(instance, "secret", "delete", "blog", 1)
    for command in ("create", "list"):
        assert "no group nowhere" in refused(instance, "secret", command, "nowhere")
