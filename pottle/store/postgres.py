"""PostgreSQL beneath the database: for several machines, or where there is one already (`POTTLE_DATABASE_URL`).

One advisory lock is the turn of all who write, on all machines: it is a batch's first statement, so that seqs are drawn
in the order of commits. A holder that stands still loses it after HELD_SECONDS, and its batch is rolled back.

Reading happens in threads and beside the event loop, each read in one state of the database. Before a kept answer is
served, one question asks for the head of the log; all requests that arrived before it was sent share it. Other machines
are told by a NOTIFY in each batch that wrote; where one is lost, somebody asks within POLL_SECONDS anyway.

A database that is not the one that was last seen (a restored dump, a standby that was promoted) has a new epoch: see
`history`.
"""

import asyncio
import hashlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, closing, contextmanager, suppress
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar
from weakref import WeakSet

import psycopg
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from sqlalchemy import AsyncAdaptedQueuePool, Connection, Engine, QueuePool, create_engine, event, func, select
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from pottle.errors import Overloaded, Refusal, StorageFull
from pottle.settings import Settings
from pottle.store import changes, migrations, tables
from pottle.store.engines import Usage, session_over
from pottle.store.files import Away, WrongDatabase, make_durably, unwritable
from pottle.store.follower import Follower, Listener, News
from pottle.store.instance import Instance, Moved, fact, identify, newest
from pottle.store.locks import Turn, impatient
from pottle.store.statements import POSTGRESQL, Snapshot
from pottle.store.unit import Tx
from pottle.translation import _

log = logging.getLogger("pottle")

T = TypeVar("T")

CHANNEL = "pottle"
TURN = int.from_bytes(b"pottle")  # the advisory lock of whoever writes
SERVED = TURN + 1  # shared by all processes that serve
MIGRATING = TURN + 2  # whoever migrates
HELD_SECONDS = 5  # that whoever has the turn may stand still
PATIENCE = 10  # seconds that one waits for the turn, for a session, or to learn what became of a commit
LONGEST = 30  # seconds that a question may take
READERS = 4  # threads of a worker, each with a connection, for hot reads
SESSIONS = 4  # ordinary reads at once in one worker
POLL_SECONDS = 0.5  # until somebody asks for the head without being told to
RETRY_SECONDS = 0.5  # between two tries to connect
OLDEST = 14  # version of PostgreSQL
STANDBY = "a standby, which takes no writes: name the primary, or all hosts with target_session_attrs=read-write"

