"""Counts where our code reaches inside a library: `python -m tests.insides` lists every place."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
LIBRARIES = ("quart", "quart_schema", "flask", "werkzeug", "jinja2", "hypercorn", "uvicorn", "uvicorn_worker")
LIBRARIES += ("gunicorn", "websockets", "httptools", "sqlalchemy", "aiosqlite", "alembic", "prometheus_client")
# What each library documents for a subclass to write anew.
HOOKS = {
    "quart.app.Quart": {"ensure_async"},
    "quart.sessions.SecureCookieSessionInterface": {
        *("open_session", "save_session", "get_cookie_name", "get_cookie_path"),
        *("get_cookie_secure", "get_cookie_samesite"),
    },
    "werkzeug.routing.converters.BaseConverter": {"to_python", "to_url"},
    "quart_schema.openapi.OpenAPIProvider": {"schema", "operation_id"},
    "gunicorn.glogging.Logger": {"setup"},
    "gunicorn.workers.base.Worker": {"run", "init_process", "init_signals"},
    "sqlalchemy.sql.functions.FunctionElement": {"_compiler_dispatch"},  # which @compiles sets
    "sqlalchemy.sql.type_api.TypeDecorator": {"process_bind_param", "process_result_value", "load_dialect_impl"},
}
DOCUMENTED = {"_get_current_object", "_make", "_replace", "_asdict", "_fields", "_mapping"}  # though underscored


class Inside(NamedTuple):
    """One place."""

    kind: str  # overridden, assigned, attribute, import
    where: str
    what: str


def insides(*packages: str) -> list[Inside]:
    """Every place in these packages."""
    files = [file for package in packages for file in sorted((ROOT / package).rglob("*.py"))]
    files = [file for file in files if not {"migrations", "__pycache__"}.intersection(file.relative_to(ROOT).parts)]
    found = []
    for file in files:
        where = str(file.relative_to(ROOT))
        found += [Inside("overridden", where, name) for name in _overridden(_module(where))]
        tree, text = ast.parse(file.read_text()), file.read_text().splitlines()
        found += [Inside("assigned", where, text[line - 1].strip()) for line in _assigned(tree, text)]
        found += [Inside("import", where, name) for name in _imported(tree)]
        found += [Inside("attribute", where, name) for name in _attributes(tree)]
    return found


def _module(where: str) -> ModuleType:
    return importlib.import_module(where.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


def subclasses(module: ModuleType) -> Iterator[tuple[type, list[type]]]:
    """Classes of a module with a library's class above them, and which."""
    for cls in vars(module).values():
        if inspect.isclass(cls) and cls.__module__ == module.__name__:
            above = [base for base in cls.__mro__ if base.__module__.partition(".")[0] in LIBRARIES]
            if above:
                yield cls, above


def _overridden(module: ModuleType) -> Iterator[str]:
    for cls, above in subclasses(module):
        hooks = {name for base in above for name in HOOKS.get(f"{base.__module__}.{base.__qualname__}", ())}
        for name, value in vars(cls).items():
            ours = inspect.isroutine(value) or hasattr(value, "__get__")
            if ours and name not in hooks | {"__init__", "__doc__"} and any(name in vars(base) for base in above):
                yield f"{cls.__name__}.{name}"


def _assigned(tree: ast.AST, lines: list[str]) -> Iterator[int]:
    """Lines that write into a library: onto what was imported from it, or a method onto an object."""
    theirs = {alias.asname or alias.name.partition(".")[0] for node in _imports(tree) for alias in node.names} - {"g"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                owner = target.value if isinstance(target, ast.Attribute) else None
                onto = isinstance(owner, ast.Name) and owner.id in theirs
                if onto or "[method-assign]" in lines[(node.end_lineno or node.lineno) - 1]:
                    yield node.lineno


def _imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(name.partition(".")[0] in LIBRARIES for name in names):
            assert isinstance(node, ast.Import | ast.ImportFrom)
            yield node


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in _imports(tree):
        module = getattr(node, "module", None) or ""
        for alias in node.names:
            if any(part.startswith("_") for part in f"{module}.{alias.name}".split(".")):
                yield f"{module}.{alias.name}"


def _attributes(tree: ast.AST) -> Iterator[str]:
    """Underscored attributes that the file reads of something, and defines nowhere itself."""
    ours = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    ours |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    read = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            ours.add(node.value)  # __slots__
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if own and isinstance(node.ctx, ast.Store):
                ours.add(node.attr)
            else:
                read.append(node.attr)
    yield from sorted({name for name in read if name not in ours | DOCUMENTED})


if __name__ == "__main__":
    for place in insides("pottle", "api", "model"):
        print(*place, sep="\t")
