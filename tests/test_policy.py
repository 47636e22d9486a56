"""The rules that the code keeps, over the whole map: every route, every module, every error."""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from quart import Quart
from sqlalchemy import JSON, Boolean, Column, Delete, ForeignKey, Integer, LargeBinary, MetaData, Select, String, Table
from werkzeug.routing import Rule

import main
from model.accounts.user import User
from model.privacy import HIDDEN, refers, register
from model.settings import Settings
from pottle import errors
from pottle.http import problems
from pottle.store import Base, db
from tests import databases
from tests.api.conftest import posted, refused
from tests.conftest import PASSWORD, Person
from tests.server import ROOT

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "misc", "shared", "base_classes"}
IMPORTS = (ast.Import, ast.ImportFrom)
HEAVY = {"cryptography", "jwt", "authlib", "joserfc", "webauthn"}
STANCES = {"anyone", "signed in", "admins"}
# What a resource may ask of another: who may see a channel, and that an answer shows it.
TO_ALL = {"api.talk.access.", "api.talk.access.shown_in."}
# Modules of the engine that still know the application.
STILL_KNOW: set[str] = set()


def modules(*folders: str) -> list[Path]:
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return [file for file in files if "__pycache__" not in file.parts]


@cache
def imports(file: Path) -> set[str]:
    """Everything that a module imports, as dotted names: `pottle.store` and `pottle.store.db`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def importing(files: list[Path], *packages: str) -> list[str]:
    """The files that import one of the packages, or something in it."""
    return [
        str(file.relative_to(ROOT))
        for file in files
        if any(name == package or name.startswith(f"{package}.") for name in imports(file) for package in packages)
    ]


def routes(app: Quart) -> list[tuple[str, Rule, Callable[..., Any]]]:
    """Every method of every route, with its handler."""
    return [
        (method, rule, app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        if not rule.websocket
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


@pytest.fixture(scope="module")
def built() -> Quart:
    """The application, which nobody has started."""
    return main.create_app(Settings(instance=Path("/nowhere")))


COSTLY = {"/search", "/api/search", "/api/groups/<slug>/export", "/api/groups/<slug>/statements"}  # to read
COSTLY |= {"/account/with/<name>", "/account/with/<name>/back"}  # which ask a provider


@pytest.mark.check
class TestRoutes:
    def test_every_change_has_a_limit(self, built: Quart) -> None:
        for method, rule, handler in routes(built):
            if method in CHANGING and rule.rule != "/api/live":  # which only reads, as the websocket does
                assert hasattr(handler, "limit"), f"{method} {rule.rule} has no limit"

    def test_no_reading_has_one_that_costs_little(self, built: Quart) -> None:
        for method, rule, handler in routes(built):
            if method not in CHANGING:
                assert hasattr(handler, "limit") is (rule.rule in COSTLY), f"{method} {rule.rule}"

    def test_every_route_says_who_may(self, built: Quart) -> None:
        for method, rule, handler in routes(built):
            if method in CHANGING or rule.rule.startswith("/api/"):
                assert getattr(handler, "stance", None) in STANCES, f"{method} {rule.rule} takes no stance"

    def test_every_route_has_a_docstring(self, built: Quart) -> None:
        for method, rule, handler in routes(built):
            assert (handler.__doc__ or "").strip(), f"{method} {rule.rule} has no docstring"

    def test_nothing_changes_by_get(self, built: Quart) -> None:
        for method, rule, _ in routes(built):
            assert method in CHANGING | {"GET"}, f"{method} {rule.rule}"

    def test_a_creating_post_can_be_retried(self, built: Quart) -> None:
        """But for sessions, tokens and codes, which are secrets that must not be kept to be told again; and joining
        twice is joining once anyway, and so is deciding."""
        exempt = {
            *("/api/session", "/api/me/tokens", "/api/groups/<slug>/invitations", "/api/users/<uid>/invitations"),
            *("/api/groups/<slug>/roster", "/api/groups/<slug>/roster/<uid>", "/api/invitations/look-up"),
            *("/api/groups/<slug>/members", "/api/me/invitations", "/api/session/confirm"),
            *("/api/session/second", "/api/me/second", "/api/me/second/codes", "/account/sign-in/second"),
            *("/account/confirm", "/account/second", "/account/second/on", "/account/second/codes"),
            *("/api/password/forgotten", "/account/forgotten", "/api/mail/bounces"),  # asked twice, two letters come
            *("/account/second/off", "/api/session/passkey/options", "/api/session/passkey"),
            *("/api/session/confirm/options", "/api/password/passkey/options"),
            *("/api/me/passkeys/options", "/api/me/passkeys", "/api/passkeys/options", "/api/passkeys"),
            *("/api/me/export", "/api/decisions", "/api/decisions/undo", "/api/preview", "/api/live"),
            *("/account/export", "/account/delete", "/account/language", "/account/sign-in", "/account/sign-out"),
            *("/posts/<id:post_id>/react", "/posts/<id:post_id>/edit", "/posts/<id:post_id>/delete"),
            *("/api/groups/<slug>/sso", "/api/groups/<slug>/sessions", "/api/groups/<slug>/secrets"),
            *("/api/providers/<provider>", "/api/providers/<provider>/link"),
            "/api/groups/<slug>/history/<uid>/clearing",
            "/api/posts/<id:post_id>/reports",  # of which each may make one
            *("/api/groups/<slug>/blocks", "/api/blocks"),  # where another takes the place of the first
            "/api/groups/<slug>/rules/try",  # which makes nothing
            "/api/imports",  # whose file is not read twice; there is one at a time
            *("/api/groups/<slug>/webhooks", "/api/webhooks", "/api/webhooks/<id:hook_id>/secret"),
            *("/api/webhooks/<id:hook_id>/test", "/api/webhooks/<id:hook_id>/again"),
            *("/api/me/push", "/api/me/push/test"),  # of one browser there is one
        }
        for method, rule, handler in routes(built):
            if method == "POST":
                assert hasattr(handler, "idempotent") is (rule.rule not in exempt), rule.rule

    def test_the_limit_comes_first_and_then_who_may(self, built: Quart) -> None:
        """STYLE 4: the decorators stand in the same order everywhere, so that they read as policy."""
        for file in modules("api"):
            for function in ast.walk(ast.parse(file.read_text())):
                if isinstance(function, ast.AsyncFunctionDef):
                    names = [ast.unparse(decorator).split("(")[0] for decorator in function.decorator_list]
                    known = [name for name in names if name in ORDER]
                    assert known == sorted(known, key=ORDER.__getitem__), f"{file.name}: {function.name}"


ORDER = {
    "limited": 1,
    "shared": 2,
    "anyone": 2,
    "signed_in": 2,
    "admins": 2,
    "by_session": 3,
    "on_our_pages": 3,
    "confirmed": 3,
    "idempotent": 4,
    "takes": 5,
    "asks": 5,
    "gives": 6,
}


@pytest.mark.check
class TestArrows:
    """main -> api -> model -> pottle.store, and api -> pottle."""

    def test_the_model_knows_no_http(self) -> None:
        http = ("quart", "quart_schema", "werkzeug", "uvicorn", "pottle.http", "pottle.live", "pottle.server")
        assert importing(modules("model"), *http, "api", "main") == []

    def test_the_api_writes_no_sql(self) -> None:
        assert importing(modules("api", "pottle/http", "pottle/live", "pottle/server"), "sqlalchemy", "aiosqlite") == []
        for file in modules("api", "pottle/http", "pottle/live", "pottle/server"):
            assert not re.search(r"\b(SELECT|INSERT INTO|DELETE FROM)\b", file.read_text()), file

    def test_nothing_imports_main(self) -> None:
        assert importing(modules("api", "model", "pottle"), "main") == []

    def test_the_code_knows_no_tests(self) -> None:
        assert importing([ROOT / "main.py", *modules("api", "model", "pottle")], "tests", "bench", "pytest") == []

    def test_the_engine_knows_no_application(self) -> None:
        """Which of its modules still do: the list may only become shorter."""
        assert importing(modules("pottle"), "api", "model") == sorted(STILL_KNOW)

    def test_the_store_knows_no_http(self) -> None:
        http = ("quart", "quart_schema", "werkzeug", "uvicorn", "pottle.http", "pottle.live", "pottle.server")
        assert importing(modules("pottle/store"), *http) == []

    def test_all_but_the_store_await_what_they_read(self) -> None:
        """On PostgreSQL a read is a trip to another process."""
        for file in [ROOT / "main.py", *modules("api", "model", "pottle")]:
            if "store" not in file.parts and file != ROOT / "pottle/http/caching.py":
                assert not re.search(r"\bdb\.(snapshot|catch_up)\b", file.read_text()), file

    def test_what_is_no_page_is_rendered_without_what_pages_show(self) -> None:
        """The sidebar would be read for nothing; and of an answer that is kept it would be a part."""
        for node in (node for file in modules("api", "pottle") for node in ast.walk(ast.parse(file.read_text()))):
            match node:
                case ast.Call(ast.Name("rendered" | "rendered_alone" as how), [ast.Constant(str(template)), *_]):
                    is_page = "{% extends 'base.html' %}" in (ROOT / "templates" / template).read_text()
                    assert how == ("rendered" if is_page else "rendered_alone"), template

    def test_the_rules_are_pure(self) -> None:
        pure = ("groups/rules", "talk/markdown", "talk/notation", "talk/keys")
        ours = [ROOT / "model" / f"{name}.py" for name in pure]
        engines = [ROOT / "pottle" / f"{name}.py" for name in ("times", "text", "errors", "rates", "settings")]
        assert importing([*ours, *engines], "sqlalchemy", "quart", "pottle.store", "asyncio", "socket") == []

    def test_what_takes_long_to_import_is_imported_where_it_is_used(self) -> None:
        """A worker starts without it: cryptography alone would be a tenth of that."""
        for file in [ROOT / "main.py", *modules("api", "model", "pottle")]:
            top = [ast.unparse(node) for node in ast.parse(file.read_text()).body if isinstance(node, IMPORTS)]
            named = {line.split()[1].partition(".")[0] for line in top}
            assert not named & HEAVY, f"{file.relative_to(ROOT)}: import {named & HEAVY} in the function that uses it"

    def test_one_entity_does_not_import_the_resource_of_another(self) -> None:
        """What shows a page of posts may ask posts what is on it; nothing else looks sideways."""
        for file in modules("api"):
            if file.parent.name == "api" and file.stem in main.RESOURCES and file.stem != "pages":
                others = tuple(f"api.{name}." for name in main.RESOURCES if name != file.stem)
                found = {f"{name}." for name in imports(file)}
                assert not {name for name in found if name.startswith(others)} - TO_ALL, file
        shared = ("access", "bulk")  # which is how posts come by many
        of_talk = [file for file in modules("api/talk") if file.stem not in ("__init__", "pages", "embed", "feeds")]
        assert importing(of_talk, *(f"api.talk.{file.stem}" for file in of_talk if file.stem not in shared)) == []


@pytest.mark.check
class TestNames:
    def test_a_room_is_named_after_what_lives_in_it(self) -> None:
        for file in [*modules("api", "model", "pottle", "tests"), *ROOT.glob("*.py")]:
            assert not FORBIDDEN_NAMES.intersection(part.removesuffix(".py") for part in file.relative_to(ROOT).parts)

    def test_every_module_says_what_it_is(self) -> None:
        for file in [ROOT / "main.py", *modules("api", "model", "pottle")]:
            assert ast.get_docstring(ast.parse(file.read_text())), f"{file} has no docstring"

    def test_every_public_function_and_class_has_a_docstring(self) -> None:
        """But for those that only list fields, whose names say it."""
        for file in modules("api", "model", "pottle"):
            if "migrations" in file.parts:
                continue
            for node in ast.parse(file.read_text()).body:
                bases = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
                if bases in (["Base"], ["msgspec.Struct"]) or getattr(node, "name", "_").startswith("_"):
                    continue
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    said = f"{file.relative_to(ROOT)}:{node.lineno}: {node.name} needs a docstring: what it promises"
                    assert ast.get_docstring(node), said

    def test_nothing_is_left_to_do(self) -> None:
        for file in [ROOT / "main.py", *modules("api", "model", "pottle", "tests")]:
            assert not re.search(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b", file.read_text()), file

    def test_every_name_is_used(self) -> None:
        used = {"Worker"}
        searched = [*modules("api", "model", "pottle", "tests", "bench", "examples", "scripts"), *ROOT.glob("*.py")]
        for file in searched:
            used.update(names_used(ast.parse(file.read_text())))
        for file in modules("api", "model", "pottle"):
            if "migrations" not in file.parts:
                unused = [name for name in names_defined(ast.parse(file.read_text())) if name not in used]
                assert not unused, f"{file.relative_to(ROOT)} defines {unused}, which nothing uses"


def names_defined(tree: ast.Module) -> Iterator[str]:
    """The names that a module defines; what a decorator registers is used by that."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if not node.decorator_list:
                yield node.name
        elif isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name) and target.id[:2] != "__")


