"""What a name can be taken for, and user names that only the operator gives. Pure rules.

After Unicode's UTS #39, whose table of confusable characters has thousands; here are the letters that names are made
of, and, other than there, neither case nor accents nor spaces and punctuation tell two names apart.
"""

# ruff: noqa: RUF001

import re
import unicodedata
from functools import lru_cache

# Marks that may be left out: accents, and the vowels of Hebrew and Arabic. In India's scripts they make other letters.
ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")
# Letters that look like others, each before the one that stands for both; capitals come first.
CAPITALS = (
    "ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ϹC АA ВB ЕE ЅS ІI ЈJ КK МM НH ОO РP СC ТT УY ХX ҮY ԌG ԜW ՍS ՕO "
    "ᎪA ᏴB ᏟC ᎬE ᎻH ᎫJ ᏦK ᏞL ᎷM ᏢP ᎡR ᏚS ᎢT ᏙV ᎳW ᏃZ"
)
SMALL = (
    "αa γy ιl κk νv οo ρp τt υu χx ωw аa вb еe ѕs іl јj кk мm нh оo рp сc тt уy хx үy һh ӏl ԁd ԛq ԝw ьb օo սu հh ոn "
    "ցg ɑa ɡg ıl ȷj ſs ƒf øo đd łl ħh 0o 1l il |l"
)
RESERVED = (
    *("admin", "administrator", "moderator", "mod", "operator", "owner", "root", "system", "sysadmin", "webmaster"),
    *("postmaster", "hostmaster", "support", "help", "security", "staff", "info", "noreply", "api", "me", "guest"),
    *("anonymous", "everyone", "everybody", "here", "channel", "pottle", "null", "undefined"),
)


@lru_cache(maxsize=10_000)
def of(name: str) -> str:
    """The same text for all names that can be taken for one another; never "" for a name that can be seen."""
    plain = ACCENTS.sub("", unicodedata.normalize("NFKD", name)).translate(_table(CAPITALS))
    plain = ACCENTS.sub("", unicodedata.normalize("NFKD", plain.casefold())).translate(_table(SMALL))
    letters = "".join(letter for letter in plain if unicodedata.category(letter)[0] in "LMN")
    return letters.replace("rn", "m").replace("vv", "w") or name.casefold()


@lru_cache(maxsize=2)
def _table(pairs: str) -> dict[int, str]:
    return {ord(pair[0]): pair[1:] for pair in pairs.split()}


def reserved(uid: str) -> bool:
    """Whether a user name can be taken for one that nobody has but by the operator's hand."""
    return of(uid) in _reserved()


@lru_cache(maxsize=1)
def _reserved() -> frozenset[str]:
    return frozenset(map(of, RESERVED))
