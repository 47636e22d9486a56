"""What was imported already, recognised by digests of what it was there: so that an import can be repeated."""

import hashlib

import msgspec
from sqlalchemy import LargeBinary, String, bindparam, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from pottle.store import Base, Snapshot


class Imported(Base):
    """Something that was imported: `digest` identifies it there, `subject` is its id here, if any.

    It is also the map from old addresses: `find_old`. What of a Flask back end was here already has a `kind` of its own
    (model/flask/importing.py).
    """

    __tablename__ = "imports"

    digest: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    subject: Mapped[int | None]


KNOWN = select(Imported.subject, Imported.kind).where(Imported.digest == bindparam("digest"))
OF_KIND = select(Imported.digest, Imported.subject).where(Imported.kind == bindparam("kind"))
REMEMBER = insert(Imported)


def digest(kind: str, *key: object) -> bytes:
    """16 bytes that identify something of theirs. Earlier imports are recognised by them: they must not change."""
    return hashlib.blake2b(msgspec.json.encode([kind, *key]), digest_size=16).digest()


def find_old(read: Snapshot, group_id: int, source: str, comment: str) -> int | None:
    """The id of the post that a comment of another system became in a group; None where none did."""
    row = read.one(KNOWN, digest=digest("comment", group_id, source, comment))
    return row.subject if row else None
