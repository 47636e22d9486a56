"""What comments say, as Markdown: from HTML, and from plain text, which stays as it was typed."""

import re
from contextlib import suppress
from html import unescape
from typing import Literal

import nh3
from html_to_markdown import ConversionError, ConversionOptions, convert

from model.talk.markdown import TAGS, is_plain

MOST_TAGS = 2_000  # more of them in a comment are nested to be slow: 10,000 take 0.2 s, 300,000 eight minutes
OPTIONS = ConversionOptions(
    escape_asterisks=True, escape_underscores=True, escape_misc=True, extract_metadata=False, autolinks=False
)
Form = Literal["html", "markdown", "plain"]

_cleaner = nh3.Cleaner(
    tags=(TAGS - {"bdi", "span"}) | {"img", "del", "strike", "u", "div", "dl", "dt", "dd"},
    attributes={"a": {"href"}, "img": {"src", "alt"}, "code": {"class"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto"},
    link_rel=None,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_TAG = re.compile(r"<[^<>]*>")
_IMAGE = re.compile(r"<img\b([^>]*)>")
_SRC, _ALT = re.compile(r'\bsrc="([^"]*)"'), re.compile(r'\balt="([^"]*)"')
_ADDRESS = re.compile(r"https?://[^\s<>()\[\]\"]+")
_ESCAPED = re.compile(r"\\(?=[^\w\s]|_)")
_INLINE = re.compile(r"[\\`*\[\]<>~|]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)")
_AT_BEGINNING = re.compile(r"^ *(?:(\d+)(?=[.)]\s)|(?=[#+=-]))", re.MULTILINE)
_PARAGRAPH = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


def as_markdown(text: str, form: Form) -> str:
    """A comment's text as Markdown, without the space around it."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if form == "markdown" or is_plain(text.strip()):
        return text.strip()
    return (_of_plain(text) if form == "plain" else _of_html(text)).strip()


def with_breaks(html: str) -> str:
    """HTML in which newlines are breaks, and empty lines part paragraphs, as WordPress has it; but not in `<pre>`."""
    html = html.replace("\r\n", "\n").strip()
    lower, at, parts = html.lower(), 0, list[str]()
    while (begin := lower.find("<pre", at)) >= 0 and (end := lower.find("</pre>", begin)) >= 0:
        parts += [_in_paragraphs(html[at:begin]), html[begin : end + 6]]
        at = end + 6
    return "".join([*parts, _in_paragraphs(html[at:])])


def _in_paragraphs(html: str) -> str:
    shown = (paragraph.strip() for paragraph in _PARAGRAPH.split(html))
    return "".join(f"<p>{paragraph.replace(chr(10), '<br>')}</p>" for paragraph in shown if paragraph)


def _of_html(html: str) -> str:
    if html.count("<") <= MOST_TAGS:
        clean = _IMAGE.sub(_as_link, _cleaner.clean(html))
        with suppress(ConversionError):
            if found := convert(clean, OPTIONS).content:  # nothing of what is too deep for it
                return _with_whole_addresses(found)
    return _of_plain(unescape(_TAG.sub(" ", html)))


def _as_link(found: re.Match[str]) -> str:
    """A picture is a link to it: our pages load nothing from another host."""
    src, alt = _SRC.search(found[1]), _ALT.search(found[1])
    shown = (alt[1].strip() if alt else "") or (src[1] if src else "")
    return f'<a href="{src[1]}">{shown}</a>' if src and src[1].startswith("http") else shown


def _of_plain(text: str) -> str:
    lines = "\n".join(line.strip(" \t") for line in text.split("\n"))
    escaped = _INLINE.sub(lambda found: f"\\{found[0]}", lines)
    return _with_whole_addresses(_AT_BEGINNING.sub(lambda found: f"{found[1] or ''}\\", escaped))


def _with_whole_addresses(markdown: str) -> str:
    """Escapes are taken out of addresses, which become links as they stand."""
    return _ADDRESS.sub(lambda found: _ESCAPED.sub("", found[0]), markdown)
