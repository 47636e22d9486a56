"""The signed tokens of single sign-on: JWTs (RFC 7519) with HS256, and what makes one good. Pure rules, no database.

The algorithm is ours to choose and not the token's (RFC 8725, 3.1): `none`, or a key of another kind, opens nothing.
"""

import hashlib
from typing import Annotated, NamedTuple

import msgspec

from model.accounts.user import Email, Name
from pottle.values import Unfit, as_it_is, fit, line

LONGEST = 4_000  # characters of a token
LONGEST_SECONDS = 600  # from `iat` to `exp`
SKEW_SECONDS = 60  # by which the other clock may be wrong
ALGORITHM = "HS256"

SignedToken = Annotated[str, as_it_is("it is signed as it is", LONGEST, 1)]
Sub = Annotated[str, line(200)]


class BadToken(Exception):
    """A token that is not good, and why, for whoever writes the site."""


class Claims(msgspec.Struct):
    """What a site says of one of its users. What else is in a token, a picture too, counts for nothing."""

    sub: str
    name: str
    iat: float
    exp: float
    nbf: float | None = None
    email: str | None = None
    moderator: bool = False


class Verified(NamedTuple):
    """A good token: what it says, by which secret, and what tells it from all others."""

    claims: Claims
    secret: int
    digest: bytes


def verified(token: str, secrets: dict[int, str], now: float) -> Verified:
    """The token, signed by one of `secrets` (by their ids) and good at `now`. Raises BadToken.

    `digest` is of what was signed, by which secret: the signature's own text can be written in several ways.
    """
    by, payload = _signed(token, secrets)
    try:
        claims = msgspec.json.decode(payload, type=Claims)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadToken(f"Its content is wrong: {error}.") from None
    _check_times(claims, now)
    digest = hashlib.sha256(f"{by} {token.rpartition('.')[0]}".encode()).digest()
    return Verified(_tidy(claims), by, digest)


def _signed(token: str, secrets: dict[int, str]) -> tuple[int, bytes]:
    """By which secret it is signed, and its payload. A `kid` in the header names the only one that counts."""
    import jwt  # with cryptography a tenth of the time in which a worker starts

    signatures = jwt.PyJWS(algorithms=[ALGORITHM])
    try:
        header = signatures.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise BadToken("It is not a JWT: three parts in base64url, with a dot between them.") from None
    if header.get("alg") != ALGORITHM or "crit" in header or header.get("b64") is False:
        raise BadToken(f"It must be signed with {ALGORITHM}.")
    kid = header.get("kid")
    for id_, secret in secrets.items():
        if kid is None or kid == str(id_):
            try:
                return id_, signatures.decode(token, secret, algorithms=[ALGORITHM])
            except (jwt.PyJWTError, ValueError, RecursionError):
                continue
    raise BadToken("It is not signed with a secret of this group.")


def _check_times(claims: Claims, now: float) -> None:
    if claims.exp <= now - SKEW_SECONDS:
        raise BadToken("It has expired (`exp`). Make a new one each time the page is made.")
    if max(claims.iat, claims.nbf or claims.iat) > now + SKEW_SECONDS:
        raise BadToken("It is from the future (`iat`, `nbf`): is the clock of the site's server right?")
    if not 0 < claims.exp - claims.iat <= LONGEST_SECONDS:
        raise BadToken(f"From `iat` to `exp` there may be {LONGEST_SECONDS} seconds at most.")


def _tidy(claims: Claims) -> Claims:
    """The claims with their texts as forms would take them."""
    texts = {"sub": Sub, "name": Name, "email": Email | None}
    for field, kind in texts.items():
        try:
            setattr(claims, field, fit(getattr(claims, field), kind))
        except Unfit as unfit:
            raise BadToken(f"`{field}` {unfit}.") from None
    return claims
