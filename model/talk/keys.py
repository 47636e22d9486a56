"""Keys of channels: a room's name, or the path of a page, in one form however a site writes it."""

import re

from pottle import text
from pottle.translation import ngettext

PAGE = re.compile(r"/|https?://", re.IGNORECASE)  # what the key of a page begins with
ESCAPES = re.compile("(?:%[0-9A-Fa-f]{2})+")
BEHIND = re.compile("[?#]")  # in the path of a page these belong to its name only if they are escaped
LONGEST = 3_600  # characters, all of them escaped, of which 300 are left
ROUNDS = 5  # of escapes within escapes


def normal(key: str) -> str:
    """A key in its one form: percent-decoded and composed (NFC); of a page, only what says which page it is.

    Of a page's path `?…`, `#…`, a trailing `index.html` and trailing slashes are left out. What is no escape, as in
    `100%`, stays as it was typed. Raises ValueError for a key that is no line of visible text, or far too long.
    """
    for _ in range(ROUNDS):
        before, key = key, text.line(_page(key) if PAGE.match(key) else _decoded(key))
        if key == before:
            break
    return key


def of_title(title: str) -> str:
    """The key of a discussion without one: its title, in lower case."""
    return normal(title.casefold())


def _page(key: str) -> str:
    path = _decoded(BEHIND.split(key, maxsplit=1)[0], keep="?#")
    return path.removesuffix("/index.html").rstrip("/") or "/"


def _decoded(key: str, keep: str = "") -> str:
    """Decodes all escapes but those of characters in `keep` or without a visible form."""
    if len(key) > LONGEST:
        raise ValueError(ngettext("must have at most %(num)s character", "must have at most %(num)s characters", 300))
    return ESCAPES.sub(lambda found: "".join(_shown(letter, keep) for letter in _letters(found[0])), key)


def _letters(escapes: str) -> str:
    return bytes.fromhex(escapes.replace("%", "")).decode(errors="surrogateescape")


def _shown(letter: str, keep: str) -> str:
    if letter not in keep and text.may_stand_in_a_line(letter):
        return letter
    return "".join(f"%{byte:02X}" for byte in letter.encode(errors="surrogateescape"))
