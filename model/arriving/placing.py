"""Last step of an import: all of a plan that is new, in one short transaction of many rows at once."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Select, bindparam, insert, select, update

from model import audit
from model.arriving.guest import Guest, GuestPost
from model.arriving.imported import OF_KIND, REMEMBER, digest
from model.arriving.plan import Report
from model.arriving.planning import NewPage, NewPost, Plan
from model.groups import group
from model.talk import channel as channels
from model.talk.channel import Channel
from model.talk.marks import COUNT_PINNED, MOST_PINNED
from model.talk.post import Post
from model.talk.posting import COUNT_REPLY
from model.talk.reaction import OldReactions
from pottle.errors import NotFound
from pottle.store import Snapshot, Tx, changes, writes
from pottle.store.base import NewIds
from pottle.translation import _

OF_GROUP = select(Channel.id, Channel.key).where(Channel.group_id == bindparam("group_id"))
BUSY = select(Channel.posts, Channel.active).where(Channel.id == bindparam("id"))
CHANGE = update(Channel).where(Channel.id == bindparam("id"))
PARENT = select(Post.channel_id, Post.root_id).where(Post.id == bindparam("id"))
NEW_POSTS, NEW_GUESTS = (select(NewIds(table).label("last")) for table in (Post, Guest))
GUESTS = select(Guest.digest, Guest.id, Guest.user_id).where(Guest.group_id == bindparam("group_id"))
ADD_POST, ADD_GUEST, ADD_GUEST_POST, ADD_REACTIONS = map(insert, (Post, Guest, GuestPost, OldReactions))


AT_ONCE = 100_000  # posts in one transaction: 4 s of work, and others' writes wait for 15


class Outcome(NamedTuple):
    """How many of what came, what was left out or changed, and whether that is only what would come."""

    counts: dict[str, int]
    report: list[str]
    dry: bool


def preview(read: Snapshot, plan: Plan, slug: str, source: str) -> Outcome:
    """What `place` would do now. Raises NotFound for the group."""
    new = _New(read, plan, slug, source)
    pages = {post.page for post in new.posts}
    people = {post.person for post in new.posts if post.person} - {key for key in plan.people if new.knows(key)}
    counts = {"posts": len(new.posts), "discussions": len(pages - new.channels.keys()), "people": len(people)}
    return Outcome({**counts, "pending": _pending(new.posts)}, new.report.lines, True)


def _pending(posts: list[NewPost]) -> int:
    return sum(post.state == "pending" for post in posts)


async def place(plan: Plan, slug: str, source: str, name: str, by: Any = None) -> Outcome:
    """Puts all that is new into a group, and notes that the file `name` was imported. Raises NotFound.

    AT_ONCE posts in one transaction. Of more the next ones come in another: who writes meanwhile waits for one alone.
    """
    outcome = more = await _place(plan, slug, source, name, by)
    while more.counts["posts"] == AT_ONCE:
        more = await _place(plan, slug, source, name, by)
        outcome = outcome._replace(counts={kind: outcome.counts[kind] + more.counts[kind] for kind in more.counts})
    return outcome


@writes
def _place(tx: Tx, plan: Plan, slug: str, source: str, name: str, by: Any) -> Outcome:
    """The unit may be run again: so the plan is not changed."""
    new = _New(tx, plan, slug, source)
    del new.posts[AT_ONCE:]
    counts = _Placing(tx, new, source).run()
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    audit.note(tx, by, "comments.imported", f"{name:.200}", group=slug, detail=f"{source}: {said}")
    return Outcome(counts, new.report.lines, False)


class _New:
    """What of a plan is new in a group: `posts`; and what is there already."""

    def __init__(self, read: Snapshot, plan: Plan, slug: str, source: str) -> None:
        found = read.one(group.TAKEN, slug=slug)
        if found is None:
            raise NotFound(_("There is no group %(slug)s.", slug=slug))
        self.plan, self.group, self.source, self.report = plan, found.id, source, Report(plan.report)
        self.channels: dict[str, int] = {row.key: row.id for row in read.all(OF_GROUP, group_id=self.group)}
        self.guests = {row.digest: row for row in read.all(GUESTS, group_id=self.group)}
        came = dict(read.all(OF_KIND, kind="comment"))
        self.before: dict[str, int] = {}  # posts here, by their ids there
        self.digests: dict[str, bytes] = {}
        for post in plan.posts:
            self.digests[post.id] = own = digest("comment", self.group, source, post.id)
            if own in came:
                self.before[post.id] = came[own]
        self.threads = dict(read.all(OF_KIND, kind="thread"))
        gone = {page for page in plan.pages if self._is_gone(page)}
        for page in sorted(gone):
            self.report.left_out("page", page, "was imported before, and its discussion was deleted here since")
        self.posts = [post for post in plan.posts if post.id not in self.before and post.page not in gone]

    def thread(self, page: str) -> bytes:
        """What a page's discussion is recognised by."""
        return digest("thread", self.group, page)

    def person(self, key: str) -> bytes:
        """What a person is recognised by."""
        return digest("person", self.group, self.source, key)

    def knows(self, key: str) -> bool:
        """Whether a person was imported before."""
        return self.person(key) in self.guests

    def _is_gone(self, page: str) -> bool:
        return page not in self.channels and self.thread(page) in self.threads


