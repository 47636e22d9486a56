"""The same endpoints on Quart, with an ordinary AsyncSession on aiosqlite: the way that Pottle did not go."""

from typing import Any

from markupsafe import Markup
from quart import Blueprint, Quart, abort, jsonify, render_template, request
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession as Database
from sqlalchemy.ext.asyncio import create_async_engine

from bench.peers import models
from bench.peers.models import Channel, Post, User
from bench.running import ROOT
from model.talk.markdown import rendered

app = Quart(__name__, template_folder=str(ROOT / "templates"))
models.speaks(app.jinja_env)
engine = create_async_engine(f"sqlite+aiosqlite:///{models.PATH}")
models.prepare(engine.sync_engine)
pages = Blueprint("pages", __name__)


@app.get("/readyz")
async def ready() -> str:
    """Able to serve."""
    return ""


@app.get("/api/channels/<int:channel>/posts")
async def index(channel: int) -> Any:
    """The newest posts of a channel."""
    async with Database(engine) as database:
        return jsonify(models.page_json(await database.execute(models.newest(channel))))


@app.get("/api/posts/<int:post>")
async def show(post: int) -> Any:
    """A post."""
    async with Database(engine) as database:
        row = (await database.execute(models.one(post))).first()
        return jsonify(models.post_json(*row)) if row else abort(404)


@app.post("/api/channels/<int:channel>/posts")
async def create(channel: int) -> Any:
    """Post, if you are signed in."""
    async with Database(engine, expire_on_commit=False) as database:
        me = await _me(database, request.headers.get("Authorization", "").removeprefix("Bearer ")) or abort(401)
        text = (await request.get_json())["body"]
        post = Post(channel_id=channel, author_id=me.id, body=text, html=rendered(text), created=models.now())
        database.add(post)
        await database.execute(update(Channel).where(Channel.id == channel).values(posts=Channel.posts + 1))
        await database.commit()
        return jsonify(models.post_json(post, me)), 201


@pages.get("/")
async def home() -> str:
    """The lobby."""
    async with Database(engine) as database:
        me = await _me(database, request.cookies.get("session", ""))
        rows = (await database.execute(models.newest(1))).all()
        shown = models.home(rows, me)
    talk = Markup(await render_template("_talk.html", posts=shown["posts"]))  # noqa: S704
    return await render_template("home.html", talk=talk, **shown)


async def _me(database: Database, secret: str) -> User | None:
    return (await database.scalars(models.whose(secret))).first() if secret else None


app.register_blueprint(pages)
for name, rule in models.LINKED.items():
    app.add_url_rule(rule, name, models.nothing)
