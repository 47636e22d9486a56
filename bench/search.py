"""What search costs: how long queries take among a million posts, and what the index adds to a post.

    python -m bench.search [--posts 1000000] [--folder FOLDER]      docs/search.md has what it printed

Words are as frequent as those of a language (Zipf), of several languages. The newest fifth of all posts is in a private
group, and there alone `secretly` is common. A folder that has the posts already is used again.
"""

import argparse
import asyncio
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.data import NOW
from bench.peers.base import fill
from bench.peers.pottle import opened
from model.accounts.session import Identity
from model.settings import Settings
from model.talk import posting
from model.talk.search import index, results, upkeep
from pottle.store import db
from pottle.store.paging import Cursor
from pottle.store.sqlite import prepare

VOCABULARY = 60_000
WORDS = 30  # in a post, on average
PEOPLE = 2_000
GROUPS = 1_000  # public ones, beside `private`
CHANNELS_EACH = 5
PRIVATE = 2  # the group
ROUNDS = 60  # of each query
SYLLABLES = [
    "ba",
    "de",
    "fi",
    "go",
    "lu",
    "ma",
    "ne",
    "pi",
    "ro",
    "su",
    "ta",
    "ve",
    "wi",
    "zo",
    "kra",
    "ble",
    "stu",
    "pré",
    "ñan",
    "öl",
]
HAN = [chr(0x4E00 + n * 7) for n in range(2_500)]
FEW = Identity(user=2, uid="person2", name="Person 2", avatar=None, role="user")  # reads what everybody may
MEMBER = Identity(user=3, uid="person3", name="Person 3", avatar=None, role="user")  # and `private`
ADMIN = Identity(user=1, uid="person1", name="Person 1", avatar=None, role="admin")

Query = tuple[str, Callable[[int], str], Identity | None]


def word(rank: int) -> str:
    """The `rank`th of the vocabulary: frequent ones are short."""
    found = SYLLABLES[rank % 20]
    while rank := rank // 20:
        found += SYLLABLES[rank % 20]
    return found


def texts(count: int) -> Iterator[str]:
    """What posts say: nine of ten in letters, one in Chinese."""
    chance = random.Random(4)  # no secret: the same posts each time
    words, weights = (
        [word(n) for n in range(VOCABULARY)],
        [*itertools.accumulate(1 / (n + 3) for n in range(VOCABULARY))],
    )
    han = [*itertools.accumulate(1 / (n + 10) for n in range(len(HAN)))]
    for number in range(count):
        length = chance.randrange(5, 2 * WORDS - 5)
        if number % 10 == 9:
            yield "".join(chance.choices(HAN, cum_weights=han, k=length))
            continue
        text = " ".join(chance.choices(words, cum_weights=weights, k=length))
        hidden = number >= count * 4 // 5
        yield f"{text} secretly" if hidden or number % 10_000 == 1 else text


def seed(instance: Path, count: int) -> None:
    """The posts, by SQL, without an index."""
    with opened(prepare(Settings(instance=instance))) as raw:
        users = ((n, f"person{n}", f"person{n}", f"Person {n}", "user", NOW, 1) for n in range(1, PEOPLE + 1))
        fill(raw, "users", "id, uid, uid_folded, name, role, created, version", users)
        reading = ["private" if n == PRIVATE else "public" for n in range(GROUPS + 2)]
        groups = ((n, f"g{n}", f"G {n}", "[]", reading[n], "members", "none", NOW, 1) for n in range(2, GROUPS + 2))
        fill(raw, "groups", "id, slug, name, origins, reading, posting, review, created, version", groups)
        fill(raw, "memberships", "group_id, user_id, role, created", [(PRIVATE, MEMBER.user, "member", NOW)])
        channels = (
            (g, g * CHANNELS_EACH + n, f"/{g}/{n}", f"Talk {n}", False, 0, 0, NOW, 1)
            for g in range(2, GROUPS + 2)
            for n in range(CHANNELS_EACH)
        )
        fill(raw, "channels", "group_id, id, key, title, locked, posts, seq, created, version", channels)
        posts = (_post(n, count, text) for n, text in enumerate(texts(count)))
        fill(raw, "posts", "id, channel_id, author_id, body, html, state, reactions, replies, created, version", posts)


