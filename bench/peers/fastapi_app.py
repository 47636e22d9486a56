"""The same endpoints on FastAPI, with an AsyncSession on aiosqlite (or what DATABASE_URL says) and pydantic models."""

import os
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Cookie, Depends, FastAPI, Header, HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from pydantic import BaseModel
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from bench.peers import models
from bench.peers.models import Channel, Post, User
from bench.running import ROOT
from model.talk.markdown import rendered

app = FastAPI()
engine = create_async_engine(os.environ.get("DATABASE_URL") or f"sqlite+aiosqlite:///{models.PATH}")
models.prepare(engine.sync_engine)
pages = Environment(loader=FileSystemLoader(ROOT / "templates"), autoescape=True)
models.speaks(pages)
pages.globals["url_for"] = lambda name, **given: "/" if name == "pages.home" else f"/{name}/{given}"


class Author(BaseModel):
    """Who wrote a post."""

    uid: str
    name: str
    avatar: str | None


class PostView(BaseModel):
    """A post as readers see it."""

    id: int
    channel: int
    parent: int | None
    author: Author
    body: str
    html: str
    state: str
    reactions: dict[str, int]
    replies: int
    created: str
    edited: str | None
    version: int


class PostsView(BaseModel):
    """A page of posts."""

    posts: list[PostView]
    next: str | None
    prev: str | None
    epoch: str
    seq: int


class NewPost(BaseModel):
    """A post to make."""

    body: str


async def opened() -> AsyncIterator[AsyncSession]:
    """A session of the database for one request."""
    async with AsyncSession(engine, expire_on_commit=False) as database:
        yield database


Database = Annotated[AsyncSession, Depends(opened)]


@app.get("/readyz")
async def ready() -> None:
    """Able to serve."""


@app.get("/api/channels/{channel}/posts", response_model=PostsView)
async def index(channel: int, database: Database) -> Any:
    """The newest posts of a channel."""
    return models.page_json(await database.execute(models.newest(channel)))


@app.get("/api/posts/{post}", response_model=PostView)
async def show(post: int, database: Database) -> Any:
    """A post."""
    row = (await database.execute(models.one(post))).first()
    if row is None:
        raise HTTPException(404)
    return models.post_json(*row)


@app.post("/api/channels/{channel}/posts", response_model=PostView, status_code=201)
async def create(channel: int, data: NewPost, database: Database, authorization: Annotated[str, Header()]) -> Any:
    """Post, if you are signed in."""
    me = await _me(database, authorization.removeprefix("Bearer "))
    if me is None:
        raise HTTPException(401)
    html = rendered(data.body)
    post = Post(channel_id=channel, author_id=me.id, body=data.body, html=html, created=models.now())
    database.add(post)
    await database.execute(update(Channel).where(Channel.id == channel).values(posts=Channel.posts + 1))
    await database.commit()
    return models.post_json(post, me)


@app.get("/", response_class=HTMLResponse)
async def home(database: Database, session: Annotated[str, Cookie()] = "") -> str:
    """The lobby."""
    me = await _me(database, session)
    rows = (await database.execute(models.newest(1))).all()
    shown = models.home(rows, me)
    talk = Markup(pages.get_template("_talk.html").render(posts=shown["posts"]))  # noqa: S704
    return pages.get_template("home.html").render(shown, talk=talk)


async def _me(database: AsyncSession, secret: str) -> User | None:
    return (await database.scalars(models.whose(secret))).first() if secret else None
