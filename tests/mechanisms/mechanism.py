"""What a row of the table says."""

from typing import NamedTuple

ASSERTION = "AssertionError|^(E +)?assert |Failed: DID NOT RAISE"
IN_VAIN = "TimeoutError|" + ASSERTION  # who waits for what does not come


class Off(NamedTuple):
    """A text that is in its file exactly once, and what stands there while the mechanism is off."""

    file: str
    old: str
    new: str


class Mechanism(NamedTuple):
    """What keeps a promise, how it is switched off, and which tests must fail then."""

    promise: str
    what: str  # goes on from "without"
    off: tuple[Off, ...]
    seen_by: tuple[str, ...]
    words: str = ASSERTION  # a pattern of what a test says then
    seconds: float = 4  # that an attack lasts (FAULT_SECONDS)
