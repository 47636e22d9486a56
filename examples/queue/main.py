"""A queue for help in class, on Pottle's engine alone. The stream `queue` is for those who wait in it.

PYTHONPATH=../.. gunicorn --config ../../gunicorn.conf.py main:app
"""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Annotated

import msgspec
from quart import Blueprint, has_request_context, request
from sqlalchemy import LargeBinary, String, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from pottle.access import Access, access
from pottle.engine import Engine
from pottle.errors import Unauthenticated
from pottle.http.answers import gives, takes
from pottle.http.application import Application
from pottle.http.asking import anyone, signed_in
from pottle.http.caching import shared
from pottle.http.limits import idempotent, limited
from pottle.rates import Rate
from pottle.settings import Settings, read
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Tx, changes, db, reads, writes
from pottle.values import line


class Hand(Base):
    __tablename__ = "hands"
    __table_args__ = NEVER_REUSE_IDS
    id: Mapped[Id]
    question: Mapped[str] = mapped_column(String(500))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)


class HandView(msgspec.Struct):
    id: int
    question: str
    token: str | None = None  # for who has just put it up


class QueueView(msgspec.Struct):
    hands: list[HandView]  # the first 100, who is next first
    epoch: str
    seq: int  # the position to follow the stream `queue` after


@reads
def waiting(snapshot: Snapshot) -> QueueView:
    rows = snapshot.all(select(Hand.id, Hand.question).order_by(Hand.id).limit(100))
    return QueueView([HandView(*row) for row in rows], db.instance.epoch, changes.position(snapshot, "queue"))


@writes
def put_up(tx: Tx, question: str) -> HandView:
    token = secrets.token_urlsafe()
    token_hash = hashlib.sha256(token.encode()).digest()
    id_ = tx.one(insert(Hand).returning(Hand.id), question=question, token_hash=token_hash).id
    tx.changed("hand.up", stream="queue", subject=id_)
    return HandView(id_, question, token)


@writes
def take_down(tx: Tx, id_: int) -> None:
    tx.run(delete(Hand).where(Hand.id == id_))
    tx.changed("hand.down", stream="queue", subject=id_)


def hand_of(read: Snapshot, token: str) -> int | None:
    row = read.one(select(Hand.id).where(Hand.token_hash == hashlib.sha256(token.encode()).digest()))
    return row.id if row else None


def views(read: Snapshot, ids: set[int]) -> dict[int, HandView]:
    return {row.id: HandView(*row) for row in read.all(select(Hand.id, Hand.question).where(Hand.id.in_(ids)))}


changes.carries(["hand.up", "hand.down"], "hand", views)

blueprint = Blueprint("queue", __name__, url_prefix="/api/queue")


class Waiting(msgspec.Struct, frozen=True):
    hand: int
    token: str
    expires, admin = "9999", False
    party = uid = property(lambda self: f"hand {self.hand}")


class Hands(Access[Waiting]):
    ending = frozenset({"hand.down"})

    async def asking(self):
        return await self.by_token(request.headers.get("Authorization", "")[7:]) if has_request_context() else None

    async def by_token(self, token, origin=None):
        hand = await db.read(hand_of, token)
        return Waiting(hand, token) if hand else None

    def confirm(self, read, identity):
        if hand_of(read, identity.token) is None:
            raise Unauthenticated("Your hand is down.")

    def reads(self, read, identity, stream):
        return identity if stream == "queue" else None

    def lost(self, read, identity, change, held):
        return None if identity and identity.hand == change.subject else ()


class NewHand(msgspec.Struct):
    question: Annotated[str, line(500)]


@blueprint.get("")
@shared
@gives(QueueView)
async def index():
    """Who waits for help."""
    return await waiting()


@blueprint.post("")
@limited(Rate("hands", 30, per=60))
@anyone
@idempotent
@takes(NewHand)
@gives(HandView, 201)
async def create(data):
    """Put up a hand."""
    return await put_up(data.question)


@blueprint.delete("/mine")
@limited(Rate("hands", 30, per=60))
@signed_in
@gives(None, 204)
async def delete_mine():
    """Take it down."""
    await take_down(access().me().hand)


app = Application(__name__, static_folder=None)
Engine(app, read(os.environ, Settings), Hands(), migrations=Path(__file__).parent / "migrations")
app.register_blueprint(blueprint)
