"""Every text that people read is in the catalogues, in pages, scripts and refusals; and what is in them is right."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from pottle import translation
from pottle.http.minifying import minified_js
from tests.server import ROOT
from translations import texts

pytestmark = pytest.mark.check

HOW = "Write it as _('…'), or ngettext('%(num)s post', '%(num)s posts', count): docs/languages.md."

# Names, signs and examples, which are the same in every language; and what is for programmers, which is English.
ALIKE = {"API", "UTC", "Markdown", "Ctrl", "Enter", "Escape", "Atom", "JSON", "CSV", "Python"}
ALIKE |= {"Files", "Ada Lovelace", "Alan Turing", "class-4b"}
BASE = (ROOT / "templates/base.html").read_text()
ALIKE |= {*re.findall(r"\{% block title %\}([^{]+)\{%", BASE)}  # what pages call the project
FOR_PROGRAMMERS = ("templates/docs.html", "templates/feed.xml", "static/docs.js", "static/pottle/")
WORD = re.compile(r"[^\W\d_]{2,}")
SEEN = ("aria-label", "title", "placeholder", "alt")
TRANSLATED = ("_", "gettext", "ngettext", "pgettext")
REFUSALS = {"NotFound", "Forbidden", "Conflict", "Unauthenticated", "Stale", "Overloaded", "StorageFull", "Invalid"}
REFUSALS |= {"SessionNeeded", "ConfirmationNeeded", "BadRequest", "UnsupportedMediaType", "RequestEntityTooLarge"}
# Commands for operators, and endpoints whose clients know what they say.
COMMANDS = ("api/commands/", "api/flask/", "model/flask/", "model/operating/", "pottle/store/copies.py")
COMMANDS += ("pottle/store/clusters.py", "pottle/store/copying.py", "pottle/store/locks.py", "pottle/store/sqlite.py")


def told(text: str) -> bool:
    """Whether there are words in a text that somebody could translate."""
    text = re.sub(r"https?://\S+|&#?\w+;", " ", text)
    for known in sorted(ALIKE, key=len, reverse=True):
        text = text.replace(known, " ")
    return bool(WORD.search(text))


# templates

MACHINES = re.compile(r"<(script|style|code|kbd)\b.*?</\1>|<!--.*?-->|<!doctype[^>]*>", re.DOTALL | re.IGNORECASE)
ATTRIBUTE = re.compile(rf"\b(?:{'|'.join(SEEN)})=\"([^\"]*)\"")
BARE = re.compile(r"[a-z-]+=\"[^\"]*\"")  # an attribute that a macro gives
TAGS = re.compile(r"<[^<>]*>", re.DOTALL)
SPECIAL = re.compile(
    r"\{#.*?#\}|\{% block (?:code|style) %\}.*?\{% endblock %\}|\{%-?\s*trans\b.*?\{%-?\s*endtrans\s*-?%\}"
    r"|\{%.*?%\}|\{\{.*?\}\}",
    re.DOTALL,
)


def outside_of_template(source: str) -> Iterator[str]:
    """The words in a template that no language has."""
    plain = MACHINES.sub("", SPECIAL.sub("", source))
    yield from filter(told, ATTRIBUTE.findall(plain))
    yield from filter(told, (BARE.sub("", part).strip() for part in TAGS.split(plain)))
    yield from filter(told, consts(source))


def consts(source: str) -> Iterator[str]:
    """The strings in a template's expressions that look like a sentence or a label, and that no function translates."""
    tree = Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse(source)
    called = [node for node in tree.find_all(nodes.Call) if isinstance(node.node, nodes.Name)]
    known = {id(pair.key) for pair in tree.find_all(nodes.Pair)}
    known |= {id(const) for node in called if node.node.name in TRANSLATED for const in node.find_all(nodes.Const)}
    for const in tree.find_all(nodes.Const):
        if id(const) not in known and isinstance(const.value, str) and looks_said(const.value):
            yield const.value


def looks_said(text: str) -> bool:
    """Whether a string is for people: a capitalised word, or several words in a row."""
    return bool(re.fullmatch(r"[A-Z][a-z]+[.!?…]?", text) or re.search(r"[A-Za-z’]{2,},? [a-z’]{2,}", text))


# scripts

CALLED = re.compile(r"\b(?:_|ngettext)\((?:'(?:[^'\\]|\\.)*',? ?){1,2}")
STRING = re.compile(r"'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`")
SAID = re.compile(r"^[A-Z][a-z]+([ .!?…,:]|$)|[A-Za-z’]{2,},? [a-z’]+,? [a-z’]{2,}")
TECHNICAL = re.compile(r"[\[\]<>=#/]|^use |:host|^[\w-]+\.[\w-]+$|\.[a-z-]+[ ,:]|[ ,]\.[a-z]")
THROWN = re.compile(r"(?:console\.\w+|TypeError)\([^;]*?\);|console\.\w+\((?:'[^']*'|`[^`]*`)[^)]*\)")


def outside_of_script(source: str) -> Iterator[str]:
    """The strings in a script that look as if people read them, and that no function translates."""
    code = CALLED.sub("(", THROWN.sub("", minified_js(source)))
    for found in STRING.finditer(code):
        said = re.sub(r"\$\{.*?\}", "x", found[1] or found[2] or "")
        if SAID.search(said) and not TECHNICAL.search(said) and told(said):
            yield found[0]


# refusals


