"""`POTTLE_*`: each setting's values, and what is said of mistakes."""

import logging
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from model.settings import Ages, Settings
from pottle import settings as of_engine
from pottle.settings import BadSetting


def read(environ: dict[str, str]) -> Settings:
    return of_engine.read(environ, Settings)


def test_it_works() -> None:
    assert read({}) == Settings()
    assert read({"PATH": "/bin", "POTTLE_PASSWORD_MIN": "12"}).password_min == 12


def test_the_defaults_are_those_of_the_design() -> None:
    settings = read({})
    assert settings.instance == Path("instance")
    assert settings.trusted_proxies == ()
    assert (settings.sign_up, settings.password_min, settings.rate_limits) == ("open", 8, True)
    assert (settings.post_length, settings.body_bytes, settings.upload_bytes) == (10_000, 64 * 1024, 5 * 1024 * 1024)
    assert (settings.subscriptions, settings.log_days, settings.log_changes) == (100, 7, 1_000_000)


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        read({}).password_min = 1  # type: ignore[misc]


LINKS = (("Privacy", "https://a.example/?a=b"), ("Imprint", "http://b.example"))
GOOD = [
    ("INSTANCE", "/srv/pottle", "instance", Path("/srv/pottle")),
    ("URL", "https://pottle.example", "url", "https://pottle.example"),
    ("URL", "https://pottle.example/", "url", "https://pottle.example"),
    ("URL", "http://pottle.example:8080/talk/", "url", "http://pottle.example:8080/talk"),
    ("TRUSTED_PROXIES", "127.0.0.1", "trusted_proxies", ("127.0.0.1/32",)),
    ("TRUSTED_PROXIES", "10.0.0.0/8, ::1 ,", "trusted_proxies", ("10.0.0.0/8", "::1/128")),
    ("TRUSTED_PROXIES", "10.1.2.3/8", "trusted_proxies", ("10.0.0.0/8",)),
    ("TRUSTED_PROXIES", "", "trusted_proxies", ()),
    *[("SIGN_UP", text, "sign_up", text) for text in ("invitation", "closed")],
    ("RATE_LIMITS", "off", "rate_limits", False),
    ("RATE_LIMITS", "on", "rate_limits", True),
    *[("LOG", text, "log", text) for text in ("auto", "json", "text")],
    ("ACCESS_LOG", "on", "access_log", True),
    ("METRICS", "10.0.0.1,::1", "metrics", ("10.0.0.1/32", "::1/128")),
    ("METRICS", "", "metrics", ()),
    ("PASSWORD_MIN", "12", "password_min", 12),
    ("SESSION_DAYS", "1", "session_days", 1),
    ("SESSION_IDLE_DAYS", "1", "session_idle_days", 1),
    ("LOG_CHANGES", "999999999999", "log_changes", 999_999_999_999),
    ("RETENTION_ACCOUNTS", "400", "retention_accounts", 400),
    ("RETENTION_AUDIT", "off", "retention_audit", None),
    ("RETENTION_POSTS", "off", "retention_posts", Ages()),
    ("RETENTION_POSTS", "365, blog=off,7b=180", "retention_posts", Ages(365, (("blog", None), ("7b", 180)))),
    ("RETENTION_POSTS", "7b=180", "retention_posts", Ages(None, (("7b", 180),))),
    ("LINKS", "Privacy=https://a.example/?a=b, Imprint = http://b.example", "links", LINKS),
]


@pytest.mark.parametrize(("name", "text", "field", "value"), GOOD)
def test_a_good_value_is_taken(name: str, text: str, field: str, value: object) -> None:
    assert getattr(read({f"POTTLE_{name}": text}), field) == value


BAD = [
    *[("PASSWORD_MIN", text) for text in ("", "0", "-1", "8.0", "eight", "08", "1e3", " 8", "٨", "9" * 13, "8\n")],
    *[("RATE_LIMITS", text) for text in ("", "yes", "true", "1", "On", "off ")],
    *[("SIGN_UP", text) for text in ("", "OPEN", "everybody")],
    *[("LOG", text) for text in ("", "JSON", "/var/log/pottle.log")],
    ("METRICS", "everybody"),
    *[("RETENTION_ACCOUNTS", text) for text in ("", "0", "-1", "a year", "1.5", "100000")],
    *[("RETENTION_POSTS", text) for text in ("", "0", "365,30", "=30", "7b=", "7b", "7b=0")],
    *[("LINKS", text) for text in ("https://a.example", "=https://a.example", "A=javascript:alert(1)", "A=/b")],
    *[("TRUSTED_PROXIES", text) for text in ("proxy", "10.0.0.0/33", "*", "10.0.0.1,proxy")],
    *[("URL", text) for text in ("pottle.example", "ftp://pottle.example", "https://", "https://a b", "https://a?b")],
    *[("URL", text) for text in ("https://a#b", "javascript:alert(1)", "https://a\n")],
]


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_bad_value_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        read({f"POTTLE_{name}": text})
    assert f"POTTLE_{name}={text!r}" in str(refusal.value)


