"""`/api/groups/…/notes`: what moderators write down about somebody, or about a post, for each other."""

from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Blueprint

from api.access import EDITING, me, on_our_pages
from model.accounts.user import SomeUid
from model.talk.desk import note
from model.talk.desk.note import NoteView, Words
from pottle.errors import Invalid
from pottle.http.answers import Answer, Paging, asks, cursor, gives, listed, takes
from pottle.http.asking import signed_in
from pottle.http.limits import idempotent, limited
from pottle.translation import _

blueprint = Blueprint("notes", __name__, url_prefix="/api/groups/<slug>/notes")
Number = Annotated[int, Meta(ge=1, le=10**18 - 1)]


class NotesQuery(Paging):
    """Whom the notes are about, or which post."""

    uid: SomeUid | None = None
    post: Number | None = None


class NotesView(msgspec.Struct):
    """Notes, newest first."""

    notes: list[NoteView]
    next: str | None
    prev: str | None


class NewNote(msgspec.Struct):
    """A note on somebody (`uid`), or on a `post`."""

    text: Words
    uid: SomeUid | None = None
    post: Number | None = None


def _about_one(uid: str | None, post: int | None) -> None:
    if (uid is None) == (post is None):
        raise Invalid({"uid": _("is wanted, or post: whom or what the note is about, not both")})


@blueprint.get("")
@signed_in
@on_our_pages
@asks(NotesQuery)
@gives(NotesView)
async def index(slug: str, query: NotesQuery) -> Answer:
    """The notes on somebody and on their posts in a group, or on one post. Its moderators may see them, nobody else."""
    _about_one(query.uid, query.post)
    if query.post is not None:
        return listed(NotesView, await note.of_post(me(), slug, query.post, cursor(query)))
    return listed(NotesView, await note.of_person(me(), slug, query.uid or "", cursor(query)))


@blueprint.post("")
@limited(EDITING)
@signed_in
@on_our_pages
@idempotent
@takes(NewNote)
@gives(NoteView, 201)
async def create(slug: str, data: NewNote) -> NoteView:
    """Write down something for the group's moderators. The person may ask for it, with their data: it is about them."""
    _about_one(data.uid, data.post)
    return await note.put(me(), slug, data.uid, data.post, data.text)


@blueprint.delete("/<id:note_id>")
@limited(EDITING)
@signed_in
@on_our_pages
@gives(None, 204)
async def delete(slug: str, note_id: int) -> None:
    """Delete a note. Any moderator of the group may."""
    await note.drop(me(), slug, note_id)
