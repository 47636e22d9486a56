"""The engine's settings: one frozen object, read once from `POTTLE_*`. An application adds its own in a subclass.

`POTTLE_X_FILE` names a file that holds the value of `POTTLE_X` (Docker's habit for secrets).
"""

import difflib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

log = logging.getLogger("pottle")

PREFIX = "POTTLE_"
# Kubernetes injects these for a service of the name "pottle"; they are nobody's mistake.
INJECTED = re.compile(r"POTTLE_(SERVICE_|PORT($|_))")

Parser = Callable[[str], Any]  # raises ValueError, whose text reads on from the value


def networks(text: str) -> tuple[str, ...]:
    """Addresses and networks, with commas between."""
    return tuple(str(ip_network(part.strip(), strict=False)) for part in text.split(",") if part.strip())


def _public_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", text):
        raise ValueError("must look like https://pottle.example")
    return text.rstrip("/")


def _database_url(text: str) -> str:
    if not re.match(r"postgres(ql)?://", text):
        raise ValueError("must look like postgresql://user:password@host/name")
    return text


def parsed(default: Any, parser: Parser, secret: bool = False) -> Any:
    """A field of which `parser` makes the value; the others are parsed by their types. A `secret` is never shown."""
    return field(default=default, metadata={"parser": parser, "secret": secret}, repr=not secret)


@dataclass(frozen=True)
class Settings:
    """Each field is the setting `POTTLE_<FIELD>`; docs/settings.md says what each is for."""

    instance: Path = Path("instance")
    database_url: str = parsed("", _database_url, secret=True)
    url: str = parsed("", _public_url)
    trusted_proxies: tuple[str, ...] = parsed((), networks)
    rate_limits: bool = True
    body_bytes: int = 64 * 1024
    upload_bytes: int = 5 * 1024 * 1024
    subscriptions: int = 100
    log_days: int = 7
    log_changes: int = 1_000_000
    waiting_writes: int = 5_000
    log: Literal["auto", "json", "text"] = "auto"
    access_log: bool = False
    metrics: tuple[str, ...] = parsed(("127.0.0.0/8", "::1/128"), networks)
    shortcuts: bool = True
    development: bool = False
    shared_disk: bool = False

    @property
    def prefix(self) -> str:
        """The path of the public address, below which a proxy shows everything: "" or "/pottle"."""
        return urlsplit(self.url).path


Chosen = TypeVar("Chosen", bound=Settings)


class BadSetting(ValueError):
    """A `POTTLE_*` variable has a value that Pottle cannot use; the message names it and says what can be used."""


def read(environ: Mapping[str, str], kind: type[Chosen]) -> Chosen:
    """The settings in `environ`; raises BadSetting. Unknown `POTTLE_*` names are logged, with the likely one."""
    given = dict(_given(environ))
    for warning in unknown(environ, kind):
        log.warning("%s", warning)
    secret = {one.name for one in fields(kind) if one.metadata.get("secret")}
    return kind(
        **{name: _parsed(name, parser, given[name], name in secret) for name, parser in _parsers(kind) if name in given}
    )


def unknown(environ: Mapping[str, str], kind: type[Settings]) -> list[str]:
    """A line for each `POTTLE_*` name in `environ` that is no setting, with the likely one."""
    known = [one.name.upper() for one in fields(kind)]
    names = sorted(name.removeprefix(PREFIX).removesuffix("_FILE") for name in environ if _ours(name))
    return [_unknown(name, known) for name in names if name not in known]


def _unknown(name: str, known: list[str]) -> str:
    likely = difflib.get_close_matches(name, known, n=1)
    return f"Unknown setting {PREFIX}{name}" + (f"; did you mean {PREFIX}{likely[0]}?" if likely else "")


def _ours(name: str) -> bool:
    return name.startswith(PREFIX) and not INJECTED.match(name)


def _given(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The names of fields with their values; a file's before the plain one, which counts less."""
    for name in sorted(filter(_ours, environ)):
        field_name = name.removeprefix(PREFIX).removesuffix("_FILE").lower()
        yield field_name, _of_file(name, environ[name]) if name.endswith("_FILE") else environ[name]


def _of_file(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"{name}={path!r}: {error}") from error


def _parsers(kind: type[Settings]) -> Iterator[tuple[str, Parser]]:
    types = get_type_hints(kind)
    for one in fields(kind):
        yield one.name, one.metadata.get("parser") or _by_type(types[one.name])


def _by_type(kind: Any) -> Parser:
    if get_origin(kind) is Literal:
        return _one_of(*get_args(kind))
    parser: Parser = {bool: _on_or_off, int: _positive}.get(kind, kind)
    return parser


def _parsed(name: str, parser: Parser, text: str, secret: bool) -> Any:
    try:
        return parser(text)
    except ValueError as error:
        value = "" if secret else f"={text!r}"
        raise BadSetting(f"{PREFIX}{name.upper()}{value}: {error}") from error


def _one_of(*allowed: str) -> Parser:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def _on_or_off(text: str) -> bool:
    return bool(_one_of("on", "off")(text) == "on")


def _positive(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,11}", text):
        raise ValueError("must be a whole number above 0")
    return int(text)
