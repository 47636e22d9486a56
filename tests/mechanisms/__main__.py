"""Each mechanism that keeps a promise is switched off, one at a time, and its tests must fail: `scripts/mechanisms`."""

import sys

from tests.mechanisms.mechanism import Mechanism
from tests.mechanisms.switching import copied, looked_at
from tests.mechanisms.table import MECHANISMS


def chosen(words: list[str]) -> list[Mechanism]:
    """All mechanisms; or those of a promise that is named, or with one of the words."""
    return [one for one in MECHANISMS if not words or any(word in one.promise or word in one.what for word in words)]


def main(words: list[str]) -> int:
    """How many tests did not see that their mechanism was off."""
    unseen = 0
    with copied() as copy:
        for one in chosen(words):
            print(f"{one.promise}: without {one.what}", flush=True)
            for seen in looked_at(one, copy):
                unseen += not seen.failed
                how = f"fails ({seen.seconds:.0f} s)" if seen.failed else f"DOES NOT SEE IT ({seen.seconds:.0f} s)"
                print(f"  {how} {seen.test}\n    {seen.said}", flush=True)
    print(f"{len(chosen(words))} mechanisms; {unseen} tests did not see that theirs was off.")
    return unseen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) != 0)
