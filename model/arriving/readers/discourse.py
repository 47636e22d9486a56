"""Discourse: topics, as `/t/ID.json?include_raw=1` has them; one or many in a file, or in a folder or zip file."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from model.arriving.opened import Opened, decoded
from model.arriving.plan import Part, Person, Report, Thread
from model.arriving.values import comment, entries, is_so, moment, number, objects, said

NAME, SAYS, MANY = "discourse", "Discourse", True
LIKE = 2  # of the kinds of actions
# What ends the first post of a topic that a page of another site embeds.
EMBEDDED = re.compile(r"<hr>\s*<small>[^<]*<a href=['\"](https?://[^'\"<>\s]+)['\"]")


def looks_like(head: bytes, _: str) -> bool:
    """Whether there is a stream of posts."""
    return b'"post_stream"' in head


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Topics, then their posts: of a long topic these are in several files, of which not all say its title."""
    pages, wanted = dict[str, Thread](), dict[str, int]()
    for id_, topic, posts in _topics(file, report):
        address, known = _address(id_, topic, posts), pages.get(id_)
        if known is None or _page(posts[0]):
            pages[id_] = Thread(address, known.title if known else "", is_so(topic.get("closed")))
        pages[id_].title = pages[id_].title or said(topic.get("title"))
        stream = topic["post_stream"].get("stream")
        wanted[id_] = max(wanted.get(id_, 0), len(stream) if isinstance(stream, list) else 0)
    yield from pages.values()
    there: dict[str, set[str]] = defaultdict(set)
    for id_, _, posts in _topics(file, Report()):
        for post in posts:
            if (place := said(post.get("post_number"))) not in there[id_]:
                there[id_].add(place)
                yield from _post(post, pages[id_].key, id_, report)
    for id_, count in wanted.items():
        if (missing := count - len(there[id_])) > 0:
            report.left_out("topic", id_, f"{missing} of its posts are not in the file, which has one page of them")


def _topics(file: Opened, report: Report) -> Iterator[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
    """Each with its id and its posts."""
    for topic in _files(file) if file.many else entries(file):
        stream = topic.get("post_stream")
        posts = [*objects(stream.get("posts") or [], "Post")] if isinstance(stream, dict) else []
        id_ = said(topic.get("id")) or next((said(post.get("topic_id")) for post in posts), "")
        if id_ and posts:
            yield id_, topic, posts
        else:
            report.left_out("topic", id_ or "?", "has no posts")


def _files(file: Opened) -> Iterator[dict[str, Any]]:
    for path, data in file.files():
        if path.endswith(".json"):
            found = decoded(data, where=path)
            yield from objects(found if isinstance(found, list) else [found], path)


def _address(id_: str, topic: dict[str, Any], posts: list[dict[str, Any]]) -> str:
    """Of an embedded topic the page that it is of."""
    return _page(posts[0]) or f"/t/{said(topic.get('slug')) or said(posts[0].get('topic_slug')) or 'topic'}/{id_}"


def _page(post: dict[str, Any]) -> str:
    found = EMBEDDED.search(said(post.get("raw"))[-2_000:] or said(post.get("cooked"))[-2_000:])
    return found[1] if found and number(post.get("post_number")) == 1 else ""


def _post(post: dict[str, Any], address: str, topic: str, report: Report) -> Iterator[Part]:
    place, raw, username = (said(post.get(name)) for name in ("post_number", "raw", "username"))
    if post.get("post_type") not in (1, None) or said(post.get("action_code")):
        report.left_out("post", f"{topic}.{place}", "is a notice, and no post")
        return
    if _page(post):
        report.left_out("post", f"{topic}.{place}", "is what the page itself says")
        return
    if username:
        yield Person(f"user {username.lower()}", said(post.get("name")) or username, admin=is_so(post.get("admin")))
    answered = said(post.get("reply_to_post_number"))
    gone = is_so(post.get("user_deleted")) or post.get("deleted_at") or is_so(post.get("hidden"))
    yield from comment(
        report,
        f"{topic}.{place}" if place else "",
        moment(post.get("created_at")),
        thread=address,
        person=f"user {username.lower()}" if username else None,
        parent=f"{topic}.{answered}" if answered else None,
        text=raw or said(post.get("cooked")),
        form="markdown" if raw else "html",
        edited=moment(post.get("updated_at")) if said(post.get("version")) not in ("", "1") else None,
        state="removed" if gone else "published",
        votes=_likes(post.get("actions_summary")),
    )


def _likes(summary: Any) -> dict[str, int]:
    actions = summary if isinstance(summary, list) else []
    return {
        "heart": sum(number(one.get("count")) for one in actions if isinstance(one, dict) and one.get("id") == LIKE)
    }
