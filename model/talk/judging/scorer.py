"""The consumer that asks services outside about posts: one worker at a time, some posts at once."""

import asyncio
import base64
import contextlib
import logging
import time
from urllib.parse import quote, urlencode

import msgspec

from model import settings
from model.talk.judging import scoring
from model.talk.judging.scoring import Answer, Job
from model.talk.judging.verdict import HELD_AT
from model.webhooks import sending, signing
from pottle import times
from pottle.store import db
from pottle.store.consumers import SLOW_SECONDS, Consumer, add

log = logging.getLogger("pottle")

AKISMET = "https://rest.akismet.com/1.1/comment-check"
MOST_READ = 4_096  # bytes of an answer
AGENT = "Pottle/1 | Pottle-Scorer/1"


class Said(msgspec.Struct):
    """What a service of one's own answers: a score, as the judge's (from 1 a post waits), and why."""

    score: float
    why: str = ""


class Scorer(Consumer):
    """Asks about what is due. It takes no changes: what is to be asked is written with each post."""

    name = "scorer"
    kinds = frozenset[str]()
    tags = frozenset({"table:scorings"})

    async def work(self) -> None:
        """Asks, some at once, and waits for the next."""
        while True:
            self.woken.clear()
            found, next_due = await scoring.due()
            if found:
                await asyncio.gather(*map(_ask, found))
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_seconds_until(next_due)):
                    await self.woken.wait()


async def _ask(post_id: int) -> None:
    job = await scoring.job(post_id)
    if job is None:
        await scoring.drop(post_id)
        return
    try:
        answer = await (_akismet(job) if job.rules.service == "akismet" else _own(job))
    except Exception:
        log.exception("Post %s could not be asked about", post_id)
        answer = Answer(None)
    await scoring.record(post_id, job.post.version, answer)


async def _akismet(job: Job) -> Answer:
    """Akismet's comment-check, or a service that speaks as that does."""
    post = job.post
    told = {
        "api_key": job.secret or "",
        "blog": db.settings.url,
        "user_ip": job.address.partition("/")[0],
        "user_agent": job.agent,
        "permalink": f"{db.settings.url}/posts/{post.id}",
        "comment_type": "reply" if post.parent_id else "forum-post",
        "comment_author": "" if post.anonymous else post.name or post.guest or "",
        "comment_content": post.body,
        "comment_date_gmt": post.created,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": AGENT}
    said = await _sent(job, job.rules.service_url or AKISMET, headers, urlencode(told, quote_via=quote).encode())
    return Answer({b"true": HELD_AT, b"false": 0.0}.get(said.strip()), "Akismet")


async def _own(job: Job) -> Answer:
    """A service of the group's own. Whoever is anonymous stays so."""
    post = job.post
    told = {
        "post": post.id,
        "group": job.group,
        "channel": post.channel_id,
        "parent": post.parent_id,
        "url": f"{db.settings.url}/posts/{post.id}",
        "author": {} if post.anonymous else {"uid": post.uid, "name": post.name, "guest": post.guest},
        "body": post.body,
        "created": post.created,
        "version": post.version,
    }
    body = msgspec.json.encode(told)
    headers = {"Content-Type": "application/json", "User-Agent": AGENT}
    if job.secret:
        message = f"score_{post.id}_{post.version}_{job.attempts}"
        key = base64.b64encode(job.secret.encode()).decode()
        headers |= signing.headers(message, int(time.time()), body, [key])
    try:
        said = msgspec.json.decode(await _sent(job, job.rules.service_url or "", headers, body), type=Said)
    except msgspec.DecodeError:
        return Answer(None)
    return Answer(max(0.0, said.score), said.why)


async def _sent(job: Job, url: str, headers: dict[str, str], body: bytes) -> bytes:
    outcome = await sending.send(url, headers, body, settings.chosen().webhook_networks, reads=MOST_READ)
    if not outcome.delivered:
        log.warning("The service of group %s did not answer: %s", job.group, outcome.trouble)
    return outcome.body if outcome.delivered else b""


def _seconds_until(due: str | None) -> float:
    if due is None:
        return SLOW_SECONDS
    return min(SLOW_SECONDS, max(0.0, (times.milliseconds(due) - times.milliseconds(times.now())) / 1_000) + 0.001)


add(Scorer())