def names_used(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value


TYPES = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    412: "precondition-failed",
    413: "content-too-large",
    415: "unsupported-media-type",
    422: "unprocessable-content",
    428: "precondition-required",
    429: "too-many-requests",
    500: "internal-server-error",
    503: "service-unavailable",
    507: "insufficient-storage",
}


OWNER = re.compile(r"(^|_)(uid|user|by|author|owner|creator|member|actor)(_|$)")
NAMES = {"users", "audit"}  # where a user name is what is meant; what was done is remembered, whoever did it


def forgotten(table: Table) -> Iterator[str]:
    """What of a table would stay, or stop the deletion, when an account is deleted, with the line to write instead."""
    cascade = 'ForeignKey("users.id", ondelete="CASCADE")'
    for column in table.columns:
        of_users = [key for key in column.foreign_keys if key.target_fullname.startswith("users.")]
        where = f"{table.name}.{column.name}"
        if not of_users and OWNER.search(column.name) and table.name not in NAMES:
            yield f"{where} names somebody and belongs to nobody: user_id: Mapped[int] = mapped_column({cascade})"
        for key in of_users:
            if key.target_fullname != "users.id":
                yield f"{where} refers to a name that another may have later: {cascade}"
            elif key.ondelete not in ("CASCADE", "SET NULL"):
                yield f'{where} keeps accounts from being deleted: {cascade}, or ondelete="SET NULL"'
            elif key.ondelete == "SET NULL" and not column.nullable:
                yield f"{where} cannot be set to NULL: Mapped[int | None]"


