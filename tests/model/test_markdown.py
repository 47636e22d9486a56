"""model/markdown.py: what becomes of what people write. (That it is harmless: tests/api/test_bad_input.py.)"""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model import markdown, text
from model.markdown import rendered

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
        ("```python\nx = 1\n```", '<pre><code class="language-python">x = 1\n</code></pre>'),
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
        "[^1]: Note",
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
@settings(max_examples=2_000)
def test_a_plain_line_is_what_the_parser_would_make_of_it(text: str) -> None:
    """Let `*`, `_`, `<` or a line break into the expression, and this finds a text that shows it."""
    assert rendered(text) == markdown._cleaner.clean(markdown._parser.render(text)).strip()


@pytest.mark.parametrize("text", ["See example.com. Or", "1. one", "a  \nb", "www.a.example", "x@y.example", "a -\n-"])
def test_what_only_looks_plain_is_left_to_the_parser(text: str) -> None:
    assert not markdown._PLAIN.fullmatch(text)
