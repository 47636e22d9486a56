"""Texts for an index, and what of a text a query has found.

The index splits words where there is no letter or digit, and minds neither case nor accents, nor the vowels that are
written around Arabic and Hebrew letters: these are taken away here, for SQLite does it for Latin alone. Chinese,
Japanese and Korean have no spaces, or endings that stick to words: of their characters each two that stand together are
a word (bigrams, as Lucene's CJKBigramFilter), and the last one alone. What is looked for is a phrase of such words.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape, unescape
from typing import NamedTuple

BETWEEN = re.compile(r"</?(?:p|br|hr|li|ul|ol|pre|blockquote|h[1-6]|table|thead|tbody|tr|th|td)\b[^>]*>")
TAG = re.compile(r'<(?:"[^"]*"|[^">])*>')  # of HTML that our own renderer made
_RANGES = "\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf"
_RANGES += "\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
CJK = re.compile(f"[{_RANGES}]+")
WORD = re.compile(rf"[{_RANGES}]+|[^\W_{_RANGES}]+")
TOKEN = re.compile(r"[^\W_]+")  # as FTS5 splits
LONGEST_TOKEN = 500  # characters: more than anybody looks for, and PostgreSQL takes 2,046 bytes
ALIKE = str.maketrans("µſςϐϑϕϖϰϱϵ", "μsσβθφπκρε")  # letters that FTS5 takes for one, and `lower` does not  # noqa: RUF001
MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]")  # accents, and vowels around letters
LENGTH = 240  # characters of an excerpt
BEFORE = 60  # of them before the first word that was found


class Term(NamedTuple):
    """Words that stand together; of the last one maybe only the `beginning`."""

    words: tuple[str, ...]
    beginning: bool = False


def plain(html: str) -> str:
    """What readers see of a post's HTML, in one line."""
    return " ".join(unescape(TAG.sub("", BETWEEN.sub(" ", html))).split())


def split(text: str) -> str:
    """A text as the index takes it."""
    return CJK.sub(lambda run: f" {' '.join(_pairs(run[0]))} {run[0][-1]} ", unmarked(text))


def unmarked(text: str) -> str:
    """A text without accents."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", MARKS.sub("", unicodedata.normalize("NFD", text)))


def _pairs(run: str) -> Iterator[str]:
    return (run[at : at + 2] for at in range(len(run) - 1))


def term(text: str, beginning: bool = False) -> Term | None:
    """What is to be found of a part of a query; None where there is no letter in it."""
    words: list[str] = []
    for found in WORD.findall(unmarked(text)):
        pairs = [*_pairs(found)] if CJK.match(found) else [found]
        words += pairs or [found]
    if not words:
        return None
    single = len(words[-1]) == 1 and CJK.match(words[-1]) is not None
    return Term(tuple(words), beginning or single)


def excerpt(text: str, terms: Iterable[Term]) -> str:
    """HTML of what surrounds the first word that was found, with `<mark>` around each."""
    spans = _found(text, [*terms])
    start = _start(text, max(spans[0][0] - BEFORE, 0)) if spans else 0
    end = start + LENGTH
    if end < len(text):
        end = max(text.rfind(" ", start, end), start + LENGTH // 2)
    pieces, at = ["… " if start else ""], start
    for begin, until in spans:
        if begin < start or until > end:
            continue
        pieces += [escape(text[at:begin]), "<mark>", escape(text[begin:until]), "</mark>"]
        at = until
    return "".join([*pieces, escape(text[at:end]), " …" if end < len(text) else ""])


def _start(text: str, at: int) -> int:
    """Where a word begins, at or a little after `at`."""
    if at == 0:
        return 0
    space = text.find(" ", at, at + BEFORE // 2)
    return at if space < 0 else space + 1


def _found(text: str, terms: list[Term]) -> list[tuple[int, int]]:
    """Where words that the terms begin with stand, in order: several that touch are one."""
    exact = {folded(word) for found in terms for word in found.words if not CJK.match(word)}
    begun = tuple(folded(found.words[-1]) for found in terms if found.beginning and not CJK.match(found.words[-1]))
    joined = {"".join([found.words[0], *(word[-1] for word in found.words[1:])]) for found in terms if _is_cjk(found)}
    spans = []
    for word in WORD.finditer(text):
        if CJK.match(word[0]):
            for one in joined:
                spans += [
                    (word.start() + m.start(), word.start() + m.end()) for m in re.finditer(re.escape(one), word[0])
                ]
        elif (known := folded(word[0])) in exact or (begun and known.startswith(begun)):
            spans.append(word.span())
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return merged


def _is_cjk(found: Term) -> bool:
    return all(CJK.match(word) for word in found.words)


@lru_cache(maxsize=10_000)
def folded(word: str) -> str:
    """A word without case and accents, as the index compares it."""
    return unmarked(word.lower()).translate(ALIKE)


def tokens(text: str) -> list[str]:
    """The words of a text that `split` has made, as the index compares them."""
    return [folded(word[:LONGEST_TOKEN]) for word in TOKEN.findall(text)]
