"""Clients that generators make from /openapi.json: made without a warning, compiled strictly, and used.

`scripts/clients` installs the generators. Each `with_….py` or `with_….ts` beside this file signs up, posts, reads page
by page, edits with If-Match and deletes, by what its generator made.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import cannot_run, needs
from tests.server import ROOT, Server, clean_environment

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
TOOLS = ROOT / ".venv-clients"
DOCUMENT = "openapi.json"
GENERATOR = ("openapi-generator-cli", "generate", "-i", DOCUMENT)
IN_PYTHON = {
    "openapi_python_client": (
        *("openapi-python-client", "generate", "--path", DOCUMENT, "--output-path", "generated", "--meta", "none"),
        *("--config", str(HERE / "openapi-python-client.yaml")),
    ),
    "openapi_generator": (*GENERATOR, "-g", "python", "-o", "."),
}
IN_TYPESCRIPT = {
    "hey_api": ("openapi-ts", "-i", DOCUMENT, "-o", "hey-api"),
    "openapi_typescript": ("openapi-typescript", DOCUMENT, "-o", "openapi-typescript/schema.ts"),
    "orval": ("orval", "--input", DOCUMENT, "--output", "orval/client.ts", "--client", "fetch"),
    "typescript_fetch": (*GENERATOR, "-g", "typescript-fetch", "-o", "typescript-fetch"),
}
COMPILER = (
    *(
        "tsc",
        "--strict",
        "--esModuleInterop",
        "--skipLibCheck",
        "--target",
        "es2022",
        "--lib",
        "es2022,dom,dom.iterable",
    ),
    *("--module", "commonjs", "--moduleResolution", "node10", "--types", "node"),
)
TROUBLE = re.compile(r"\b(warn|warning|error|failed|deprecated)\b", re.IGNORECASE)
# What openapi-generator 7.26 says to any document of OpenAPI 3.1, and to any `"additionalProperties": false`.
# And to what WebAuthn gives browsers and gets from them, JSON that is theirs: `typing.Any` is right for it.
SAID_TO_ALL = re.compile(
    "OpenAPI 3.1 support is still in beta|Failed to get the schema name: null|undefined type.. Default to typing.Any"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all generators; the accounts and channels that they make have names of their own."""
    if not (TOOLS / "node_modules").exists():
        cannot_run("scripts/clients has not been run")
    needs("node", "java")
    folder = tmp_path_factory.mktemp("served")
    with Server(folder / "instance", folder) as running:
        yield running


@pytest.fixture
def workshop(served: Server, tmp_path: Path) -> Path:
    """A folder with the document, where a generator may write."""
    (tmp_path / DOCUMENT).write_bytes(httpx.get(f"{served.url}/openapi.json").content)
    (tmp_path / "node_modules").symlink_to(TOOLS / "node_modules")
    return tmp_path


def run(workshop: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs a tool, which must succeed."""
    environment = clean_environment(workshop, CI="1", NO_COLOR="1")
    environment["PATH"] = f"{TOOLS}/bin:{TOOLS}/node_modules/.bin:{environment['PATH']}"
    done = subprocess.run(command, cwd=workshop, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def generate(workshop: Path, *command: str) -> None:
    """Runs a generator, which must find nothing to complain of."""
    done = run(workshop, *command)
    lines = (done.stdout + done.stderr).splitlines()
    assert [line for line in lines if TROUBLE.search(line) and not SAID_TO_ALL.search(line)] == []


def copied(workshop: Path, name: str) -> str:
    """A program that stands beside this file, where what was generated is."""
    (workshop / name).write_text((HERE / name).read_text())
    return name


@pytest.mark.parametrize("name", IN_PYTHON)
def test_a_client_in_python(name: str, workshop: Path, served: Server) -> None:
    generate(workshop, *IN_PYTHON[name])
    program = copied(workshop, f"with_{name}.py")
    run(workshop, "mypy", "--strict", "--follow-imports=silent", program)
    assert run(workshop, "python", program, served.url).stdout == "All went well.\n"


@pytest.mark.parametrize("name", IN_TYPESCRIPT)
def test_a_client_in_typescript(name: str, workshop: Path, served: Server) -> None:
    generate(workshop, *IN_TYPESCRIPT[name])
    run(workshop, *COMPILER, copied(workshop, f"with_{name}.ts"))
    assert run(workshop, "node", f"with_{name}.js", served.url).stdout == "All went well.\n"


def test_the_types_of_pottle_js_are_its_own_and_the_documents(workshop: Path) -> None:
    """clients/typescript/pottle.d.ts: the same names, and the shapes of answers."""
    generate(workshop, *IN_TYPESCRIPT["openapi_typescript"])
    (workshop / "pottle.d.ts").write_text((ROOT / "clients/typescript/pottle.d.ts").read_text())
    reading = ("tsc", "--allowJs", "--declaration", "--emitDeclarationOnly", "--target", "es2022", "--module", "es2022")
    run(workshop, *reading, "--moduleResolution", "bundler", "--outDir", "written", str(ROOT / "static/pottle.js"))
    run(workshop, *COMPILER, copied(workshop, "with_pottle_js.ts"))


def test_redocly_has_nothing_to_say(workshop: Path) -> None:
    done = run(workshop, "redocly", "lint", DOCUMENT, "--config", str(HERE / "redocly.yaml"), "--format", "json")
    assert json.loads(done.stdout)["problems"] == []


def test_spectral_has_nothing_to_say(workshop: Path) -> None:
    run(workshop, "spectral", "lint", DOCUMENT, "--ruleset", str(HERE / "spectral.yaml"), "--fail-severity", "hint")
