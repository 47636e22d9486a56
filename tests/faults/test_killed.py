"""L1 to L4, L6 and L7 while processes are killed (kill -9) under load.

The load is the conformance checker's, in `conformance/workload.py`: two authors in three send idempotency keys and try
again, one does neither; subscribers resume; readers read; people lose their right to read. It decides from what they
were told alone: what was acknowledged is there and was delivered, once; what was not answered, at most once.
"""

import random
from itertools import count

import pytest

from conformance.adapters.pottle import Pottle
from conformance.adapters.protocol import System
from conformance.checker import check
from conformance.load import Load
from conformance.nemesis import Nemesis, kill_a_worker, kill_everything_and_restart
from conformance.report import explained
from conformance.workload import run
from tests.faults.histories import resumed, summary
from tests.lasting import SECONDS, SEED

pytestmark = pytest.mark.slow

TRIED = {"lost", "doubled", "reordered", "phantom", "silent gap", "stale read", "vanished"}


def killing() -> Nemesis:
    """Kills one worker; the third time, and every tenth from then on, everything at once."""
    numbers = count(1)

    async def kill(system: System, rng: random.Random) -> str:
        nemesis = kill_everything_and_restart if next(numbers) % 10 == 3 else kill_a_worker
        return await nemesis(system, rng)

    return kill


async def test_what_was_acknowledged_outlives_every_process() -> None:
    """About every second kill -9 of a worker, or of everything.

    Fails (silent gap, lost, vanished) when the writer answers before it commits. The database is looked at only through
    its lists; what the loss of power does is in test_power_loss.py.
    """
    load = Load(seconds=SECONDS, writes=int(200 * SECONDS), seed=SEED, between_faults=1)
    history = await run(Pottle(), load, killing())
    verdicts = check(history)
    assert not explained("pottle", verdicts)
    assert {verdict.kind for verdict in verdicts if verdict.checked} >= TRIED
    assert all(resumed(history))
    print(summary(history))