@pytest.mark.check
class TestOwnership:
    """A resource that one adds is walked too: nothing of somebody stays when the account goes."""

    def test_all_that_is_somebodys_leaves_with_the_account(self) -> None:
        assert [line for table in Base.metadata.sorted_tables for line in forgotten(table)] == []

    def test_no_id_of_a_user_is_given_twice(self) -> None:
        assert User.__table__.dialect_options["sqlite"]["autoincrement"]

    @pytest.mark.parametrize(
        ("column", "says"),
        [
            (Column("shared_by", String(40)), "names somebody and belongs to nobody"),
            (Column("user_id", Integer), "names somebody and belongs to nobody"),
            (Column("owner", ForeignKey("users.uid")), "refers to a name"),
            (Column("user_id", ForeignKey("users.id")), "keeps accounts from being deleted"),
            (Column("by_id", ForeignKey("users.id", ondelete="SET NULL"), nullable=False), "cannot be set to NULL"),
        ],
        ids=lambda value: str(value),
    )
    def test_what_is_forgotten_is_named_with_the_line_to_write(self, column: Column[Any], says: str) -> None:
        (line,) = forgotten(Table("links", MetaData(), column))
        assert line.startswith(f"links.{column.name} {says}")

    def test_what_leaves_is_not_named(self) -> None:
        kept = Column("by_id", ForeignKey("users.id", ondelete="SET NULL"))
        gone = Column("user_id", ForeignKey("users.id", ondelete="CASCADE"))
        assert [*forgotten(Table("links", MetaData(), kept, gone, Column("replay", String(10))))] == []


