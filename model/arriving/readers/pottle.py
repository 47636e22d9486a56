"""A group's export of Pottle (model/leaving/group.py): what another Pottle, or this one, gave away."""

import re
from collections.abc import Iterator
from datetime import datetime

from model.arriving.opened import Opened
from model.arriving.plan import Comment, Part, Person, Report, Thread, Unreadable
from model.leaving.group import FORMAT, VERSION, ExportedPost, GroupExport

NAME, SAYS = "pottle", "A group's export of Pottle"
MARK = re.compile(rb'"format"\s*:\s*"' + FORMAT.encode() + b'"')


def looks_like(head: bytes, name: str) -> bool:
    """Whether it says so in its first line."""
    return MARK.search(head[:1_000]) is not None


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Each account is a person; each guest's post is of a person of its own, for namesakes are not one."""
    found: GroupExport = file.json(GroupExport)
    if found.version != VERSION:
        raise Unreadable(f"The export has version {found.version}, and {VERSION} is the one that is known here.")
    keys = {channel.id: channel.key for channel in found.channels}
    for channel in found.channels:
        yield Thread(channel.key, channel.title, channel.locked)
    for post in found.posts:
        if post.channel not in keys:
            report.left_out("post", post.id, "its channel is not in the file")
            continue
        person = _person(post)
        if person is not None:
            yield person
        if post.endorsed or post.answer:
            report.changed("post", post.id, "is no longer endorsed, or marked as an answer")
        yield _comment(post, keys[post.channel], person)


def _person(post: ExportedPost) -> Person | None:
    author = post.author
    if author.uid:
        return Person(f"uid:{author.uid}", author.name or author.uid)
    return Person(f"guest:{post.id}", author.guest) if author.guest else None


def _comment(post: ExportedPost, thread: str, person: Person | None) -> Comment:
    return Comment(
        id=str(post.id),
        thread=thread,
        person=person.key if person else None,
        parent=None if post.parent is None else str(post.parent),
        text=post.body,
        form="markdown",
        created=datetime.fromisoformat(post.created),
        edited=datetime.fromisoformat(post.edited) if post.edited else None,
        state=post.state,
        votes=post.reactions,
        pinned=post.pinned,
    )
