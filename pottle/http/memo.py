"""An LRU cache of texts, keyed by their content and limited by their size."""

from collections import OrderedDict
from typing import Generic, TypeVar

Text = TypeVar("Text", bound=str)


class Memo(Generic[Text]):
    """Texts by key, at most `most` characters in all; those that were not asked for the longest go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, Text] = OrderedDict()
        self._size = 0

    def get(self, key: bytes) -> Text | None:
        """The text, if it is still there."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: bytes, text: Text) -> None:
        """Keeps a text."""
        self._size += len(text) - len(self._kept.pop(key, ""))
        self._kept[key] = text
        while self._size > self._most:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest)
