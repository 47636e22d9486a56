"""model/talk/markdown.py: what becomes of what people write. (That it is harmless: tests/api/test_bad_input.py.)"""

import os
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.talk import markdown
from model.talk.markdown import rendered
from model.talk.notation import Known
from pottle import text

TRIED = 1_000 if os.environ.get("TEST_ALL") == "1" else 200  # texts
LINK = 'rel="nofollow ugc noopener noreferrer"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Hello", "<p>Hello</p>"),
        ("**bold** *thin* ~~wrong~~ `x < 1`", None),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("one\n\ntwo", "<p>one</p>\n<p>two</p>"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. a", '<ol start="3">\n<li>a</li>\n</ol>'),
        ("```python\nx = y\n```", '<pre><code class="language-python">x = y\n</code></pre>'),
        ("[here](https://a.example)", f'<p><a href="https://a.example" {LINK}>here</a></p>'),
        ("https://a.example", f'<p><a href="https://a.example" {LINK}>https://a.example</a></p>'),
        ("<b>raw</b>", "<p>&lt;b&gt;raw&lt;/b&gt;</p>"),
        ("a & b < c", "<p>a &amp; b &lt; c</p>"),
        ("---", "<hr>"),
    ],
)
def test_it_works(text: str, html: str | None) -> None:
    made = rendered(text)
    if html is None:
        assert "<strong>bold</strong> <em>thin</em>" in made
        assert "wrong</s>" in made or "wrong</del>" in made
        assert "<code>x &lt; 1</code>" in made
    else:
        assert made == html


def test_a_table_is_a_table() -> None:
    made = rendered("|a|b|\n|-|-|\n|1|2|")
    for part in ("<table>", "<th>a</th>", "<td>2</td>"):
        assert part in made


def test_no_image_is_loaded_from_another_host() -> None:
    assert "<img" not in rendered("![a cat](https://cats.example/cat.png)")


def test_nothing_comes_of_nothing() -> None:
    assert rendered(" \n ") == ""


@pytest.mark.parametrize(
    "typed",
    [
        "[Reminder]: homework",
        "[^]: Note",
        "[x]: https://a.example 'title'\n\n[x]",
        "[a]: b\n[c]: d",
        "> [Monday]: maths\n> [Tuesday]: art",
        "- [x]: done",
        "[सोमवार]: गणित",
    ],
)
def test_what_is_typed_is_seen(typed: str) -> None:
    """A definition of a link would be shown nowhere."""
    seen = text.TAG.sub("", rendered(typed))
    for word in re.findall(r"\w+", typed):
        assert word in seen


@pytest.mark.parametrize(
    "typed",
    [
        *("Edit main.py, then README.md", "I am done.So we go", "requirements.in and a.co", "x = os.path.join(a.b)"),
        *(
            "version 1.2.3.4",
            "school.example/page",
            "//a.example/x",
            "ftp://a.example",
            "javascript:alert",
            "localhost:80",
        ),
        *("awww.a.com", "www.", "www..com", "www.a", "@here", "a@b", "main.py@2", "file:///etc/passwd"),
    ],
)
def test_words_with_dots_are_no_links(typed: str) -> None:
    assert "<a" not in rendered(typed)


@pytest.mark.parametrize(
    ("typed", "href"),
    [
        ("see http://a.example/x?y=1#z.", "http://a.example/x?y=1#z"),
        ("HTTPS://a.example", "HTTPS://a.example"),
        ("(https://a.example)", "https://a.example"),
        ("http://localhost:8080/x", "http://localhost:8080/x"),
        ("www.a.example/page, he said", "http://www.a.example/page"),
        ("Look: www.school.example:8080", "http://www.school.example:8080"),
        ("www.m\u00fcnchen.example", "http://www.xn--mnchen-3ya.example"),
        ("*www.a.com*", "http://www.a.com"),
        ("ask x.y@a.com please", "mailto:x.y@a.com"),
        ("mailto:x@a.example", "mailto:x@a.example"),
        ("[a page](page.html)", "page.html"),
        ("<https://a.example/b>", "https://a.example/b"),
    ],
)
def test_addresses_are_links(typed: str, href: str) -> None:
    assert re.findall('href="([^"]*)"', rendered(typed)) == [href]


def test_any_character_is_rendered() -> None:
    for typed in ("\U0001f600", "\u202e", "\x01\x08\x7f", "\ufffe\uffff", "e\u0301", "\r\r\n", "www.a.com://b"):
        assert isinstance(rendered(typed), str)


PIECES = [
    *"aW1Ü .,;?!'()%-#&<\n",
    "*b*",
    "_b_",
    "`b`",
    "~~b~~",
    "  ",
    "e.g.",
    "www.a.com",
    "a.com",
    "x@a.com",
    "http://a.com",
]


@given(st.from_regex(markdown._PLAIN, fullmatch=True) | st.lists(st.sampled_from(PIECES)).map("".join))
@settings(max_examples=TRIED)
def test_a_plain_line_is_what_the_parser_would_make_of_it(text: str) -> None:
    """Let `*`, `_`, `<` or a line break into the expression, and this finds a text that shows it."""
    assert rendered(text) == markdown._clean(text)


@pytest.mark.parametrize("text", ["See example.com. Or", "1. one", "a  \nb", "www.a.example", "x@y.example", "a -\n-"])
def test_what_only_looks_plain_is_left_to_the_parser(text: str) -> None:
    assert not markdown._PLAIN.fullmatch(text)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("https://a.example/_next_/*x*", ["https://a.example/_next_/*x"]),
        ("*https://a.example/b*", ["https://a.example/b"]),
        ("HTTP://a.example and https://b.example.", ["HTTP://a.example", "https://b.example"]),
        ("[here](https://a.example) https://b.example", ["here", "https://b.example"]),
        ("xhttp://a.example", []),
        ("http://[", []),
        ("https://a.example/" + "b" * 2_000, ["https://a.example/" + "b" * 2_000]),
    ],
)
def test_an_address_links_itself(text: str, links: list[str]) -> None:
    assert re.findall("<a [^>]*>([^<]*)</a>", rendered(text)) == links


