"""Pottle's JSON API and live updates for programs: async and typed.

    async with Pottle("https://pottle.example") as pottle:
        await pottle.sign_in("ada", "correct horse battery staple")
        channel = await pottle.channel("home", "lobby")
        await pottle.post(channel["id"], "Hello from a program")
        async for change in pottle.subscribe(channel["id"]):
            print(change["kind"], change.get("post"))

What it keeps for you: a creating POST that is sent again is not done twice (Idempotency-Key); after a lost connection a
subscription goes on after the last change it gave, or says that changes are missing; a watch misses no new answer.
"""

from pottle_client.client import Pottle
from pottle_client.live import Missed
from pottle_client.requests import Problem
from pottle_client.shapes import Account, Author, Change, Channel, NewPost, Outcome, Page, Position, Post, WrongField

__all__ = [
    "Account",
    "Author",
    "Change",
    "Channel",
    "Missed",
    "NewPost",
    "Outcome",
    "Page",
    "Position",
    "Post",
    "Pottle",
    "Problem",
    "WrongField",
]
