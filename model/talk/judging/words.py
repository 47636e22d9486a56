"""Lists of words, found in a text as whole words, whatever letters that look alike they are written with.

An entry is a word or a phrase; `*` stands for any letters: `casin*`, `*coin`, `buy * now`. A thousand entries cost no
more than ten: words are looked up, not searched for. Where a script has no spaces, an entry may stand inside a word.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from model.accounts.user import SMALL, skeleton

WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
# Letters that somebody has put apart so that the word is not found: `c.a.s.i.n.o`, `c a s i n o`.
APART = re.compile(r"(?<![^\W_])[^\W_](?:([ .,*_/\\|-])[^\W_])(?:\1[^\W_])+(?![^\W_])")
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
LONGEST = 60  # letters of a word that are looked at
FEWEST_APART = 3  # letters
SHORTEST = 2  # letters of an entry
KNOWN_BY = 3  # letters by which an entry is found, where it is only how a word begins or ends


class Pattern(NamedTuple):
    """A word of an entry, in letters that stand for all that look alike: how it begins and how it ends."""

    begins: str
    ends: str | None  # None: exactly `begins`

    def fits(self, word: str) -> bool:
        """Whether a word is meant."""
        if self.ends is None:
            return word == self.begins
        long_enough = len(word) >= len(self.begins) + len(self.ends)
        return long_enough and word.startswith(self.begins) and word.endswith(self.ends)


Entry = tuple[tuple[Pattern, ...], str]


class Words:
    """A list of entries, ready to be looked for."""

    def __init__(self, entries: Iterable[str]) -> None:
        # By what a word is, how it begins and how it ends: by the first and last letters, at most KNOWN_BY of them.
        self._by: tuple[dict[str, list[Entry]], ...] = defaultdict(list), defaultdict(list), defaultdict(list)
        self._inside: dict[int, dict[str, str]] = defaultdict(dict)  # by their lengths, what may stand in a word
        for entry in entries:
            self._add(" ".join(entry.split()))
        _whole, *parts = self._by
        self._cut = [[(length, known) for length in {*map(len, known)}] for known in parts]

    def _add(self, entry: str) -> None:
        bare = entry.strip("*")
        single = not re.search(r"[\s*]", bare)
        if single and (UNSPACED.search(bare) or (entry[:1] == "*" == entry[-1:])):
            if found := skeleton(bare):
                self._inside[len(found)][found] = entry
            return
        patterns = tuple(pattern for part in entry.split() for pattern in _patterns(part))
        if not patterns:
            return
        first, (whole, begins, ends) = patterns[0], self._by
        if first.ends is None:
            whole[first.begins].append((patterns, entry))
        elif first.begins:
            begins[first.begins[:KNOWN_BY]].append((patterns, entry))
        else:
            ends[first.ends[-KNOWN_BY:]].append((patterns, entry))

    def found(self, text: str) -> list[str]:
        """The entries that a text has, each once, whole words first."""
        words, found = in_letters(text), dict[str, None]()
        for at, entries in self._candidates(words):
            for patterns, entry in entries:
                if _fits(patterns, words, at):
                    found[entry] = None
        if self._inside:
            for word in words:
                found |= dict.fromkeys(self._within(word))
        return [*found]

    def _candidates(self, words: list[str]) -> Iterator[tuple[int, list[Entry]]]:
        """Where an entry may begin. Nearly every text has none, and that is known in a few microseconds."""
        if known := self._by[0].keys() & {*words}:
            yield from ((at, self._by[0][word]) for at, word in enumerate(words) if word in known)
        for sort, from_end in ((self._cut[0], False), (self._cut[1], True)):
            for length, entries in sort:
                cut = [word[-length:] if from_end else word[:length] for word in words]
                if known := entries.keys() & {*cut}:
                    yield from ((at, entries[part]) for at, part in enumerate(cut) if part in known)

    def _within(self, word: str) -> Iterator[str]:
        for length, entries in self._inside.items():
            for start in range(len(word) - length + 1):
                if (cut := word[start : start + length]) in entries:
                    yield entries[cut]


def _patterns(part: str) -> Iterator[Pattern]:
    """What a part of an entry means: a word, a word with something before, within or behind, or any word."""
    begins, star, ends = part.partition("*")
    if star:
        yield Pattern(skeleton(begins) if begins else "", skeleton(ends.strip("*")) if ends.strip("*") else "")
    else:
        yield from (Pattern(skeleton(word), None) for word in WORD.findall(part))


def _fits(patterns: tuple[Pattern, ...], words: list[str], at: int) -> bool:
    if at + len(patterns) > len(words):
        return False
    return all(pattern.fits(word) for pattern, word in zip(patterns, words[at : at + len(patterns)], strict=True))


def in_letters(text: str) -> list[str]:
    """The words of a text, in letters that stand for all that look alike; also words whose letters were put apart."""
    if text.isascii():
        words = text.translate(_ASCII).replace("rn", "m").replace("vv", "w").split()
    else:
        words = [skeleton(word[:LONGEST]) for word in WORD.findall(text)]
    if len([word for word in words if len(word) == 1]) >= FEWEST_APART:
        words += [skeleton(apart[0].replace(apart[1], "")) for apart in APART.finditer(text)]
    return words


def _standing_for(code: int) -> str | None:
    """As skeleton does with a letter that is ASCII; what is between words is a space."""
    letter = chr(code).lower()
    letter = SMALL.get(ord(letter), letter)
    return letter if letter.isalnum() else None if letter == "'" else " "  # None, not "": that is ten times as fast


_ASCII = {code: _standing_for(code) for code in range(128)}


def letters(entry: str) -> int:
    """How many letters an entry names."""
    return sum(letter.isalnum() for letter in entry)


@lru_cache(maxsize=200)
def ready(entries: tuple[str, ...]) -> Words:
    """A list, made ready once."""
    return Words(entries)
