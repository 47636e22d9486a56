"""What can be seen in a text alone: its links, what spam usually says, capitals, piles of marks; and its digest."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from model.accounts.user import skeleton
from model.talk.judging.words import Words, in_letters

_LINK = re.compile(r'<a href="https?://([^"/?#]+)')
_CONTACT = re.compile(
    r"(?:\b(?:t\.me|wa\.me|chat\.whatsapp\.com|discord\.gg)/[\w+]{3,})"
    r"|(?:\b(?:telegram|whatsapp|whats app|wechat|viber|signal|skype|kik|line id|snapchat)\b[^\w@+]{0,20}"
    r"(?:(?:id|me|at|us|on|is|number|nr)\b[^\w@+]{0,4}){0,3}(?:@\w{3,}|\+?\d[\d ()-]{7,}))",
    re.IGNORECASE,
)
_REACHABLE = re.compile(r"[@/]|\+\d|\d[\d ()-]{7}")  # without which there is no such thing: to look for it takes longer
_CAPITALS = re.compile("[A-Z\u00c0-\u00de\u0391-\u03a9\u0410-\u042f]{3}")
_MIXED = re.compile(
    r"[A-Za-z][\u0370-\u03ff\u0400-\u04ff]+[A-Za-z]|[\u0400-\u04ff][A-Za-z]+[\u0400-\u04ff]"
    r"|[A-Za-z]{2}[\u0400-\u04ff]|[\u0400-\u04ff]{2}[A-Za-z]"
)
_PILED = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3,}")
_LONG_NUMBER = re.compile(r"\d{4,}")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
ENOUGH_TO_SHOUT = 20  # letters
SHOUTED = 0.7  # of them
ENOUGH_TO_COPY = 30  # letters: what is shorter, many say ("I have the same problem")
LONG_COPY = 80  # letters that nobody else writes by chance
READ = 2_000  # characters of a text that its digest is of


def _hosts(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Addresses that lead elsewhere, and endings that cost nothing and are used for little else.
HIDING = _hosts(
    "bit.ly tinyurl.com t.co goo.gl is.gd ow.ly cutt.ly rb.gy shorturl.at rebrand.ly tiny.cc bl.ink s.id v.gd adf.ly "
    "shorte.st linktr.ee buff.ly t.ly soo.gd clck.ru qr.ae"
)
CHEAP = _hosts(
    "top xyz click loan win bid work gq cf tk ml ga icu buzz rest monster cam surf quest sbs cfd lol bond cyou "
    "hair skin makeup autos boats casino bet poker porn sex sexy adult xxx"
)
# Where classes and clubs link to every day: such links say nothing about whoever posts them.
USUAL = _hosts(
    "wikipedia.org wikimedia.org wiktionary.org youtube.com youtu.be vimeo.com github.com gitlab.com codeberg.org "
    "gist.github.com stackoverflow.com stackexchange.com python.org pypi.org readthedocs.io mozilla.org w3.org "
    "w3schools.com geeksforgeeks.org khanacademy.org scratch.mit.edu replit.com codepen.io jsfiddle.net codecademy.com "
    "freecodecamp.org microsoft.com apple.com openstreetmap.org desmos.com geogebra.org wolframalpha.com archive.org "
    "arxiv.org doi.org nasa.gov bbc.co.uk bbc.com docs.google.com drive.google.com maps.google.com scholar.google.com "
    "britannica.com deepl.com leo.org duden.de tagesschau.de collinsdictionary.com quizlet.com kahoot.it padlet.com "
    "rust-lang.org nodejs.org npmjs.com java.com oracle.com php.net sqlite.org postgresql.org "
    "palletsprojects.com unesco.org un.org europa.eu who.int nih.gov nature.com sciencedirect.com jstor.org"
)
# What is rarely said but to sell something. One of them says little, two of them much.
SALES = Words(
    """
    casin* | viagra | cialis | levitra | pharmac* online | online pharmac* | no prescription | weight loss | lose weight
    fat burn* | keto gummies | male enhancement | payday loan* | instant loan* | quick loan* | loan offer*
    cash advance | credit repair
    forex | binary option* | bitcoin invest* | crypto invest* | invest in crypto | invest in bitcoin
    crypto signals | trading signals | guaranteed profit* | guaranteed returns | double your * | passive income
    make money online | earn money online | earn money from home | work from home | financial freedom
    per day from home | recovery expert | recover* your lost | recover lost | lost funds | spell caster | love spell
    essay writing | write my essay | essay service | assignment help | homework help service | thesis writing
    dissertation help | do my homework for | buy followers | buy likes | buy instagram | instagram followers
    buy backlink* | backlink* | guest post service | seo service* | seo expert* | rank your website | website traffic
    cheap jerseys | replica watch* | replica bags | designer replica | free gift card* | gift card generator
    free robux | free v bucks | robux generator | free iphone | you have won | you won a | claim your prize | claim now
    limited offer | limited time offer | act now | order now | buy now | click here | click the link | visit our website
    visit my website | check my profile | check my bio | best price* | lowest price* | free shipping | discount code
    escort* | call girls | hot singles | sexy girls | webcam girls | porn | xxx video* | onlyfans | adult dating
    dating site | sports betting | betting tips | betting site* | slot online | slot gacor | judi online | togel
    online casino* | poker online | bonus code | free spins | no deposit bonus | iptv subscription | cracked software
    license key cheap | airdrop | wallet connect | seed phrase | whatsapp hack* | hire a hacker | hacking service*
    fake passport | fake documents | buy driving licen* | counterfeit | buy weed | buy cocaine | vape shop | cbd oil
    kredit ohne schufa | geld verdienen | schnell geld | préstamo* rápido* | ganar dinero | gagner de l'argent
    """.replace("\n", "|").split("|")
)


class Seen(NamedTuple):
    """What a text has. `hosts` are those of its links that are not usual, each as often as it is linked."""

    links: int = 0
    hosts: tuple[tuple[str, int], ...] = ()
    dubious: tuple[str, ...] = ()
    sales: tuple[str, ...] = ()
    contact: str = ""
    shouts: bool = False
    marks: bool = False


def seen(body: str, html: str, own_hosts: Iterable[str] = ()) -> Seen:
    """Looks at a text and the HTML that it became. Links to `own_hosts` do not count."""
    own = frozenset(own_hosts)
    linked = [_host(found) for found in _LINK.findall(html)] if "<a " in html else []
    counted = [host for host in linked if not _under(host, own)]
    hosts = Counter(host for host in counted if not _under(host, USUAL))
    contact = _CONTACT.search(body) if _REACHABLE.search(body) else None
    return Seen(
        links=len(counted),
        hosts=tuple(hosts.most_common(10)),
        dubious=tuple(host for host in hosts if _is_dubious(host)),
        sales=tuple(SALES.found(body)),
        contact=contact[0].strip()[:60] if contact else "",
        shouts=_shouts(body),
        marks=not body.isascii() and bool(_PILED.search(body) or _MIXED.search(body)),
    )


def _host(authority: str) -> str:
    host = authority.rpartition("@")[2].lower()
    return host.partition(":")[0].removeprefix("www.") if not host.startswith("[") else host


def _under(host: str, known: frozenset[str]) -> bool:
    """Whether a host is one of these, or inside one."""
    while host:
        if host in known:
            return True
        host = host.partition(".")[2]
    return False


def _is_dubious(host: str) -> bool:
    ending = host.rpartition(".")[2]
    return host in HIDING or ending in CHEAP or ending.isdigit() or host.startswith("[")


def _shouts(body: str) -> bool:
    """Whether most of it is capitals, where its script has them. Code does not count."""
    if not _CAPITALS.search(body):
        return False
    plain = _CODE.sub("", body[:READ])
    capitals, small = sum(map(str.isupper, plain)), sum(map(str.islower, plain))
    return capitals + small >= ENOUGH_TO_SHOUT and capitals > SHOUTED * (capitals + small)


def likeness(body: str) -> str:
    """What is the same for all texts that look alike: without case, spaces, punctuation and long numbers."""
    text = _LONG_NUMBER.sub("", body[:READ])
    return "".join(in_letters(text)) if text.isascii() else skeleton.__wrapped__(text)


def digest(text: str) -> int:
    """A number for what is the same, as the database keeps it."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True)


@lru_cache(maxsize=500)
def hosts_of(origins: tuple[str, ...]) -> frozenset[str]:
    """The hosts of addresses such as `https://class.example:8080`."""
    return frozenset(_host(origin.partition("://")[2]) for origin in origins)
