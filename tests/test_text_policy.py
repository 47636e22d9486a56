"""Every text that comes from outside is of a declared kind, and what is wrong with it is said in words, everywhere.

The walk is over all routes and all commands: a field or an argument that is only a `str` fails here.
"""

import ast
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
import msgspec
import pytest
from msgspec import Meta
from quart import Quart

import main
from api.commands.running import Value
from model.settings import Settings
from pottle.http.bodies import EACH
from pottle.values import TIDIES, Unfit, fit, leaves
from tests.server import ROOT
from tests.test_policy import routes

pytestmark = pytest.mark.check

SAMPLES: list[Any] = [
    *("", "x", "a b", "é", "\n", "\x1b", "\u3164", "x" * 5_000, "-", "%", "http://", "1", "0", "-1", "99999999999"),
    *(None, 1, -1, 10**30, 1.5, True, [], ["a b"], [1], ["x"] * 200, {}, {"a": 1}),
]


@pytest.fixture(scope="module")
def built() -> Quart:
    """The application with everything that can be switched on, which nobody has started."""
    return main.create_app(Settings(instance=Path("/nowhere"), flask_origins=("https://class.example",)))


def structs(app: Quart) -> dict[str, type[msgspec.Struct]]:
    """All that routes take, as a body or a query."""
    found = {}
    for _, _, handler in routes(app):
        for attribute, value in vars(handler).items():
            for model in value if isinstance(value, tuple) else (value,):
                if attribute in REQUESTS and isinstance(model, type) and issubclass(model, msgspec.Struct):
                    found |= {one.__name__: one for one in (model, *inside(model))}
    return found


def inside(model: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    """What the handler itself checks each item of a list as (bodies.one_by_one)."""
    told = (meta.extra or {} for field in msgspec.structs.fields(model) for meta in metas(field.type))
    return [extra[EACH] for extra in told if EACH in extra]


REQUESTS = ("_quart_schema_request_schema", "_quart_schema_querystring_schema")


def fields(app: Quart) -> Iterator[tuple[str, Any]]:
    for name, model in structs(app).items():
        for field in msgspec.structs.fields(model):
            yield f"{name}.{field.encode_name}", field.type


def metas(kind: Any) -> list[Meta]:
    return [meta for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, Meta)]


def is_text(kind: Any) -> bool:
    return (kind.__origin__ if hasattr(kind, "__metadata__") else kind) is str


def test_it_looks_at_all_of_them(built: Quart) -> None:
    found = structs(built)
    assert {"NewUser", "NewPost", "NewPosts", "OneOfMany", "Paging", "CountsQuery"} <= found.keys()
    assert {"FlaskCreatePostRequest", "FlaskDeletePictureRequest"} <= found.keys()
    assert len(found) > 30


def test_every_text_is_of_a_declared_kind(built: Quart) -> None:
    for name, kind in fields(built):
        for leaf in filter(is_text, leaves(kind)):
            assert any(TIDIES in (meta.extra or {}) for meta in metas(leaf)), (
                f"{name} is any text: see pottle/values.py"
            )


def test_every_pattern_has_words(built: Quart) -> None:
    for name, kind in fields(built):
        for leaf in leaves(kind):
            for meta in metas(leaf):
                assert not meta.pattern or (meta.extra or {}).get("says"), f"{name} has a pattern and no words for it"


def test_no_message_is_for_programmers(built: Quart) -> None:
    for name, kind in fields(built):
        for sample in SAMPLES:
            try:
                fit(sample, kind)
            except Unfit as unfit:
                check(name, str(unfit), kind)


def check(name: str, said: str, kind: Any) -> None:
    for leaf in leaves(kind):
        assert not any(meta.pattern and meta.pattern in said for meta in metas(leaf)), (name, said)
    for word in ("regex", "pattern", "`", "Expected", "enum", "str", "int ", "null", "$", "\\", "object of"):
        assert word not in said, (name, said)


def arguments(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Parameter]]:
    for param in command.params:
        yield f"{path} {param.name}", param
    for name, below in getattr(command, "commands", {}).items():
        yield from arguments(below, f"{path} {name}")


def test_every_argument_of_a_command_too(built: Quart) -> None:
    found = dict(arguments(built.cli))
    assert isinstance(found[" user create uid"].type, Value)
    ours = {name: param for name, param in found.items() if name.split()[0] not in ("run", "routes", "shell")}
    for name, param in ours.items():
        assert param.type is not click.STRING, f"{name} is any text: Value(…) says what may stand there"
        if isinstance(param.type, Value):
            for leaf in filter(is_text, leaves(param.type.kind)):
                assert any(TIDIES in (meta.extra or {}) for meta in metas(leaf)), name


PRINTERS = ("click.echo", "print", "click.secho", "click.ClickException")


def test_commands_print_by_one_function() -> None:
    """Which writes out what a terminal would obey; and what they fail with likewise."""
    for file in sorted((ROOT / "api" / "commands").glob("*.py")):
        if file.name != "running.py":
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call):
                    assert ast.unparse(node.func) not in PRINTERS, f"{file.name}: {ast.unparse(node)}"


def test_the_walk_sees_what_is_inside() -> None:
    inside = list(leaves(list[str | None] | int))
    assert [leaf for leaf in inside if is_text(leaf)] == [str]
    assert get_origin(inside[0]) is None
    assert get_args(inside[0]) == ()


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Literal["up", "down"] | None, "must be one of up, down"),
        (Literal["pending"], "must be pending"),
        (Colour, "must be one of red, blue"),
        (list[Colour], "is wrong in entry 1: it must be one of red, blue"),
    ],
    ids=str,
)
def test_a_choice_says_what_is_allowed(kind: Any, says: str) -> None:
    with pytest.raises(Unfit, match=f"^{says}$"):
        fit(["green"] if get_origin(kind) is list else "green", kind)