def warnings(caplog: pytest.LogCaptureFixture, **environ: str) -> list[str]:
    with caplog.at_level(logging.WARNING, "pottle"):
        read({f"POTTLE_{name}": value for name, value in environ.items()})
    return [record.getMessage() for record in caplog.records]


def test_an_unknown_name_is_a_warning_that_suggests_the_right_one(caplog: pytest.LogCaptureFixture) -> None:
    (warning,) = warnings(caplog, RATE_LIMIT="off")
    assert "POTTLE_RATE_LIMIT" in warning
    assert "POTTLE_RATE_LIMITS" in warning.replace("POTTLE_RATE_LIMIT;", "")


def test_an_unknown_name_that_is_like_none_is_a_warning_too(caplog: pytest.LogCaptureFixture) -> None:
    (warning,) = warnings(caplog, XYZZY="1")
    assert "POTTLE_XYZZY" in warning
    assert "mean" not in warning


def test_known_names_are_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert warnings(caplog, RATE_LIMITS="off", LOG_DAYS="3") == []


def test_what_kubernetes_injects_is_nobodys_mistake(caplog: pytest.LogCaptureFixture) -> None:
    """For a service of the name `pottle`."""
    injected = {
        "SERVICE_HOST": "10.0.0.1",
        "SERVICE_PORT": "80",
        "SERVICE_PORT_HTTP": "80",
        "PORT": "tcp://10.0.0.1:80",
        "PORT_80_TCP": "tcp://10.0.0.1:80",
        "PORT_80_TCP_ADDR": "10.0.0.1",
        "PORT_80_TCP_PORT": "80",
        "PORT_80_TCP_PROTO": "tcp",
    }
    assert warnings(caplog, **injected) == []


def test_a_file_may_hold_the_value(tmp_path: Path) -> None:
    """Docker's habit, with the line's end that every editor writes."""
    (tmp_path / "min").write_text("12\n")
    assert read({"POTTLE_PASSWORD_MIN_FILE": str(tmp_path / "min")}).password_min == 12


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="POTTLE_PASSWORD_MIN_FILE"):
        read({"POTTLE_PASSWORD_MIN_FILE": str(tmp_path / "nowhere")})


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "min").write_bytes(b"\xff\xfe")
    with pytest.raises(BadSetting, match="POTTLE_PASSWORD_MIN_FILE"):
        read({"POTTLE_PASSWORD_MIN_FILE": str(tmp_path / "min")})


def test_a_bad_value_in_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "min").write_text("eight")
    with pytest.raises(BadSetting, match="POTTLE_PASSWORD_MIN"):
        read({"POTTLE_PASSWORD_MIN_FILE": str(tmp_path / "min")})


def test_the_file_of_an_unknown_setting_is_a_warning(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("1")
    (warning,) = warnings(caplog, PASWORD_MIN_FILE=str(tmp_path / "x"))
    assert "POTTLE_PASSWORD_MIN" in warning


SIGN_IN = """
[google]
id = "1"
secret = "hush"
domains = ["School.example"]

[school]
issuer = "https://login.school.example"
id = "2"
secret = "hush"
newcomers = true
"""


def test_providers_to_sign_in_with() -> None:
    google, school = read({"POTTLE_SIGN_IN": SIGN_IN}).sign_in
    assert (google.preset, google.label, google.domains) == ("google", "Google", ("school.example",))
    assert google.issuer == "https://accounts.google.com"
    assert (school.preset, school.label, school.newcomers) == ("openid", "School", True)
    assert "hush" not in repr(read({"POTTLE_SIGN_IN": SIGN_IN}))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("domians = []", "domians"),
        ('issuer = "http://login.school.example"', "issuer"),
        ('issuer = "login.school.example"', "issuer"),
        ('id = ""', "id and secret"),
        ('domains = ["@school.example"]', "domains"),
        ('tenant = "x"', "tenant"),
        ('preset = "microsoft"', "tenant"),
        ('preset = "google"\nnewcomers = true', "limit it first"),
        ('preset = "facebook"', "facebook"),
        ("label = ", "no TOML"),
    ],
)
def test_a_mistake_in_a_provider_is_said_without_its_secret(more: str, says: str) -> None:
    keys = {"id": '"1"', "issuer": '"https://login.school.example"'}
    given = "\n".join(f"{key} = {value}" for key, value in keys.items() if not more.startswith(f"{key} "))
    with pytest.raises(BadSetting, match=says) as refusal:
        read({"POTTLE_SIGN_IN": f'[x]\nsecret = "hush"\n{given}\n{more}\n'})
    assert str(refusal.value).startswith("POTTLE_SIGN_IN: ")
    assert "hush" not in str(refusal.value)


def test_a_name_of_a_provider_is_good_for_addresses() -> None:
    for name in ("School", "1st", '"a/b"'):
        with pytest.raises(BadSetting, match="must be a table"):
            read({"POTTLE_SIGN_IN": f'[{name}]\nid = "1"\nsecret = "2"\n'})