class _Placing:
    def __init__(self, tx: Tx, new: _New, source: str) -> None:
        self._tx, self.new, self._source = tx, new, source
        self._ids = {**new.before}
        self._roots: dict[str, int] = {}  # the root of each post's conversation, by the post's id there
        self._channels: dict[str, int] = {}
        self._fresh = set[str]()  # the pages whose discussions this made
        self._guests: dict[str, Any] = {}

    def run(self) -> dict[str, int]:
        """Inserts everything; returns how many of what."""
        posts = self.new.posts
        if not posts:
            return {"posts": 0, "discussions": 0, "people": 0, "pending": 0}
        self._make_channels()
        people = self._make_guests()
        first = self._first(NEW_POSTS, len(posts))
        self._ids |= {post.id: first + number for number, post in enumerate(posts)}
        self._find_old_parents()
        self._tx.run_each(ADD_POST, self._rows())
        self._tx.run_each(REMEMBER, self._remembered())
        self._tx.run_each(ADD_GUEST_POST, self._guest_posts())
        self._tx.run_each(ADD_REACTIONS, self._reactions())
        self._count_old_parents()
        self._tell()
        return {
            "posts": len(posts),
            "discussions": len(self._fresh),
            "people": people,
            "pending": _pending(posts),
        }

    def _first(self, of: Select[int], many: int) -> int:
        """The first of so many new ids."""
        last: int = self._tx.one(of, many=many).last
        return last - many + 1

    def _make_channels(self) -> None:
        pages = dict.fromkeys(post.page for post in self.new.posts)
        for key in pages:
            there = self.new.channels.get(key)
            if there is None:
                there = self._make_channel(self.new.plan.pages[key])
                self._fresh.add(key)
            self._channels[key] = there
            if (own := self.new.thread(key)) not in self.new.threads:
                self._tx.run(REMEMBER, digest=own, kind="thread", subject=there)

    def _make_channel(self, page: NewPage) -> int:
        made = channels.add(self._tx, self.new.group, page.key, page.title, page.url)
        if page.closed:
            self._tx.run(CHANGE, id=made, locked=True)
        return made

    def _make_guests(self) -> int:
        """Notes who wrote; returns how many of them are new here."""
        people = dict.fromkeys(post.person for post in self.new.posts if post.person)
        many = sum(not self.new.knows(key) for key in people)
        first, rows = self._first(NEW_GUESTS, many) if many else 0, list[dict[str, Any]]()
        for key in people:
            own, person = self.new.person(key), self.new.plan.people[key]
            known = self.new.guests.get(own)
            self._guests[key] = (known.id, known.user_id) if known else (first + len(rows), None)
            if not known:
                name = person.name
                about = {"group_id": self.new.group, "source": self._source, "name": name, "digest": own}
                rows.append({"id": first + len(rows), **about, "email": person.email, "user_id": None})
        self._tx.run_each(ADD_GUEST, rows)
        return len(rows)

    def _find_old_parents(self) -> None:
        """Roots of the posts of before that are answered now; who answers one that is gone here begins anew."""
        for old in {post.parent for post in self.new.posts if post.parent in self.new.before}:
            row = self._tx.one(PARENT, id=self.new.before[old or ""])
            if row is not None:
                self._roots[old or ""] = row.root_id or self._ids[old or ""]

    def _rows(self) -> Iterator[dict[str, Any]]:
        replies = Counter(post.parent for post in self.new.posts if post.state == "published")
        pinned = Counter[str]()
        for post in self.new.posts:
            parent = post.parent if post.parent in self._roots else None
            id_, channel = self._ids[post.id], self._channels[post.page]
            self._roots[post.id] = self._roots[parent] if parent else id_
            pins = post.pinned and self._may_pin(pinned, post.page, channel)
            user = self._guests[post.person][1] if post.person else None
            yield {
                "id": id_,
                "channel_id": channel,
                "parent_id": self._ids[parent] if parent else None,
                "root_id": self._roots[parent] if parent else None,
                "author_id": user,
                "guest": None if user else post.name,
                "body": post.body,
                "html": post.html,
                "state": post.state,
                "reactions": msgspec.json.encode(post.votes).decode() if post.votes else "{}",
                "replies": replies[post.id],
                "created": post.created,
                "edited": post.edited,
                "version": 1,
                "answered_id": None,
                "anonymous": False,
                "question": post.question,
                "pinned": pins,
                "endorsed": False,
                "answer": False,
                "shown_after": None,
            }

    def _may_pin(self, pinned: Counter[str], page: str, channel: int) -> bool:
        if page not in pinned and page not in self._fresh:
            pinned[page] = self._tx.one(COUNT_PINNED, channel_id=channel).count
        pinned[page] += 1
        return pinned[page] <= MOST_PINNED

    def _remembered(self) -> Iterator[dict[str, Any]]:
        for post in self.new.posts:
            yield {"digest": self.new.digests[post.id], "kind": "comment", "subject": self._ids[post.id]}

    def _guest_posts(self) -> Iterator[dict[str, Any]]:
        for post in self.new.posts:
            if post.person:
                yield {"post_id": self._ids[post.id], "guest_id": self._guests[post.person][0]}

    def _reactions(self) -> Iterator[dict[str, Any]]:
        for post in self.new.posts:
            for kind, number in post.votes.items():
                yield {"post_id": self._ids[post.id], "kind": kind, "number": number}

    def _count_old_parents(self) -> None:
        public = (post for post in self.new.posts if post.state == "published" and post.parent in self.new.before)
        for old, number in Counter(post.parent for post in public).items():
            self._tx.run(COUNT_REPLY, id=self.new.before[old or ""], by=number)

    def _tell(self) -> None:
        """Counts the discussions' posts, and tells their readers once; who reads one live reads it again."""
        group_id, tx = self.new.group, self._tx
        public, newest, oldest = Counter[str](), dict[str, str](), dict[str, str]()
        for post in self.new.posts:
            oldest[post.page] = min(post.created, oldest.get(post.page, post.created))
            if post.state == "published":
                public[post.page] += 1
                newest[post.page] = max(post.created, newest.get(post.page, ""))
        tags = ["posts", f"posts-of:{group_id}", "channels", f"channels-of:{group_id}", f"group:{group_id}"]
        seq = tx.changed("comments.imported", tags=tags)
        for page, channel in self._channels.items():
            row = tx.one(BUSY, id=channel)
            fresh = page in self._fresh
            said = channels.activity(newest.get(page) or oldest[page], channel)
            pinned = row.active - row.active % channels.PINNED
            active = said if fresh else max(row.active % channels.PINNED, said) + pinned
            more = {"created": oldest[page]} if fresh else {}
            tx.run(CHANGE, id=channel, posts=row.posts + public[page], active=active, **more)
            if not fresh:
                changes.restart(tx, channels.stream(channel), seq)
                tx.changed("posts.imported", stream=channels.stream(channel), subject=channel)
