"""The server's own key (VAPID, RFC 8292), by which push services know that its messages all come from one server.

It is derived from the instance's secret: made with it, in each backup with it, and another one after a restore, which
ends all subscriptions anyway. Browsers subscribe for its public half; the other half never leaves this module.
"""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pottle.store import db

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the curve P-256
GOOD_SECONDS = 12 * 3_600  # of a signature; a day is allowed
SIGNED_ANEW = 3_600  # seconds


def public() -> str:
    """The key that browsers subscribe for, in base64url."""
    return _public(db.instance.secret)


def authorization(endpoint: str) -> str:
    """The header of a message to an endpoint. It says where the server is, for the push service to complain."""
    parts, address = urlsplit(endpoint), db.settings.url
    contact = address if address.startswith("https://") else ""
    audience, began = f"{parts.scheme}://{parts.netloc}", int(time.time()) // SIGNED_ANEW * SIGNED_ANEW
    return _signed(db.instance.secret, audience, contact, began)


@lru_cache(maxsize=200)  # push services: there are few
def _signed(secret: str, audience: str, contact: str, began: int) -> str:
    import jwt

    claims: dict[str, Any] = {"aud": audience, "exp": began + GOOD_SECONDS}
    if contact:
        claims["sub"] = contact
    return f"vapid t={jwt.encode(claims, _private(secret), algorithm='ES256')}, k={_public(secret)}"


@lru_cache(maxsize=1)
def _private(secret: str) -> "EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    bits = HKDF(SHA256(), 48, salt=None, info=b"pottle: VAPID").derive(secret.encode())
    return derive_private_key(int.from_bytes(bits) % (ORDER - 1) + 1, SECP256R1())  # FIPS 186-5, A.2.1


@lru_cache(maxsize=1)
def _public(secret: str) -> str:
    return encoded(_written(_private(secret).public_key()))


def point(data: bytes) -> bytes:
    """A browser's public key, as it is written in full. Raises ValueError for what is no point of the curve."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

    return _written(EllipticCurvePublicKey.from_encoded_point(SECP256R1(), data))


def _written(key: "EllipticCurvePublicKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encoded(data: bytes) -> str:
    """As base64url without padding, which everything of push is written in."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """What base64url says. Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
