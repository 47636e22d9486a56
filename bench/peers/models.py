"""What the plain applications keep (Flask, FastAPI, Quart): the tables, and their rows as JSON.

One query for each list, with a join; an index for each question; WAL, and a commit that is on disk when it returns.
"""

import hashlib
import os
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from api.talk.pages import hue

LIMIT = 20
PATH = os.environ.get("DATABASE", "")
GLOBALS = {
    "asset": "/static/{}".format,
    "discussions": True,
    "language": "en",
    "direction": "ltr",
    "texts_of": lambda _language: "",
    "hue": hue,
    "post_length": 10_000,
    "sign_up": "open",
}
LINKED = {
    "pages.join": "/join",
    "pages.admin": "/admin",
    "pages.manage": "/groups/<slug>/manage",
    "talk.post": "/posts/<int:post_id>",
    "talk.channel": "/channels/<int:channel_id>",
    "overviews.of_group": "/groups/<slug>",
    "pages.account": "/account",
    "entering.sign_in": "/account/sign-in",
    "entering.sign_up": "/account/sign-up",
    "entering.sign_out": "/account/sign-out",
    "installable.manifest": "/app.webmanifest",
    "writing.write": "/channels/<int:channel_id>/posts",
}
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000")


class Base(DeclarativeBase):
    """The declarative base."""


class User(Base):
    """An account."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))


class Session(Base):
    """Somebody who signed in."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    secret_hash: Mapped[bytes] = mapped_column(unique=True)


class Channel(Base):
    """A discussion."""

    __tablename__ = "channels"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(300), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    posts: Mapped[int]


class Post(Base):
    """A message."""

    __tablename__ = "posts"
    __table_args__ = (Index("ix_posts_channel", "channel_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    body: Mapped[str]
    html: Mapped[str]
    created: Mapped[str] = mapped_column(String(24))


def newest(channel: int) -> Any:
    """The posts of a page and one more, with their authors."""
    found = select(Post, User).join(User, User.id == Post.author_id).where(Post.channel_id == channel)
    return found.order_by(Post.id.desc()).limit(LIMIT + 1)


def one(post: int) -> Any:
    """One post with its author."""
    return select(Post, User).join(User, User.id == Post.author_id).where(Post.id == post)


def whose(secret: str) -> Any:
    """The user whose session it is."""
    digest = hashlib.sha256(secret.encode()).digest()
    return select(User).join(Session, Session.user_id == User.id).where(Session.secret_hash == digest)


def post_json(post: Post, author: User) -> dict[str, Any]:
    """A post with the fields of Pottle's."""
    return {
        "id": post.id,
        "channel": post.channel_id,
        "parent": None,
        "author": {"uid": author.uid, "name": author.name, "avatar": None},
        "body": post.body,
        "html": post.html,
        "state": "published",
        "reactions": {},
        "replies": 0,
        "created": post.created,
        "edited": None,
        "version": 1,
    }


def page_json(rows: Any) -> dict[str, Any]:
    """A list with the fields of Pottle's."""
    posts = [post_json(post, author) for post, author in rows]
    older = str(posts[LIMIT - 1]["id"]) if len(posts) > LIMIT else None
    return {"posts": posts[:LIMIT], "next": older, "prev": None, "epoch": "", "seq": 0}


def speaks(templates: Any) -> None:
    """Has an environment of Jinja's know what our templates ask for."""
    templates.add_extension("jinja2.ext.i18n")
    templates.install_null_translations(newstyle=True)
    templates.globals.update(GLOBALS)


def home(rows: Any, me: User | None) -> dict[str, Any]:
    """What the home page's template asks for."""
    rules = {"reading": "public", "posting": "users", "review": "none", "standing": None}
    lobby = {"id": 1, "title": "Lobby", "locked": False}
    page, group = page_json(rows), {"slug": "home", "name": "Home", **rules}
    shown = {"posts": page["posts"], "edges": page, "epoch": "", "seq": 0, "order": "newest"}
    return {"me": me, "group": group, "channel": lobby, **shown}


def nothing(**_given: object) -> str:
    """What stands behind the other links of the home page."""
    return ""


def now() -> str:
    """The time as it is stored and sent."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def prepare(engine: Any) -> None:
    """Has every connection of an engine opened with PRAGMAS, where it is SQLite's."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connected(raw: Any, _record: Any) -> None:
        cursor = raw.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