# A machine that has gone without a word is noticed after seconds, not after hours, by either end: it may hold locks.
# What this machine does, a URL may say otherwise.
CONNECTION = {"connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 2, "tcp_user_timeout": 10_000}
NOTICE_THE_END = """
    SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;
    SET tcp_user_timeout = 10000
"""
BEGIN = f"BEGIN; SELECT pg_advisory_xact_lock({TURN}); SELECT pg_current_xact_id()::text"
COMMIT = "COMMIT"
GO_ON = "SELECT setval(pg_get_serial_sequence('changes', 'seq'), %s)"  # of it an older version draws
TELL = f"NOTIFY {CHANNEL}"
LOCK_MS = 500  # that a migration waits for a table, and all who read it behind it; a deadlock is looked for after 1 s
AGAIN_SECONDS = 3  # until it tries again
# A migration takes its time, and a person may be asked.
UNHURRIED = "SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0"
# All of a page is read, though by a cursor.
SET_UP_SESSION = f"SET statement_timeout = '{LONGEST}s'; SET cursor_tuple_fraction = 1"
SIZE = select(func.pg_database_size(func.current_database()).label("bytes"))
BROKEN_OFF = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
BECAME = "SELECT pg_xact_status(%s::text::xid8)"
WORKERS = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (classid::bigint << 32 | objid::bigint) = %s
"""
LONGEST_OPEN = """
    SELECT extract(epoch FROM clock_timestamp() - since)::float8, who FROM (
        SELECT xact_start AS since, coalesce(nullif(application_name, ''), usename) || ' (process ' || pid || ')' AS who
        FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
        UNION ALL
        SELECT prepared, 'the prepared transaction ' || gid FROM pg_prepared_xacts WHERE database = current_database()
    ) AS transactions WHERE since IS NOT NULL ORDER BY since LIMIT 1
"""
HEAD = "SELECT coalesce(max(seq), 0), (SELECT value FROM instance WHERE name = 'epoch') FROM changes"
# Of a restored dump the table is another one, of another cluster its identifier, and a standby that was promoted, or a
# recovery to a point in time, begins a timeline (the first eight digits of a file of the write-ahead log).
HISTORY = """
    SELECT (SELECT system_identifier FROM pg_control_system())::text
        || ' ' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
        || ' ' || 'changes'::regclass::oid
"""


class Postgres:
    """One PostgreSQL database, by its URL."""

    at_once = False  # reads are awaited
    full = False
    instance: Instance

    def __init__(self, settings: Settings, listeners: tuple[Listener, ...], serving: bool, look: Callable[[], None]):
        """Opens it. `look` is called in the event loop when there may be something new.

        Raises files.WrongDatabase, having changed nothing, for a database that this code cannot serve.
        """
        self._conninfo: dict[str, Any] = {**CONNECTION, **conninfo_to_dict(settings.database_url)}
        self._folder = settings.instance
        self.first_of_start = False
        self._serving = serving
        try:
            make_durably(settings.instance)
            self._noted = Turn(settings.instance / "postgres-seen")  # what this machine has seen of it
        except OSError as error:
            raise unwritable(settings.instance, error) from error
        self._loop = asyncio.get_running_loop()
        self._threads = threading.local()
        self._executor = ThreadPoolExecutor(READERS, "reader")
        self._owned: set[Any] = set()  # the threads' connections
        self._open: WeakSet[Any] = WeakSet()  # those of sessions
        self.usage = {"reads": Usage(READERS), "sessions": Usage(SESSIONS)}
        self._xid, self._writing = "", 0  # of the newest batch: its number, and PostgreSQL's process
        self._engine = self._write_engine()
        try:
            with explaining():
                self._migrate(settings.development)
                self._engine.dispose()  # the next connection knows which history it is of
                event.listen(self._engine, "connect", self._verify)
                with self._engine.connect():
                    pass
                with closing(self._opened("look")) as raw, Snapshot(raw) as read:
                    self.follower = Follower(read, listeners)
        except BaseException:
            self._engine.dispose()
            self._noted.close()
            raise
        self._line = Line(self._connected, partial(self._told, look))
        self._epoch = self.instance.epoch  # of which the follower's head is
        self._look = Look(self._line, self.follower, self._prepare, self._changed)
        self._reading = self._read_engine()

    def _migrate(self, development: bool) -> None:
        said = "Waiting to start: another process migrates, or writes to, the database of POTTLE_DATABASE_URL."
        with self._engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            check(raw)
            raw.execute(UNHURRIED)
            with impatient(said) as at_last:
                giving_way(connection, partial(migrations.bring, folder=self._folder), at_last)
            if development:
                from pottle.store.migrations import writing  # and with it Alembic, which takes 0.3 s

                with connection.begin():
                    writing.follow_models(connection)
            with connection.begin():
                waiting = migrations.pending(connection)
        if waiting:
            log.warning(
                "Not applied, for they wait for you: %s. quart --app main db upgrade applies them.", ", ".join(waiting)
            )

    async def close(self) -> None:
        """Once nothing is written any more."""
        await self._look.close()
        await self._line.close()
        await self._end_sessions()
        await self._reading.dispose()
        await asyncio.to_thread(self._executor.shutdown)
        for raw in self._owned:
            raw.close()
        self._engine.dispose()
        self._noted.close()

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """In the writer's thread: with the turn, one transaction, which is durable when this ends well."""
        with self._begun() as connection, connection.get_transaction() as transaction:  # type: ignore[union-attr]
            raw: Any = connection.connection.driver_connection
            try:
                tx = Tx(connection)
                tx.head = newest(tx)
                yield tx
                self._commit(raw, tx)
            finally:
                if raw.closed:  # SQLAlchemy would ask over it again, even where the transaction was committed
                    connection.invalidate()
                    transaction.rollback()
        if tx.writings:
            self._noted.note(self.instance.epoch, tx.head)
            self._look.told = True  # the writer has somebody look

    def _begun(self) -> Connection:
        """The writer's connection, in a transaction with the turn; another one where PostgreSQL had ended it."""
        for again in (True, False):
            connection = self._engine.connect()
            raw: Any = connection.connection.driver_connection
            try:
                connection.begin()
            except BaseException as error:
                lost = raw.closed
                if lost:
                    connection.invalidate()
                connection.close()
                if not (lost and again and isinstance(error, psycopg.OperationalError)):
                    raise
            else:
                return connection
        raise AssertionError

    def _commit(self, raw: Any, tx: Tx) -> None:
        """Commits. Where the connection is lost meanwhile, the next one says what became of it: nothing runs twice."""
        if raw.info.transaction_status != TransactionStatus.INTRANS:
            raise RuntimeError("The transaction has failed, and nobody said so")
        try:
            if tx.writings:
                with raw.pipeline():  # one trip
                    tx.deliver()
                    raw.execute(GO_ON, (tx.head,))
                    raw.execute(TELL, prepare=False)
                    raw.execute(COMMIT, prepare=False)
            else:
                raw.execute(COMMIT)
        except psycopg.OperationalError:
            if not raw.closed or not self._was_committed(self._xid, tx.head, tx.now):
                raise

    def _was_committed(self, xid: str, head: int, now: str) -> bool:
        """Whether a transaction was, on the same history; False where nobody can say: then its callers are told 503.

        PostgreSQL gives numbers of transactions, and seqs, again that a crash undid: its own change must be there too.
        """
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with suppress(psycopg.OperationalError), closing(self._opened("writer")) as raw:
                if fact(Snapshot(raw), "history") != history(raw):
                    return False
                try:
                    (became,) = raw.execute(BECAME, (xid,)).fetchone()
                except psycopg.errors.InvalidParameterValue:  # no transaction has that number yet
                    return False
                if became != "in progress":
                    return became == "committed" and Snapshot(raw).one(changes.MADE, seq=head, created=now) is not None
            time.sleep(RETRY_SECONDS)
        return False

    def may_succeed_now(self, error: BaseException) -> bool:
        """Whether a batch that failed can be run again: where PostgreSQL broke it off, for another or for its delay."""
        return isinstance(cause_of(error), BROKEN_OFF)

    def explained(self, error: BaseException) -> BaseException:
        """The error as a unit's caller should see it: passing troubles as refusals."""
        return refusal(cause_of(error)) or error

    def snapshot(self) -> Snapshot:
        raise RuntimeError("On PostgreSQL a read is awaited: `await db.read(function, …)`.")

    async def read(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Returns `function(read, *args, **kwargs)`, from a thread. Raises Overloaded where it cannot be asked."""
        work = partial(copy_context().run, self._read, function, *args, **kwargs)
        with self.usage["reads"]:
            return await self._loop.run_in_executor(self._executor, work)

    def _read(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        for again in (True, False):
            raw = self._own()
            try:
                with Snapshot(raw) as read:
                    return function(read, *args, **kwargs)
            except psycopg.Error as error:
                if not (raw.closed and again):
                    raise reading_refused(error) or error from error
        raise AssertionError

    def _own(self) -> Any:
        """This thread's connection."""
        raw = getattr(self._threads, "raw", None)
        if raw is None or raw.closed:
            self._owned.discard(raw)
            try:
                raw = self._threads.raw = self._opened("reader")
            except psycopg.OperationalError as error:
                raise (refusal(error) or error) from error
            self._owned.add(raw)
        return raw

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """As db.session."""
        return session_over(self._reading, self.usage["sessions"], reading_refused)

    async def _end_sessions(self) -> None:
        """Has PostgreSQL end what is still being asked; who asks is told that it took too long."""
        until = time.monotonic() + PATIENCE
        while self.usage["sessions"].busy and time.monotonic() < until:
            for raw in [*self._open]:
                if raw.info.transaction_status == TransactionStatus.ACTIVE:
                    with suppress(psycopg.Error):
                        await raw.cancel_safe(timeout=PATIENCE)
            await asyncio.sleep(0.02)

    async def _session_connection(self) -> Any:
        raw = await self._connected("session", SET_UP_SESSION)
        self._open.add(raw)
        return raw

    async def caught_up(self) -> None:
        """Follows every change committed before this call. Raises Overloaded where the log cannot be read."""
        await asyncio.shield(self.catching_up())

    def catching_up(self) -> asyncio.Future[None]:
        """Done once every change committed before this call is followed. Do not cancel it: it is everybody's."""
        return self._look.next()

    @property
    def following(self) -> bool:
        """Whether changes were found that not everybody has followed yet."""
        return self._look.following

    async def trouble(self) -> str | None:
        """Why it can neither be read nor written at this moment; None where it can."""
        await self.caught_up()
        return None

    def only(self, name: str) -> "Only":
        """A lock that one process of all machines has: whoever runs the consumer of that name."""
        return Only(self._line, key_of(name))

    def warn(self) -> None:
        """Its disk is PostgreSQL's own matter."""

    async def workers(self) -> int:
        """How many processes of all machines serve."""
        (found,) = await self._line.ask(WORKERS, SERVED)
        return int(found)

    async def sizes(self) -> tuple[int, int, int]:
        """Bytes of the database, and free on this machine's disk; of PostgreSQL's own its tools tell."""
        return await self.read(_size), 0, shutil.disk_usage(self._folder).free

    def _opened(self, what: str) -> Any:
        raw = psycopg.connect(**{**self._conninfo, "application_name": f"pottle {what}"}, autocommit=True)
        try:
            raw.execute(NOTICE_THE_END)
        except BaseException:
            raw.close()
            raise
        return prepared(raw)

    async def _connected(self, what: str, set_up: str = "") -> Any:
        about = {**self._conninfo, "application_name": f"pottle {what}"}
        raw = await psycopg.AsyncConnection.connect(**about, autocommit=True)
        try:
            await raw.execute(f"{NOTICE_THE_END};{set_up}")
        except BaseException:  # nobody else knows it to close it
            await raw.close()
            raise
        return prepared(raw)

    def _write_engine(self) -> Engine:
        """The engine of the writer's thread: one connection, whose transactions begin with the turn."""
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: self._opened("writer"),
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            use_native_hstore=False,
            hide_parameters=True,
        )
        event.listen(engine, "connect", _set_up_writer)
        event.listen(engine, "begin", self._begin)
        tables.watch(engine)
        return engine

    def _begin(self, connection: Any) -> None:
        raw = connection.connection.driver_connection
        cursor = raw.execute(BEGIN)
        cursor.nextset()
        cursor.nextset()
        self._xid = cursor.fetchone()[0]
        self._writing = raw.info.backend_pid

    def _verify(self, raw: Any, _record: Any) -> None:
        """Each new connection of the writer's: that it is the history that this process knows, or what it is now."""
        with _turn(raw):
            tx = Snapshot(raw)
            known = hasattr(self, "follower")
            seen = (self._epoch, self.follower.head) if known else self._noted.noted()
            self.instance = identify(tx, seen, history(raw))
            self._noted.note(self.instance.epoch, changes.head(tx))
            if self._serving:
                alone = not known and raw.execute(f"SELECT pg_try_advisory_lock({SERVED})").fetchone()[0]
                raw.execute(f"SELECT pg_advisory_lock_shared({SERVED})")
                if alone:
                    self.first_of_start = True
                    raw.execute(f"SELECT pg_advisory_unlock({SERVED})")

    def _told(self, look: Callable[[], None], pid: int) -> None:
        """Somebody has committed: the process `pid` of PostgreSQL's."""
        if pid != self._writing:  # of its own commits the writer tells
            self._look.told = True
            look()

    async def _prepare(self) -> Any:
        """What is new, in one of the threads, for which `close` waits."""
        return await self.read(self._news)

    def _news(self, read: Snapshot) -> tuple[int, str, News | None]:
        """The head, the epoch, and what is new; None in another history."""
        head, epoch = read.raw.execute(HEAD).fetchone()
        same = epoch == self._epoch and head >= self.follower.head
        return head, epoch, self.follower.prepare(read) if same else None

    async def _changed(self, epoch: str, head: int) -> bool:
        """Whether it is another history by now; then it is this worker's, too, and everybody has forgotten the old."""
        if epoch == self._epoch and head >= self.follower.head:
            return False
        if epoch == self._epoch:  # nobody has noticed yet
            await asyncio.to_thread(self._notice)
        else:
            self.instance = self.instance._replace(epoch=epoch)
        self._epoch = self.instance.epoch
        self.follower.forget()
        self.follower.head = head
        return True

    def _notice(self) -> None:
        with closing(self._opened("look")) as raw:
            self._verify(raw, None)

    def _read_engine(self) -> Any:
        """The engine of ordinary async reads: each session is one state of the database."""
        engine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=self._session_connection,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=SESSIONS,
            max_overflow=0,
            pool_timeout=PATIENCE,
            pool_pre_ping=True,
            use_native_hstore=False,
            hide_parameters=True,
        )
        event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql(POSTGRESQL.begin))
        tables.watch(engine.sync_engine)
        return engine


