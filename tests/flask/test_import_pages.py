"""`import-flask` of a back end of 2026: what is under pages comes into their discussions, once, with its times."""

import json
from pathlib import Path

import pytest

from model.flask.post import text_of
from tests.flask.backends import OPEN_CODING, Backend
from tests.flask.test_import import Import, asked, import_, report, said

__all__ = ["import_"]
WHEN = "2026-04-01 12:34:56.789000"
LATER = "2026-04-02 08:00:00.000000"
POSTS = """SELECT c.key, u.uid, p.guest, p.body, q.body, p.created, p.edited, p.reactions FROM posts p
    JOIN channels c ON c.id = p.channel_id LEFT JOIN users u ON u.id = p.author_id
    LEFT JOIN posts q ON q.id = p.parent_id
    ORDER BY p.id"""


@pytest.fixture
def theirs(tmp_path: Path) -> Backend:
    backend = Backend(tmp_path / "user_management.db", OPEN_CODING)
    backend.user(1, "toby", "Thomas Edison", _email="?")
    backend.user(2, "niko", "Nicholas Tesla", _email="?")
    backend.add("topics", id=7, _page_key="lessons_flask", _page_path="/lessons/flask/", _page_title="Flask & co")
    when = {"_timestamp": WHEN, "_updated_at": WHEN}
    data = {
        "mood": "curious",
        "replies": [
            {
                "id": 1,
                "userId": 2,
                "userName": "Nicholas Tesla",
                "content": "Me too",
                "timestamp": "2026-04-01T13:00:00",
            },
            {"id": 2, "userId": 99, "content": "Who am I?", "timestamp": "soon"},
            {"id": 3, "userId": 2, "content": ""},
        ],
        "reactions": {"\U0001f44d": [1, 2, 99], "like": [2], "\U0001f996": [1], "heart": "x"},
    }
    backend.add("microblogs", id=1, _user_id=1, _topic_id=7, _content="What is *g*?", _data=json.dumps(data), **when)
    backend.add("microblogs", id=2, _user_id=2, _content="On no page", _timestamp=WHEN, _updated_at=LATER)
    graded = {"_grade_received": "A", "_page_url": "https://pages.example/lessons/flask/", "_page_title": "Flask"}
    backend.add("posts", id=11, _user_id=2, _content="I got it", **graded, **when)
    backend.add("posts", id=12, _user_id=1, _parent_id=11, _content="Well done", **when)
    backend.add("posts", id=13, _user_id=1, _parent_id=999, _content="An orphan", **when)
    return backend


def test_it_works(import_: Import, theirs: Backend, instance: Path) -> None:
    result = import_(theirs.path)
    assert said(result).endswith("Imported 2 users, 0 groups, 2 channels, 7 posts, 2 votes.\n")
    assert {line for line in report(result) if "microblog" not in line} == {
        "Changed: reply 1.2: is under the name 'Former user', for its author has no account here",
        "Left out: reply 1.3: is empty",
        "Left out: reaction 1: its user is not here",
        "Left out: reaction 1: is a '\U0001f996'",
        "Changed: post 13: is no reply here: what it answers is not there",
    }
    when, page = "2026-04-01T12:34:56.789Z", "/lessons/flask"
    rows = [
        (key, uid, guest, *text_of(body), to and text_of(to)[0], *more)
        for key, uid, guest, body, to, *more in asked(instance, POSTS)
    ]
    assert rows == [
        (page, "toby", None, "What is *g*?", {"mood": "curious"}, None, when, None, '{"up":2}'),
        (page, "niko", None, "Me too", {}, "What is *g*?", "2026-04-01T13:00:00.000Z", None, "{}"),
        (page, None, "Former user", "Who am I?", {}, "What is *g*?", rows[2][6], None, "{}"),
        ("posts", "niko", None, "On no page", {}, None, when, "2026-04-02T08:00:00.000Z", "{}"),
        (page, "niko", None, "I got it", {"gradeReceived": "A"}, None, when, None, "{}"),
        (page, "toby", None, "Well done", {}, "I got it", when, None, "{}"),
        ("posts", "toby", None, "An orphan", {}, None, when, None, "{}"),
    ]
    channels = "SELECT key, title, posts FROM channels WHERE key IN ('/lessons/flask', 'posts') ORDER BY id"
    assert asked(instance, channels) == [(page, "Flask & co", 5), ("posts", "Posts", 2)]


def test_again_it_brings_what_is_new(import_: Import, theirs: Backend, instance: Path) -> None:
    said(import_(theirs.path))
    before = asked(instance, POSTS)
    assert said(import_(theirs.path)).endswith("Imported 0 users, 0 groups, 0 channels, 0 posts, 0 votes.\n")
    assert asked(instance, POSTS) == before
    theirs.add("posts", id=14, _user_id=2, _parent_id=11, _content="Since yesterday", _timestamp=WHEN)
    assert said(import_(theirs.path)).endswith("Imported 0 users, 0 groups, 0 channels, 1 posts, 0 votes.\n")