def filled(raw: databases.Opened, user_id: int) -> dict[str, tuple[Any, ...]]:
    """One row more in each table that refers to others, all of it that user's; returns their primary keys, by table.

    Texts say where they stand: `posts.body`.
    """
    made: dict[str, tuple[Any, ...]] = {"users": (user_id,)}
    for table in Base.metadata.sorted_tables:
        if table.name != "users" and (table.foreign_keys or table.name == "groups"):
            row = {column.name: value(column, made) for column in table.c if column.name != "id"}
            names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
            keys = ", ".join(column.name for column in table.primary_key)
            insert = f"INSERT INTO {table.name} ({names}) VALUES ({marks}) RETURNING {keys}"  # noqa: S608
            (made[table.name],) = raw.execute(insert, [*row.values()])
    return made


def value(column: Column[Any], made: dict[str, tuple[Any, ...]]) -> Any:
    """Something that may stand in a column."""
    if (other := refers(column)) is not None:
        return made[other][0] if other in made and other != column.table.name else None
    text = f"{column.table.name}.{column.name}"
    kinds = {
        String: text[: getattr(column.type, "length", None)],
        LargeBinary: text.encode(),
        JSON: "[]",
        Boolean: True,
    }
    return next((value for kind, value in kinds.items() if isinstance(column.type, kind)), 1)


