"""Tasks: what is to be done, and who has done it."""

import msgspec
from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, mapped_column

from model.account import Identity, User
from pottle.errors import Forbidden, NotFound
from pottle.store import NEVER_REUSE_IDS, Base, Id, Time, Tx, db, writes


class Task(Base):
    """Something to do."""

    __tablename__ = "tasks"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    text: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    done: Mapped[bool]
    created: Mapped[Time]


class TaskView(msgspec.Struct):
    """A task, as everybody sees it."""

    id: int
    text: str
    by: str
    done: bool
    created: str


async def listed() -> list[TaskView]:
    """The newest hundred."""
    async with db.session() as session:
        newest = select(Task, User.name).join(User, User.id == Task.by_id).order_by(Task.id.desc()).limit(100)
        return [_view(task, name) for task, name in await session.execute(newest)]


@writes
def add(tx: Tx, who: Identity, text: str) -> TaskView:
    """A new task."""
    tx.session.add(task := Task(text=text, by_id=who.user, done=False, created=tx.now))
    tx.session.flush()
    return _view(task, who.name)


@writes
def tick(tx: Tx, id_: int, done: bool) -> TaskView:
    """Marks a task as done, or as not done; everybody who is signed in may. Raises NotFound."""
    task = _found(tx, id_)
    task.done = done
    return _view(task, str(tx.session.scalar(select(User.name).where(User.id == task.by_id))))


@writes
def remove(tx: Tx, who: Identity, id_: int) -> None:
    """Deletes one's own task. Raises NotFound, Forbidden."""
    task = _found(tx, id_)
    if task.by_id != who.user:
        raise Forbidden("Only whoever made a task may delete it.")
    tx.session.delete(task)


def _found(tx: Tx, id_: int) -> Task:
    task = tx.session.get(Task, id_)
    if task is None:
        raise NotFound(f"There is no task {id_}.")
    return task


def _view(task: Task, by: str) -> TaskView:
    return TaskView(task.id, task.text, by, task.done, task.created)
