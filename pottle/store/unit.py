"""What a unit of work writes with: the transaction of its batch, and what surrounds each unit in it."""

import threading
import typing
from asyncio import Future
from collections.abc import Callable, Coroutine, Iterable
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.orm import Session

from pottle import times
from pottle.errors import Refusal
from pottle.rates import Allowance, Rate
from pottle.store import changes, limits, replays, tables
from pottle.store.statements import SQLITE, Snapshot


class Tx(Snapshot):
    """One transaction. Units take it first, never commit, and raise a Refusal only before they write."""

    head = 0  # the seq of the newest change, where it has the turn

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.connection.driver_connection)
        self.now = times.now()
        self._later: dict[Executable, list[dict[str, Any]]] = {}
        self._log = changes.Addition()
        self._held: set[str] = set()  # the tags of the tables that these are still to be written to
        self._connection = connection
        connection.info["tx"] = self  # for what its session writes (tables.watch)
        self._told: set[str] = set()
        self._newest = 0  # the seq of the unit's newest change
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """An ORM session in this transaction, for code that is not hot; flushed when the unit returns."""
        if self._session is None:
            self._session = Session(self._connection, join_transaction_mode="rollback_only", expire_on_commit=False)
        return self._session

    def changed(
        self, kind: str, *, stream: str | None = None, subject: int | None = None, tags: Iterable[str] = ()
    ) -> int:
        """Records a change, in an ordered stream that can be resumed or in none, and returns its seq.

        `tags` name the cached answers that it makes stale, beside those that are tagged with the stream's name.
        """
        shown = [*tags] if stream is None else [stream, *tags]
        self._newest = self._log_one(kind, stream, subject, [*shown, *self._untold()])
        return self._newest

    def later(self, statement: Executable, /, **values: Any) -> None:
        """As `run`, where nobody wants to know what came of it: all such rows of a batch are written at once.

        That is before it is committed, and before a statement that touches the same tables. What its foreign keys lead
        to must be written already. For PostgreSQL, a trip to which takes longer than most statements.
        """
        ready = self.prepared(statement, *values)
        if statement not in self._later:
            self.before(ready.reads)
        self._later.setdefault(statement, []).append(values)
        self._held |= ready.reads
        self.writes(ready.writes)

    def before(self, touched: frozenset[str]) -> None:
        """Writes what was to be written later, where a statement touches that."""
        if self._held and not self._held.isdisjoint(touched):
            self.deliver()

    def deliver(self) -> None:
        """Writes all that was to be written later, and the changes."""
        later, log = self._later, self._log
        self._later, self._log, self._held = {}, changes.Addition(), set()
        for statement, rows in later.items():
            self.execute_each(self.prepared(statement, *rows[0]), rows)
        log.write(self)

    def _log_one(self, kind: str, stream: str | None, subject: int | None, tags: list[str]) -> int:
        self._log.add(self.head + 1, self.now, kind, stream, subject, tags)
        self._held |= tables.LOG
        self.writings += 1
        self.head += 1
        return self.head

    def _untold(self) -> list[str]:
        """The tags of the tables that this unit wrote, but for those that its changes have already."""
        new = self.wrote - self._told
        self._told |= new
        return sorted(new)

    @property
    def traces(self) -> object:
        """Equal before and after a unit that left nothing behind: no row, and the transaction as good as before.

        SQLite ends a transaction on its own when the disk is full, and drops the other units' rows with it. After an
        error PostgreSQL takes nothing more in a transaction.
        """
        if self.tongue is SQLITE:
            return self.writings, self.raw.total_changes, self.raw.in_transaction
        return self.writings, self.raw.info.transaction_status

    def begin_unit(self) -> None:
        """What was written until now is not this unit's."""
        self.wrote.clear()
        self._told.clear()
        self._newest = 0

    def finish_unit(self) -> None:
        """Writes what the unit's session still holds, and has the change log tell which tables the unit wrote.

        That goes to the unit's own change; where it has none, or that is written, it gets one without a stream.
        """
        if self._session is not None:
            self._session.flush()
            self.drop_session()
        if not (tags := self._untold()):
            return
        if self._newest and self._log.rows:
            self._log.rows[-1]["tags"] += "".join(f" {tag}" for tag in tags)
        else:
            self._log_one("written", None, None, tags)

    def drop_session(self) -> None:
        """Forgets what the unit's session still holds; the transaction goes on."""
        if self._session is not None:
            self._session.close()
            self._session = None


