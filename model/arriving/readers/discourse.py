"""Discourse: topics, as `/t/ID.json?include_raw=1` has them; one in a file, or many in a zip file."""

from collections.abc import Iterator
from typing import Any

from model.arriving.opened import Opened, decoded
from model.arriving.plan import Part, Person, Report, Thread
from model.arriving.values import comment, is_so, moment, objects, said

NAME, SAYS = "discourse", "Discourse"


def looks_like(head: bytes, _: str) -> bool:
    """Whether there is a stream of posts."""
    return b'"post_stream"' in head


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Topics. An embedded topic's page is the one that it is of."""
    for path, data in file.files():
        if path.endswith(".json") or not file.many:
            yield from _topic(decoded(data, where=path), report)


def _topic(topic: Any, report: Report) -> Iterator[Part]:
    found = topic if isinstance(topic, dict) else {}
    number, stream = said(found.get("id")), found.get("post_stream")
    if not number or not isinstance(stream, dict):
        report.left_out("topic", number or "?", "has no posts")
        return
    posts = [*objects(stream.get("posts") or [], f"Topic {number}: post")]
    links = found.get("details", {}).get("links") if isinstance(found.get("details"), dict) else None
    embedded = said(found.get("embed_url")) or (said(links) if isinstance(links, str) else "")
    address = embedded or f"/t/{said(found.get('slug')) or 'topic'}/{number}"
    yield Thread(address, said(found.get("title")), is_so(found.get("closed")))
    if missing := len(stream.get("stream") or []) - len(posts):
        report.left_out("topic", number, f"{missing} of its posts are not in the file: ask for /t/ID/posts.json, too")
    for post in posts:
        yield from _post(post, address, number, report)


def _post(post: dict[str, Any], address: str, topic: str, report: Report) -> Iterator[Part]:
    number, raw = said(post.get("post_number")), said(post.get("raw"))
    if post.get("post_type") not in (1, None) or said(post.get("action_code")):
        report.left_out("post", f"{topic}.{number}", "is a notice, and no post")
        return
    username = said(post.get("username"))
    if username:
        key = f"user {username.lower()}"
        yield Person(key, said(post.get("name")) or username, admin=is_so(post.get("admin")))
    answered = said(post.get("reply_to_post_number"))
    gone = is_so(post.get("user_deleted")) or post.get("deleted_at") or is_so(post.get("hidden"))
    yield from comment(
        report,
        f"{topic}.{number}" if number else "",
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
    """Action 2 is a like."""
    actions = [one for one in summary or [] if isinstance(one, dict) and one.get("id") == 2]
    count = actions[0].get("count") if actions else None
    return {"heart": count} if isinstance(count, int) else {}
