"""A browser that is told, as tests have one: it has keys, and reads what was encrypted for it."""

import json
import os
import time
from dataclasses import dataclass, field
from typing import Any

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from model.push.vapid import decoded, encoded


@dataclass
class Browser:
    """Its subscription leads to `endpoint`."""

    endpoint: str
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    def subscription(self) -> dict[str, Any]:
        """What it sends."""
        public = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "keys": {"p256dh": encoded(public), "auth": encoded(self.auth)}}

    def read(self, raw: bytes) -> dict[str, Any]:
        """What a push says. Raises where it was not encrypted for this browser."""
        assert len(raw) <= 4096
        message = http_ece.decrypt(raw, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        return dict(json.loads(message))


def signed_by(headers: dict[str, str], public_key: str, audience: str) -> dict[str, Any]:
    """What the server said of itself (RFC 8292). Raises where it is not the one that the browser subscribed to."""
    scheme, _, rest = headers["authorization"].partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert (scheme, parts["k"]) == ("vapid", public_key)
    key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), decoded(public_key))
    claims = jwt.decode(parts["t"], key, algorithms=["ES256"], audience=audience)
    assert time.time() < claims["exp"] <= time.time() + 24 * 3600
    return dict(claims)
