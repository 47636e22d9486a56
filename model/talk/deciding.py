"""Deciding: what moderators decide on many posts and edits at once, and how they undo it."""

from typing import Any, Literal, NamedTuple

from model.accounts.session import Identity
from model.groups import rules
from model.talk import decision, posting, review
from model.talk.decision import UNSAID, Why
from model.talk.desk import statement
from model.talk.judging import report
from model.talk.post import PostRow, PostView, visible_to
from pottle.errors import Conflict, NotFound, Refusal, check_version
from pottle.store import Tx, writes
from pottle.translation import _

MOST_AT_ONCE = 100
State = Literal["published", "removed"]


class Text(NamedTuple):
    """What is decided on: a post, or its `edit`, in the version that was read."""

    post: int
    version: int
    edit: bool


class Outcome(NamedTuple):
    """What became of many decisions: the posts since, and what was refused, by the id of the post or decision."""

    posts: list[PostView]
    refused: list[tuple[int, Refusal]]


@writes
def decide_all(tx: Tx, identity: Identity, texts: list[Text], state: State, why: Why) -> Outcome:
    """Decides on posts and edits, each on its own: one that is refused keeps none of the others from being decided."""
    outcome = Outcome([], [])
    for text in texts:
        try:
            outcome.posts.append(_decide(tx, identity, text, state, why))
        except Refusal as refusal:  # raised before anything was written for it
            outcome.refused.append((text.post, refusal))
    return outcome


def _decide(tx: Tx, identity: Identity, text: Text, state: State, why: Why) -> PostView:
    if state == "published" and not text.edit:
        _keep(tx, identity, text)
    decide = review.decide if text.edit else posting.moderate
    found = decide.within(tx, identity, text.post, {text.version}, state, why)
    if made := decision.of(tx, text.post, "edit" if text.edit else "post"):
        (found.edit if text.edit and found.edit else found).decision = decision.view(made)
    return found


def _keep(tx: Tx, identity: Identity, text: Text) -> None:
    """What was reported and is public stays so: that is a decision too, which closes the reports."""
    row, channel = visible_to.within(tx, identity, text.post)
    rules.must_moderate(channel, identity)
    check_version(row.version, {text.version})
    if row.state == "published" and tx.one(report.ANY_OPEN, post_id=row.id):
        posting.note(tx, identity, row, channel, "post.kept")
        decision.record(tx, identity, row, "post", UNSAID, was="published", state="published", version=row.version)


@writes
def undo_all(tx: Tx, identity: Identity, ids: list[int]) -> Outcome:
    """Takes decisions back, as far as nothing has happened to their posts since. Any moderator may."""
    outcome = Outcome([], [])
    for id_ in ids:
        try:
            outcome.posts.append(_undo(tx, identity, id_))
        except Refusal as refusal:
            outcome.refused.append((id_, refusal))
    return outcome


def _undo(tx: Tx, identity: Identity, id_: int) -> PostView:
    """Raises NotFound, Forbidden, Conflict, before it writes."""
    found = tx.one(decision.BY_ID, id=id_)
    if found is None:
        raise NotFound(_("There is nothing to undo: it was decided anew meanwhile, or too long ago."))
    row, channel = visible_to.within(tx, identity, found.post_id)
    rules.must_moderate(channel, identity)
    undo = {"post": _undo_of_post, "edit": _undo_declining if found.state == "removed" else _undo_approving}
    undo[found.about](tx, identity, row, found)
    posting.note(tx, identity, row, channel, "decision.undone")
    return posting.current(tx, row.id)


def _undo_of_post(tx: Tx, identity: Identity, row: PostRow, found: Any) -> None:
    if (row.version, row.state) != (found.version, found.state):
        raise Conflict(_("The post has changed since."))
    if found.was == "pending" and row.replies:
        raise Conflict(_("Somebody has replied to the post already. Remove it instead."))
    report.reopen(tx, row.id, found.created)
    if found.was != row.state:
        posting.set_state(tx, row, found.was)
    if found.was == "removed":
        why, what = Why(found.reason, found.note), {"was": "published", "state": "removed"}
        decision.record(tx, identity, row, "post", why, version=row.version + 1, **what)
    else:
        decision.drop(tx, row.id, "post")
        statement.end(tx, row.id, "post", "undone", identity)


def _undo_declining(tx: Tx, identity: Identity, row: Any, found: Any) -> None:
    if (row.edit_id, row.edit_state) != (found.version, "removed"):
        raise Conflict(_("The author has sent another text since, or taken it back."))
    tx.run(review.SET_EDIT, post_id=row.id, state="pending")
    decision.drop(tx, row.id, "edit")
    statement.end(tx, row.id, "edit", "undone", identity)


def _undo_approving(tx: Tx, _by: Identity, row: Any, found: Any) -> None:
    """The text that was public before is public again, and the approved one waits."""
    if (row.version, row.state) != (found.version, "published") or row.author_id is None:
        raise Conflict(_("The post has changed since."))
    texts = {"body": row.body, "html": row.html, "state": "pending", "created": tx.now}
    posting.rewrite(tx, row, found.body, found.html, found.edited)
    tx.run(posting.ADD_EDIT, post_id=row.id, author_id=row.author_id, **texts)
