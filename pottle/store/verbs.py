"""The two verbs: `@reads` and `@writes` make of a plain function one that handlers await.

@writes
def add(tx: Tx, who: Identity, text: str) -> JokeView: ...

await joke.add(me(), "Knock, knock.")           from a handler
joke.add.within(tx, me, "Knock, knock.")        from another unit
"""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, Generic, ParamSpec, TypeVar

from pottle.store.database import db
from pottle.store.statements import Snapshot
from pottle.store.unit import Tx

P = ParamSpec("P")
T = TypeVar("T")


class reads(Generic[P, T]):  # noqa: N801  # a decorator
    """A function that takes a snapshot first. Awaited without it, it runs at once, in the event loop.

    So it is for what is asked for most and takes less than a millisecond; `db.session()` is for all else. It never
    awaits.
    """

    def __init__(self, function: Callable[Concatenate[Snapshot, P], T]) -> None:
        self.within = function  # for functions that have a snapshot, or a transaction, already
        update_wrapper(self, function)

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Reads in a snapshot of its own. Raises what the function does."""
        return await db.read(self.within, *args, **kwargs)


class writes(Generic[P, T]):  # noqa: N801  # a decorator
    """A unit of work: a function that takes a transaction first, and never commits.

    Awaited without it, it is committed together with others that wait, and durable when it returns (`db.write`).
    Whatever it raises, nothing was changed; a Refusal it may raise only before it writes.
    """

    def __init__(self, function: Callable[Concatenate[Tx, P], T]) -> None:
        self.within = function  # for units that are part of another
        update_wrapper(self, function)

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Writes in a transaction. Raises what the function does; Overloaded, StorageFull."""
        return await db.write(self.within, *args, **kwargs)
