"""The application's settings, beside the engine's (pottle/settings.py)."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from model.accounts.providers.configured import Provider, providers
from model.mail.setting import Smtp, smtp
from pottle.settings import BadSetting, networks, parsed
from pottle.settings import Settings as EngineSettings
from pottle.store import db

FLASK_CHANNELS = ("car_chat", "messages", "jokes")
DEFAULT_PORTS = {"http": "80", "https": "443"}


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


def _seconds(text: str) -> tuple[float, ...]:
    """How long to wait before each attempt."""
    found = tuple(float(part) for part in text.split(",") if re.fullmatch(r"\s*\d{1,7}(\.\d{1,3})?\s*", part))
    if not found or len(found) != text.count(",") + 1:
        raise ValueError("must be numbers of seconds, with commas between, such as 0,5,300")
    return found


def _file(text: str) -> Path | None:
    """A file that is there and has something in it."""
    path = Path(text)
    if text and (not path.is_file() or not path.stat().st_size):
        raise ValueError("must be the path of a file with something in it")
    return path if text else None


def _days(text: str) -> int | None:
    """A number of days, or `off`: without an end."""
    if text != "off" and not re.fullmatch(r"[1-9][0-9]{0,4}", text):
        raise ValueError("must be a whole number of days above 0, or off")
    return None if text == "off" else int(text)


def _links(text: str) -> tuple[tuple[str, str], ...]:
    """What links are called, and where they lead."""
    pairs = [part.strip().partition("=")[::2] for part in text.split(",") if part.strip()]
    for name, url in pairs:
        if not name.strip() or not re.fullmatch(r"https?://\S+", url.strip()):
            raise ValueError(
                "must look like Privacy=https://school.example/privacy,Imprint=https://school.example/imprint"
            )
    return tuple((name.strip(), url.strip()) for name, url in pairs)


class Ages(NamedTuple):
    """After how many days posts go, or None: in any group, but for those that have a number of their own."""

    days: int | None = None
    of: tuple[tuple[str, int | None], ...] = ()

    def in_group(self, slug: str) -> int | None:
        """After how many days the posts of a group go."""
        return dict(self.of).get(slug, self.days)

    def __str__(self) -> str:
        """In words."""
        said = [] if self.days is None else [f"{self.days} days"]
        return ", ".join(said + [f"{slug}: {'for good' if days is None else f'{days} days'}" for slug, days in self.of])


def _ages(text: str) -> Ages:
    """A number of days, or `off`, and others for some groups."""
    parts = [part.strip().rpartition("=") for part in text.split(",")]
    for slug, equals, _number in parts:
        if bool(equals) is not bool(slug):
            raise ValueError("must look like 365,blog=off,7b=180: for all groups, and for some by their short names")
    everywhere = [number for slug, _, number in parts if not slug]
    if len(everywhere) > 1:
        raise ValueError("must have one number for all groups; others with a group's short name before them: 7b=180")
    own = tuple((slug, _days(number)) for slug, _, number in parts if slug)
    return Ages(_days(everywhere[0]) if everywhere else None, own)


def _time_zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be the name of a time zone, such as Europe/Berlin") from None


@dataclass(frozen=True)
class Settings(EngineSettings):
    """Each field is the setting `POTTLE_<FIELD>`; docs/settings.md says what each is for."""

    sign_up: Literal["open", "invitation", "closed"] = "open"
    sign_in: tuple[Provider, ...] = parsed((), providers, secret=True)
    password_min: int = 8
    breached_passwords: Path | None = parsed(None, _file)  # noqa: RUF009  # which is None
    second_factor: Literal["optional", "admins", "moderators"] = "optional"
    session_days: int = 30
    session_idle_days: int = 14
    post_length: int = 10_000
    user_image_bytes: int = 64 * 1024 * 1024
    image_bytes: int = 2 * 1024 * 1024 * 1024
    links: tuple[tuple[str, str], ...] = parsed((), _links)
    push: bool = True
    push_networks: tuple[str, ...] = parsed((), networks)
    retention_accounts: int | None = parsed(None, _days)
    retention_warning: int = 30
    retention_members: Literal["kept", "deleted"] = "kept"
    retention_posts: Ages = parsed(Ages(), _ages)  # noqa: RUF009  # which is frozen
    retention_removed: int | None = parsed(None, _days)
    retention_moderation: int | None = parsed(365, _days)
    retention_audit: int | None = parsed(365, _days)
    webhook_networks: tuple[str, ...] = parsed((), networks)
    webhook_retries: tuple[float, ...] = parsed(
        (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400), _seconds
    )
    flask_origins: tuple[str, ...] = parsed((), _origins)
    flask_channels: tuple[tuple[str, int], ...] = parsed((), _flask_channels)
    flask_pages: str = "home"
    time_zone: str = parsed("UTC", _time_zone)
    mail: Smtp | None = parsed(None, smtp, secret=True)  # noqa: RUF009  # it makes a field

    def __post_init__(self) -> None:
        """Raises BadSetting for settings that do not go together."""
        if self.mail and not self.url:
            raise BadSetting("POTTLE_MAIL needs POTTLE_URL, the public address: links in mails lead there")


def chosen() -> Settings:
    """The settings that the database was opened with."""
    return cast(Settings, db.settings)
