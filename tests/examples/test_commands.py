"""Commands of a blueprint have the application's context, as in Flask, and may do there what a program may."""

import asyncio
from pathlib import Path

import click
from quart import Blueprint, current_app
from quart.cli import AppGroup, with_appcontext

import main
from model.settings import Settings

blueprint = Blueprint("things", __name__)
more = AppGroup("more")
blueprint.cli.add_command(more)


@blueprint.cli.command("where")
def where() -> None:
    click.echo(current_app.instance_path)


@more.command("where")
@click.argument("twice", type=int)
def deeper(twice: int) -> None:
    click.echo(current_app.instance_path * twice)


@blueprint.cli.command("loop")
def loop() -> None:
    """In a running event loop, which is where Quart would put it, this would fail."""
    asyncio.run(asyncio.sleep(0))
    click.echo(current_app.instance_path)


@blueprint.cli.command("asked", with_appcontext=True)
def asked() -> None:
    click.echo(current_app.instance_path)


@blueprint.cli.command("asked-too")
@with_appcontext
def asked_too() -> None:
    click.echo(current_app.instance_path)


@blueprint.cli.command("fails")
def fails() -> None:
    raise click.ClickException("No.")


def test_it_works(tmp_path: Path) -> None:
    """Also where the blueprint belongs to more than one application, as in tests."""
    for folder in (tmp_path / "one", tmp_path / "another"):
        app = main.create_app(Settings(instance=folder))
        app.register_blueprint(blueprint)
        for words in (["where"], ["more", "where", "1"], ["loop"], ["asked"], ["asked-too"]):
            ran = app.test_cli_runner().invoke(args=["things", *words])
            assert (ran.exit_code, ran.output) == (0, f"{folder}\n"), words


def test_one_that_fails_says_so(tmp_path: Path) -> None:
    app = main.create_app(Settings(instance=tmp_path))
    app.register_blueprint(blueprint)
    ran = app.test_cli_runner().invoke(args=["things", "fails"])
    assert (ran.exit_code, ran.output) == (1, "Error: No.\n")
