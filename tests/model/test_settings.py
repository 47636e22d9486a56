"""model/settings.py: `POTTLE_*`, read once and strictly."""

import logging
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from model import settings
from model.settings import BadSetting, Settings


def test_it_works() -> None:
    read = settings.read({"POTTLE_SESSION_DAYS": "7", "POTTLE_RATE_LIMITS": "off", "PATH": "/bin"})
    assert read == Settings(session_days=7, rate_limits=False)


def test_without_any_there_are_the_defaults_of_the_contract() -> None:
    read = settings.read({})
    assert read.instance == Path("instance")
    assert (read.sign_up, read.password_min, read.rate_limits, read.trusted_proxies) == ("open", 8, True, ())
    assert (read.body_bytes, read.post_length, read.upload_bytes) == (64 * 1024, 10_000, 5 * 1024 * 1024)
    assert (read.subscriptions, read.log_days, read.log_changes) == (100, 7, 1_000_000)


def test_they_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        settings.read({}).rate_limits = False  # type: ignore[misc]


def test_a_file_may_hold_a_value(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("https://pottle.example\n")
    assert settings.read({"POTTLE_URL_FILE": str(tmp_path / "url")}).url == "https://pottle.example"


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="POTTLE_URL_FILE"):
        settings.read({"POTTLE_URL_FILE": str(tmp_path / "missing")})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POTTLE_SIGN_UP", "yes"),
        ("POTTLE_SIGN_UP", ""),
        ("POTTLE_RATE_LIMITS", "true"),
        ("POTTLE_PASSWORD_MIN", "0"),
        ("POTTLE_PASSWORD_MIN", "-1"),
        ("POTTLE_PASSWORD_MIN", "8.5"),
        ("POTTLE_PASSWORD_MIN", "８"),
        ("POTTLE_PASSWORD_MIN", "8\n"),
        ("POTTLE_POST_LENGTH", "1e4"),
        ("POTTLE_URL", "pottle.example"),
        ("POTTLE_URL", "https://pottle.example/?x"),
        ("POTTLE_TRUSTED_PROXIES", "*"),
        ("POTTLE_TRUSTED_PROXIES", "10.0.0.0/33"),
    ],
)
def test_a_bad_value_is_an_error_that_names_it(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name):
        settings.read({name: value})


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("10.0.0.1", ("10.0.0.1/32",)),
        ("10.0.0.0/8, ::1", ("10.0.0.0/8", "::1/128")),
        ("10.1.2.3/8,", ("10.0.0.0/8",)),
        ("", ()),
    ],
)
def test_proxies_are_addresses_or_networks(text: str, networks: tuple[str, ...]) -> None:
    assert settings.read({"POTTLE_TRUSTED_PROXIES": text}).trusted_proxies == networks


def test_an_unknown_name_is_a_warning_that_suggests_the_right_one(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "pottle"):
        assert settings.read({"POTTLE_SESSION_DAY": "7", "POTTLE_XYZZY": "1"}) == Settings()
    assert "POTTLE_SESSION_DAY; did you mean POTTLE_SESSION_DAYS?" in caplog.text
    assert "POTTLE_XYZZY" in caplog.text


def test_what_kubernetes_injects_is_nobodys_mistake(caplog: pytest.LogCaptureFixture) -> None:
    injected = ("POTTLE_PORT", "POTTLE_PORT_8080_TCP", "POTTLE_SERVICE_HOST", "POTTLE_SERVICE_PORT")
    assert settings.read(dict.fromkeys(injected, "tcp://10.0.0.1:8080")) == Settings()
    assert not caplog.text
