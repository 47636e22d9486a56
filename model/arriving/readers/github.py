"""giscus and utterances: GitHub's discussions and issues, as its API answers (docs/importing.md has the commands)."""

import re
from collections.abc import Iterator
from typing import Any

from model.arriving.opened import Opened
from model.arriving.plan import Part, Person, Report, Thread
from model.arriving.values import comment, entries, is_so, moment, number, objects, said

NAME, SAYS = "github", "giscus or utterances (GitHub)"
REACTIONS = {
    "THUMBS_UP": "up",
    "THUMBS_DOWN": "down",
    "HEART": "heart",
    "LAUGH": "laugh",
    "HOORAY": "hooray",
    "EYES": "eyes",
    "+1": "up",
    "-1": "down",
    "heart": "heart",
    "laugh": "laugh",
    "hooray": "hooray",
    "eyes": "eyes",
}
GONE = "ghost"
ADDRESS = re.compile(r"https?://[^\s()\[\]<>\"]+")


def looks_like(head: bytes, _: str) -> bool:
    """Whether there are discussions of GraphQL, or issues with their comments."""
    graphql = b'"nodes"' in head and (b'"login"' in head or b'"discussions"' in head)
    return graphql or (b'"comments_list"' in head and b'"html_url"' in head)


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Discussions (`{data: {repository: {discussions: {nodes}}}}`, or their nodes), or issues with `comments_list`."""
    for one in entries(file):
        for discussion in _discussions(one):
            yield from _thread(discussion, report)


def _discussions(one: dict[str, Any]) -> Iterator[dict[str, Any]]:
    found: Any = one
    for name in ("data", "repository", "discussions", "nodes"):
        found = found.get(name, found) if isinstance(found, dict) else found
    yield from objects(found, "Discussion") if isinstance(found, list) else [one]


def _thread(one: dict[str, Any], report: Report) -> Iterator[Part]:
    id_, title = said(one.get("number")), said(one.get("title"))
    if not title:
        report.left_out("discussion", id_, "has no title")
        return
    address = _address(title, said(one.get("body")))
    yield Thread(address, title, is_so(one.get("closed")) or is_so(one.get("locked")))
    listed = one.get("comments_list") if "comments_list" in one else _nodes(one.get("comments"))
    _note_missing(one.get("comments"), "discussion", id_, report)
    for place, found in enumerate(objects(listed, f"{title}: comment"), start=1):
        yield from _comment(found, address, None, f"{id_}.{place}", report)


def _address(title: str, body: str) -> str:
    """The page that giscus and utterances link to in what they begin with; else what its title says.

    The title is mostly the page's path, but without what is behind its last dot, and `index` for `/`.
    """
    links = ADDRESS.findall(body) if body.startswith(f"# {title}") else []
    if links or "://" in title:
        return str(links[-1]) if links else title
    return "/" if title == "index" else f"/{title.strip('/')}"


def _note_missing(connection: Any, kind: str, id_: str, report: Report) -> None:
    total = number(connection.get("totalCount")) if isinstance(connection, dict) else 0
    if (missing := total - len(_nodes(connection))) > 0:
        report.left_out(kind, id_, f"{missing} of what answers it are not in the file, which has at most a hundred")


def _nodes(some: Any) -> list[Any]:
    nodes = some.get("nodes") if isinstance(some, dict) else None
    return nodes if isinstance(nodes, list) else []


def _comment(found: dict[str, Any], address: str, parent: str | None, made_up: str, report: Report) -> Iterator[Part]:
    id_ = said(found.get("id")) or said(found.get("databaseId")) or made_up
    author = found.get("author") or found.get("user")
    login = said(author.get("login")) if isinstance(author, dict) else GONE
    yield Person(f"user {login.lower()}" if login != GONE else f"comment {id_}", login)
    edited = moment(found.get("lastEditedAt"))
    yield from comment(
        report,
        id_,
        moment(found.get("createdAt") or found.get("created_at")),
        thread=address,
        person=f"user {login.lower()}" if login != GONE else f"comment {id_}",
        parent=parent,
        text=said(found.get("body")),
        form="markdown",
        edited=edited,
        state="removed" if found.get("deletedAt") or is_so(found.get("isMinimized")) else "published",
        votes=_reactions(found),
    )
    _note_missing(found.get("replies"), "comment", id_, report)
    for place, answer in enumerate(objects(_nodes(found.get("replies")), f"{id_}: reply"), start=1):
        yield from _comment(answer, address, id_, f"{made_up}.{place}", report)


def _reactions(found: dict[str, Any]) -> dict[str, int]:
    groups, counts = found.get("reactionGroups"), found.get("reactions")
    named: list[tuple[Any, Any]] = []
    if isinstance(groups, list):
        for group in objects(groups, "Reactions"):
            who = group.get("users") or group.get("reactors")
            named.append((group.get("content"), who.get("totalCount") if isinstance(who, dict) else 0))
    elif isinstance(counts, dict):
        named = [*counts.items()]
    return {
        REACTIONS[name]: count for name, count in named if name in REACTIONS and isinstance(count, int) and count > 0
    }
