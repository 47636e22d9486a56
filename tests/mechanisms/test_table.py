"""The table is as the code is: what switches a mechanism off is still there, and so are its tests."""

import ast
import re
from functools import cache

import pytest

from tests.mechanisms.mechanism import Mechanism
from tests.mechanisms.switching import switched, verdict
from tests.mechanisms.table import MECHANISMS
from tests.server import ROOT

pytestmark = pytest.mark.check

PAGE = (ROOT / "docs" / "reliability.md").read_text()
REPORT = '<testsuites><testsuite><testcase name="test_it">{}</testcase></testsuite></testsuites>'


@cache
def functions(file: str) -> set[str]:
    found = ast.walk(ast.parse((ROOT / file).read_text()))
    return {one.name for one in found if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=[f"{one.promise} {one.what}" for one in MECHANISMS])
def test_it_can_be_switched_off_and_its_tests_are_there(mechanism: Mechanism) -> None:
    texts = {place.file: (ROOT / place.file).read_text() for place in mechanism.off}
    for place in mechanism.off:
        texts[place.file] = switched(place, texts[place.file])
    for text in texts.values():
        ast.parse(text)
    assert mechanism.seen_by
    for test in mechanism.seen_by:
        file, _, function = test.partition("::")
        assert function.partition("[")[0] in functions(file), test


def test_the_page_names_all() -> None:
    assert [one.what for one in MECHANISMS if f"| {one.promise} | {one.what} |" not in PAGE] == []


@pytest.mark.parametrize("promise", [f"L{n}" for n in range(1, 10)])
def test_each_test_that_the_page_names_for_a_promise_is_seen_to_fail(promise: str) -> None:
    found = re.search(rf"^\| {promise} \| [^|]+ \| [^|]+ \| (.+) \|$", PAGE, re.MULTILINE)
    assert found
    seen = {test.partition("::")[0] for one in MECHANISMS if promise in one.promise for test in one.seen_by}
    assert {*re.findall(r"`(tests/[^`]+)`", found[1])} <= seen


@pytest.mark.parametrize(
    ("report", "failed"),
    [
        ('<failure message="AssertionError: assert 1 == 2" />', True),
        ("<failure message=\"NameError: name 'reads' is not defined\" />", False),
        ('<error message="failed on setup with &quot;AssertionError&quot;" />', False),
        ("<skipped />", False),
        ("", False),
    ],
)
def test_a_test_has_to_fail_in_its_body_and_for_the_reason(report: str, failed: bool) -> None:
    assert verdict(REPORT.format(report), "AssertionError")[0] == failed
