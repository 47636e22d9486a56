"""Databases such as Flask back ends leave, built here by our own SQL after their schemas."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from werkzeug.security import generate_password_hash

PASSWORD = "123toby"
QUICK = generate_password_hash(PASSWORD, "pbkdf2:sha256:1000", salt_length=10)

FLOCKER = """
CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, _name VARCHAR(255) NOT NULL, _uid VARCHAR(255) NOT NULL UNIQUE,
    _email VARCHAR(255) NOT NULL, _password VARCHAR(255) NOT NULL, _role VARCHAR(20) NOT NULL, _pfp VARCHAR(255),
    _car VARCHAR(255));
CREATE TABLE sections (id INTEGER NOT NULL PRIMARY KEY, _name VARCHAR(255) NOT NULL UNIQUE, _theme VARCHAR(255));
CREATE TABLE groups (id INTEGER NOT NULL PRIMARY KEY, _name VARCHAR(255) NOT NULL UNIQUE,
    _section_id INTEGER NOT NULL REFERENCES sections (id));
CREATE TABLE group_moderators (group_id INTEGER NOT NULL REFERENCES groups (id),
    user_id INTEGER NOT NULL REFERENCES users (id), PRIMARY KEY (group_id, user_id));
CREATE TABLE channels (id INTEGER NOT NULL PRIMARY KEY, _name VARCHAR(255) NOT NULL, _attributes JSON,
    _group_id INTEGER NOT NULL REFERENCES groups (id));
CREATE TABLE posts (id INTEGER NOT NULL PRIMARY KEY, _title VARCHAR(255) NOT NULL, _comment VARCHAR(255) NOT NULL,
    _content JSON NOT NULL, _user_id INTEGER NOT NULL REFERENCES users (id),
    _channel_id INTEGER NOT NULL REFERENCES channels (id));
CREATE TABLE votes (id INTEGER NOT NULL PRIMARY KEY, _vote_type VARCHAR(10) NOT NULL,
    _user_id INTEGER NOT NULL REFERENCES users (id), _post_id INTEGER NOT NULL REFERENCES posts (id));
CREATE TABLE "carChats" (id INTEGER NOT NULL PRIMARY KEY, _message VARCHAR(255) NOT NULL, user_id INTEGER);
"""
PORTFOLIO_2025 = """
CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, _name VARCHAR(255) NOT NULL, _uid VARCHAR(255) NOT NULL UNIQUE,
    _email VARCHAR(255) NOT NULL, _password VARCHAR(255) NOT NULL, _role VARCHAR(20) NOT NULL, _pfp VARCHAR(255),
    kasm_server_needed BOOLEAN);
CREATE TABLE sections (id INTEGER NOT NULL PRIMARY KEY, _name VARCHAR(255) NOT NULL,
    _abbreviation VARCHAR(255) NOT NULL UNIQUE);
CREATE TABLE user_sections (user_id INTEGER NOT NULL, section_id INTEGER NOT NULL, year INTEGER,
    PRIMARY KEY (user_id, section_id));
"""
PORTFOLIO = """
CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, _name VARCHAR(255) NOT NULL, _uid VARCHAR(255) NOT NULL UNIQUE,
    _password VARCHAR(255) NOT NULL, _dob DATE, _hashmap JSON, _role VARCHAR(20) NOT NULL);
CREATE TABLE posts (id INTEGER NOT NULL PRIMARY KEY, note TEXT NOT NULL, image VARCHAR,
    "userID" INTEGER REFERENCES users (id));
"""

OPEN_CODING = """
CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, _name VARCHAR(255) NOT NULL, _uid VARCHAR(255) NOT NULL UNIQUE,
    _email VARCHAR(255) NOT NULL, _password VARCHAR(255) NOT NULL, _role VARCHAR(20) NOT NULL);
CREATE TABLE topics (id INTEGER NOT NULL PRIMARY KEY, _page_key VARCHAR(100) NOT NULL UNIQUE,
    _page_path VARCHAR(500) NOT NULL, _page_title VARCHAR(200) NOT NULL);
CREATE TABLE microblogs (id INTEGER NOT NULL PRIMARY KEY, _user_id INTEGER NOT NULL REFERENCES users (id),
    _topic_id INTEGER REFERENCES topics (id), _content VARCHAR(280) NOT NULL, _data JSON, _timestamp DATETIME NOT NULL,
    _updated_at DATETIME);
CREATE TABLE posts (id INTEGER NOT NULL PRIMARY KEY, _user_id INTEGER NOT NULL REFERENCES users (id),
    _parent_id INTEGER REFERENCES posts (id), _content TEXT NOT NULL, _grade_received VARCHAR(50),
    _page_url VARCHAR(500), _page_title VARCHAR(200), _timestamp DATETIME NOT NULL, _updated_at DATETIME);
"""


class Backend:
    """`Backend(path, FLOCKER)` is a database to fill: `backend.add("users", id=1, _uid="toby", …)`."""

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        with closing(sqlite3.connect(path)) as raw:
            raw.executescript(schema)

    def add(self, table: str, **values: Any) -> None:
        """One row."""
        self.run(
            f'INSERT INTO "{table}" ({", ".join(values)}) VALUES ({", ".join("?" * len(values))})',  # noqa: S608
            values.values(),
        )

    def run(self, sql: str, values: Iterable[Any] = ()) -> None:
        """A statement, committed."""
        with closing(sqlite3.connect(self.path)) as raw, raw:
            raw.execute(sql, tuple(values))

    def user(self, id_: int, uid: Any, name: Any = "Somebody", password: Any = QUICK, **more: Any) -> None:
        """A user with the columns that all of them have."""
        self.add("users", **{"id": id_, "_uid": uid, "_name": name, "_password": password, "_role": "User", **more})

    def post(self, id_: int, title: str, comment: Any, user: int, channel: int, content: Any = None) -> None:
        """A post of flocker's."""
        text = content if isinstance(content, str) else json.dumps(content or {})
        self.add("posts", id=id_, _title=title, _comment=comment, _content=text, _user_id=user, _channel_id=channel)

    def vote(self, id_: int, kind: str, user: int, post: int) -> None:
        """A vote of flocker's."""
        self.add("votes", id=id_, _vote_type=kind, _user_id=user, _post_id=post)


def flocker(path: Path) -> Backend:
    """A small flocker_backend: two people, a group with two channels, posts and votes."""
    backend = Backend(path, FLOCKER)
    backend.user(1, "toby", "Thomas Edison", _role="Admin", _email="toby@example.com")
    backend.user(2, "niko", "Nicholas Tesla", _email="?")
    backend.add("sections", id=1, _name="Rate and Relate")
    backend.add("groups", id=1, _name="Flavor Fusion", _section_id=1)
    backend.add("group_moderators", group_id=1, user_id=1)
    backend.add("channels", id=1, _name="Combos", _attributes="{}", _group_id=1)
    backend.add("channels", id=2, _name="Sauces", _group_id=1)
    backend.post(1, "Salt & <b>lime</b>", "Try *it*.\nReally", 2, 1, {"ratings": [5, 4], "ingredients": "Käse"})
    backend.post(2, "", "Only a comment", 1, 1)
    backend.post(3, "", "Only a comment", 1, 1)
    backend.vote(1, "upvote", 1, 1)
    backend.vote(2, "downvote", 2, 1)
    return backend
