"""Passwords: which are too easy to guess, and their hashes.

Hashes are argon2id (RFC 9106) with OWASP's parameters, made in threads of their own and bounded in memory. Werkzeug's,
which came with the accounts of a Flask back end (`pbkdf2:sha256:1000000$salt$hex`, `scrypt:32768:8:1$salt$hex`), work
until the next sign-in replaces them (model/accounts/account.py).
"""

import asyncio
import gzip
import hashlib
import hmac
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw

from model import settings
from pottle.errors import Invalid, Overloaded
from pottle.translation import _, ngettext

T = TypeVar("T")

COMMON = Path(__file__).with_name("common_passwords") / "common.txt.gz"

# 19 MiB and about 30 ms of one core each.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
AT_ONCE = max(1, (os.cpu_count() or 1) // 2)  # cores; the others go on answering
MOST_WAITING = 1_000  # a school that signs in within a minute

# Werkzeug's formats. A hash that costs more than these bounds could stop the server.
PBKDF2 = re.compile(r"pbkdf2:(sha1|sha256|sha512):([0-9]{1,7})\$([^$]{1,64})\$([0-9a-f]{40,128})")
SCRYPT = re.compile(r"scrypt:([0-9]{1,6}):([0-9]{1,2}):([0-9]{1,2})\$([^$]{1,64})\$([0-9a-f]{128})")
MOST_ITERATIONS = 3_000_000  # 0.6 s
MOST_MEMORY = 64 * 1024 * 1024  # bytes; werkzeug's scrypt needs 32 MiB by default
MOST_PASSES = 10  # of argon2id over that memory
MOST_LANES = 8  # each is a thread of its own
LONGEST = 200  # characters, as the column has

# As costly as a real hash: signing in with an unknown uid takes as long as with a known one. To make it anew would take
# each process that imports this as long.
DECOY = "$argon2id$v=19$m=19456,t=2,p=1$UFeeX/4jzhU1cF3h4DhMaw$oTcH9ZQ4i+Lg2khS2onU7u9fEvyqkCRSXSjd7LJB3gg"

_executor = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
_waiting = 0


def check(password: str, *names: str) -> None:
    """Raises Invalid for a password that is too short, very common, or one of the user's `names` with some digits."""
    if len(password) < settings.chosen().password_min:
        raise Invalid(
            {
                "password": ngettext(
                    "must have at least %(num)s character",
                    "must have at least %(num)s characters",
                    settings.chosen().password_min,
                )
            }
        )
    if is_common(password) or is_breached(password):
        raise Invalid({"password": _("is too easy to guess: many people use it")})
    if (letters := _letters(password)) and letters in map(_letters, (*names, "Pottle")):
        raise Invalid({"password": _("is too easy to guess: it is little more than a name")})


def is_common(password: str) -> bool:
    """Whether it is one of the 30,000 that guessers try first, in any case."""
    return b"\n%b\n" % password.lower().encode(errors="replace") in _common_ones()


def is_breached(password: str) -> bool:
    """Whether it is in the operator's own list of leaked passwords: as of haveibeenpwned.com, sorted by their SHA-1."""
    path = settings.chosen().breached_passwords
    if path is None:
        return False
    wanted = hashlib.sha1(password.encode(errors="replace"), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as lines:
        low, high = 0, len(lines)
        while low < high:
            middle = (low + high) // 2
            start = max(low, lines.rfind(b"\n", low, middle) + 1)
            found = lines[start : start + len(wanted)].upper()
            if found == wanted:
                return True
            if found > wanted:
                high = start
            else:
                low = (lines.find(b"\n", middle) + 1) or high
    return False


@cache
def _common_ones() -> bytes:
    """As bytes they take 240 KB and 0.2 ms to search; as a set of strings they would take 4 MB."""
    return b"\n" + gzip.decompress(COMMON.read_bytes())


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text.casefold()))


async def hashed(password: str) -> str:
    """The hash of a password. Raises Overloaded when too many wait."""
    return await _beside_the_loop(HASHER.hash, password)


async def digests(codes: list[str], salt: bytes) -> list[bytes]:
    """Hashes as costly as those of passwords, of codes that share a salt. Raises Overloaded when too many wait."""
    return await _beside_the_loop(lambda: [digest(code, salt) for code in codes])


def digest(code: str, salt: bytes) -> bytes:
    """One of `digests`."""
    costs = {"time_cost": HASHER.time_cost, "memory_cost": HASHER.memory_cost, "parallelism": HASHER.parallelism}
    return hash_secret_raw(code.encode(), salt, **costs, hash_len=32, type=Type.ID)


async def matches(kept: str | None, password: str) -> bool:
    """Whether `password` is that of the hash `kept`. Takes the same time where there is none."""
    right = await _beside_the_loop(_verify, kept or DECOY, password)
    return right and kept is not None


def known(kept: object) -> bool:
    """Whether `kept` is a hash of a known kind that does not cost too much to check."""
    if not isinstance(kept, str) or len(kept) > LONGEST:
        return False
    if found := PBKDF2.fullmatch(kept):
        digest = hashlib.new(found[1]).digest_size
        return 0 < int(found[2]) <= MOST_ITERATIONS and len(found[4]) == 2 * digest
    if found := SCRYPT.fullmatch(kept):
        n, r, p = map(int, found.groups()[:3])
        return n > 1 and n.bit_count() == 1 and r > 0 and 0 < p * 128 * n * r <= MOST_MEMORY
    try:
        costs = extract_parameters(kept)
    except InvalidHashError:
        return False
    bearable = costs.memory_cost * 1024 <= MOST_MEMORY and costs.time_cost <= MOST_PASSES
    return costs.type is Type.ID and bearable and costs.parallelism <= MOST_LANES


def outdated(kept: str) -> bool:
    """Whether a hash should be replaced: it is not argon2id, or has other parameters than ours."""
    return not kept.startswith("$argon2id$") or HASHER.check_needs_rehash(kept)


def _verify(kept: str, password: str) -> bool:
    if kept.startswith(("pbkdf2:", "scrypt:")):
        return known(kept) and hmac.compare_digest(_derived(kept, password), kept.rpartition("$")[2])
    try:
        return HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def _derived(kept: str, password: str) -> str:
    """What werkzeug makes of `password` with the method and salt of `kept`, in hexadecimal."""
    method, salt, _ = kept.split("$")
    kind, *costs = method.split(":")
    if kind == "pbkdf2":
        return hashlib.pbkdf2_hmac(costs[0], password.encode(), salt.encode(), int(costs[1])).hex()
    n, r, p = map(int, costs)
    return hashlib.scrypt(password.encode(), salt=salt.encode(), n=n, r=r, p=p, maxmem=2 * MOST_MEMORY).hex()


async def _beside_the_loop(work: Callable[..., T], *args: str) -> T:
    global _waiting
    if _waiting >= MOST_WAITING:
        raise Overloaded(_("Too many people are signing in at this moment."))
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_executor, work, *args)
    finally:
        _waiting -= 1
