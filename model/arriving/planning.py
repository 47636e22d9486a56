"""Second step of an import: what of a file can come, checked and rendered by our rules. It asks no database.

Parents come before those who answer them, and otherwise all in the order of their times.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from model.accounts.user import Email
from model.arriving import pages
from model.arriving.plan import Comment, Part, Person, Report, Thread, Unreadable
from model.arriving.texts import as_markdown
from model.talk.markdown import rendered
from model.talk.posting import asks
from model.talk.reaction import KINDS
from pottle import text, times
from pottle.store.copies import Progress
from pottle.values import fits

LONGEST_NAME = 80  # characters
MOST_COMMENTS = 500_000  # in one file
MOST_MARKUP = 20  # characters of HTML for one that is shown: more are not looked at
NO_NAME = "Anonymous"
PORTION = 500  # comments between two reports of progress
OLDEST = datetime(1990, 1, 1, tzinfo=UTC)  # what is said to be older has no time


class NewPage(msgspec.Struct):
    """A discussion, made where the group has none of this key."""

    key: str
    title: str
    url: str | None
    closed: bool


class NewPost(msgspec.Struct):
    """A post. `parent` is an id in the source; `person` a key in `Plan.people`; one without HTML is a tombstone."""

    id: str
    page: str
    person: str | None
    name: str
    parent: str | None
    body: str
    html: str
    state: str
    created: str
    edited: str | None
    question: bool
    pinned: bool
    votes: dict[str, int]


_Entry = tuple[str, int, NewPost]  # by when, and where in the file


class Plan:
    """What to import of a source: `people`, `pages` by their keys, and `posts`; and the report so far."""

    def __init__(self, longest_post: int, report: Report, progress: Progress) -> None:
        self.people: dict[str, Person] = {}
        self.pages: dict[str, NewPage] = {}
        self.posts: list[NewPost] = []
        self.report, self._longest, self._progress = report, longest_post, progress
        self._threads: dict[str, Thread] = {}
        self._page_of: dict[str, str | None] = {}  # the key of a thread's page, by the thread's key

    def fill(self, parts: Iterable[Part]) -> None:
        """Takes all that a reader yields. Raises what it raises, and Unreadable for too much."""
        comments: dict[str, Comment] = {}
        for part in parts:
            if isinstance(part, Person):
                known = self.people.setdefault(part.key, part)
                known.name, known.email = known.name or part.name, known.email or part.email
            elif isinstance(part, Thread):
                self._threads[part.key] = part
            elif part.id in comments:
                self.report.left_out("comment", part.id, "is there twice")
            else:
                comments[part.id] = part
            if max(len(comments), len(self.people), len(self._threads)) > MOST_COMMENTS:
                raise Unreadable(f"The file has more than {MOST_COMMENTS:,} entries, which is what may be imported.")
        for person in self.people.values():  # now: while they are put into place, others' writes wait
            person.name, person.email = _name(person), _email(person)
        self._plan(comments)

    def _plan(self, comments: dict[str, Comment]) -> None:
        made: dict[str, NewPost] = {}
        for number, comment in enumerate(comments.values()):
            if number % PORTION == 0:
                self._progress("Rendering", number, len(comments))
            if (post := self._post(comment)) is not None:
                made[comment.id] = post
        self._progress("Rendering", len(comments), len(comments))
        self._find_parents(made)
        _cut_circles(made, self.report)
        self.posts = self._without_lonely_tombstones(_in_order(made))
        written = {post.person for post in self.posts}
        self.people = {key: person for key, person in self.people.items() if key in written}
        used = {post.page for post in self.posts}
        self.pages = {key: page for key, page in self.pages.items() if key in used}

    def _page(self, key: str) -> str | None:
        """The key of the page of a thread, which is noted; None where it cannot come."""
        if key not in self._page_of:
            thread = self._threads.get(key) or Thread(key)
            try:
                page = pages.of(thread.key)
            except ValueError as why:
                self.report.left_out("page", f"{key!r:.100}", str(why))
                self._page_of[key] = None
                return None
            title = text.made_one_line(thread.title)[: pages.LONGEST_TITLE] or page.key[: pages.LONGEST_TITLE]
            known = self.pages.get(page.key)
            if known is None:
                self.pages[page.key] = NewPage(page.key, title, page.url, thread.closed)
            else:
                self.report.changed("page", f"{key:.100}", f"is one with another whose path is {page.key:.100}, too")
                known.title = title if known.title == page.key else known.title
            self._page_of[key] = page.key
        return self._page_of[key]

    def _post(self, comment: Comment) -> NewPost | None:
        page = self._page(comment.thread)
        if page is None:
            self.report.left_out("comment", comment.id, "its page cannot come")
            return None
        body = html = ""
        if comment.state != "removed":
            short = len(comment.text) <= MOST_MARKUP * self._longest
            body = as_markdown(comment.text, comment.form) if short else comment.text
            if len(body) > self._longest:
                why = f"is longer than the {self._longest} characters that POTTLE_POST_LENGTH allows: raise that"
                self.report.left_out("comment", comment.id, why)
                return None
            html = rendered(body)
            if not text.shows(html):
                self.report.left_out("comment", comment.id, "shows nothing")
                return None
        created = self._time(comment.id, comment.created)
        edited = None if comment.edited is None or not html else max(created, self._time(comment.id, comment.edited))
        person = self.people.get(comment.person or "")
        public = comment.state == "published"
        return NewPost(
            id=comment.id,
            page=page,
            person=person.key if person else None,
            name=person.name if person else NO_NAME,
            parent=comment.parent or None,
            body=body,
            html=html,
            state=comment.state,
            created=created,
            edited=edited,
            question=False,
            pinned=comment.pinned and public,
            votes={kind: comment.votes[kind] for kind in KINDS if 0 < comment.votes.get(kind, 0) < 10**9}
            if public
            else {},
        )

    def _time(self, id_: str, moment: datetime) -> str:
        if OLDEST <= moment <= datetime.now(UTC):
            return times.text(moment)
        self.report.changed("comment", id_, f"is said to be of {moment.year}, and has the time of the import")
        return times.now()

    def _find_parents(self, made: dict[str, NewPost]) -> None:
        for post in made.values():
            parent = made.get(post.parent or "")
            if post.parent and (parent is None or parent.page != post.page):
                why = "that is not there" if parent is None else "of another page"
                self.report.changed("comment", post.id, f"answers one {why}, and begins a conversation here")
                post.parent = None

    def _without_lonely_tombstones(self, posts: list[NewPost]) -> list[NewPost]:
        """Without what was removed and nothing answers; and what is asked is noted."""
        answered = set[str | None]()
        kept = list[NewPost]()
        for post in reversed(posts):
            if post.state == "removed" and post.id not in answered:
                self.report.left_out("comment", post.id, "was removed there")
                continue
            post.question = post.parent is None and asks(post.body)
            answered.add(post.parent)
            kept.append(post)
        return kept[::-1]


def _name(person: Person) -> str:
    """What posts are signed with."""
    return text.made_one_line(person.name)[:LONGEST_NAME] or NO_NAME


def _email(person: Person) -> str | None:
    """An address that can prove a claim, in lower case."""
    address = (person.email or "").strip().lower()
    return address if fits(address, Email) else None


def _cut_circles(made: dict[str, NewPost], report: Report) -> None:
    """Of posts that answer one another in a circle the first begins a conversation."""
    sound = set[str]()
    for start in made:
        way: dict[str, None] = {}
        at: str | None = start
        while at is not None and at not in sound and at not in way:
            way[at] = None
            at = made[at].parent
        if at in way:
            ids = [*way]
            first = min((made[id_] for id_ in ids[ids.index(at) :]), key=lambda post: post.created)
            report.changed("comment", first.id, "answers one that answers it, and begins a conversation here")
            first.parent = None
        sound.update(way)


def _in_order(made: dict[str, NewPost]) -> list[NewPost]:
    """By time, but parents first."""
    answers: dict[str, list[_Entry]] = defaultdict(list)
    ready, ordered = list[_Entry](), list[NewPost]()
    for entry in sorted((post.created, number, post) for number, post in enumerate(made.values())):
        parent = entry[2].parent
        (ready if parent is None else answers[parent]).append(entry)
    while ready:
        post = heapq.heappop(ready)[2]
        ordered.append(post)
        for answer in answers.pop(post.id, ()):
            heapq.heappush(ready, answer)
    return ordered
