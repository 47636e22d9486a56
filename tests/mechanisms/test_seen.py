"""Three of the mechanisms, switched off as `scripts/mechanisms` does it with all: so that the tool itself works."""

import pytest

from tests.mechanisms.mechanism import Off
from tests.mechanisms.switching import copied, looked_at, switched
from tests.mechanisms.table import MECHANISMS
from tests.server import ROOT

QUICK = {
    "tests/store/test_writer.py::test_a_unit_that_fails_after_it_wrote_leaves_nothing",
    "tests/store/test_follower.py::test_what_is_committed_while_it_looks_is_seen_by_the_next_look",
    "tests/store/test_turn.py::test_two_processes_take_turns",
}


@pytest.mark.slow
def test_tests_fail_without_what_they_are_for_and_then_all_is_as_it_was() -> None:
    with copied() as copy:
        for one in MECHANISMS:
            if tests := tuple(test for test in one.seen_by if test in QUICK):
                for seen in looked_at(one._replace(seen_by=tests), copy):
                    assert seen.failed, seen
                for place in one.off:
                    assert (copy / place.file).read_text() == (ROOT / place.file).read_text()
        whole = MECHANISMS[0]._replace(off=(), seen_by=(min(QUICK),))
        assert [(seen.failed, seen.said) for seen in looked_at(whole, copy)] == [(False, "it passed")]


@pytest.mark.check
@pytest.mark.parametrize("text", ["", "on on"])
def test_what_is_not_there_just_once_cannot_be_replaced(text: str) -> None:
    with pytest.raises(ValueError, match="not once"):
        switched(Off("file", "on", "off"), text)
