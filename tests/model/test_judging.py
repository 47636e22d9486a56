"""model/talk/judging: what speaks against a text, and how that is said."""

import time
from typing import get_args

import pytest

from model.talk.judging import verdict, words
from model.talk.judging.judge import Copies, History, Rules, judged, refused
from model.talk.judging.text import digest, likeness, seen
from model.talk.judging.verdict import Code, Reason, Verdict
from model.talk.judging.words import Words
from model.talk.markdown import rendered

OLD = History(approved=3)


def codes(body: str, history: History = OLD, copies: Copies | None = None, **rules: object) -> set[str]:
    found = seen(body, rendered(body), own_hosts={"school.example"})
    return {one.code for one in judged(body, found, history, Rules(**rules), copies or Copies()).reasons}  # type: ignore[arg-type]


def test_every_reason_can_be_said() -> None:
    reasons = tuple(Reason(code, number / 10, "7") for number, code in enumerate(get_args(Code)))
    said = verdict.in_words(reasons)
    assert len({*said}) == len(reasons)
    assert said[0] == verdict.in_words(reasons[-1:])[0], "what weighs most comes first"


def test_a_text_waits_from_a_score_of_one() -> None:
    assert not Verdict().holds
    assert not Verdict((Reason("new", 0.4), Reason("links", 0.5))).holds
    assert Verdict((Reason("new", 0.5), Reason("links", 0.5))).holds


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("Thanks!", set()),
        ("Look at https://de.wikipedia.org/wiki/Zelle and https://school.example/a", set()),
        ("My page: https://ada.example/", {"link"}),
        ("http://a.example http://b.example http://c.example http://d.example", {"links"}),
        ("http://a.example/1 http://a.example/2 http://a.example/3", {"link", "host"}),
        ("See https://bit.ly/3xYz", {"link", "dubious"}),
        ("Win at http://lucky.top", {"link", "dubious"}),
        ("Best CASINO bonus, click here", {"sales"}),
        ("Best c.a.s.i.n.o and \u0441\u0430sino in town", {"sales", "marks"}),
        ("Write me on WhatsApp: +49 171 1234567", {"contact"}),
        ("t.me/quickprofit", {"contact"}),
        ("We have a class group on WhatsApp.", set()),
        ("THIS IS SO UNFAIR AND I HATE IT", {"shouting"}),
        ("OK! NASA and UNESCO", set()),
        ("```\nSELECT NAME, AGE FROM PUPILS WHERE AGE > 12;\n```\nWhy does this fail?", set()),
        ("Z\u0315\u0329\u032d\u0347a\u0323\u0349\u0353\u034dlgo", {"marks"}),
        ("Привет, как дела? Это задача про алгоритм.", set()),
    ],
)
def test_what_a_text_shows(body: str, found: set[str]) -> None:
    assert codes(body) == found


def test_what_is_known_of_the_writer_counts() -> None:
    assert codes("Hello", History()) == {"new"}
    assert codes("Hello", History(guest=True)) == {"guest"}
    assert codes("Hello", History(approved=3, removed=2, week=6)) == {"removed"}
    assert codes("Hello", History(approved=3, removed=2, week=7)) == set()
    assert codes("Hello", History(approved=3, removed=1, week=1)) == set(), "one removal is no habit"
    assert codes("Hello", History(approved=1), hold_first=2) == {"new", "first"}
    assert codes("Hello", History(approved=3, watched=True), judging=False) == {"watched"}


def test_copies_count() -> None:
    assert codes("Hello", copies=Copies(own=1, letters=40)) == {"copy"}
    assert codes("Hello", copies=Copies(others=2, letters=40)) == {"copies"}
    assert codes("Hello", copies=Copies(others=1, letters=40)) == set(), "a class of thirty says the same by chance"
    assert codes("Hello", copies=Copies(removed=1, others=1)) == {"removed-copy"}


def test_what_looks_alike_is_the_same_text() -> None:
    text = "Buy the best watches in town, now for less!"
    alike = "buy the BEST watches in town - now for less", "Buy the b\u0435st w\u0430tches in t\u043ewn, now for less!"
    for other in alike:
        assert digest(likeness(other)) == digest(likeness(text))
    assert likeness(text + " code 88123") == likeness(text + " code 99814")
    assert likeness(text) != likeness("Another text, which says something else.")


class TestWords:
    @pytest.mark.parametrize(
        ("entry", "has", "has_not"),
        [
            ("ass", "What an ASS.", "We pass the class in Grassau"),
            ("casin*", "casinos", "occasin"),
            ("*coin", "shitcoin", "coincidence"),
            ("*punk*", "steampunks", "spun k"),
            ("buy * now", "Buy this now!", "buy it tomorrow, now"),
            ("idiot", "You 1d10t", "idiotic"),
            ("idiot", "\u0456d\u0456\u043et", "studio"),
            ("idiot", "i d i o t", "I did it"),
            ("caf\u00e9", "CAFE\u0301", "caffeine"),
            ("\u8d4c\u535a", "\u5728\u7ebf\u8d4c\u535a\u7f51\u7ad9", "\u535a\u5ba2"),
            ("don't", "Don\u2019t", "donated"),
        ],
    )
    def test_whole_words_are_found_however_they_are_written(self, entry: str, has: str, has_not: str) -> None:
        assert Words([entry]).found(has) == [entry]
        assert Words([entry]).found(has_not) == []

    def test_a_thousand_words_are_found_in_no_time(self) -> None:
        forms = "{}", "{}*", "*{}", "{} and more"
        entries = [form.format(f"word{number}") for number in range(250) for form in forms]
        list_of_words, text = Words(entries), "An ordinary sentence of ordinary words. " * 250
        list_of_words.found(text)
        begun = time.process_time()
        assert list_of_words.found(text) == []
        assert time.process_time() - begun < 0.1

    def test_an_entry_needs_letters(self) -> None:
        assert words.letters("*a*") == 1
        assert Words(["*", "!!", ""]).found("anything * !!") == []

    def test_a_word_that_nobody_may_post(self) -> None:
        assert refused("You moron", Rules(refuse_words=("moron",))) == "moron"
        assert refused("More on that", Rules(refuse_words=("moron",))) is None
