"""Which discussion a thread of another system becomes: by its page's path, in the one form that our keys have."""

from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from model.talk import keys
from model.talk.channel import Key, Url
from pottle.values import Unfit, fit, fits

SHORT = ("p", "page_id", "post")  # of a query that alone says which page it is, as in WordPress's /?p=17
LONGEST_TITLE = 200


class Page(NamedTuple):
    """The key of a page's discussion, and its address, where that is known."""

    key: str
    url: str | None


def of(address: str) -> Page:
    """The page of an address, a path or a name. Raises ValueError, with the reason as a phrase."""
    address = address.strip()
    if not keys.PAGE.match(address):
        return Page(_fitting(address), None)
    parts = _split(address)
    if "google" in (parts.hostname or "") and "translate" in (parts.hostname or "") + parts.path:
        address = parse_qs(parts.query).get("u", [address])[0]
        parts = _split(address)
    path = parts.path or "/"
    if path in ("/", "/index.php") and any(name in SHORT for name in parse_qs(parts.query)):
        path += quote(f"?{parts.query}")
    return Page(_fitting(path), address if parts.scheme and fits(address, Url) else None)


def _split(address: str) -> SplitResult:
    parts = urlsplit(address if not address.startswith("//") else f"https:{address}")
    parts.hostname  # noqa: B018  # raises ValueError where it is none
    return parts


def _fitting(key: str) -> str:
    try:
        fitting: str = fit(key, Key)
    except Unfit as unfit:
        raise ValueError(f"has an address that {unfit}") from unfit
    return fitting
