"""The Dockerfile and docker-compose.yml agree, and their steps make a server: carried out here without Docker."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import fields
from fnmatch import fnmatch
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from model.settings import Settings
from tests.server import free_port, wait_until

ROOT = Path(__file__).parents[1]
SOMEBODY = 1000  # the Dockerfile's user


class Step(NamedTuple):
    word: str
    rest: str


def dockerfile() -> list[Step]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [Step(*line.split(maxsplit=1)) for line in text.splitlines() if line]


def said(word: str) -> str:
    """What comes after the last `word` of the Dockerfile."""
    return [step.rest for step in dockerfile() if step.word == word][-1]


def variables() -> dict[str, str]:
    texts = [step.rest for step in dockerfile() if step.word == "ENV"]
    return dict(part.split("=", 1) for text in texts for part in shlex.split(text))


def service() -> dict[str, Any]:
    found = composed()["services"]["pottle"]
    assert isinstance(found, dict)
    return found


def composed() -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(found, dict)
    return found


@pytest.mark.check
def test_the_folder_that_is_mounted_is_the_instance_folder() -> None:
    assert service()["volumes"] == [f"./instance:{variables()['POTTLE_INSTANCE']}"]


@pytest.mark.check
def test_the_port_that_is_published_is_the_one_it_listens_on() -> None:
    bound = re.findall(r"--bind=0\.0\.0\.0:(\d+)", variables()["GUNICORN_CMD_ARGS"])
    assert bound == [said("EXPOSE")]
    assert service()["ports"] == [f"${{PORT:-8087}}:{said('EXPOSE')}"]
    assert f"'127.0.0.1', {said('EXPOSE')}" in said("HEALTHCHECK")


@pytest.mark.check
def test_only_the_proxy_that_comes_with_it_is_trusted() -> None:
    proxy = composed()["services"]["proxy"]
    (address,) = (network["ipv4_address"] for network in proxy["networks"].values())
    assert f"POTTLE_TRUSTED_PROXIES=${{POTTLE_TRUSTED_PROXIES:-{address}}}" in service()["environment"]
    (net,) = composed()["networks"]["default"]["ipam"]["config"]
    assert ip_address(address) in ip_network(net["subnet"])
    assert ip_address(address) not in ip_network(net["ip_range"]), "somebody else may get it first"
    assert f"POTTLE_UPSTREAM=pottle:{said('EXPOSE')}" in proxy["environment"]
    assert "./deploy/Caddyfile:/etc/caddy/Caddyfile:ro" in proxy["volumes"]


@pytest.mark.check
def test_every_setting_reaches_the_container() -> None:
    """One that is given in the shell or in .env and not named here would have no effect, and nobody would say so."""
    passed = {line.partition("=")[0] for line in service()["environment"]}
    settings = {field.name for field in fields(Settings)} - {"instance", "development"}  # which the image decides
    assert passed - {"WEB_CONCURRENCY"} == {f"POTTLE_{name.upper()}" for name in settings}
    assert "--workers" not in variables()["GUNICORN_CMD_ARGS"], "it would win over WEB_CONCURRENCY"


@pytest.mark.check
def test_it_runs_as_nobody_in_particular() -> None:
    assert said("USER") == f"{SOMEBODY}:{SOMEBODY}"
    assert service()["user"] == f"${{OWNER:-{said('USER')}}}"


@pytest.mark.check
def test_it_may_write_where_it_has_to_and_gains_no_rights() -> None:
    assert (service()["read_only"], service()["tmpfs"]) == (True, ["/tmp"])
    assert service()["cap_drop"] == ["ALL"]
    assert service()["security_opt"] == ["no-new-privileges=true"]


@pytest.mark.check
def test_every_log_is_bounded() -> None:
    for service in composed()["services"].values():
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}


@pytest.mark.check
def test_requirements_are_installed_before_the_application_is_copied() -> None:
    steps = [f"{step.word} {step.rest}" for step in dockerfile()]
    assert steps.index("COPY requirements.txt .") < steps.index("COPY . .")


@pytest.mark.check
def test_neither_data_nor_secrets_get_into_the_image() -> None:
    assert {"instance", ".env", ".git"} <= set(left_out())


def left_out() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def stays_out(path: str) -> bool:
    """Whether .dockerignore keeps `path` out (its rules as far as we use them)."""
    for rule in left_out():
        name = rule.removeprefix("**/")
        parts = path.split("/") if name != rule else path.split("/")[:1]
        if any(fnmatch(part, name) for part in parts):
            return True
    return False


class Container:
    """What the Dockerfile makes, in a folder that takes the place of the file system's root."""

    def __init__(self, root: Path, interpreter: str) -> None:
        self.root = root
        self.port = free_port()
        self.interpreter = interpreter
        self.workdir = root
        self.environment = {"HOME": "/", "PATH": f"{root}/venv/bin:/usr/bin:/bin"}
        self.user = ""

    def here(self, text: str) -> str:
        """`text` of the Dockerfile, with this container's folders and port."""
        text = re.sub(r"(?<![\w.])/(app|instance)\b", rf"{self.root}/\1", text)
        return re.sub(r"\b8080\b", str(self.port), text)

    def build(self) -> None:
        for step in dockerfile():
            getattr(self, f"_{step.word.lower()}")(step.rest)

    def _from(self, image: str) -> None:
        assert image.startswith("python:3.")
        subprocess.run([self.interpreter, "-m", "venv", self.root / "venv"], check=True)

    def _workdir(self, path: str) -> None:
        self.workdir = Path(self.here(path))
        self.workdir.mkdir()

    def _copy(self, what: str) -> None:
        source, target = what.split()
        assert target == "."
        for name in [source] if source != "." else context():
            destination = self.workdir / name
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, destination)

    def _run(self, command: str) -> None:
        environment = {**os.environ, **self.environment}
        subprocess.run(["sh", "-c", self.here(command)], cwd=self.workdir, env=environment, check=True)

    def _env(self, assignment: str) -> None:
        for part in shlex.split(self.here(assignment)):
            name, value = part.split("=", 1)
            self.environment[name] = value

    def _user(self, user: str) -> None:
        self.user = user

    def _expose(self, _: str) -> None: ...

    def _label(self, _: str) -> None: ...

    def _healthcheck(self, _: str) -> None: ...

    def _cmd(self, _: str) -> None: ...

    def start(self, words: str) -> subprocess.Popen[bytes]:
        """Starts CMD or HEALTHCHECK, as the user who may write to nothing but the instance folder."""
        command = json.loads(self.here(words))
        whoever: dict[str, Any] = {"user": SOMEBODY, "group": SOMEBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        powerless = ["setpriv", "--no-new-privs"] if shutil.which("setpriv") else []
        with (self.root / "log").open("ab") as log:
            return subprocess.Popen(
                [*powerless, self.root / "venv" / "bin" / command[0], *command[1:]],
                cwd=self.workdir,
                env=self.environment,
                stdout=log,
                stderr=log,
                **whoever,
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def healthy(self) -> bool:
        return self.start(said("HEALTHCHECK").partition(" CMD ")[2]).wait(10) == 0


def context() -> Iterator[str]:
    """The files that Docker would copy."""
    for folder, folders, names in os.walk(ROOT):
        inside = Path(folder).relative_to(ROOT)
        folders[:] = [name for name in folders if not stays_out(str(inside / name))]
        yield from (str(inside / name) for name in names if not stays_out(str(inside / name)))


def interpreter() -> str:
    """The Dockerfile's Python if it is here, or else another one that every user may run."""
    wanted = re.findall(r"3\.\d+", said("FROM"))[0]
    for name in (f"python{wanted}", "python3", "/usr/bin/python3"):
        if (found := shutil.which(name)) and suits(found):
            return found
    reason = "no Python is here that another user than root could run"
    if os.environ.get("TEST_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def suits(python: str) -> bool:
    test = [python, "-c", "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"]
    whoever: dict[str, Any] = {"user": SOMEBODY, "group": SOMEBODY} if os.geteuid() == 0 else {}
    try:
        return subprocess.run(test, cwd="/", capture_output=True, **whoever).returncode == 0
    except PermissionError:
        return False


@pytest.fixture
def container() -> Iterator[Container]:
    with tempfile.TemporaryDirectory(prefix="container-") as folder:  # pytest's own is closed to other users
        root = Path(folder)
        root.chmod(0o755)
        built = Container(root, interpreter())
        built.build()
        if os.geteuid() != 0:
            subprocess.run(["chmod", "-R", "a-w", built.workdir], check=True)
        yield built
        subprocess.run(["chmod", "-R", "u+w", root], check=True)


def say(container: Container, body: str) -> None:
    """Somebody signs up, signs in and posts."""
    ada = {"uid": "ada", "password": "correct horse"}
    with httpx.Client(base_url=container.url) as http:
        http.post("/api/users", json={**ada, "name": "Ada"}).raise_for_status()
        http.headers["Authorization"] = f"Bearer {http.post('/api/session', json=ada).json()['token']}"
        http.post("/api/channels/1/posts", json={"body": body}).raise_for_status()


@pytest.mark.slow
def test_the_image_makes_a_healthy_server_that_writes_to_its_instance_folder_alone(container: Container) -> None:
    assert not container.healthy()
    before = set(container.workdir.rglob("*"))
    for run in range(2):
        server = container.start(said("CMD"))
        try:
            wait_until(lambda server=server: server.poll() is not None or container.healthy(), "health")
            assert server.poll() is None, (container.root / "log").read_text()
            if run == 0:
                say(container, "I survive.")
            posts = httpx.get(f"{container.url}/api/channels/1/posts").json()["posts"]
            assert [post["body"] for post in posts] == ["I survive."]
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
    assert (container.root / "instance" / "app.db").exists()
    assert set(container.workdir.rglob("*")) == before