UNITS = [
    *("http://[", "https://[a", "<http://[", "[a](http://[", "http://a-", "http://-", "http://a/(", "http://a.co/["),
    *("http://a.b/{", "http://[::1]", "http://a.co:1", "http://[ ", "//a.co ", "ftp://["),
    *("mailto:[", "www.a.co/(", "a@b.", "a.co ", "a@b.co ", "\u00fc.de ", "\u0300", "\U0001f600", "\x01", "\r"),
    *("[[[[", "![", "[x][", "[a](", "[a\n", "[a]: b\n", "[^1]", "****", "*a_", "**a", "~~a", "`", "`a``", "``` "),
    *(">>>>", "> - ", "- a\n", "1. ", "  - a\n", "* - + ", "||\n|-|\n", "|a\n", "<a ", "<!--", "<![CDATA["),
    *("[^a]: [^b]\n", "[^a]:\n", "- [x] a\n", "@aa ", "```py\n"),
    *("\t", "#", "===\n", "&#1;", "\\", '"', "&"),
]  # fmt: skip


def work(text: str) -> float:
    """Seconds of the processor's time that a text takes: the least of three, whatever else the machine does."""

    def once() -> float:
        begun = time.process_time()
        rendered(text)
        return time.process_time() - begun

    return min(once() for _ in range(3))


@pytest.fixture(scope="module")
def ordinary() -> float:
    """The work of a text with some markup, as long as a post may be."""
    return work(("some words *and* others\n\n" * 1_000)[:10_000])


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_takes_much_longer_than_another(unit: str, ordinary: float) -> None:
    """What grows with the square, or tries every way, takes 30 times as long and more."""
    assert work((unit * 10_000)[:10_000]) < 15 * ordinary


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_becomes_much_more(unit: str) -> None:
    assert len(rendered((unit * 10_000)[:10_000]).encode()) <= 64 * 1024


def test_what_would_become_too_much_is_shown_as_it_was_typed() -> None:
    assert rendered("**a** http://a.b &\n" * 700) == "<p>" + "<br>".join(["**a** http://a.b &amp;"] * 700) + "</p>"
    assert rendered("**a** http://a.b &\n").startswith("<p><strong>a</strong> <a ")


@pytest.mark.parametrize(
    ("columns", "rows", "is_one"), [(3, 300, True), (30, 30, True), (30, 40, False), (300, 10, False)]
)
def test_a_table_whose_rows_leave_out_too_many_cells_is_none(columns: int, rows: int, is_one: bool) -> None:
    table = "|" + "a|" * columns + "\n|" + "-|" * columns + "\n" + "|b|\n" * rows
    assert ("<table>" in rendered(table + "\nThe end")) is is_one


@pytest.mark.parametrize(
    ("typed", "html"),
    [
        ("- [ ] a\n- [X] *b*", '<ul>\n<li class="task">\u2610 a</li>\n<li class="task">\u2611 <em>b</em></li>\n</ul>'),
        ("- [y] a\n- [ ]", "<ul>\n<li>[y] a</li>\n<li>[ ]</li>\n</ul>"),
        ("[ ] a", "<p>[ ] a</p>"),
        ("a[^x] b[^y]", "<p>a[^x] b[^y]</p>"),
        (
            "b[^2] a[^1] b[^2]\n[^1]: one\ntwo [^3]\n\n[^2]: *c*\n[^3]: d\n[^4]: e",
            "<p>b<sup>1</sup> a<sup>2</sup> b<sup>1</sup></p>\n"
            '<ol class="footnotes"><li><em>c</em></li><li>one<br>\ntwo <sup>3</sup></li><li>d</li><li>e</li></ol>',
        ),
        ("[^1]: a\n[^1]: b", '<p><sup>1</sup>: b</p>\n<ol class="footnotes"><li>a</li></ol>'),
        ("> [^1]: a\n\n[^1]:", "<blockquote>\n<p>[^1]: a</p>\n</blockquote>\n<p>[^1]:</p>"),
        (
            "```py\nif f(1): # <b>\n```",
            '<pre><code class="language-py"><b>if</b> <span class="name">f</span>(<span class="number">1</span>): '
            "<i># &lt;b&gt;</i>\n</code></pre>",
        ),
        ("```\nif\n```", "<pre><code>if\n</code></pre>"),
        ('``` <"\nif\n```', '<pre><code class="language-&lt;&quot;">if\n</code></pre>'),
    ],
)
def test_tasks_footnotes_and_code(typed: str, html: str) -> None:
    """Numbered as the text refers to them, and nothing that is typed is lost."""
    assert rendered(typed) == html


def test_code_that_would_become_too_much_has_no_colours() -> None:
    code = "a(1)\n" * 1_900
    assert rendered(f"```js\n{code}```") == f'<pre><code class="language-js">{code}</code></pre>'


def test_a_mention_marks_only_whom_it_may() -> None:
    people = {"ada": "Ada", "a.b": "a.b"}
    marked = rendered("@ada, @A.B. x@ada @ada@x `@ada` [@ada](x) @bob *@ada*", Known(people))
    assert markdown.mentioned(marked) == {"Ada", "a.b"}
    assert marked.count("<bdi") == 3
    assert markdown.names_in("@ada @bob @ada @eve", 3) == ["ada", "bob"]
