"""What every template, example and snippet keeps: its forms, and the direction of what people write."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple

import pytest

from tests.server import ROOT

pytestmark = pytest.mark.check

JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
SNIPPET = re.compile(r"^```html\n(.*?)^```", re.DOTALL | re.MULTILINE)
SERVED_WITHOUT_SCRIPTS = ROOT / "examples" / "flask-blog"  # whose routes take what its forms send
# What people have written, as our templates and scripts name it.
PEOPLES = re.compile(r"(?<!self)\.(?:name|guest|title|group_name|html|body)\b|\['(?:name|title|body)'\]")
FIELDS = ("input", "textarea", "select")
NOT_TEXT = ("radio", "checkbox", "date", "password", "number", "range", "file", "hidden", "submit")


class Element(NamedTuple):
    """A start tag, its attributes, and the tag of the form it stands in, if any."""

    tag: str
    attributes: dict[str, str | None]
    form: dict[str, str | None] | None
    line: int


class Elements(HTMLParser):
    """The elements of a page, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Element] = []
        self._form: dict[str, str | None] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._form = given if tag == "form" else self._form
        self.found.append(Element(tag, given, self._form, self.getpos()[0]))

    def handle_endtag(self, tag: str) -> None:
        self._form = None if tag == "form" else self._form


def sources() -> Iterator[tuple[str, bool, str]]:
    """Where there is HTML of ours: its name, whether its forms wait for a script, and the text."""
    for folder in ("templates", "examples"):
        for file in sorted((ROOT / folder).rglob("*.html")):
            yield str(file.relative_to(ROOT)), SERVED_WITHOUT_SCRIPTS not in file.parents, file.read_text()
    for file in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for snippet in SNIPPET.findall(file.read_text()):
            yield str(file.relative_to(ROOT)), True, snippet


def elements() -> Iterator[tuple[str, bool, Element]]:
    for name, waits, text in sources():
        for element in Elements(JINJA.sub(lambda found: re.sub(r"[^\n]", "", found[0]), text)).found:
            yield f"{name}, line {element.line}", waits, element


def is_sending(element: Element) -> bool:
    """Whether a click on it sends its form."""
    kind = element.attributes.get("type")
    return (
        kind in (None, "submit") if element.tag == "button" else element.tag == "input" and kind in ("submit", "image")
    )


def test_no_form_can_put_what_is_typed_into_an_address() -> None:
    """Without a method, a form whose script has not come yet would be `?uid=…&password=…`.

    What is looked for may be in one, so that it can be kept and sent.
    """
    forms = [(where, element) for where, _, element in elements() if element.tag == "form"]
    assert len(forms) > 20
    for where, element in forms:
        method, searches = element.attributes.get("method"), element.attributes.get("role") == "search"
        if method == "get" and not searches:
            typed = [field for _, _, field in elements() if field.form == element.attributes and field.tag in FIELDS]
            assert typed == [], where
        else:
            assert method == "post" or (method == "get" and searches), where


def test_a_form_waits_for_its_script() -> None:
    """Its button is disabled, so that Enter does not send it either (HTML, implicit submission).

    One with an `action` waits for none: the server takes what it sends (tests/api/test_forms.py).
    """
    buttons = [
        (where, element)
        for where, waits, element in elements()
        if waits and element.form and element.form.get("method") == "post" and "action" not in element.form
        if is_sending(element)
    ]
    assert len(buttons) > 15
    for where, element in buttons:
        assert "disabled" in element.attributes, where


def test_no_script_writes_a_form() -> None:
    """Forms are in templates, where the two tests above find them."""
    for file in (ROOT / "static").glob("*.js"):
        assert not re.search(r"<form|createElement\(.form", file.read_text()), file.name


def test_nothing_that_is_pasted_is_cut() -> None:
    """`maxlength` cuts without a word, and counts an emoji twice; static/forms.js counts `data-limit` as we do."""
    for where, _, element in elements():
        assert "maxlength" not in element.attributes, where


def test_what_is_typed_has_its_own_direction() -> None:
    fields = [
        (where, element)
        for where, _, element in elements()
        if element.tag == "textarea" or (element.tag == "input" and element.attributes.get("type") not in NOT_TEXT)
    ]
    assert len(fields) > 15
    for where, element in fields:
        assert element.attributes.get("dir") == "auto", where


def test_what_people_wrote_has_its_own_direction() -> None:
    """Wherever a template shows somebody's text, the tag around it is `dir="auto"` or `<bdi>`."""
    shown = 0
    for name, _, text in sources():
        if name == "templates/docs.html" or name.startswith("examples/embed/"):  # of themselves
            continue
        for found in re.finditer(r"<(\w+)([^<>]*)>\s*(?:\{%[^%]*%\})?\{\{([^}]*)\}\}", text):
            tag, attributes, said = found.groups()
            if PEOPLES.search(said) and tag != "title":
                shown += 1
                assert tag == "bdi" or 'dir="auto"' in attributes, f"{name}: {found[0]}"
    assert shown > 8


def test_the_walk_sees_what_it_should() -> None:
    """A form of each forbidden kind is found."""
    bad = Elements('<form>\n<input maxlength="3"><button>Go</button></form><button type="button">No</button>').found
    assert [element.tag for element in bad if is_sending(element)] == ["button"]
    assert bad[0].attributes.get("method") is None
    assert bad[1].form is not None
    assert bad[-1].form is None
