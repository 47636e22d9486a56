"""The signature of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`."""

import base64
import hashlib
import hmac


def headers(message: str, moment: int, body: bytes, secrets: list[str]) -> dict[str, str]:
    """The three headers of a message, with a signature by each of the secrets (`whsec_…`)."""
    signed = b"%b.%d.%b" % (message.encode(), moment, body)
    signatures = (f"v1,{_signature(secret, signed)}" for secret in secrets)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(moment),
        "webhook-signature": " ".join(signatures),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
