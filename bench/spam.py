"""How much spam the usual rules let through, and how much of a real class they hold back.

    python -m bench.spam [SEED]

A thousand posts by fifty accounts, made as such campaigns are (links, casinos, essay services, messengers, one text
from everywhere, spun texts, lookalike letters, accounts that begin with harmless small talk), against a new group with
the usual rules and a moderator who looks once after each hundred posts; then 300 posts of a class of thirty on its
first day, which nobody has trusted yet. All of it by the application's own units, on a database of its own.

Whoever wrote the rules wrote these texts, too: read the numbers as what the rules do, not as what the world will.
"""

import asyncio
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from bench.spam_texts import CLASS, HARMLESS, KINDS
from model.accounts import user
from model.accounts.session import Identity
from model.groups import group
from model.settings import Settings
from model.talk import beginning, posting
from model.talk.judging import verdict
from model.talk.posting import Draft
from pottle.store import Tx, db

ACCOUNTS, POSTS, PUPILS, LOOKED_AFTER = 50, 1_000, 30, 100
OPEN = {"origins": [], "reading": "public", "posting": "users", "review": "none"}


class Outcome(NamedTuple):
    """What became of many posts: how many appeared at once, in all and by kind; and why the others did not."""

    posts: int
    through: int
    by_kind: dict[str, tuple[int, int]]  # how many appeared, of how many
    reasons: Counter[str]


async def main(seed: int = 1) -> tuple[Outcome, Outcome]:
    """Runs both, and prints what came of them."""
    with tempfile.TemporaryDirectory() as folder:
        await db.open(Settings(instance=Path(folder), rate_limits=False))
        try:
            spam, school = await spammed(random.Random(seed)), await taught()
        finally:
            await db.close()
    for name, found in (("Spam", spam), ("Class", school)):
        print(f"{name}: {found.posts} posts, {found.through} appeared, {found.posts - found.through} waited")
        for kind, (through, of) in found.by_kind.items():
            print(f"  {kind:14}{through:5} of {of}")
        print("  why:", ", ".join(f"{code} {many}" for code, many in found.reasons.most_common(8)))
    return spam, school


async def spammed(rng: random.Random) -> Outcome:
    """A campaign of all kinds at once. What a moderator sees of it, that one removes."""
    place, moderator = await _place("site", "keeper")
    accounts = [await _account(f"s{number}") for number in range(ACCOUNTS)]
    seen, public, shown, why = Counter[str](), Counter[str](), list[int](), Counter[str]()
    for number in range(POSTS):
        account = accounts[number % ACCOUNTS]
        kind, make = KINDS[number % ACCOUNTS % len(KINDS)]
        body = rng.choice(HARMLESS) if kind == "patient" and number < ACCOUNTS * 5 else make(rng)
        kind = "harmless" if body in HARMLESS else kind
        made = await posting.publish(account, place, Draft(body), None)
        seen[kind] += 1
        public[kind] += made.state == "published"
        if made.state == "published" and kind != "harmless":
            shown.append(made.id)
        why += await _why(made.id)
        if number % LOOKED_AFTER == LOOKED_AFTER - 1:
            for id_ in shown:
                await posting.moderate(moderator, id_, None, "removed")
            shown.clear()
    spam = {kind: (public[kind], seen[kind]) for kind in seen if kind != "harmless"}
    return Outcome(sum(of for _, of in spam.values()), sum(through for through, _ in spam.values()), spam, why)


async def taught() -> Outcome:
    """A class on its first day. Each pupil says what comes next."""
    place, _ = await _place("class-5b", "teacher")
    pupils = [await _account(f"p{number}") for number in range(PUPILS)]
    through, held, why = 0, list[str](), Counter[str]()
    for number, body in enumerate(CLASS):
        made = await posting.publish(pupils[number % PUPILS], place, Draft(body), None)
        through += made.state == "published"
        why += await _why(made.id)
        if made.state != "published":
            held.append(body)
    for body in held:
        print("held of the class:", body[:100].replace("\n", " "))
    return Outcome(len(CLASS), through, {}, why)


async def _place(slug: str, keeper: str) -> tuple[int, Identity]:
    moderator = await _account(keeper)
    await group.create(moderator, {"slug": slug, "name": slug, **OPEN})
    made, _ = await beginning.get_or_create(moderator, slug, "room", None, None, None)
    return made.id, moderator


async def _account(uid: str) -> Identity:
    def add(tx: Tx) -> int:
        return user.add(tx, uid, f"Somebody {uid}", None)

    return Identity(await db.write(add), uid, f"Somebody {uid}", None, "user")


async def _why(post_id: int) -> Counter[str]:
    async with db.session() as session:
        row = (await session.execute(verdict.OF, {"post_id": post_id, "about": "post"})).first()
    return Counter(reason.code for reason in verdict.of_column(row.reasons)) if row else Counter()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
