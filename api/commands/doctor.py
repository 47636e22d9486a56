"""`quart --app main doctor`: looks for what is wrong, or soon will be."""

import os
import sys

import click
import msgspec
from quart import Quart

from model import doctor
from model.settings import Settings

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
                level = click.style(f"{finding.level:4}", fg=COLOURS[finding.level])
                click.echo(f"{level}  {finding.about:12}  {finding.says}")
        if as_json:
            click.echo(msgspec.json.encode([finding._asdict() for finding in found]))
        sys.exit(any(finding.level == "FAIL" for finding in found))
