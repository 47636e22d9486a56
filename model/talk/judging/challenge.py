"""Proof of work for guests, as ALTCHA has it: a number is to be found whose hash is that of the challenge.

A browser does it by itself in a blink; whoever posts ten thousand times has to do it ten thousand times. Nobody else is
asked, and nothing is kept of whoever asks. A solution is good once and for ten minutes: what was used is remembered as
a limit is.
"""

import base64
import hashlib
import hmac
import secrets
import time
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from pottle.errors import Forbidden, TooMany
from pottle.rates import Rate
from pottle.store import Snapshot, Tx, db, instance, limits, reads
from pottle.translation import Text, _
from pottle.values import as_it_is

GOOD_SECONDS = 600
HARDEST = 50_000  # the largest number: 25,000 hashes on average, a tenth of a second in a browser
FACT = "proof key"
Proof = Annotated[str, as_it_is("base64; it is read here", 2_000)]
SPENT = Rate("proofs", 1, per=GOOD_SECONDS)


class ProofNeeded(Forbidden):
    """A guest has to solve a challenge first: it is to be had at `challenge`, and goes along as `proof`."""

    status = 403
    title = "Proof Needed"

    def __init__(self, detail: Text) -> None:
        super().__init__(detail, challenge="/api/challenge")


class Challenge(msgspec.Struct):
    """Find the `number`, from 0 to `maxnumber`, for which SHA-256 of `salt` and it (in decimal) is `challenge`, in hex.

    The proof is the base64 of the JSON object of `algorithm`, `challenge`, `number`, `salt` and `signature`.
    """

    algorithm: str
    challenge: str
    maxnumber: int
    salt: str
    signature: str


class Solution(msgspec.Struct):
    """What a proof says."""

    challenge: str
    number: int
    salt: str
    signature: str
    algorithm: str = "SHA-256"


@reads
def _key(read: Snapshot) -> bytes | None:
    return _known(read)


@lru_cache(maxsize=2)
def _as_bytes(_epoch: str, text: str) -> bytes:
    return bytes.fromhex(text)


def _known(read: Snapshot) -> bytes | None:
    text = instance.fact(read, FACT)
    return _as_bytes(db.instance.epoch, text) if text else None


def make_key(tx: Tx) -> None:
    """Within a unit: makes the key, where there is none yet."""
    if instance.fact(tx, FACT) is None:
        instance.put(tx, FACT, secrets.token_hex(32))


async def make() -> Challenge:
    """A new one. Where no group wants any, nobody can check it, and nobody has to."""
    key = await _key() or secrets.token_bytes(32)
    salt = f"{secrets.token_hex(12)}?expires={int(time.time()) + GOOD_SECONDS}&"
    found = _hash(salt, secrets.randbelow(HARDEST + 1))
    return Challenge("SHA-256", found, HARDEST, salt, _signature(key, found))


def _hash(salt: str, number: int) -> str:
    return hashlib.sha256(f"{salt}{number}".encode()).hexdigest()


def _signature(key: bytes, challenge: str) -> str:
    return hmac.digest(key, challenge.encode(), "sha256").hex()


def check(read: Snapshot, proof: str | None) -> str:
    """What is remembered of a good proof. Raises ProofNeeded without one, and for one that is no longer good."""
    if not proof:
        raise ProofNeeded(
            _("Guests have to let their browser do a little work before they post here. It needs JavaScript for that.")
        )
    solution, key = _read(proof), _known(read)
    if solution is None or key is None:
        raise ProofNeeded(_("That is no proof of work. Ask for a new challenge."))
    right = hmac.compare_digest(solution.challenge, _hash(solution.salt, solution.number))
    if not (right and hmac.compare_digest(solution.signature, _signature(key, solution.challenge))):
        raise ProofNeeded(_("That is no proof of work. Ask for a new challenge."))
    _salt, _mark, expires = solution.salt.removesuffix("&").partition("?expires=")
    spent = solution.challenge[:32]
    try:
        limits.check(read, spent, SPENT)
        fresh = time.time() < int(expires)
    except (TooMany, ValueError):
        fresh = False
    if not fresh:
        raise ProofNeeded(_("The proof of work was used already, or is too old. Ask for a new challenge."))
    return spent


def spend(tx: Tx, proof: str | None) -> None:
    """Within a unit, before it writes: as `check`, and has the proof be good no more."""
    limits.spend(tx, check(tx, proof), SPENT)


def _read(proof: str) -> Solution | None:
    try:
        found: Any = msgspec.json.decode(base64.b64decode(proof, validate=True), type=Solution)
    except ValueError:  # of which the errors of both are
        return None
    ascii_only = (found.salt + found.challenge + found.signature).isascii()
    return found if ascii_only and found.algorithm == "SHA-256" else None
