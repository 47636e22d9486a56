"""The setting `POTTLE_MAIL`: by which SMTP server mail goes out, and in whose name. docs/mail.md explains it."""

import re
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

PORTS = {"smtp": 587, "smtps": 465}
LOCAL = ("localhost", "127.0.0.1", "::1")
FORM = "must look like smtp://user:password@mail.school.example:587/?from=pottle@school.example"
PARTS = ("from", "starttls", "rate", "pause", "language")
NUMBER = re.compile(r"[1-9][0-9]{0,6}(\.[0-9]{1,3})?|0\.[0-9]{1,3}")


@dataclass(frozen=True)
class Smtp:
    """A server, and how it is used."""

    host: str
    port: int
    secure: bool  # TLS from the first byte
    starttls: bool  # TLS after a word in the clear; nothing is sent without
    sender: Address
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    rate: float = 60  # letters a minute
    pause: float = 60  # seconds until one that was put off is tried again; then twice as long, and so on
    language: str | None = None  # of letters to those who chose none

    @property
    def in_the_clear(self) -> bool:
        """Whether others on the way could read along."""
        return not (self.secure or self.starttls or self.host in LOCAL)


def smtp(text: str) -> Smtp:
    """The setting's value. Raises ValueError, which never repeats the password."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(FORM) from None
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/") or parts.fragment:
        raise ValueError(FORM)
    if bool(parts.username) != bool(parts.password):
        raise ValueError("needs both a user and a password, or neither; write %40 for an @ in them, %3A for a :")
    said = _said(parts)
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    secure = parts.scheme == "smtps"
    return Smtp(
        *(parts.hostname, port or PORTS[parts.scheme], secure),
        starttls=not secure and _is_on(said.get("starttls", "off" if parts.hostname in LOCAL else "on")),
        sender=_sender(said.get("from", user if user and "@" in user else "")),
        user=user,
        password=password,
        rate=_number("rate", said.get("rate", "60")),
        pause=_number("pause", said.get("pause", "60")),
        language=said.get("language"),
    )


def _said(parts: SplitResult) -> dict[str, str]:
    """What stands behind the `?`. A + is a +, for addresses have it."""
    said = dict(parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True))
    for name in said:
        if name not in PARTS:
            raise ValueError(f"knows {', '.join(PARTS)} behind the ?, and not {name}")
    return said


def _is_on(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError("starttls must be on or off")
    return text == "on"


def _number(name: str, text: str) -> float:
    if not NUMBER.fullmatch(text):
        raise ValueError(f"{name} must be a number above 0")
    return float(text)


def _sender(text: str) -> Address:
    name, address = parseaddr(text)
    if not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", address):
        raise ValueError("needs from=, the address that mail comes from, such as from=pottle@school.example")
    return Address(name, addr_spec=address)
