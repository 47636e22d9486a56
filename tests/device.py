"""A device that makes and shows passkeys, for tests: what a browser and its authenticator do, without a browser."""

import hashlib
import json
import secrets
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from model.accounts.passkey import text

Json = dict[str, Any]
PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


class Device:
    """It has one passkey at most. Its browser is at `origin`, on `host`; `verifies` says whether it sees its owner."""

    def __init__(self, origin: str = "http://pottle.test", host: str = "pottle.test", verifies: bool = True) -> None:
        self.origin, self.host, self.verifies = origin, host, verifies
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id, self.count, self.handle = secrets.token_bytes(20), 0, ""

    def create(self, options: Json) -> Json:
        """A passkey, as the options of the server say."""
        self.handle = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
        held = bytes(16) + len(self.id).to_bytes(2) + self.id + public
        attested = {"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + held}
        said = {"attestationObject": text(cbor2.dumps(attested)), "transports": ["internal", "telepathy"]}
        return self._answer({**said, "clientDataJSON": text(self._client("create", options))})

    def get(self, options: Json) -> Json:
        """Shows the passkey."""
        client, data = self._client("get", options), self._data()
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        said = {"authenticatorData": text(data), "signature": text(signature), "userHandle": self.handle}
        return self._answer({**said, "clientDataJSON": text(client)})

    def _data(self, more: int = 0) -> bytes:
        self.count += 1
        flags = PRESENT | more | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _client(self, kind: str, options: Json) -> bytes:
        said = {"type": f"webauthn.{kind}", "challenge": options["challenge"], "origin": self.origin}
        return json.dumps({**said, "crossOrigin": False}).encode()

    def _answer(self, response: Json) -> Json:
        return {"id": text(self.id), "rawId": text(self.id), "type": "public-key", "response": response}
