"""The providers that people may sign in with, as the operator has set them up (POTTLE_SIGN_IN). Pure rules.

The setting is TOML, with a table for each provider; its name is in addresses. docs/sign-in.md goes through each.
"""

import re
import tomllib
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

Preset = Literal["google", "microsoft", "github", "openid"]

NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")
DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|common|organizations|consumers")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _Known(NamedTuple):
    label: str
    issuer: str


PRESETS: dict[str, _Known] = {
    "google": _Known("Google", "https://accounts.google.com"),
    "microsoft": _Known("Microsoft", "https://login.microsoftonline.com"),
    "github": _Known("GitHub", "https://github.com"),
}


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service. `issuer` is its address: of Microsoft without the tenant, of GitHub where the pages are."""

    id: str
    secret: str
    name: str = ""
    preset: Preset | None = None
    label: str = ""
    issuer: str = ""
    tenant: str = ""  # of Microsoft: the directory whose people may
    domains: tuple[str, ...] = ()  # whose people may; all where there are none
    newcomers: bool | None = None  # whether who has no account gets one; None: as POTTLE_SIGN_UP says
    group: str = ""  # the slug of the group that newcomers become members of
    second_factor: bool = False  # whether the provider's own counts for ours

    def __repr__(self) -> str:
        """Without the secret."""
        return f"<provider {self.name}>"

    @property
    def limited(self) -> bool:
        """Whether only people of somewhere may: whoever runs a service of their own has said so by that."""
        if self.preset == "microsoft":
            return self.tenant not in ("common", "consumers", "organizations")
        return self.preset == "openid" or bool(self.domains)


def providers(text: str) -> tuple[Provider, ...]:
    """The providers that a setting names. Raises ValueError, which never says what the secret is."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"it is no TOML: {error}") from None
    return tuple(_provider(name, table) for name, table in tables.items())


def _provider(name: str, table: Any) -> Provider:
    if not NAME.fullmatch(name) or not isinstance(table, dict):
        raise ValueError(f"{name} must be a table, [{name}], of a name in small letters, digits and hyphens")
    try:
        found = msgspec.convert({**table, "name": name}, Provider)
    except msgspec.ValidationError as error:
        raise ValueError(f"[{name}]: {error}") from None
    preset: Preset = found.preset or (name if name in PRESETS else "openid")  # type: ignore[assignment]
    known = PRESETS.get(preset, _Known(name.title(), ""))
    made = msgspec.structs.replace(
        found,
        preset=preset,
        label=found.label or known.label,
        issuer=(found.issuer or known.issuer),
        tenant=found.tenant.lower(),
        domains=tuple(domain.lower() for domain in found.domains),
    )
    if wrong := _wrong(made):
        raise ValueError(f"[{name}]: {wrong}")
    return made


def _wrong(made: Provider) -> str | None:
    """What cannot be used, if anything."""
    odd = next((domain for domain in made.domains if not DOMAIN.fullmatch(domain)), None)
    said = (
        (not made.id or not made.secret, "id and secret are what the provider gave you for this server"),
        (not is_safe(made.issuer), "issuer must be the provider's address, such as https://login.school.example"),
        (odd, f"domains: {odd} is none; one looks like school.example"),
        (made.preset == "microsoft" and not TENANT.fullmatch(made.tenant), "tenant must be the directory's id"),
        (made.preset == "microsoft" and made.domains, "Microsoft proves no addresses: limit it by tenant"),
        (made.preset != "microsoft" and made.tenant, "tenant is for Microsoft; others are limited by domains"),
        (made.newcomers and not made.limited, "newcomers = true would let in the whole world: limit it first"),
    )
    return next((wrong for applies, wrong in said if applies), None)


def is_safe(url: str) -> bool:
    """Whether what is sent to an address cannot be read on its way: https, or this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))
