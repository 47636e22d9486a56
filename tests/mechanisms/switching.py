"""Switches one mechanism off in a copy of the checkout, and sees whether the tests that should notice do."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from tests.mechanisms.mechanism import Mechanism, Off
from tests.server import ROOT

LONGEST = 300  # seconds that one test may take
ERROR = ("E ", "  | ", "    | ", "      | ")  # what pytest's lines of an error, or of a group of them, begin with
LEFT_OUT = (".git", ".venv*", ".site", ".*_cache", ".hypothesis", "__pycache__", "node_modules", "instance", ".env")


class Seen(NamedTuple):
    """What a test said of a mechanism that was off."""

    test: str
    failed: bool  # as it should: in its body, and in the words that the table expects
    said: str
    seconds: float


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the checkout, without what is made anew."""
    with tempfile.TemporaryDirectory(prefix="pottle-") as folder:
        copy = Path(folder) / "pottle"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
        yield copy


@contextmanager
def off(mechanism: Mechanism, copy: Path) -> Iterator[None]:
    """The copy is without the mechanism meanwhile."""
    before = {place.file: (copy / place.file).read_text() for place in mechanism.off}
    try:
        for place in mechanism.off:
            _write(copy / place.file, switched(place, (copy / place.file).read_text()))
        yield
    finally:
        for file, text in before.items():
            _write(copy / file, text)


def switched(place: Off, text: str) -> str:
    """A file's text after one replacement. Raises ValueError where what is replaced is not there just once."""
    if (found := text.count(place.old)) != 1:
        raise ValueError(f"{place.file} has this {found} times, not once:\n{place.old}")
    return text.replace(place.old, place.new)


def _write(file: Path, text: str) -> None:
    """Python takes what it compiled for new where a file has the same size and second."""
    file.write_text(text)
    Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)


def looked_at(mechanism: Mechanism, copy: Path) -> Iterator[Seen]:
    """Runs the mechanism's tests, one by one, without it."""
    with off(mechanism, copy):
        for test in mechanism.seen_by:
            began = time.monotonic()
            failed, said = _run(test, mechanism, copy)
            yield Seen(test, failed, said, time.monotonic() - began)


def _run(test: str, mechanism: Mechanism, copy: Path) -> tuple[bool, str]:
    report = copy.parent / "report.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"--junitxml={report}", test]
    environment = {**os.environ, "FAULT_SECONDS": str(mechanism.seconds)}
    with subprocess.Popen(
        command, cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            output, _ = running.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            running.terminate()  # its fixtures stop their servers
            return False, f"it was not over after {LONGEST} s"
    if not report.exists():
        return False, f"pytest did not run it:\n{output[-2_000:]}"
    return verdict(report.read_text(), mechanism.words)


def verdict(report: str, words: str) -> tuple[bool, str]:
    """Whether a test failed in its body and said so in those words, by pytest's report in JUnit's format."""
    cases = [*ElementTree.fromstring(report).iter("testcase")]  # noqa: S314  # our own pytest wrote it
    if not cases:
        return False, "there is no such test"
    for failure in (found for case in cases if (found := case.find("failure")) is not None):
        first, *_ = failure.get("message", "").strip().splitlines() or ["it failed"]
        errors = [line for line in (failure.text or "").splitlines() if line.startswith(ERROR)]
        if re.search(words, "\n".join([first, *errors]), re.MULTILINE):
            return True, first
        return False, f"it failed, but not in the words {words!r}: {failure.text}"
    for error in (found for case in cases if (found := case.find("error")) is not None):
        return False, f"it was not reached: {error.get('message', '')}\n{error.text}"
    skipped = any(case.find("skipped") is not None for case in cases)
    return False, "it was skipped" if skipped else "it passed"
