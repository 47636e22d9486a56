"""Importing what back ends of 2026 have under pages: microblogs with their replies and reactions, and posts by page.

They come into the discussions of those pages in the group that POTTLE_FLASK_PAGES names, with the times that they had.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from model.arriving.imported import digest
from model.flask import pages
from model.flask.plan import Item, LeftOut, Plan
from model.flask.post import joined
from model.flask.source import PAGE_POSTS, Row, counted
from model.groups import group
from model.talk import channel, posting, reaction
from model.talk.channel import Channel
from model.talk.markdown import rendered
from model.talk.post import FORMER_USER
from pottle import text, times
from pottle.errors import Invalid, NotFound
from pottle.store.copies import Progress

if TYPE_CHECKING:
    from model.flask.importing import Placing

BY_KEY = select(Channel.id).where(Channel.group_id == bindparam("group_id"), Channel.key == bindparam("key"))
BESIDE = ("replies", "reactions")  # of a microblog's `data`: what is not data here


class NewPage(Item):
    """The discussion of a page; `theirs` is its number in this plan."""

    key: str
    title: str


class NewWords(Item):
    """A post, microblog or reply (`kind`), on a page; `parent` is the kind and the id there of what it answers."""

    kind: str
    page: int
    author: int | None
    guest: str | None
    parent: tuple[str, Any] | None
    body: str
    html: str
    created: str | None
    edited: str | None


class NewReaction(Item):
    """A user's reaction to a microblog (their ids there)."""

    user: int
    on: int
    kind: str


