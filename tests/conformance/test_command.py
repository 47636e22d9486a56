"""`python -m conformance`: the table, the exit code, and saved histories checked again."""

from pathlib import Path

import pytest
from _pytest.capture import CaptureFixture

from conformance import __main__ as command
from conformance.adapters import CLASSES, adapter, protocol
from conformance.adapters.protocol import NotInstalled
from conformance.history import Began, save
from tests.conformance.story import Story


def saved(story: Story, system: str, folder: Path, offers: tuple[str, ...] = ()) -> str:
    path = folder / f"{system}.jsonl"
    save([Began(0, system, offers, 0), *story.events[1:]], path)
    return str(path)


def broken() -> Story:
    return Story().subscribed("ann").writes("x").quiet()


def cells(printed: str, row: str) -> str:
    return next(line for line in printed.splitlines() if line.startswith(row))


def test_a_saved_history_is_checked_again(tmp_path: Path, capsys: CaptureFixture[str]) -> None:
    story = Story().subscribed("ann").writes("x").told("ann", "x").read("x").quiet()
    assert command.main(["check", saved(story, "pottle", tmp_path, ("lists", "revocation"))]) == 0
    printed = capsys.readouterr().out
    assert "ok (1 checked)" in cells(printed, "lost")
    assert "not tried" in cells(printed, "after revocation")
    assert "not offered" in cells(printed, "silent gap")


def test_an_anomaly_is_explained_with_its_events(tmp_path: Path, capsys: CaptureFixture[str]) -> None:
    command.main(["check", saved(broken(), "pottle", tmp_path)])
    printed = capsys.readouterr().out
    assert "1 anomalies of 1" in cells(printed, "lost")
    assert "ann was subscribed to a before x was written and was never told of it" in printed
    assert '{"type":"WriteAcknowledged","time":3.0,"marker":"x"' in printed


def test_only_pottle_can_fail(tmp_path: Path) -> None:
    assert command.main(["check", saved(broken(), "quart_chat", tmp_path)]) == 0
    assert command.main(["check", saved(broken(), "pottle", tmp_path)]) == 1


def test_a_system_that_is_not_here_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: CaptureFixture[str]
) -> None:
    class Missing:
        name, offers = "pocketbase", frozenset[str]()

        async def start(self, channels: int) -> list[str]:
            raise NotInstalled("pip install it")

        async def stop(self) -> None:
            pass

    monkeypatch.setattr(command, "adapter", lambda name: Missing)
    assert command.main(["pocketbase", "--seconds", "1"]) == 0
    captured = capsys.readouterr()
    assert "pip install it" in captured.err
    assert "pocketbase" in captured.out


def test_an_unknown_system_is_refused(capsys: CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["mystery"])
    assert "unknown: mystery" in capsys.readouterr().err


@pytest.mark.parametrize("name", CLASSES)
def test_an_adapter_offers_what_the_protocol_knows(name: str) -> None:
    known = {value for key, value in vars(protocol).items() if key.isupper() and isinstance(value, str)}
    assert adapter(name).offers <= known  # type: ignore[attr-defined]
