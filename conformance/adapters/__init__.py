"""The systems that the checker knows how to drive."""

from collections.abc import Callable
from importlib import import_module

from conformance.adapters.protocol import System

CLASSES = {"pottle": "Pottle", "quart_chat": "QuartChat", "pocketbase": "PocketBase"}


def adapter(name: str) -> Callable[[], System]:
    """The class of the system called `name`."""
    made: Callable[[], System] = getattr(import_module(f"conformance.adapters.{name}"), CLASSES[name])
    return made