class PagesPlan:
    """What can come, in an order in which all that something refers to comes before it."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self._plan, self._report = plan, plan.report
        self._pages: dict[str, NewPage] = {}
        self._posts: dict[Any, NewWords] = {}  # by their ids there
        self._paths = {row["id"]: row for row in plan.rows["topics"]}
        self.items: list[Item] = []
        for kind, make in (("microblog", self._microblog), ("post", self._post)):
            rows = plan.rows["microblogs" if kind == "microblog" else PAGE_POSTS]
            for row in counted("Rendering", rows, len(rows), progress):
                self._take(kind, row["id"], partial(make, row))
        self.items = [*self._pages.values(), *self.items]

    def _take(self, kind: str, id_: Any, make: Callable[[], Iterator[Item]]) -> None:
        try:
            for item in make():  # one by one: what answers it comes after it
                self.items.append(item)
        except LeftOut as why:
            self._report.left_out(kind, id_, str(why))

    def _page(self, path: Any, title: Any) -> NewPage:
        key = pages.NOWHERE
        if isinstance(path, str) and path:
            try:
                key = pages.key_of("path", path)
            except Invalid as wrong:
                raise LeftOut("is on a page whose path cannot be a key here") from wrong
        said = text.made_one_line(title)[:200] if isinstance(title, str) else ""
        new = NewPage(len(self._pages) + 1, digest("page", key), key, said or pages.title_of(key))
        return self._pages.setdefault(key, new)

    def _microblog(self, row: Row) -> Iterator[Item]:
        topic = self._paths.get(row.get("topic_id"), {})
        page, id_ = self._page(topic.get("page_path"), topic.get("page_title")), row["id"]
        data = self._plan.json(row, "data", "microblog")
        data = data if isinstance(data, dict) else {}
        beside = {name: value for name, value in data.items() if name not in BESIDE}
        made = self._words("microblog", id_, page, row, row["content"], beside, None)
        yield made
        replies = data.get("replies")
        for number, reply in enumerate(replies if isinstance(replies, list) else [], start=1):
            self._take("reply", f"{id_}.{number}", partial(self._reply, made, page, reply, number))
        reactions = data.get("reactions")
        for name, users in (reactions if isinstance(reactions, dict) else {}).items():
            yield from self._reactions(made, name, users)

    def _reply(self, to: NewWords, page: NewPage, reply: Any, number: int) -> Iterator[Item]:
        if not isinstance(reply, dict):
            raise LeftOut("is no object")
        row = {"user_id": reply.get("userId"), "timestamp": reply.get("timestamp")}
        id_ = f"{to.theirs}.{number}"
        yield self._words("reply", id_, page, row, reply.get("content"), {}, ("microblog", to.theirs))

    def _reactions(self, to: NewWords, name: str, users: Any) -> Iterator[Item]:
        kind = pages.BY_NAME.get(name.strip().lower())
        if kind is None:
            self._report.left_out("reaction", to.theirs, f"is a {name!r:.40}")
            return
        for user in users if isinstance(users, list) else []:
            account = self._plan.planned.get(("user", user)) if isinstance(user, int) else None
            if account is None:
                self._report.left_out("reaction", to.theirs, "its user is not here")
            else:
                key = digest("reaction", account.digest.hex(), to.digest.hex(), kind)
                yield NewReaction(to.theirs, key, account.theirs, to.theirs, kind)

    def _post(self, row: Row) -> Iterator[Item]:
        page = self._page(row.get("page_url"), row.get("page_title"))
        parent = None
        if row.get("parent_id") is not None:
            parent = "post", row["parent_id"]
            of = self._posts.get(row["parent_id"])
            if of is None:
                self._report.changed("post", row["id"], "is no reply here: what it answers is not there")
                parent = None
            else:
                page = next(one for one in self._pages.values() if one.theirs == of.page)
        grade = row.get("grade_received")
        beside = {"gradeReceived": grade} if isinstance(grade, str) and grade else {}
        made = self._words("post", row["id"], page, row, row["content"], beside, parent)
        self._posts[row["id"]] = made
        yield made

    def _words(
        self, kind: str, id_: Any, page: NewPage, row: Row, written: Any, beside: Any, parent: tuple[str, Any] | None
    ) -> NewWords:
        if not isinstance(written, str):
            raise LeftOut("is no text in UTF-8")
        body = self._plan.checked(joined("", written, beside))
        html = rendered(body)
        if not text.shows(html):
            raise LeftOut("shows nothing")
        user, guest = self._plan.author(kind, id_, row["user_id"])
        key = digest(kind, user.uid.lower() if user else guest, page.key, id_, body)
        created, edited = _time(row.get("timestamp")), _time(row.get("updated_at"))
        if edited and created and edited[:19] <= created[:19]:
            edited = None
        whose = user.theirs if user else None
        return NewWords(id_, key, kind, page.theirs, whose, guest, parent, body, html, created, edited)


def _time(value: Any) -> str | None:
    """A time as it is kept here; those back ends keep UTC without saying so."""
    try:
        there = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return times.text(there.replace(tzinfo=UTC) if there.tzinfo is None else there)


def steps(placing: "Placing") -> dict[type[Item], Any]:
    """What puts each of these into place (importing.Placing)."""

    def page(new: NewPage) -> None:
        in_group = placing.tx.one(group.TAKEN, slug=pages.group())
        if in_group is None:
            raise NotFound(f"There is no group {pages.group()} for what is under pages: POTTLE_FLASK_PAGES names it.")
        if placing.came_before("page", new):
            return
        there = placing.tx.one(BY_KEY, group_id=in_group.id, key=new.key)
        if there is not None:
            placing.remember("page", new, there.id)
            return
        placing.remember("page", new, channel.add(placing.tx, in_group.id, new.key, new.title, None))
        placing.counts["channels"] += 1

    def words(new: NewWords) -> None:
        into = placing.ours["page", new.page]
        if into is None:
            placing.gone(new.kind, new, "its discussion was deleted here")
        elif not placing.came_before(new.kind, new):
            author = None if new.author is None else placing.ours["user", new.author]
            parent = placing.ours.get(new.parent) if new.parent else None
            draft = posting.Draft(
                new.body, new.html, parent, None if author else new.guest or FORMER_USER, imported=True
            )
            made = posting.add(placing.tx, into, draft, author)
            if new.created:
                placing.tx.run(posting.CHANGE, id=made, created=new.created, edited=new.edited)
            placing.remember(new.kind, new, made)
            placing.counts["posts"] += 1

    def react(new: NewReaction) -> None:
        who, on = placing.ours["user", new.user], placing.ours.get(("microblog", new.on))
        if who is None or on is None or placing.known(new):
            return
        own = {"post_id": on, "user_id": who}
        taken = [kind for kind in (new.kind, reaction.EXCLUDES.get(new.kind)) if kind]
        if not any(placing.tx.one(reaction.FIND, **own, kind=kind) for kind in taken):
            placing.tx.run(reaction.ADD, **own, kind=new.kind, created=placing.tx.now)
            placing.voted_on.add(on)
            placing.counts["votes"] += 1
        placing.note(new, "reaction")

    return {NewPage: page, NewWords: words, NewReaction: react}