class Line:
    """A connection in the event loop that is opened again when it is lost: asked for the head, and told of commits.

    It holds locks, too, as long as it lasts.
    """

    def __init__(self, connect: Callable[[str], Any], look: Callable[[int], None]) -> None:
        self._connect = connect
        self.held: set[int] = set()  # the keys of locks
        self._asking: Any = None
        self._look = look
        self._opening = asyncio.Lock()
        self._listening = asyncio.create_task(self._listen())

    async def ask(self, question: str, *values: object) -> Any:
        """The first row of the answer. Where the connection is lost it is asked again, once."""
        for again in (True, False):
            asking = await self.asking()
            try:
                async with asyncio.timeout(PATIENCE):
                    return await (await asking.execute(question, values)).fetchone()
            except TimeoutError:
                await asking.close()
                raise
            except psycopg.OperationalError:
                if not (again and asking.closed):
                    raise
        raise AssertionError

    async def asking(self) -> Any:
        """The connection to ask over. Raises psycopg.OperationalError."""
        if self._asking is None or self._asking.closed:
            async with self._opening:
                if self._asking is None or self._asking.closed:
                    self._asking = await self._connect("look")
        return self._asking

    async def close(self) -> None:
        """Gives up the connections, and with them all locks."""
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening
        if self._asking is not None:
            await self._asking.close()

    async def _listen(self) -> None:
        while True:
            with suppress(psycopg.Error, OSError):
                async with await self._connect("listen") as raw:
                    await raw.execute(f"LISTEN {CHANNEL}")
                    self._look(0)
                    async for told in raw.notifies():
                        self._look(told.pid)
            await asyncio.sleep(RETRY_SECONDS)