def _post(number: int, count: int, text: str) -> tuple[Any, ...]:
    group = PRIVATE if number >= count * 4 // 5 else 3 + number % (GROUPS - 1)
    channel = group * CHANNELS_EACH + number % CHANNELS_EACH
    created = f"{2016 + number * 10 // count}-{1 + number * 120 // count % 12:02}-15T08:00:00.000Z"
    author = 1 + number * 7919 % PEOPLE
    return (number + 10, channel, author, text, f"<p>{text}</p>", "published", "{}", 0, created, 1)


QUERIES: list[Query] = [
    ("a rare word", lambda n: word(30_000 + 97 * n), FEW),
    ("a common word", lambda n: word(n % 20), FEW),
    ("two common words", lambda n: f"{word(n % 20)} {word(20 + n)}", FEW),
    ("a phrase", lambda n: f'"{word(n % 20)} {word(20 + n % 30)}"', FEW),
    ("the beginning of a word", lambda n: f"{word(400 + n)[:3]}*", FEW),
    ("Chinese, two characters", lambda n: HAN[n] + HAN[n + 40], FEW),
    ("Chinese, one character", lambda n: HAN[n], FEW),
    ("from:, a common word", lambda n: f"{word(n % 20)} from:person{5 + n}", FEW),
    ("in:, a common word", lambda n: f"{word(n % 20)} in:g{5 + n}", FEW),
    ("before:, a common word", lambda n: f"{word(n % 20)} before:201{7 + n % 3}-05-05", FEW),
    ("a common word that is not", lambda n: f"{word(25_000 + n)} -{word(n % 20)}", FEW),
    ("common, but nearly all of it private", lambda _: "secretly", FEW),
    ("the same, by a member", lambda _: "secretly", MEMBER),
    ("the same, by an admin", lambda _: "secretly", ADMIN),
    ("the same, signed out", lambda _: "secretly", None),
    ("has:answer, a common word", lambda n: f"{word(n % 20)} has:answer", FEW),
    ("a word that nobody wrote", lambda n: f"xylophone{n}", None),
]


async def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.search", description="Measures search.")
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="an instance folder, made if need be and kept")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        instance = asked.folder or Path(folder)
        if not (instance / "app.db").exists():
            timed("written by SQL", asked.posts, lambda: seed(instance, asked.posts))
        await db.open(Settings(instance=instance, rate_limits=False))
        try:
            before, begun = (await db.sizes())[0], time.perf_counter()
            if done := await upkeep.go_on():
                seconds = time.perf_counter() - begun
                grown = ((await db.sizes())[0] - before) / before
                print(f"indexed: {done:,} posts, {done / seconds:,.0f} a second; the file grew by {grown:.0%}")
            for name, query, who in QUERIES:
                await measure(name, query, who)
            print(f"what a post costs more: {await added():+.0%} of the processor's time")
        finally:
            await db.close()


def timed(name: str, count: int, work: Callable[[], object]) -> None:
    """Runs it, and prints how fast."""
    begun = time.perf_counter()
    work()
    print(f"{name}: {count / (time.perf_counter() - begun):,.0f} a second", flush=True)


async def measure(name: str, query: Callable[[int], str], who: Identity | None) -> None:
    """One line of the table."""
    times, found = [], 0
    for n in range(ROUNDS):
        begun = time.perf_counter()
        found += len((await results.find(who, query(n), None, Cursor())).page.items)
        times.append((time.perf_counter() - begun) * 1000)
    p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    print(f"| {name:38} | {found / ROUNDS:4.1f} | {p50:7.1f} | {p95:7.1f} |", flush=True)


async def added() -> float:
    """How much more processor time a post takes with the index than without: units of creation, in turn."""
    costs: dict[bool, list[float]] = {True: [], False: []}
    put = index.put
    drafts = [posting.Draft(text, f"<p>{text}</p>") for text in itertools.islice(texts(2_000), 1_000)]
    for turn in range(20):
        indexed = turn % 2 == 0
        index.put = put if indexed else (lambda *_: None)  # type: ignore[assignment]
        begun = time.process_time()
        for draft in drafts[turn * 50 : turn * 50 + 50]:
            await posting.publish(MEMBER, PRIVATE * CHANNELS_EACH, draft, None)
        costs[indexed].append(time.process_time() - begun)
    index.put = put
    return statistics.median(costs[True]) / statistics.median(costs[False]) - 1


if __name__ == "__main__":
    asyncio.run(main())
