"""The checker against real systems: one that keeps its word, and one that cannot."""

import pytest

from conformance.adapters.pocketbase import PocketBase, binary
from conformance.adapters.pottle import Pottle
from conformance.adapters.protocol import NotInstalled, System
from conformance.adapters.quart_chat import QuartChat
from conformance.checker import check
from conformance.history import Subscribed
from conformance.load import Load
from conformance.report import explained
from conformance.verdict import Verdict
from conformance.workload import run
from tests.conftest import cannot_run

SHORT = Load(seconds=5, writes=600)
pytestmark = pytest.mark.slow


async def judged(system: System, load: Load = SHORT) -> dict[str, Verdict]:
    return {verdict.kind: verdict for verdict in check(await run(system, load))}


async def test_pottle_keeps_its_word() -> None:
    history = await run(Pottle(), SHORT)
    verdicts = check(history)
    assert not explained("pottle", verdicts)
    assert all(verdict.offered and verdict.checked for verdict in verdicts)
    checked = {verdict.kind: verdict.checked for verdict in verdicts}
    assert checked["reordered"] > 200
    assert checked["lost"] > 100
    assert checked["stale read"] > 100
    assert len({event.worker for event in history if isinstance(event, Subscribed)}) == 3


async def test_a_chat_with_a_broker_in_each_process_loses_messages() -> None:
    verdicts = await judged(QuartChat())
    assert len(verdicts["lost"].anomalies) > verdicts["lost"].checked / 10
    assert not verdicts["phantom"].anomalies
    assert not verdicts["doubled"].anomalies
    assert not verdicts["silent gap"].offered


async def test_pocketbase_can_be_driven() -> None:
    try:
        binary()
    except NotInstalled as missing:
        cannot_run(str(missing))
    verdicts = await judged(PocketBase())
    assert verdicts["lost"].checked > 100
    assert verdicts["stale read"].checked > 100
    assert not verdicts["phantom"].anomalies