class Look:
    """Looks for what is new: one question at a time, for all who wait when it is sent."""

    def __init__(
        self, line: Line, follower: Follower, prepare: Callable[[], Any], changed: Callable[[str, int], Any]
    ) -> None:
        self.following = False
        self.told = False  # that there is something new
        self._line, self._follower, self._prepare, self._changed = line, follower, prepare, changed
        self._wanted = asyncio.Event()
        self._next: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run())

    def next(self) -> asyncio.Future[None]:
        """Done once a look that began after this call is, and fails as it did."""
        if self._next is None:
            self._next = self._loop.create_future()
            self._wanted.set()
        return self._next

    async def close(self) -> None:
        """Ends it; who waits is told."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        _settle(self._next, Overloaded(_("The server is stopping.")))

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wanted.wait()
            self._wanted.clear()
            waiting, self._next = self._next, None
            trouble: Exception | None = Overloaded(_("The server is stopping."))
            try:
                await self._once()
                trouble = None
            except Exception as error:
                trouble = refusal(error) or error
            finally:
                _settle(waiting, trouble)

    async def _once(self) -> None:
        told, self.told = self.told, False
        if not told:
            head, epoch = await self._line.ask(HEAD)
            if await self._changed(epoch, head) or head == self._follower.head:
                return
        self.following = True
        try:
            async with asyncio.timeout(LONGEST):
                head, epoch, news = await self._prepare()
            if not await self._changed(epoch, head):
                self._follower.apply(news)
        finally:
            self.following = False


def _settle(waiting: asyncio.Future[None] | None, trouble: Exception | None) -> None:
    """Tells who waits what came of a look."""
    if waiting is None or waiting.done():
        return
    if trouble is None:
        waiting.set_result(None)
    else:
        waiting.set_exception(trouble)
        waiting.exception()  # nobody may be left to hear of it


def key_of(name: str) -> int:
    """The advisory lock of that name."""
    return TURN ^ int.from_bytes(hashlib.sha256(name.encode()).digest()[:7])


class Only:
    """An advisory lock, which is held for as long as the connection lasts over which it was taken."""

    def __init__(self, line: Line, key: int) -> None:
        self._line, self._key = line, key
        self._held_over: Any = None

    async def mine(self) -> bool:
        """Whether this process holds it now; never waits for who does."""
        if self._key in self._line.held:  # the same connection would get it again
            return False
        self._line.held.add(self._key)
        try:
            asking = await self._line.asking()
            row = await (await asking.execute("SELECT pg_try_advisory_lock(%s)", (self._key,))).fetchone()
            if row[0]:
                self._held_over = asking
        except (psycopg.Error, OSError):
            pass  # it is asked again
        finally:
            if self._held_over is None:
                self._line.held.discard(self._key)
        return self._held_over is not None

    async def lost(self) -> None:
        """Raises once it is no longer held: the connection is lost, and somebody else may have it."""
        while not self._held_over.closed:  # noqa: ASYNC110  # psycopg tells nobody
            await asyncio.sleep(RETRY_SECONDS)
        raise ConnectionError("The lock was lost with its connection")

    async def close(self) -> None:
        """Gives it back."""
        if self._held_over is None:
            return
        if not self._held_over.closed:
            with suppress(psycopg.Error):
                await self._held_over.execute("SELECT pg_advisory_unlock(%s)", (self._key,))
        self._line.held.discard(self._key)


class Number(Loader):
    """`numeric`, which the sum of integers is, as an int or a float: as SQLite has it."""

    def load(self, data: Any) -> int | float:
        """Makes it of PostgreSQL's text."""
        said = bytes(data)
        return float(said) if b"." in said or b"N" in said else int(said)


