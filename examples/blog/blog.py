"""`/blog`: who has an account writes, everybody reads."""

import sqlite3
from asyncio import to_thread
from contextlib import closing
from pathlib import Path

import click
from quart import Blueprint, abort, current_app, flash, g, redirect, render_template, request, session, url_for
from werkzeug.security import check_password_hash, generate_password_hash

blueprint = Blueprint("blog", __name__, url_prefix="/blog")

SCHEMA = """
CREATE TABLE IF NOT EXISTS author (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, password TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES author (id),
    title TEXT NOT NULL, body TEXT NOT NULL, written TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
"""
ENTRIES = "SELECT entry.*, author.name FROM entry JOIN author ON author.id = author_id"


def connected():
    made = sqlite3.connect(Path(current_app.instance_path) / "blog.db")
    made.row_factory = sqlite3.Row
    return made


def database():
    """The connection of this request."""
    if "database" not in g:
        g.database = connected()
    return g.database


@blueprint.teardown_app_request
async def close_database(error):
    if "database" in g:
        g.pop("database").close()


@blueprint.cli.command("init")
def init():
    """Make the blog's tables."""
    with closing(connected()) as made:
        made.executescript(SCHEMA)
    click.echo("The blog is ready.")


@blueprint.before_request
async def load_author():
    known = session.get("author")
    g.author = known and database().execute("SELECT * FROM author WHERE id = ?", [known]).fetchone()
    if g.author is None and request.endpoint in ("blog.write", "blog.edit", "blog.delete"):
        await flash("Sign in first.")
        return redirect(url_for("blog.sign_in"))
    return None


@blueprint.errorhandler(404)
async def not_found(error):
    return await render_template("blog/not_found.html"), 404


@blueprint.get("/")
async def index():
    entries = database().execute(f"{ENTRIES} ORDER BY entry.id DESC").fetchall()
    return await render_template("blog/index.html", entries=entries)


@blueprint.route("/sign-up", methods=["GET", "POST"])
async def sign_up():
    if request.method == "POST":
        form = await request.form
        kept = await to_thread(generate_password_hash, form["password"])
        try:
            with database() as changing:
                changing.execute("INSERT INTO author (name, password) VALUES (?, ?)", [form["name"], kept])
        except sqlite3.IntegrityError:
            await flash(f"{form['name']} is taken.")
        else:
            return redirect(url_for("blog.sign_in"))
    return await render_template("blog/sign.html", what="Sign up")


@blueprint.route("/sign-in", methods=["GET", "POST"])
async def sign_in():
    if request.method == "POST":
        form = await request.form
        author = database().execute("SELECT * FROM author WHERE name = ?", [form["name"]]).fetchone()
        if author and await to_thread(check_password_hash, author["password"], form["password"]):
            session.clear()
            session["author"] = author["id"]
            return redirect(url_for("blog.index"))
        await flash("That is not right.")
    return await render_template("blog/sign.html", what="Sign in")


@blueprint.post("/sign-out")
async def sign_out():
    session.clear()
    return redirect(url_for("blog.index"))


@blueprint.route("/write", methods=["GET", "POST"])
async def write():
    if request.method == "POST":
        form = await request.form
        with database() as changing:
            changing.execute(
                "INSERT INTO entry (author_id, title, body) VALUES (?, ?, ?)",
                [g.author["id"], form["title"], form["body"]],
            )
        await flash("Written.")
        return redirect(url_for("blog.index"))
    return await render_template("blog/write.html", entry=None)


def own(number):
    """The entry, if it is there and whoever asks wrote it."""
    entry = database().execute(f"{ENTRIES} WHERE entry.id = ?", [number]).fetchone()
    if entry is None:
        abort(404)
    if entry["author_id"] != g.author["id"]:
        abort(403)
    return entry


@blueprint.route("/<int:number>/edit", methods=["GET", "POST"])
async def edit(number):
    entry = own(number)
    if request.method == "POST":
        form = await request.form
        with database() as changing:
            changing.execute("UPDATE entry SET title = ?, body = ? WHERE id = ?", [form["title"], form["body"], number])
        return redirect(url_for("blog.index"))
    return await render_template("blog/write.html", entry=entry)


@blueprint.post("/<int:number>/delete")
async def delete(number):
    own(number)
    with database() as changing:
        changing.execute("DELETE FROM entry WHERE id = ?", [number])
    return redirect(url_for("blog.index"))