class TestWhatBecomesOfIt:
    """model/privacy.toml says what is exported, and what goes with an account and with a group: it is so."""

    @pytest.fixture
    def made(self, instance: Path, bob: Person) -> dict[str, tuple[Any, ...]]:
        with databases.opened(instance) as raw:
            return filled(raw, *raw.execute("SELECT id FROM users WHERE uid = 'bob'").fetchone())

    @pytest.fixture
    def there(self, instance: Path, made: dict[str, tuple[Any, ...]]) -> Callable[[str], bool]:
        def find(table: str) -> bool:
            with databases.opened(instance) as raw:
                keys = " AND ".join(f"{column.name} = ?" for column in Base.metadata.tables[table].primary_key)
                return raw.execute(f"SELECT 1 FROM {table} WHERE {keys}", made[table]).fetchone() is not None  # noqa: S608

        return find

    async def test_the_export_has_it(self, bob: Person, made: dict[str, tuple[Any, ...]]) -> None:
        exported = (await bob.post("/api/me/export", {"password": PASSWORD})).json()
        for name, line in register(db.settings).items():
            rows = exported.get({"users": "account", "audit": "activity"}.get(name, name))
            assert bool(rows) is line.export.startswith("yes"), name
            for column in (Base.metadata.tables[name].c[key] for key in line.columns if name in made):
                if rows and name != "users" and isinstance(column.type, String):
                    told = any(row.get(column.name) == value(column, made) for row in rows)
                    assert told is not column.name.endswith(HIDDEN), column

    async def test_it_goes_with_the_account(
        self, bob: Person, made: dict[str, tuple[Any, ...]], there: Callable[[str], bool]
    ) -> None:
        assert (await bob.delete("/api/me", json={"password": PASSWORD})).status_code == 204
        for name, line in register(db.settings).items():
            if name in made and not line.nothing:
                assert there(name) is not line.account.startswith("deleted"), name
                assert line.account.startswith(("deleted", "stays")), name

    async def test_it_goes_with_the_group(
        self, root: Person, made: dict[str, tuple[Any, ...]], there: Callable[[str], bool]
    ) -> None:
        assert (await root.delete("/api/groups/groups.slug")).status_code == 204
        for name, line in register(db.settings).items():
            if name in made and not line.nothing:
                assert there(name) is not line.group.startswith("deleted"), name


@pytest.mark.check
class TestErrors:
    """A problem's `type` is for programs: it stays the same for as long as the API does, on every Python."""

    @pytest.mark.parametrize("status", TYPES)
    def test_a_type_is_what_rfc_9110_calls_it(self, status: int) -> None:
        """Python 3.13 renamed 413 and 422, so what HTTPStatus says would change under the clients."""
        assert problems.slug(status) == TYPES[status]

    def test_every_refusal_has_a_status(self) -> None:
        def all_of(kind: type[errors.Refusal]) -> Iterator[type[errors.Refusal]]:
            for sub in kind.__subclasses__():
                yield sub
                yield from all_of(sub)

        assert all(problems.title(kind.status) for kind in all_of(errors.Refusal))
        assert all("status" in vars(kind) for kind in errors.Refusal.__subclasses__()), "each says its own"


