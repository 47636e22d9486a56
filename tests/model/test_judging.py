"""model/talk/judging: what speaks against a text, and how that is said."""

from typing import get_args

from model.talk.judging import verdict
from model.talk.judging.verdict import Code, Reason, Verdict


def test_every_reason_can_be_said() -> None:
    reasons = tuple(Reason(code, number / 10, "7") for number, code in enumerate(get_args(Code)))
    said = verdict.in_words(reasons)
    assert len({*said}) == len(reasons)
    assert said[0] == verdict.in_words(reasons[-1:])[0], "what weighs most comes first"


def test_a_text_waits_from_a_score_of_one() -> None:
    assert not Verdict().holds
    assert not Verdict((Reason("new", 0.4), Reason("links", 0.5))).holds
    assert Verdict((Reason("new", 0.5), Reason("links", 0.5))).holds
