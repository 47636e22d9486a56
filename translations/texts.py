"""The texts of this project: finds them in code, templates and scripts, and keeps the catalogues of all languages.

scripts/texts              brings every catalogue up to date: with what is new, not translated yet, without what is gone
scripts/texts LANGUAGE     begins one, such as `nl` or `pt_BR`
scripts/texts --check      says what is missing or wrong in them, and changes nothing
"""

import argparse
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "translations"
# Where texts are, and who finds them.
SOURCES = {"api/**/*.py": "python", "model/**/*.py": "python", "pottle/**/*.py": "python"} | {
    "templates/**/*.html": babel_extract,
    "templates/**/*.xml": babel_extract,
    "static/**/*.js": "javascript",
}
FUNCTIONS = {"_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
OPTIONS = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false", "parse_template_string": "false"}
NOTE = "Translators:"  # what a comment for them begins with
VALUE = re.compile(r"%\((\w+)\)s|%%")
TAG = re.compile(r"</?\w[^>]*>")
WIDTH = 120


def wanted() -> Catalog:
    """Every text that there is, with the files that it is in."""
    catalogue = Catalog()
    for pattern, method in SOURCES.items():
        for file in sorted(ROOT.glob(pattern)):
            with file.open("rb") as source:
                for _line, message, comments, context in extract(method, source, FUNCTIONS, [NOTE], OPTIONS):
                    place = (str(file.relative_to(ROOT)), 1)
                    catalogue.add(message, None, [place], auto_comments=comments, context=context)
    return catalogue


def catalogues() -> dict[str, Path]:
    """The catalogues that there are, by the names of their folders."""
    return {file.parents[1].name: file for file in sorted(FOLDER.glob("*/LC_MESSAGES/messages.po"))}


def read(name: str, file: Path) -> Catalog:
    """A catalogue."""
    with file.open("rb") as lines:
        return read_po(lines, locale=name)


def written(catalogue: Catalog, template: Catalog) -> bytes:
    """A catalogue as a file, with what `template` has: in order, so that two who add texts seldom meet."""
    fresh = Catalog(locale=catalogue.locale, header_comment="# Begun by scripts/texts, which keeps it up to date.")
    for message in template:
        if message.id:
            known = catalogue.get(message.id, message.context)
            said = known.string if known and not known.fuzzy else None
            fresh.add(message.id, said, message.locations, auto_comments=message.auto_comments, context=message.context)
    out = io.BytesIO()
    write_po(out, fresh, width=WIDTH, sort_output=True, include_lineno=False, omit_header=True)
    head = (
        f"# Texts in {catalogue.locale.english_name}. scripts/texts keeps this file; docs/languages.md says how.\n"
        f'msgid ""\nmsgstr ""\n"Language: {catalogue.locale}\\n"\n"MIME-Version: 1.0\\n"\n'
        f'"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    )
    return head.encode() + out.getvalue().lstrip(b"\n")


def update(name: str, file: Path, template: Catalog) -> None:
    """Brings a catalogue up to date, or begins it."""
    known = read(name, file) if file.exists() else Catalog(locale=name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(written(known, template))


def missing(catalogue: Catalog, template: Catalog) -> Iterator[str]:
    """The texts that have no translation."""
    for message in template:
        known = catalogue.get(message.id, message.context) if message.id else None
        if message.id and (known is None or known.fuzzy or not _whole(known)):
            yield _shown(message)


def _whole(message: Message) -> bool:
    return bool(message.string) and all(message.string)


def wrong(catalogue: Catalog) -> Iterator[str]:
    """What is wrong in a catalogue, each as a sentence."""
    for message in catalogue:
        if message.id and any(message.string):
            for said in _problems(message, catalogue.num_plurals):
                yield f"“{_shown(message)}”: {said}"


def _problems(message: Message, forms: int) -> Iterator[str]:
    said = [message.string] if isinstance(message.string, str) else list(message.string)
    ids = [message.id] if isinstance(message.id, str) else list(message.id)
    if len(ids) > 1 and (len(said) != forms or not all(said)):
        yield f"it needs {forms} forms, one for each kind of number"
    for text in filter(None, said):
        values, known = set(VALUE.findall(text)), set(VALUE.findall(ids[-1]))
        if values - known or (len(ids) == 1 and known - values):
            yield f"its values are {sorted(known)}, and not {sorted(values)}, in “{text}”"
        if VALUE.sub("", text).count("%"):
            yield f"a per cent sign is written twice, in “{text}”"
        if sorted(TAG.findall(text)) != sorted(TAG.findall(ids[0])):
            yield f"it needs the same tags as the English, in “{text}”"
        if re.search(r'[<>"]', TAG.sub("", text)):
            yield f"it would break a page: use other quotation marks, in “{text}”"
        if text.strip() != text or "\n" in text:
            yield f"it begins or ends with a space, or has more than one line: “{text}”"


def _shown(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="scripts/texts", description="Keeps the texts of all languages.")
    parser.add_argument("language", nargs="?", help="which to begin, such as nl or pt_BR")
    parser.add_argument("--check", action="store_true", help="change nothing; say what is missing or wrong")
    asked = parser.parse_args()
    found, template = catalogues(), wanted()
    if asked.check:
        sys.exit(_told(found, template))
    if asked.language:
        try:
            locale = Locale.parse(asked.language, sep="-" if "-" in asked.language else "_")
        except (ValueError, UnknownLocaleError):
            parser.error(f"{asked.language} is no language that is known here; it looks like nl, pt_BR or zh_Hant.")
        found[str(locale)] = FOLDER / str(locale) / "LC_MESSAGES/messages.po"
    for name, file in found.items():
        update(name, file, template)
        left = len([*missing(read(name, file), template)])
        print(f"{name}: {len(template)} texts, {left} without a translation ({file.relative_to(ROOT)})")


def _told(found: dict[str, Path], template: Catalog) -> int:
    bad = 0
    for name, file in found.items():
        catalogue = read(name, file)
        problems = [f"no translation of “{text}”" for text in missing(catalogue, template)] + [*wrong(catalogue)]
        for said in problems:
            print(f"{name}: {said}", file=sys.stderr)
        bad += len(problems)
    print(f"{len(template)} texts, {len(found)} languages besides English, {bad} problems")
    return int(bad > 0)


if __name__ == "__main__":
    main()
