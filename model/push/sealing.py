"""Encrypts a push for the one browser that may read it (RFC 8291, by the content coding aes128gcm of RFC 8188).

tests/pushed.py reads it by another's implementation.
"""

import os

RECORD_BYTES = 4_096  # all of a push is one record
LAST = b"\x02"  # what ends the last record


def sealed(message: bytes, public_key: bytes, auth_secret: bytes) -> bytes:
    """A message of at most 3,993 bytes for the browser with this key (65 bytes) and secret (16 bytes)."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    own, curve = ec.generate_private_key(ec.SECP256R1()), ec.SECP256R1()
    ours = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve, public_key))
    key, salt = _derived(shared, auth_secret, b"WebPush: info\0" + public_key + ours, 32), os.urandom(16)
    cipher = AESGCM(_derived(key, salt, b"Content-Encoding: aes128gcm\0", 16))
    data = cipher.encrypt(_derived(key, salt, b"Content-Encoding: nonce\0", 12), message + LAST, None)
    return salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(ours)]) + ours + data


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), length, salt, info).derive(secret)
