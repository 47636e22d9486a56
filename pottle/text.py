"""Normalising text that strangers send: Unicode, invisible characters, and look-alikes.

Pure rules, no database. Names, titles and keys are one line of visible characters; which fields those are, their types
say (pottle/values.py).
"""

import html
import re
import unicodedata

from pottle.translation import _

ZWNJ, ZWJ = "\u200c", "\u200d"
# Characters that show nothing, though Unicode calls them letters or symbols: fillers of Hangul, Braille without a dot …
BLANK = "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc\U0001d159"
# What Unicode has set aside for more characters that show nothing.
IGNORED = re.compile("[\u2065\ufff0-\ufff8\U000e0000-\U000e0fff]")
# Of the format characters (Cf) these are seen: Arabic and other signs that stand before a number, and hieroglyphs'.
SEEN_FORMATS = re.compile(r"[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001345f]")
# Flags of regions, such as Scotland's: a black flag and the letters of the region as tags, which end with one.
TAGGED_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f")
# Scripts in which joiners change what is seen: Arabic and its like, and those of India and its neighbours.
JOINING = re.compile(
    r"[\u0600-\u0dff\u0f00-\u109f\u1780-\u18af\u1a20-\u1aad\u1b00-\u1c4f\ua800-\uabff\ufb50-\ufdff\ufe70-\ufefc"
    r"\U00010a00-\U00010a5f\U00010ac0-\U00010aff\U00011000-\U00011fff\U0001e900-\U0001e95f]"
)
UNSEEN = ("Cc", "Cs", "Co", "Zl", "Zp")  # categories: controls, halves of characters, private ones, ends of lines
VIRAMA = 9  # its class as a combining character: it binds a letter to the next, and a joiner after it says how
EMOJI, TONES = ("So", "Sm", "Cn"), "Sk"  # categories: emoji (↔ is Sm, and Cn is newer than this Python), skin tones
EMOJI_STYLE = "\ufe0f"
TAG = re.compile(r'<(?:"[^"]*"|[^">])*>')  # of HTML that our own renderer made

_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")  # most names: nothing of all this is needed


def line(text: str) -> str:
    """One line of visible text: composed (NFC), single spaces, nothing invisible. "" where nothing can be seen.

    Raises ValueError, with what is wrong as a phrase, for control characters, line breaks and the like inside.
    """
    text = text.strip(" \t")
    if _PLAIN.fullmatch(text):
        return text
    if any(not may_stand_in_a_line(letter) for letter in text):
        raise ValueError(_("must be one line, without characters that cannot be shown"))
    return _shown(text)


def made_one_line(text: str) -> str:
    """As `line`, of a text that is not to be refused: what cannot stand in it becomes a space."""
    return _shown(_trimmed("".join(letter if may_stand_in_a_line(letter) else " " for letter in text)))


def _trimmed(text: str) -> str:
    return text.strip().strip(BLANK + "\ufeff\u200b").strip()


def _shown(text: str) -> str:
    text = unicodedata.normalize("NFC", _without_invisible(text))
    text = " ".join(_trimmed(text).split())
    return text if visible(text) else ""


def may_stand_in_a_line(letter: str) -> bool:
    """Whether a character is no control character, end of a line or the like."""
    return unicodedata.category(letter) not in UNSEEN and not _is_no_character(letter)


def _is_no_character(letter: str) -> bool:
    """Whether Unicode promises that this will never be one."""
    code = ord(letter)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def _without_invisible(text: str) -> str:
    """The text without format characters, such as marks of direction, but for joiners where they join."""
    flags = {at for found in TAGGED_FLAG.finditer(text) for at in range(*found.span())}
    kept: list[str] = []
    for at, letter in enumerate(text):
        if letter in (ZWNJ, ZWJ):
            wanted = _joins(letter, kept[-1] if kept else "", text[at + 1 : at + 2])
        else:
            wanted = unicodedata.category(letter) != "Cf" or at in flags or bool(SEEN_FORMATS.match(letter))
        if wanted:
            kept.append(letter)
    return "".join(kept)


def _joins(joiner: str, before: str, after: str) -> bool:
    """Whether a joiner between two characters changes what is seen (RFC 5892, appendix A, and emoji)."""
    if not before:
        return False
    if unicodedata.combining(before) == VIRAMA:
        return True
    if not after:
        return False
    if joiner == ZWJ and unicodedata.category(after) in EMOJI:
        return before == EMOJI_STYLE or unicodedata.category(before) in (*EMOJI, TONES)
    return bool(JOINING.match(before) and JOINING.match(after))


def visible(text: str) -> bool:
    """Whether anything of a text can be seen."""
    return any(_is_seen(letter) for letter in text)


def _is_seen(letter: str) -> bool:
    if letter in BLANK:
        return False
    category = unicodedata.category(letter)
    if category == "Cn":  # maybe an emoji that is newer than this Python
        return not (_is_no_character(letter) or IGNORED.match(letter))
    return category[0] not in "CZM" or category == "Mc" or bool(SEEN_FORMATS.match(letter))


def shows(rendered: str) -> bool:
    """Whether HTML that our own renderer made shows any text."""
    return visible(html.unescape(TAG.sub("", rendered)))


def printable(text: str) -> str:
    """A text for a terminal or a line of a log: what is not seen or moves others is written out, as `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(letter if _is_harmless(letter) else _written_out(letter) for letter in text)


def _is_harmless(letter: str) -> bool:
    joins = letter in (ZWNJ, ZWJ) or SEEN_FORMATS.match(letter)
    return bool(joins) or (may_stand_in_a_line(letter) and unicodedata.category(letter) != "Cf")


def _written_out(letter: str) -> str:
    """As JSON writes it, so that JSON stays JSON."""
    units = letter.encode("utf-16-be", "surrogatepass").hex(":", 2).split(":")
    return "".join(f"\\u{unit}" for unit in units)
