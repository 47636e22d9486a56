"""How much a run does."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """How much of everything. It ends after `seconds`, or when `writes` have been made."""

    seconds: float = 20
    writes: int = 5_000
    seed: int = 0
    channels: int = 3
    writers: int = 6
    stayers: int = 4  # subscribers who lose their connection only if the system cuts it
    droppers: int = 4  # subscribers who lose it every second or two
    watchers: int = 3  # who read when they are told that a list has changed
    readers: int = 2  # who read now and then
    chasers: int = 3  # who read the moment that a write is acknowledged
    thinking: float = 0.03  # seconds between two things that one client does, on average
    between_faults: float = 2.0  # seconds
    silence: float = 3.0  # seconds without any news after which nothing more is on its way
