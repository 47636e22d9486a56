"""A program that signs up or in, finds or makes a channel, posts, and prints every change as it comes.

    pip install ./clients/python
    python examples/client.py --uid ada --say "Hello from a program"

After a lost connection it goes on after the last change that it printed, and reads the list again where the server can
no longer tell what came after that.
"""

import argparse
import asyncio
import os
from contextlib import suppress
from getpass import getpass

from pottle_client import Author, Change, Page, Post, Pottle, Problem


async def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Talks to a Pottle.")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="of the server (default: %(default)s)")
    parser.add_argument("--uid", required=True, help="your user name; the account is made if there is none")
    parser.add_argument("--password", default=os.environ.get("PASSWORD"), help="default: $PASSWORD, or asked for")
    parser.add_argument("--group", default="home", help="its slug (default: %(default)s)")
    parser.add_argument("--channel", default="lobby", help="its key; made if need be (default: %(default)s)")
    parser.add_argument("--say", metavar="TEXT", help="post this first")
    asked = parser.parse_args()
    async with Pottle(asked.url) as pottle:
        await enter(pottle, asked.uid, asked.password or getpass())
        channel = await pottle.channel(asked.group, asked.channel)
        print(f"Listening to {channel['title']}, channel {channel['id']} (Ctrl-C to quit)", flush=True)
        if asked.say:
            await pottle.post(channel["id"], asked.say)

        async def listed() -> Page:
            page = await pottle.posts(channel["id"])
            for post in reversed(page["posts"]):
                print("listed", described(post), flush=True)
            return page

        async for change in pottle.subscribe(channel["id"], await listed(), missed=listed):
            print(change["kind"], told(change), flush=True)


async def enter(pottle: Pottle, uid: str, password: str) -> None:
    """Signs up; or in, where the user name is taken: by us, if the password fits."""
    try:
        await pottle.sign_up(uid, uid, password)
    except Problem as problem:
        if problem.status != 409:
            raise
        await pottle.sign_in(uid, password)


def told(change: Change) -> str:
    """A change in words."""
    post = change.get("post")
    if not post:
        return ""
    return f"{post['id']} {post['reactions']}" if change["kind"] == "reactions" else described(post)


def described(post: Post) -> str:
    """A post in words."""
    return f"{post['id']} by {name(post['author'])}: {post['body']}"


def name(author: Author) -> str:
    """Whoever wrote it: a user, a guest by the name given, or somebody anonymous."""
    if "anonymous" in author:
        return "Anonymous"
    return author["guest"] if "guest" in author else author["name"]


if __name__ == "__main__":
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(main())
    except Problem as problem:
        raise SystemExit(f"The server says: {problem}") from None
