"""ID tokens (OpenID Connect Core 1.0, 3.1.3.7): whether what a provider says of somebody is its word, for us, and now.

The algorithms are ours to choose, and none of them has a key that could be a public one's text (RFC 8725, 3.1).
"""

import hmac
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from model.accounts.providers.configured import Provider

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
KEY_TYPES = {"R": "RSA", "P": "RSA", "E": "EC"}  # by the first letter of an algorithm
SKEW_SECONDS = 60  # by which the other clock may be wrong
OLDEST_SECONDS = 600  # that a token may have been made before: it comes at once
LONGEST_SUB = 255
ADDRESS = re.compile(r"(?=.{3,254}$)[^@\s\x00-\x20\x7f]+@[^@\s\x00-\x20\x7f]+")
TENANT = "{tenantid}"  # what Microsoft writes in the issuer of many tenants


class BadToken(Exception):
    """What a provider answered is not good; why, for the log."""


class UnknownKey(BadToken):
    """It is signed with a key that is not among those known: there may be newer ones."""


class Said(NamedTuple):
    """What a provider says of somebody, verified."""

    iss: str
    sub: str
    name: str = ""
    username: str = ""
    email: str = ""
    proven: bool = False  # whether the provider has seen that the address is theirs
    domain: str = ""  # whose account it is, by Google
    domains: tuple[str, ...] = ()  # of all addresses that are proven
    auth_time: float | None = None
    methods: tuple[str, ...] = ()  # by which they signed in (RFC 8176); nothing where it does not say

    @property
    def twice(self) -> bool:
        """Whether they may have given two factors there: it does not say that it was one."""
        return not self.methods or "mfa" in self.methods or len(set(self.methods)) > 1


def signed(token: str, keys: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The claims of a token that one of `keys` has signed. Raises BadToken, UnknownKey."""
    from joserfc import jwk, jws
    from joserfc.errors import JoseError

    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS or "crit" in header:
            raise BadToken(f"it is signed by {str(algorithm)[:20]}")
        key = jwk.import_key(_key(keys, str(algorithm), header.get("kid")))
        claims = json.loads(jws.deserialize_compact(token, key, algorithms=[str(algorithm)]).payload or b"")
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadToken(f"it is not signed by the provider: {error}") from None
    if not isinstance(claims, dict):
        raise BadToken("it says nothing")
    if claims.get("iss") == "accounts.google.com":  # as Google may write it
        claims["iss"] = "https://accounts.google.com"
    return claims


def _key(keys: Sequence[dict[str, Any]], algorithm: str, kid: Any) -> dict[str, Any]:
    """The one that is named; without a name the only one that fits."""
    kind = "OKP" if algorithm.startswith("Ed") else KEY_TYPES[algorithm[0]]
    fitting = [
        key
        for key in keys
        if key.get("kty") == kind and key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm
    ]
    found = [key for key in fitting if key.get("kid") == kid] if kid is not None else fitting
    if len(found) != 1:
        raise UnknownKey(f"there is no key {str(kid)[:80]} for {algorithm}")
    return found[0]


def verified(claims: dict[str, Any], provider: Provider, issuer: str, nonce: str, now: float) -> Said:
    """What signed claims say, if they are for us and now. Raises BadToken."""
    tid = claims.get("tid")
    issuer = issuer.replace(TENANT, str(tid))
    audiences = claims.get("aud")
    audiences = audiences if isinstance(audiences, list) else [audiences]
    azp = claims.get("azp", provider.id if len(audiences) == 1 else None)
    times = [claims.get(name) for name in ("iat", "exp")]
    if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in times):
        raise BadToken("it has no times")
    issued, expires = (float(time) for time in times if time is not None)
    wrong = (
        (claims.get("iss") != issuer, f"its issuer is {str(claims.get('iss'))[:200]}"),
        (provider.id not in audiences or azp != provider.id, "it is for somebody else"),
        (not _same(claims.get("nonce"), nonce), "it answers another request"),
        (expires <= now - SKEW_SECONDS, "it has expired"),
        (not now - OLDEST_SECONDS <= issued <= now + SKEW_SECONDS, "it was made at another time: is the clock right?"),
        (_after(claims.get("nbf"), now), "it is not good yet"),
        (not _is_sub(claims.get("sub")), "it has no sub"),
    )
    for applies, why in wrong:
        if applies:
            raise BadToken(why)
    if provider.preset == "microsoft" and provider.limited and tid != provider.tenant:
        raise BadToken("it is of another tenant")
    return said(claims)


def said(claims: dict[str, Any]) -> Said:
    """What claims say, with what is of another kind left out."""
    email = _text(claims, "email")[:255]
    email = email if ADDRESS.fullmatch(email) else ""
    proven = bool(email) and claims.get("email_verified") in (True, "true")
    of = (email.rpartition("@")[2].lower(),) if proven else ()
    domain = _text(claims, "hd").lower()
    name = _text(claims, "name") or f"{_text(claims, 'given_name')} {_text(claims, 'family_name')}".strip()
    when = claims.get("auth_time")
    auth_time = float(when) if isinstance(when, int | float) else None
    known = _text(claims, "iss"), _text(claims, "sub"), name, _text(claims, "preferred_username")
    amr = claims.get("amr")
    methods = tuple(one for one in amr if isinstance(one, str)) if isinstance(amr, list) else ()
    return Said(*known, email, proven, domain, of, auth_time, methods)


def admits(provider: Provider, who: Said) -> bool:
    """Whether somebody is of where the operator limits it to. An address that is not proven counts for nothing."""
    if not provider.domains:
        return True
    of = (who.domain,) if provider.preset == "google" else who.domains
    return any(domain in provider.domains for domain in of)


def _text(claims: dict[str, Any], name: str) -> str:
    found = claims.get(name)
    return found if isinstance(found, str) else ""


def _same(given: object, nonce: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), nonce.encode())


def _after(moment: object, now: float) -> bool:
    return moment is not None and (not isinstance(moment, int | float) or moment > now + SKEW_SECONDS)


def _is_sub(sub: object) -> bool:
    return isinstance(sub, str) and 0 < len(sub) <= LONGEST_SUB
