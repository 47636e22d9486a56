"""The settings: one frozen object, read once from `POTTLE_*`.

`POTTLE_X_FILE` names a file that holds the value of `POTTLE_X` (Docker's habit for secrets).
"""

import difflib
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

log = logging.getLogger("pottle")

PREFIX = "POTTLE_"
# Kubernetes injects these for a service of the name "pottle"; they are nobody's mistake.
INJECTED = re.compile(r"POTTLE_(SERVICE_|PORT($|_))")
FLASK_CHANNELS = ("car_chat", "messages", "jokes")
DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True)
class Settings:
    """Each field is the setting `POTTLE_<FIELD>`; the README's table says what each is for."""

    instance: Path = Path("instance")
    url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    sign_up: str = "open"
    password_min: int = 8
    rate_limits: bool = True
    session_days: int = 30
    post_length: int = 10_000
    body_bytes: int = 64 * 1024
    upload_bytes: int = 5 * 1024 * 1024
    subscriptions: int = 100
    log_days: int = 7
    log_changes: int = 1_000_000
    waiting_writes: int = 5_000
    log: str = "auto"
    access_log: bool = False
    metrics: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    flask_origins: tuple[str, ...] = ()
    flask_channels: tuple[tuple[str, int], ...] = ()
    development: bool = False
    shared_disk: bool = False

    @property
    def prefix(self) -> str:
        """The path of the public address, below which a proxy shows everything: "" or "/pottle"."""
        return urlsplit(self.url).path


class BadSetting(ValueError):
    """A `POTTLE_*` variable has a value that Pottle cannot use; the message names it and says what can be used."""


def read(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`; raises BadSetting. Unknown `POTTLE_*` names are logged, with the likely one."""
    given = dict(_given(environ))
    for warning in unknown(environ):
        log.warning("%s", warning)
    known = {field.name: given[_variable(field.name)] for field in fields(Settings) if _variable(field.name) in given}
    return Settings(**{name: _parsed(name, text) for name, text in known.items()})


def _given(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    names = [name for name in environ if _ours(name)]
    plain = [(name, environ[name]) for name in names if not name.endswith("_FILE")]
    from_files = [(name.removesuffix("_FILE"), _file(name, environ[name])) for name in names if name.endswith("_FILE")]
    return plain + from_files


def _file(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"{name}={path!r}: {error}") from error


def unknown(environ: Mapping[str, str]) -> list[str]:
    """A line for each `POTTLE_*` name in `environ` that is no setting, with the likely one."""
    known = [field.name.upper() for field in fields(Settings)]
    names = sorted(name.removeprefix(PREFIX).removesuffix("_FILE") for name in environ if _ours(name))
    return [_unknown(name, known) for name in names if name not in known]


def _unknown(name: str, known: list[str]) -> str:
    likely = difflib.get_close_matches(name, known, n=1)
    return f"Unknown setting {PREFIX}{name}" + (f"; did you mean {PREFIX}{likely[0]}?" if likely else "")


def _ours(name: str) -> bool:
    return name.startswith(PREFIX) and not INJECTED.match(name)


def _variable(field: str) -> str:
    return PREFIX + field.upper()


def _parsed(name: str, text: str) -> Any:
    try:
        return _parser(name)(text)
    except ValueError as error:
        raise BadSetting(f"{_variable(name)}={text!r}: {error}") from error


def _parser(name: str) -> Callable[[str], Any]:
    special: dict[str, Callable[[str], Any]] = {
        "sign_up": _one_of("open", "invitation", "closed"),
        "rate_limits": _on_or_off,
        "log": _one_of("auto", "json", "text"),
        "access_log": _on_or_off,
        "metrics": _networks,
        "development": _on_or_off,
        "shared_disk": _on_or_off,
        "trusted_proxies": _networks,
        "flask_origins": _origins,
        "flask_channels": _flask_channels,
        "instance": Path,
        "url": _public_url,
    }
    return special.get(name, _positive)


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def _on_or_off(text: str) -> bool:
    return _one_of("on", "off")(text) == "on"


def _positive(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,11}", text):
        raise ValueError("must be a whole number above 0")
    return int(text)


def _networks(text: str) -> tuple[str, ...]:
    return tuple(str(ip_network(part.strip(), strict=False)) for part in text.split(",") if part.strip())


def _origins(text: str) -> tuple[str, ...]:
    return tuple(_origin(part.strip().lower()) for part in text.split(",") if part.strip())


def _origin(text: str) -> str:
    """An origin as browsers send it: without a path, and without the port that its scheme has anyway."""
    found = re.fullmatch(r"(https?)://([a-z0-9.\-]+|\[[0-9a-f:]+\])(?::([0-9]{1,5}))?", text)
    if found is None:
        raise ValueError(f"{text} is no origin; one looks like https://school.github.io, without a path or a *")
    scheme, host, port = found.groups()
    return f"{scheme}://{host}" + (f":{port}" if port and port != DEFAULT_PORTS[scheme] else "")


def _flask_channels(text: str) -> tuple[tuple[str, int], ...]:
    """Which channel answers which endpoint of Flask back ends, by its number."""
    pairs = tuple(tuple(part.strip().partition("=")[::2]) for part in text.split(",") if part.strip())
    for name, number in pairs:
        if name not in FLASK_CHANNELS or not re.fullmatch(r"[1-9][0-9]{0,17}", number):
            raise ValueError(f"must look like {'=7,'.join(FLASK_CHANNELS)}=7, each with the number of a channel")
    return tuple((name, int(number)) for name, number in pairs)


def _public_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", text):
        raise ValueError("must look like https://pottle.example")
    return text.rstrip("/")
