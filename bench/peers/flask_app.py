"""The same endpoints on Flask and SQLAlchemy, under gunicorn's sync workers: what a class writes first."""

from typing import Any

from flask import Blueprint, Flask, abort, jsonify, render_template, request
from markupsafe import Markup
from sqlalchemy import create_engine, update
from sqlalchemy.orm import Session as Database

from bench.peers import models
from bench.peers.models import Channel, Post, User
from bench.running import ROOT
from model.talk.markdown import rendered

app = Flask(__name__, template_folder=str(ROOT / "templates"))
models.speaks(app.jinja_env)
engine = create_engine(f"sqlite:///{models.PATH}")
models.prepare(engine)
pages = Blueprint("pages", __name__)


@app.get("/readyz")
def ready() -> str:
    """Able to serve."""
    return ""


@app.get("/api/channels/<int:channel>/posts")
def index(channel: int) -> Any:
    """The newest posts of a channel."""
    with Database(engine) as database:
        return jsonify(models.page_json(database.execute(models.newest(channel))))


@app.get("/api/posts/<int:post>")
def show(post: int) -> Any:
    """A post."""
    with Database(engine) as database:
        row = database.execute(models.one(post)).first()
        return jsonify(models.post_json(*row)) if row else abort(404)


@app.post("/api/channels/<int:channel>/posts")
def create(channel: int) -> Any:
    """Post, if you are signed in."""
    with Database(engine, expire_on_commit=False) as database:
        me = _me(database, request.headers.get("Authorization", "").removeprefix("Bearer ")) or abort(401)
        text = request.get_json()["body"]
        post = Post(channel_id=channel, author_id=me.id, body=text, html=rendered(text), created=models.now())
        database.add(post)
        database.execute(update(Channel).where(Channel.id == channel).values(posts=Channel.posts + 1))
        database.commit()
        return jsonify(models.post_json(post, me)), 201


@pages.get("/")
def home() -> str:
    """The lobby."""
    with Database(engine) as database:
        me = _me(database, request.cookies.get("session", ""))
        rows = database.execute(models.newest(1)).all()
        shown = models.home(rows, me)
    talk = Markup(render_template("_talk.html", posts=shown["posts"]))  # noqa: S704
    return render_template("home.html", talk=talk, **shown)


def _me(database: Database, secret: str) -> User | None:
    return database.scalars(models.whose(secret)).first() if secret else None


app.register_blueprint(pages)
for name, rule in models.LINKED.items():
    app.add_url_rule(rule, name, models.nothing)
