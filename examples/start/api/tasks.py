"""`/api/tasks`: the example resource. Copy it for your own."""

from typing import Annotated

import msgspec
from quart import Blueprint

from api.access import WRITING, me
from model import task
from model.task import TaskView
from pottle.http.answers import gives, takes
from pottle.http.asking import signed_in
from pottle.http.caching import shared
from pottle.http.limits import idempotent, limited
from pottle.values import line

blueprint = Blueprint("tasks", __name__, url_prefix="/api/tasks")


class NewTask(msgspec.Struct):
    """A task to add."""

    text: Annotated[str, line(200)]


class Ticked(msgspec.Struct):
    """Whether it is done."""

    done: bool


class TasksView(msgspec.Struct):
    """Tasks, newest first."""

    tasks: list[TaskView]


@blueprint.get("")
@shared
@gives(TasksView)
async def index() -> TasksView:
    """The newest tasks. The same for everybody: kept until one changes, and live for whoever watches it."""
    return TasksView(await task.listed())


@blueprint.post("")
@limited(WRITING)
@signed_in
@idempotent
@takes(NewTask)
@gives(TaskView, 201)
async def create(data: NewTask) -> TaskView:
    """Add a task."""
    return await task.add(me(), data.text)


@blueprint.patch("/<id:task_id>")
@limited(WRITING)
@signed_in
@takes(Ticked)
@gives(TaskView)
async def tick(task_id: int, data: Ticked) -> TaskView:
    """Mark a task as done, or as not done."""
    return await task.tick(task_id, data.done)


@blueprint.delete("/<id:task_id>")
@limited(WRITING)
@signed_in
@gives(None, 204)
async def delete(task_id: int) -> None:
    """Delete one's own task."""
    await task.remove(me(), task_id)