@dataclass(eq=False)
class Envelope:
    """What surrounds the write of one request, in the same transaction."""

    confirm: Callable[[Snapshot], None] | None = None  # that whoever asks may still ask; raises a Refusal
    limit: tuple[str, Rate] | None = None  # whom to count against
    uses: int = 1  # how often; a unit may say another number
    allowance: Allowance | None = None  # what they have left, once it was counted
    committed: bool = False  # whether what counted it is on disk, where all see it
    address: str = ""  # from which the request came, where there may be a limit
    agent: str = ""  # by which program
    replay: tuple[str, bytes] | None = None  # the key and a fingerprint of the request


envelope: ContextVar[Envelope | None] = ContextVar("envelope", default=None)


class Spoiled(Exception):
    """A unit failed after it wrote: its batch is rolled back. Its own error is the cause."""


@dataclass(eq=False)
class Unit:
    """A unit of work that waits to be run, with what surrounds it; then what became of it: its `value` or `error`."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    future: Future[Any]
    envelope: Envelope
    context: Context = field(default_factory=copy_context)  # the caller's, so that what it logs names the request
    value: Any = None
    error: BaseException | None = None
    _begun: bool = False
    _fate: threading.Lock = field(default_factory=threading.Lock)  # whoever takes it first decides

    def give_up(self, why: Refusal) -> None:
        """Keeps it from ever being run, if it has not begun. From then on its caller has to wait for the outcome."""
        if not self.future.done() and self._fate.acquire(blocking=False):
            self.future.set_exception(why)

    def run(self, tx: Tx) -> None:
        """Runs it for the first time, or again. Raises Spoiled where it failed and left something behind."""
        self.value = self.error = self.envelope.allowance = None  # what a first time left was rolled back
        self._begun = self._begun or self._fate.acquire(blocking=False)
        if not self._begun:
            return
        before = tx.traces
        try:
            self.value = self.context.run(self._run, tx)
        except Exception as error:
            tx.drop_session()
            if tx.traces != before:
                raise Spoiled from error
            self.error = error

    def _run(self, tx: Tx) -> Any:
        """What it returns inside its envelope: now, or what it returned at the first try of the same key."""
        around = self.envelope
        tx.begin_unit()
        if around.confirm:
            around.confirm(tx)
        if around.replay and (known := _answered(tx, around, self.function)) is not None:
            return known
        due = limits.check(tx, *around.limit) if around.limit else None
        answer = self.function(tx, *self.args, **self.kwargs)
        if isinstance(answer, Coroutine):
            answer.close()
            raise TypeError(f"{self.function!r} is async. A unit is a plain function, which the writer runs at once.")
        tx.finish_unit()
        if around.limit:
            around.allowance = limits.spend(tx, *around.limit, around.uses, due=due)
        if around.replay:
            replays.keep(tx, *around.replay, answer)
        return answer


def may_be_repeated() -> bool:
    """Whether the request that is being served has a key by which it may have been `answered` before."""
    around = envelope.get()
    return around is not None and around.replay is not None


def answered(read: Snapshot, unit: Callable[..., Any]) -> Any:
    """What the request that is being served was answered at its first try, by `unit`; None where this is the first.

    To be asked before what is costly. Raises what `confirm` does.
    """
    around = envelope.get() or Envelope()
    if around.replay and around.confirm:
        around.confirm(read)
    return _answered(read, around, unit)


def _answered(read: Snapshot, around: Envelope, unit: Callable[..., Any]) -> Any:
    """A kept answer, as the type that its unit declares to return."""
    if around.replay is None or (kept := replays.find(read, *around.replay)) is None:
        return None
    return replays.told(read, kept, typing.get_type_hints(unit)["return"])
