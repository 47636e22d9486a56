"""`quart --app main doctor`: looks for what is wrong, or soon will be."""

import os
import sys

import click
import msgspec
from quart import Quart

from api.commands.running import say
from model.operating import doctor
from model.operating.doctor import Level
from pottle.settings import Settings

COLOURS = {"ok": "green", "warn": "yellow", "FAIL": "red"}


def register(app: Quart, settings: Settings) -> None:
    """Adds `doctor`."""

    @app.cli.command("doctor")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
    def _doctor(as_json: bool) -> None:
        """Look at the machine, the database and the settings. Exit code 1 when something FAILs."""
        found = []
        for finding in doctor.examine(doctor.Patient(settings, dict(os.environ))):
            found.append(finding)
            if not as_json:
                say(f"{finding.about:12}  {finding.says}", before=_level(finding.level))
        if as_json:
            say(msgspec.json.encode([finding._asdict() for finding in found]).decode())
        sys.exit(any(finding.level == "FAIL" for finding in found))


def _level(level: Level) -> str:
    return click.style(f"{level:4}  ", fg=COLOURS[level])
