"""The doctor's looks at the settings."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from model.operating.doctor.findings import Finding, Patient
from pottle import settings

LOCAL = ("localhost", "127.0.0.1", "::1")


def _names(patient: Patient) -> Iterator[Finding]:
    for line in settings.unknown(patient.environ):
        yield Finding("warn", "settings", line)


def _address(patient: Patient) -> Iterator[Finding]:
    url, proxies = patient.settings.url, patient.settings.trusted_proxies
    host = urlsplit(url).hostname or ""
    if proxies and not url:
        yield Finding("warn", "address", "a proxy is trusted, but POTTLE_URL does not say what address people type")
    elif url.startswith("http:") and host not in LOCAL:
        yield Finding("warn", "address", f"{url} is not https: passwords and cookies travel in the clear")
    else:
        yield Finding("ok", "address", url or "POTTLE_URL is not set")


def _rules(patient: Patient) -> Iterator[Finding]:
    chosen = patient.settings
    if not chosen.rate_limits:
        yield Finding("warn", "limits", "POTTLE_RATE_LIMITS=off: anybody may guess passwords as fast as they can")
    else:
        yield Finding("ok", "limits", "on")
    if chosen.sign_up == "open" and chosen.url:
        yield Finding("warn", "sign-up", f"open: whoever finds {chosen.url} can make an account (POTTLE_SIGN_UP)")
    else:
        yield Finding("ok", "sign-up", chosen.sign_up)
    if chosen.development:
        yield Finding("warn", "development", "POTTLE_DEVELOPMENT=on: a server would write migrations into the code")


def _front_ends(patient: Patient) -> Iterator[Finding]:
    origins, url = patient.settings.flask_origins, patient.settings.url
    plain = [origin for origin in origins if origin.startswith("http:") and urlsplit(origin).hostname not in LOCAL]
    if plain:
        yield Finding("warn", "front ends", f"{plain[0]} is not https: whoever is on its way can act for its visitors")
    elif origins and url.startswith("http:"):
        yield Finding("warn", "front ends", f"browsers keep the cookie for /flask only if {url} is https")
    elif origins:
        yield Finding("ok", "front ends", f"pages of {', '.join(origins)} may act for their visitors, at /flask")


LOOKS = (_names, _address, _rules, _front_ends)
