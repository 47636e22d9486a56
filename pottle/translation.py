"""Texts for people, in their language (gettext).

Code says what it has to say in English: `_("There is no such page.")`. That is an ordinary str, which knows what it was
made of; it is translated where somebody is answered, in their language (pottle/http/languages.py). Catalogues are
`translations/LANGUAGE/LC_MESSAGES/messages.po` of the application, as Babel and Flask-Babel have them. Without any,
everything is English, and costs nothing.
"""

import io
import logging
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from babel.messages import Catalog

log = logging.getLogger("pottle")

SOURCE = "en"  # the language of what code says
CATALOGUE = "LC_MESSAGES/messages.po"
MOST_ASKED = 20  # languages of one Accept-Language that are looked at

_files: dict[str, Path] = {}  # the catalogues, by the tags of their languages (BCP 47)


class Text(str):
    """An English text that can be had in other languages. Values stand in it as `%(name)s`; a `%` is written `%%`."""

    __slots__ = ("_context", "_message", "_plural", "_values")
    _message: str
    _plural: str
    _context: str
    _values: dict[str, Any]

    def __new__(cls, message: str, plural: str = "", context: str = "", **values: Any) -> Self:
        """With a `plural`, that is taken unless the value `num` is 1."""
        chosen = plural if plural and values["num"] != 1 else message
        made = super().__new__(cls, chosen % values)
        made._message, made._plural, made._context, made._values = message, plural, context, values
        return made

    def __reduce__(self) -> Any:
        return str, (str(self),)

    def translated(self, language: str) -> str:
        """It in that language. A value that is such a text is translated too."""
        if language == SOURCE:
            return str.__str__(self)
        values = {name: translated(value, language) for name, value in self._values.items()}
        return found(language, self._message, self._plural, self._context, values.get("num")) % values


def _(message: str, **values: Any) -> Text:
    """A text: `_("%(name)s is taken", name=name)`."""
    return Text(message, **values)


def ngettext(message: str, plural: str, num: int, **values: Any) -> Text:
    """A text with a number: `ngettext("%(num)s post", "%(num)s posts", count)`."""
    return Text(message, plural, num=num, **values)


def pgettext(context: str, message: str, **values: Any) -> Text:
    """A text that needs to be told apart from one that is the same in English: `pgettext("button", "Post")`."""
    return Text(message, context=context, **values)


def translated(value: Any, language: str) -> Any:
    """A text in that language, as a plain str; so are the texts in a list or dict. Anything else stays as it is."""
    if isinstance(value, Text):
        return value.translated(language)
    if isinstance(value, list):
        return [translated(part, language) for part in value]
    if isinstance(value, dict):
        return {name: translated(part, language) for name, part in value.items()}
    return value


def found(language: str, message: str, plural: str = "", context: str = "", num: int | None = None) -> str:
    """What the catalogue of a language has for a message, without its values; what it lacks stays English."""
    catalogue = catalogue_of(language)
    if not message:  # of which gettext makes the catalogue's head
        return ""
    if plural:
        return catalogue.ngettext(message, plural, int(num or 0))
    return catalogue.pgettext(context, message) if context else catalogue.gettext(message)


def find(folder: Path) -> None:
    """Looks for catalogues."""
    _files.clear()
    _files.update({file.parents[1].name.replace("_", "-"): file for file in sorted(folder.glob(f"*/{CATALOGUE}"))})
    for function in (languages, catalogue_of, of_scripts, negotiated, supported):
        function.cache_clear()


def files() -> tuple[Path, ...]:
    """The catalogues."""
    return tuple(_files.values())


@cache
def languages() -> tuple[str, ...]:
    """The languages that texts can be had in, English first, as tags such as `zh-Hans`."""
    return SOURCE, *(tag for tag in _files if tag != SOURCE)


@cache
def called(language: str) -> str:
    """What a language is called by those who speak it: `Deutsch`."""
    if language == SOURCE:
        return "English"
    from babel import Locale

    name = Locale.parse(language, sep="-").display_name or language
    return name[0].upper() + name[1:]


@cache
def catalogue_of(language: str) -> NullTranslations:
    """The catalogue of a language, read when it is first needed. One that cannot be read counts as empty."""
    if language not in _files:
        return NullTranslations()
    try:
        return _read(_files[language], language)
    except Exception:
        log.exception("The catalogue %s cannot be read; its texts are shown in English.", _files[language])
        return NullTranslations()


def _read(file: Path, language: str) -> GNUTranslations:
    from babel.messages.mofile import write_mo

    compiled = io.BytesIO()
    write_mo(compiled, _parsed(file, language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def _parsed(file: Path, language: str) -> "Catalog":
    from babel.messages.pofile import read_po

    with file.open("rb") as lines:
        return read_po(lines, locale=language.replace("-", "_"))


@cache
def of_scripts(language: str) -> tuple[dict[str, str | list[str]], str]:
    """What scripts say, in that language, by message; of a text with a number all forms. And the rule which to take."""
    catalogue_of(language)  # which logs what is wrong with it
    try:
        catalogue = _parsed(_files[language], language)
    except Exception:
        return {}, "n != 1"
    said: dict[str, str | list[str]] = {}
    for entry in catalogue:
        by_script = any(name.endswith(".js") for name, _line in entry.locations)
        if entry.id and entry.string and by_script and not entry.fuzzy and not entry.context:
            message = entry.id if isinstance(entry.id, str) else entry.id[0]
            said[message] = entry.string if isinstance(entry.string, str) else list(entry.string)
    return said, str(catalogue.plural_expr)


@cache
def direction(language: str) -> str:
    """How a language is written, for HTML's `dir`: `ltr`, or `rtl`."""
    if language == SOURCE:
        return "ltr"
    from babel import Locale

    return str(Locale.parse(language, sep="-").text_direction)


@lru_cache(maxsize=1_000)
def negotiated(accepted: str) -> str:
    """The language to answer an Accept-Language header in (RFC 9110, 12.5.4; RFC 4647, Lookup); else English."""
    asked: list[tuple[float, str]] = []
    for part in accepted.split(",")[:MOST_ASKED]:
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        if quality > 0:
            asked.append((quality, tag.strip()))
    in_order = [tag for _, tag in sorted(asked, key=lambda one: -one[0])]
    return next(filter(None, map(supported, in_order)), SOURCE)


@lru_cache(maxsize=1_000)
def supported(tag: str) -> str | None:
    """The language of ours that a tag means: `de` for `de-CH`, `zh-Hans` for `zh-CN` and `zh`; None for none."""
    wanted = tag.replace("_", "-").lower()
    for ours in languages():
        if wanted == ours.lower() or wanted.startswith(f"{ours.lower()}-"):
            return ours
    alike = [ours for ours in languages() if ours.partition("-")[0].lower() == wanted.partition("-")[0]]
    return next((ours for ours in alike if _script(wanted) == _script(ours)), None)


def _script(tag: str) -> str | None:
    """How a language is written there: `Hans` in `zh` and `zh-SG`, `Hant` in `zh-TW`."""
    from babel import Locale, UnknownLocaleError
    from babel.core import get_global

    try:
        locale = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return None
    names = (f"{locale.language}_{locale.territory}" if locale.territory else "", locale.language)
    likely = next((full for name in names if (full := get_global("likely_subtags").get(name))), "")
    return locale.script or (Locale.parse(likely).script if likely else None)