WRONG: dict[str, dict[str, Any]] = {
    "nothing": {},
    "garbage": {"content": b"\xff{", "headers": {"Content-Type": "application/json"}},
    "no object": {"content": b"[]", "headers": {"Content-Type": "application/json"}},
    "an unknown field": {"json": {"\x00": 1}},
    "another type": {"content": b"<a/>", "headers": {"Content-Type": "text/xml"}},
    "too much": {"content": b" " * 70_000, "headers": {"Content-Type": "application/json"}},
    "bad credentials": {"headers": {"Authorization": "Bearer nonsense"}},
    "bad etags": {"headers": {"If-Match": "x", "If-None-Match": "x"}, "json": {}},
    "a bad question": {"params": {"limit": "x", "channel": "x", "before": "\x00", "group": "?"}, "json": {}},
    "a browser": {"headers": {"Accept": "text/html"}, "json": {}},
}
LEAVING = (("DELETE", "/api/session"), ("POST", "/account/sign-out"))
METHODS = ("GET", "POST", "PUT", "PATCH", "TRACE", "PROPFIND", "DELETE")  # the last leaves little to ask about
FILLED = {"slug": ("home", "nowhere"), "uid": ("alice", "nobody"), "kind": ("up", "sideways")}


def addresses(rule: Rule) -> Iterator[str]:
    """A route's path with what is there, and with what is not."""
    for choice in (0, 1):
        yield re.sub(r"<(?:[^<>]*:)?(\w+)>", lambda part: FILLED.get(part[1], ("1", "999999"))[choice], rule.rule)  # noqa: B023


class TestErrorShape:
    """Every route, called wrongly in many ways, answers in one shape, and is never our fault."""

    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, rate_limits=False)

    @pytest.mark.parametrize(
        "who",
        [
            pytest.param("", id="nobody"),
            pytest.param("root", id="an admin", marks=pytest.mark.slow),
        ],
    )
    @pytest.mark.parametrize("wrong", WRONG)
    async def test_it_works(
        self, app: Quart, person: Callable[..., Person], alice: Person, who: str, wrong: str
    ) -> None:
        """A method that a route does not have is asked in one of the ways, each route in another."""
        await posted(alice)
        asker, turn = person(who), [*WRONG].index(wrong)
        rules = [rule for rule in app.url_map.iter_rules() if not rule.websocket]
        there = {(method, path) for rule in rules for path in addresses(rule) for method in rule.methods or ()}
        paths = sorted({path for rule in rules for path in addresses(rule)})
        for method in METHODS:
            for number, path in enumerate(paths):
                asked = (method, path) in there or number % len(WRONG) == turn
                if asked and (method, path) not in LEAVING:  # about which nothing can be wrong
                    check(method, path, await asker.http.request(method, path, **WRONG[wrong]))


def check(method: str, path: str, answer: httpx.Response) -> None:
    what, kind = f"{method} {path}: {answer.text}", answer.headers.get("Content-Type", "")
    assert answer.status_code < 500, what
    assert not (path.startswith("/api/") and "text/html" in kind), what
    if answer.status_code >= 400 and "text/html" not in kind:
        refused(answer, answer.status_code)
    if answer.status_code == 405:
        assert answer.headers["Allow"], what
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"], what


@pytest.mark.check
def test_no_subquery_forgets_whose_it_is() -> None:
    """`FROM a, b`: SQLAlchemy took no `b` from outside, so that any `b` answers for the one that is asked about."""
    for module in [found for name, found in sorted(sys.modules.items()) if name.startswith(("model.", "pottle."))]:
        for name, value in vars(module).items():
            if isinstance(value, Select | Delete) and name[0] != "_":
                origins = re.findall(r"(?<!DISTINCT )FROM ([^\n]*)", str(value))
                assert not any("," in re.sub(r"\([^()]*\)", "", origin) for origin in origins), f"{module}: {name}"