def outside_of_module(source: str) -> Iterator[str]:
    """What refusals say in English only, and texts that cannot be found for they are made up on the way."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in ("_", "ngettext", "pgettext"):
            literal = all(isinstance(one, ast.Constant) for one in node.args[: 1 if name == "_" else 2])
            if not literal and isinstance(node.func, ast.Name):
                yield f"line {node.lineno}: a text cannot be made of parts: {ast.unparse(node)}"
        elif name in REFUSALS and node.args:
            said = node.args[0]
            values = said.values if isinstance(said, ast.Dict) else [said]
            yield from (f"line {node.lineno}: {ast.unparse(one)}" for one in values if is_plain(one))


def is_plain(node: ast.expr) -> bool:
    """Whether it is a string, and not a text."""
    return (isinstance(node, ast.Constant) and isinstance(node.value, str)) or isinstance(node, ast.JoinedStr)


def everywhere(
    files: list[Path], but: tuple[str, ...], outside: Callable[[str], Iterator[str]]
) -> Iterator[tuple[str, str]]:
    """What is outside the catalogues, and in which file."""
    for file in files:
        name = str(file.relative_to(ROOT))
        if not name.startswith(but):
            yield from ((name, said) for said in outside(file.read_text()))


def test_templates() -> None:
    files = [file for file in sorted((ROOT / "templates").rglob("*")) if file.is_file()]
    assert not [*everywhere(files, FOR_PROGRAMMERS, outside_of_template)], HOW


def test_scripts() -> None:
    files = sorted((ROOT / "static").rglob("*.js"))
    assert not [*everywhere(files, FOR_PROGRAMMERS, outside_of_script)], HOW


def test_refusals() -> None:
    files = [file for folder in ("api", "model", "pottle") for file in sorted((ROOT / folder).rglob("*.py"))]
    assert not [*everywhere(files, COMMANDS, outside_of_module)], HOW


def test_the_search_finds_what_it_should() -> None:
    """A text of each kind that is not wrapped is found, and one that is wrapped is not."""
    page = "<p>Hello there</p><p>{{ _('Hello') }}</p><input placeholder=\"Your name\">{{ field('uid', 'User name') }}"
    assert [*outside_of_template(page)] == ["Your name", "Hello there", "User name"]
    script = "const a = _('All good here'); say('Not so good'); say(`Hello ${name} there`); find('.a .b, form p');\n"
    assert [*outside_of_script(script)] == ["'Not so good'", "`Hello ${name} there`"]
    code = 'raise NotFound("There is none.")\nraise NotFound(_("None."))\nraise Invalid({"a": f"is {b}"})\n_(f"{a}")\n'
    assert len([*outside_of_module(code)]) == 3


def test_what_is_translated_is_right() -> None:
    """Each translation has the values and tags of the English, and all forms that its language has for numbers."""
    for name, file in texts.catalogues().items():
        assert not [*texts.wrong(texts.read(name, file))], f"translations/{name}"


def test_values_are_put_in(tmp_path: Path) -> None:
    """In English and in another language; what a catalogue lacks is English."""
    file = tmp_path / "de" / translation.CATALOGUE
    file.parent.mkdir(parents=True)
    file.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\nPlural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
        'msgid "%(a)s by %(b)s"\nmsgstr "von %(b)s: %(a)s"\n\nmsgid "a post"\nmsgstr "ein Beitrag"\n\n'
        'msgid "%(num)s post"\nmsgid_plural "%(num)s posts"\n'
        'msgstr[0] "%(num)s Beitrag"\nmsgstr[1] "%(num)s Beiträge"\n'
    )
    before = translation.files()
    translation.find(tmp_path)
    try:
        said = translation._("%(a)s by %(b)s", a=translation._("a post"), b="100 %")
        assert (said, said.translated("de")) == ("a post by 100 %", "von 100 %: ein Beitrag")
        counts = [translation.ngettext("%(num)s post", "%(num)s posts", count) for count in (0, 1, 2)]
        assert [count.translated("de") for count in counts] == ["0 Beiträge", "1 Beitrag", "2 Beiträge"]
        assert translation._("Not there").translated("de") == "Not there"
        assert translation.translated([{"a": said}], "de") == [{"a": "von 100 %: ein Beitrag"}]
    finally:
        translation.find(ROOT / "translations")
    assert translation.files() == before


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        *(("", "en"), ("*", "en"), ("de", "de"), ("DE-at", "de"), ("fr;q=0, de;q=0.1", "de"), ("xx, de;q=0.2", "de")),
        *(("zh", "zh-Hans"), ("zh-CN", "zh-Hans"), ("zh-Hans-SG", "zh-Hans"), ("zh-TW", "en"), ("zh-Hant, de", "de")),
        *(("en-GB, de", "en"), ("de;q=nonsense, ar", "ar"), (";;,,=", "en"), ("ar-EG,ar;q=0.9", "ar")),
    ],
)
def test_a_browser_gets_the_language_that_it_likes_best(accepted: str, spoken: str, tmp_path: Path) -> None:
    for name in ("ar", "de", "zh_Hans"):
        (tmp_path / name / "LC_MESSAGES").mkdir(parents=True)
        (tmp_path / name / translation.CATALOGUE).touch()
    translation.find(tmp_path)
    try:
        assert translation.negotiated(accepted) == spoken
    finally:
        translation.find(ROOT / "translations")