def prepared(raw: Any) -> Any:
    """A connection whose values are as SQLite's are."""
    raw.adapters.register_loader("numeric", Number)
    return raw


def check(raw: Any) -> None:
    """Raises WrongDatabase for a PostgreSQL that nothing can be written to, or that is too old."""
    if raw.info.server_version < OLDEST * 10_000:
        raise WrongDatabase(f"The database of POTTLE_DATABASE_URL is too old: PostgreSQL {OLDEST} or newer is needed.")
    if is_standby(raw):
        raise Away(f"The database of POTTLE_DATABASE_URL is {STANDBY}.")


def giving_way(
    connection: Connection, migrate: Callable[[Connection], T], at_last: Callable[[], object] = lambda: None
) -> T:
    """Runs a migration in one transaction that has the turn, and returns what it returns.

    Whoever wants to read a table waits behind an ALTER TABLE that waits for it, so one long transaction of somebody
    else would hold up all hosts. It gives up soon, lets them pass, and tries again. One process does so at a time.
    """
    raw: Any = connection.connection.driver_connection
    raw.execute(f"SELECT pg_advisory_lock({MIGRATING})")  # until the connection is closed
    while True:
        with connection.begin() as transaction:
            raw.execute(f"SELECT pg_advisory_xact_lock({TURN})")
            at_last()
            raw.execute(f"SET LOCAL lock_timeout = {LOCK_MS}")
            try:
                return migrate(connection)
            except (DBAPIError, psycopg.Error) as error:
                if not isinstance(cause_of(error), psycopg.errors.LockNotAvailable):
                    raise
                transaction.rollback()
        seconds, who = raw.execute(LONGEST_OPEN).fetchone() or (0, "somebody")
        log.warning("A migration waits for a table: %s has had a transaction open for %.0f seconds.", who, seconds)
        time.sleep(AGAIN_SECONDS)


