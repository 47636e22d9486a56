"""Fills an instance with a class that talks: people, discussions, replies and reactions, always the same ones.

scripts/seed            fills the instance that `python main.py` uses; refuses one in which there are users
scripts/seed --anyway   adds to it all the same, what is not there yet

Everybody's password is known, so this is not for a server that others can reach.

It works through the model's own functions, as a program beside the server may, also while the server runs.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dotenv import load_dotenv
from sqlalchemy import func, select

from main import RESOURCES
from model.accounts import user
from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import group
from model.settings import Settings
from model.talk import beginning, posting, reaction
from model.talk.posting import Draft
from pottle import settings, times
from pottle.errors import Conflict
from pottle.store import Tx, db

PASSWORD = "correct horse"  # everybody's
PEOPLE = {
    "rivera": "Ms. Rivera",
    "ada": "Ada Okafor",
    "linus": "Linus Berg",
    "mei": "Mei Tanaka",
    "sam": "Sam Novak",
    "noor": "Noor Haddad",
    "theo": "Theo Martin",
}
CLASS = {"slug": "cs-1", "name": "Computer Science 1", "reading": "public", "posting": "users", "review": "none"}
CHANNELS = [
    ("home", "lobby", "Lobby"),
    ("cs-1", "loops", "Week 3: loops"),
    ("cs-1", "projects", "Project ideas"),
    ("cs-1", "exam", "Questions before the exam"),
]

# (hours ago, channel, who, what, the number of the post it replies to, who reacted how)
POSTS: list[tuple[float, str, str, str, int | None, dict[str, list[str]]]] = [
    (
        70,
        "lobby",
        "rivera",
        "Welcome! Write here what concerns everybody. Each topic has a discussion of its own on the right.",
        None,
        {"up": ["ada", "mei", "sam", "theo"], "hooray": ["noor"]},
    ),
    (69, "lobby", "theo", "Can we ask about homework here, or only in class?", 0, {}),
    (68.5, "lobby", "rivera", "Here, please: the others will have the same question.", 1, {"heart": ["theo"]}),
    (50, "projects", "noor", "A bus timetable that says when I have to *leave*, not when the bus does.", None, {}),
    (49, "projects", "sam", "I would use that every day. Is the timetable public?", 3, {"up": ["noor"]}),
    (48, "projects", "mei", "Flash cards that come back the more often, the worse you knew them.", None, {}),
    (
        47,
        "projects",
        "rivera",
        "Look up *spaced repetition* and the Leitner system: five boxes are enough for a first version.",
        5,
        {"eyes": ["mei", "ada"]},
    ),
    (30, "loops", "linus", "When do I write `while`, and when `for`?", None, {"eyes": ["sam", "theo"]}),
    (
        29.5,
        "loops",
        "ada",
        "`for` when you know what you go through, `while` when you only know when to stop:\n\n"
        "```python\nfor name in names:\n    greet(name)\n\nwhile not solved(puzzle):\n    puzzle = step(puzzle)\n```",
        7,
        {"up": ["linus", "mei", "sam", "rivera"]},
    ),
    (29, "loops", "linus", "That is the first explanation I can remember. Thank you!", 8, {"laugh": ["ada"]}),
    (8, "exam", "sam", "Will recursion be in it?", None, {"eyes": ["linus", "noor", "theo", "mei"]}),
    (7, "exam", "rivera", "Reading it, yes. Writing it comes next term.", 10, {"hooray": ["sam", "linus", "theo"]}),
    (
        3,
        "lobby",
        "mei",
        "My program prints `None` after every line. What does it want to tell me?",
        None,
        {"eyes": ["theo"]},
    ),
    (
        2.8,
        "lobby",
        "linus",
        "Do you `print` a function that prints already? It returns nothing, and *nothing* is called `None`.",
        12,
        {"up": ["mei", "rivera"]},
    ),
    (2.7, "lobby", "mei", "That was it. One `print` less, and it is quiet.", 13, {"hooray": ["linus"]}),
    (
        1,
        "lobby",
        "rivera",
        "On Friday we meet in **room 204**. Bring a laptop if you have one; I have three to lend.",
        None,
        {"up": ["ada", "linus", "mei", "sam", "noor"]},
    ),
    (0.6, "lobby", "noor", "May I bring my sister? She is in year 8 and wants to see how it goes.", 15, {}),
    (0.5, "lobby", "rivera", "Gladly.", 16, {"heart": ["noor", "ada"]}),
    (
        0.1,
        "lobby",
        "ada",
        "I have put my notes on loops at <https://ada.example/loops>. Tell me what is missing!",
        None,
        {"up": ["sam"], "heart": ["mei"]},
    ),
]


async def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="scripts/seed", description="Fills an instance with a class that talks.")
    parser.add_argument("--anyway", action="store_true", help="also where there are users already")
    anyway = parser.parse_args().anyway
    load_dotenv(Path(__file__).parents[1] / ".env")
    await db.open(settings.read(os.environ, Settings))
    try:
        if await count_users() and not anyway:
            sys.exit(f"There are users in {db.settings.instance} already. To add to them: scripts/seed --anyway")
        posts = await fill()
    finally:
        await db.close()
    wrote = f"{len(PEOPLE)} people wrote {posts} posts in {len(CHANNELS)} discussions."
    print(wrote if "talk" in RESOURCES else f"{len(PEOPLE)} people are there, and the group {CLASS['slug']}.")
    print(f"Sign in as {', '.join(PEOPLE)}; everybody's password is: {PASSWORD}")


async def fill() -> int:
    """Makes what is not there yet and returns how many posts it wrote; a discussion with posts is left as it is."""
    people = {uid: await person(uid, name) for uid, name in PEOPLE.items()}
    await make_class(people["rivera"])
    if "talk" not in RESOURCES:
        return 0
    ids = {}
    for slug, key, title in CHANNELS:
        found, _ = await beginning.get_or_create(people["rivera"], slug, key, title, None, None)
        if found.posts == 0:
            ids[key] = found.id
    return await talk(people, ids)


async def talk(people: dict[str, Identity], channels: dict[str, int]) -> int:
    """Posts, replies and reacts in `channels` (ids by key), each at its time; returns the number of posts."""
    made: dict[int, int] = {}
    for number, (hours, key, uid, text, parent, reactions) in enumerate(POSTS):
        if key not in channels:
            continue
        new = await posting.finished(Draft(text, parent=None if parent is None else made[parent]))
        view = await db.write(earlier, hours, posting.create.within, people[uid], channels[key], new, None)
        made[number] = view.id
        for kind, fans in reactions.items():
            for fan in fans:
                await db.write(earlier, hours / 2, reaction.add.within, people[fan], view.id, kind)
    return len(made)


def earlier(tx: Tx, hours: float, unit: Callable[..., Any], *args: Any) -> Any:
    """Unit: runs `unit` as if it had been called so many hours ago."""
    now, tx.now = tx.now, times.later(hours=-hours)
    try:
        return unit(tx, *args)
    finally:
        tx.now = now


async def person(uid: str, name: str) -> Identity:
    """The user with `uid`, made if need be, as whoever asks."""
    with suppress(Conflict):
        await user.create(uid, name, PASSWORD)
    async with db.session() as session:
        found = (await session.scalars(select(User).where(User.uid_folded == uid))).one()
    return Identity(found.id, found.uid, found.name, None, found.role, None, None, "")


async def make_class(teacher: Identity) -> None:
    """The group of the class, whose moderator is its teacher."""
    with suppress(Conflict):
        await group.create(teacher, {**CLASS, "origins": []})


async def count_users() -> int:
    """How many users there are."""
    async with db.session() as session:
        return (await session.execute(select(func.count()).select_from(User))).scalar_one()


if __name__ == "__main__":
    asyncio.run(main())
