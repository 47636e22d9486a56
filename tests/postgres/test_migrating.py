"""A migration beside hosts that serve: nobody waits for long, and they go on with the old code."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from pottle.store import clusters, migrations, postgres
from tests import databases
from tests.faults.reaching import on_each_worker
from tests.live.meeting import Meeting
from tests.postgres.cluster import Cluster
from tests.server import PATIENCE

pytestmark = pytest.mark.slow

LONG = 5  # seconds; a migration has others wait for half a one
WAITS = "SELECT 1 FROM pg_locks WHERE relation = 'posts'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted"
WRITTEN = '''"""One more column."""

import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = "{newest}"


def upgrade() -> None:
    op.add_column("posts", sa.Column("more", sa.String(10), nullable=True))


def downgrade() -> None:
    op.drop_column("posts", "more")
'''


async def test_a_long_transaction_holds_up_the_migration_and_nobody_else(
    cluster: Cluster,
    meeting: Meeting,
    versions: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Fails without its lock_timeout: then whoever reads a post waits behind it."""
    newest = migrations.newest_revision() or ""
    number = f"{int(newest) + 1:04d}"
    (versions / f"{number}_more.py").write_text(WRITTEN.format(number=number, newest=newest))
    monkeypatch.setattr(postgres, "AGAIN_SECONDS", 0.3)
    channel = await meeting.channel()
    clients = [*(await on_each_worker(meeting, "alice")).values()]

    async def served(body: str) -> None:
        for client in clients:
            begun = time.monotonic()
            made = await client.post(f"/api/channels/{channel}/posts", json={"body": body})
            shown = await client.get(f"/api/channels/{channel}/posts")
            assert (made.status_code, shown.json()["posts"][0]["body"]) == (201, body), made.text
            assert time.monotonic() - begun < LONG

    with databases.connected(cluster.url) as reader:
        reader.execute("SET application_name = 'report'; BEGIN; SELECT count(*) FROM posts")
        migrating = asyncio.create_task(asyncio.to_thread(clusters.migrate, cluster.url))
        async with asyncio.timeout(PATIENCE):
            while not cluster.ask(WAITS):
                await asyncio.sleep(0.02)
        await served("meanwhile")
        assert not migrating.done()
        reader.execute("COMMIT")
    assert await migrating == [f"{number}_more.py"]
    assert "report (process" in caplog.text
    assert cluster.ask("SELECT DISTINCT more FROM posts") == [(None,)]
    await served("with the old code")


async def test_an_old_host_goes_on_though_its_new_workers_cannot_start(cluster: Cluster, meeting: Meeting) -> None:
    """The database is newer than the code. Fails where gunicorn ends when one worker cannot start."""
    serving = await on_each_worker(meeting, "alice")
    cluster.ask("UPDATE alembic_version SET version_num = '9999'")
    os.kill(ended := next(iter(serving)), signal.SIGKILL)
    async with asyncio.timeout(PATIENCE):
        while meeting.server.output().count("the database is newer than the code") < 2:
            await asyncio.sleep(0.1)
    for worker, client in serving.items():
        assert worker == ended or (await client.get("/api/channels/1/posts")).status_code == 200
    cluster.ask("UPDATE alembic_version SET version_num = %s", migrations.newest_revision())
    assert len(await on_each_worker(meeting, "alice")) == 3
