"""Histories in files, and that the checker stands on its own."""

import ast
from pathlib import Path

import msgspec
import pytest

import conformance
from conformance.history import Began, Fault, Recorder, WriteStarted, load, save
from tests.conformance.story import Story

HERE = Path(conformance.__path__[0])


@pytest.fixture
def story() -> Story:
    story = Story().subscribed("ann", seq=0, epoch="e", worker=7).starts("x").told("ann", "x", seq=1, prev=0)
    story.acknowledged("x").starts("y").refused("y").starts("z").failed("z").read("x", seq=1, truncated=True)
    return story.revoked("ann").disconnected("ann").quiet()


def test_a_saved_history_is_the_same_history(story: Story, tmp_path: Path) -> None:
    events = [*story.events, Fault(99, "killed worker 7", 98)]
    path = tmp_path / "new" / "story.jsonl"
    save(events, path)
    assert load(path) == events
    assert len(path.read_text().splitlines()) == len(events)


def test_a_line_that_is_no_event_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"type": "Guessed", "time": 1}\n')
    with pytest.raises(msgspec.ValidationError):
        load(path)


def test_times_count_from_the_beginning_of_the_recording() -> None:
    times = iter([100.0, 100.5, 102.0])
    recorder = Recorder(clock=lambda: next(times))
    recorder.add(Began(recorder.now(), "a system", (), 0))
    recorder.add(WriteStarted(recorder.now(), "x", "a"))
    assert [event.time for event in recorder.events] == [0.5, 2.0]


@pytest.mark.check
def test_it_knows_nothing_of_the_inside_of_what_it_judges() -> None:
    for path in HERE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"api", "model", "main", "tests"}, path
