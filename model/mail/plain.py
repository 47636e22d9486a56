"""A letter's HTML as plain text: of the one template both parts are made, so that they say the same."""

import re
import textwrap
from html.parser import HTMLParser

WIDTH = 72
BLOCKS = {"p", "h1", "h2", "blockquote", "tr", "div", "li"}
UNSEEN = {"style", "title", "head"}


class _Reader(HTMLParser):
    """Takes a letter apart into paragraphs."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[tuple[bool, str, str]] = []  # whether it is quoted, its text, where it leads
        self._text = self._link = ""
        self._quoted = self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A block begins, a line, or a link."""
        given = dict(attrs)
        if tag in BLOCKS:
            self.end_block()
        self._quoted += tag == "blockquote"
        self._unseen += tag in UNSEEN
        if tag == "br":
            self._text += "\n"
        if tag == "a":
            self._link = given.get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        """A block ends."""
        if tag in BLOCKS:
            self.end_block()
        self._quoted -= tag == "blockquote"
        self._unseen -= tag in UNSEEN

    def handle_data(self, data: str) -> None:
        """A text."""
        if not self._unseen:
            self._text += re.sub(r"\s+", " ", data)

    def end_block(self) -> None:
        """Keeps the block that was begun."""
        lines = "\n".join(line.strip() for line in self._text.strip().split("\n"))
        if lines:
            link = "" if self._link in lines else self._link
            self.blocks.append((self._quoted > 0, lines, link))
        self._text = self._link = ""


def plain(html: str) -> str:
    """The text of a letter, with what is quoted behind `>` and each link below what it stands on."""
    reader = _Reader()
    reader.feed(html)
    reader.end_block()
    said = []
    for quoted, text, link in reader.blocks:
        mark = "> " if quoted else ""
        lines = [part for line in text.split("\n") for part in _folded(line, WIDTH - len(mark))]
        said.append("\n".join(mark + line for line in [*lines, *([link] if link else [])]))
    return "\n\n".join(said) + "\n"


def _folded(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
