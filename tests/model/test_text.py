"""pottle/text.py: what of a text can be seen, and what may stand in a name."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pottle import text

NAMES = [
    *("Ms. Rivera", "O'Neil", "O’Neil", "Jean-Baptiste Dupont", "Nguyễn Văn Đức", "İbrahim Çağlı", "Øystein Åsen"),
    *("محمد علي", "می\u200cخواهم", "שָׁלוֹם כהן", "श्री", "क्\u200dष", "क्\u200cष", "ക്\u200d രാജന്\u200d", "র\u200d্যা"),
    *("山田 太郎", "김 철수", "สมชาย", "ශ්\u200dරී", "Анна", "Ελένη", "C++", "+1", "100%", "🎉 Party", "?"),
    *("👨‍👩‍👧‍👦", "👩🏽‍🚀 Mae", "❤️‍🔥", "🏳️‍🌈", "🙂‍↔️", "🏴󠁧󠁢󠁳󠁣󠁴󠁿 Iona", "\U0001fae8", "1️⃣"),
]
UNSEEN = [
    *(
        "",
        " ",
        "\t",
        "\u00a0",
        "\u200b",
        "\u3164",
        "\u2800",
        "\u115f",
        "\u1160",
        "\uffa0",
        "\u00ad",
        "\ufeff",
        "\u2060",
    ),
    *("\u202e", "\u200f", "\u2066\u2069", "\u034f", "\ufe0f", "\U000e0041", "\U000e0101", "\u180e", "\u200d", "\u061c"),
    *("\u200b \u3164\u2800", "\ufffc", "\U0001d159", "\u0301"),
]
REFUSED = [
    "a\nb",
    "a\rb",
    "a\tb",
    "a\x1b[31mb",
    "a\x00b",
    "a\x7fb",
    "a\x85b",
    "a\u2028b",
    "a\u2029b",
    "a\ue000b",
    "a\uffffb",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_stay_as_they_are(name: str) -> None:
    composed = unicodedata.normalize("NFC", name)
    assert text.line(name) == composed
    assert text.made_one_line(name) == composed
    assert text.line(unicodedata.normalize("NFD", name)) == composed
    assert text.visible(name)


@pytest.mark.parametrize("unseen", UNSEEN)
def test_what_shows_nothing_is_nothing(unseen: str) -> None:
    assert text.line(unseen) == ""
    assert text.made_one_line(unseen) == ""
    assert not text.visible(unseen)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (" alba ", "alba"),
        ("\u3000\u200b alba\u00a0\ufeff\t", "alba"),
        ("a\u200bl\u00adb\u2060a", "alba"),
        ("\u202ealba\u202c", "alba"),
        ("Ada  \u00a0 Lovelace", "Ada Lovelace"),
        ("al\u200dba", "alba"),
        ("山\u200d田", "山田"),
        ("👩\u200d", "👩"),
        ("می\u200c", "می"),
        ("می\u200c\u200c\u200cخواهم", "می\u200cخواهم"),
        ("x\U000e0067\U000e007f", "x"),
        ("e\u0301", "é"),
    ],
)
def test_what_cannot_be_seen_is_taken_out(sent: str, kept: str) -> None:
    assert text.line(sent) == kept


@pytest.mark.parametrize("wrong", [*REFUSED, "a\ud800b"], ids=ascii)
def test_what_is_no_line_is_refused_or_made_one(wrong: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        text.line(wrong)
    assert text.made_one_line(wrong).replace("[31m", "") in ("a b", "a b".replace(" ", "  "))


@given(st.text())
def test_a_line_is_one_and_stays_so(anything: str) -> None:
    made = text.made_one_line(anything)
    assert text.line(made) == made
    assert len(made.splitlines()) <= 1
    assert made == made.strip()
    assert (made == "") == (not text.visible(made))
    assert text.printable(made).isprintable() or not made.isascii()


@pytest.mark.parametrize(
    "letter", ["\x1b", "\n", "\t", "\r", "\x00", "\x9b", "\u202e", "\u2028", "\u200b", "\U000e0041"]
)
def test_what_moves_a_terminal_is_written_out(letter: str) -> None:
    shown = text.printable(f"a{letter}b")
    assert letter not in shown
    assert shown.startswith("a\\")
    assert shown.endswith("b")


@pytest.mark.parametrize("name", NAMES)
def test_names_are_printed_as_they_are(name: str) -> None:
    assert text.printable(name) == name or "\U000e0067" in name


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>a</p>", True),
        ("<p>&lt;</p>", True),
        ("<p>&nbsp;&#8203;</p>", False),
        ('<p><a href="x" title="a &gt; b > c"></a></p>', False),
        ("<hr>", False),
        ('<pre><code class="language-secret"></code></pre>', False),
        ("<p>🎉</p>", True),
    ],
)
def test_html_shows_something_or_nothing(html: str, shown: bool) -> None:
    assert text.shows(html) is shown