def is_standby(raw: Any) -> bool:
    """Whether a connection leads to one."""
    (found,) = raw.execute("SELECT pg_is_in_recovery()").fetchone()
    return bool(found)


def history(raw: Any) -> str:
    """Which history of which database a connection leads to."""
    found: str = raw.execute(HISTORY).fetchone()[0]
    return found


def cause_of(error: BaseException | None) -> BaseException | None:
    """The driver's error, without what SQLAlchemy put around it."""
    return error.orig if isinstance(error, DBAPIError) else error


def refusal(error: BaseException | None) -> Refusal | None:
    """What a caller is told of PostgreSQL's error where it is a passing trouble; None where it is none."""
    match error:
        case Moved():
            return Overloaded(_("The server is stopping."))
        case psycopg.errors.DiskFull():
            return StorageFull(_("The disk is full."))
        case psycopg.errors.LockNotAvailable() | psycopg.errors.IdleInTransactionSessionTimeout():
            return Overloaded(_("Another process holds the right to write."))
        case psycopg.errors.QueryCanceled():
            return Overloaded(_("A question to the database took too long."))
        case psycopg.OperationalError() | psycopg.errors.ReadOnlySqlTransaction() | OSError():
            return Overloaded(_("The database does not answer."))
    return None


def reading_refused(error: BaseException | None) -> Refusal | None:
    """As `refusal`, of a read: one that writes is a mistake, and no passing trouble."""
    cause = cause_of(error)
    return None if isinstance(cause, psycopg.errors.ReadOnlySqlTransaction) else refusal(cause)


@contextmanager
def explaining() -> Iterator[None]:
    """At a start: turns what keeps the database from being opened into an error that says what to do, Away."""
    try:
        yield
    except (psycopg.OperationalError, OperationalError) as error:
        cause = str(cause_of(error)).strip()
        raise Away(f"The database of POTTLE_DATABASE_URL cannot be opened: {cause}") from error


@contextmanager
def _turn(raw: Any) -> Iterator[None]:
    raw.execute(BEGIN)
    try:
        yield
    except BaseException:
        raw.execute("ROLLBACK")
        raise
    raw.execute(COMMIT)


def _set_up_writer(raw: Any, _record: Any) -> None:
    raw.execute(
        f"SET idle_in_transaction_session_timeout = '{HELD_SECONDS}s'; SET lock_timeout = '{PATIENCE}s';"
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') IN ('off', 'local')"
    )


def _size(read: Snapshot) -> int:
    found: int = read.one(SIZE).bytes
    return found
