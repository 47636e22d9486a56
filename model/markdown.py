"""Markdown in, sanitised HTML out.

Raw HTML is shown as text, and what markdown-it makes is cleaned again by nh3, so that a fault in one of them is not
yet a hole. No images: a page of ours loads nothing from another host.
"""

import re
from typing import Any

import nh3
from linkify_it import LinkifyIt  # type: ignore[import-untyped]
from markdown_it import MarkdownIt
from markdown_it.rules_block import table

TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "code": {"class"}}

# Cells that the rows of a table leave out are filled in; by default 10,000 characters could become 65,536 cells, which
# are a second of work and 700 kB of HTML.
table.__globals__["MAX_AUTOCOMPLETED_CELLS"] = 1_000

# What most posts are: a line of words, in which nothing is markup and nothing a link.
_PLAIN = re.compile(r"[^\W\d_](?:[^\W_]|[ ,;?!'()%-]|\.(?= |\Z))*")

# What is typed is seen: `[Reminder]: homework` would define a link, and not be shown.
_parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": True})
_parser.enable(["table", "strikethrough", "linkify"]).disable(["image", "reference"])


class _Links(LinkifyIt):  # type: ignore[misc]  # it has no types
    """What links itself: what begins with http://, https://, mailto: or www., and mail addresses. Not `main.py`."""

    WWW_HOST = r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,63}(?![\w-])"

    def __init__(self) -> None:
        super().__init__({"ftp:": None, "//": None}, {"fuzzy_link": False})
        rest = f"{self.WWW_HOST}{self.re['src_port']}{self.re['src_path']}"
        self.add("www.", {"validate": f"^{rest}", "normalize": self._with_scheme})

    def match_at_start(self, text: str) -> Any:
        """As the library's, which asks before `://`, where www. is no scheme."""
        found = super().match_at_start(text)
        return None if found and found.schema == "www." else found

    def _with_scheme(self, match: Any) -> None:
        match.url = f"http://{match.url}"


_parser.linkify = _Links()
_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow ugc noopener noreferrer",
)


def rendered(text: str) -> str:
    """The HTML of a post's Markdown: harmless in anybody's page."""
    if _PLAIN.fullmatch(text):  # a quarter of the work of making a post
        return f"<p>{text.rstrip()}</p>"
    return _cleaner.clean(_parser.render(text)).strip()
