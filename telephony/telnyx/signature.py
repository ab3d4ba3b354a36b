"""Whether a webhook really comes from Telnyx: Ed25519 over `timestamp|body`. Pure; nothing makes it raise.

Scheme: https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks (webhook signing).
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from telephony.webhooks import a_number

SIGNATURE_HEADER = "telnyx-signature-ed25519"
TIMESTAMP_HEADER = "telnyx-timestamp"

WINDOW_S = 300
"""How far the timestamp may be from now, either way."""


def public_key(text: str) -> Ed25519PublicKey:
    """The account's key as its portal shows it.

    Raises:
        ValueError: not the base64 of 32 bytes.
    """
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))


def is_signed(
    signature: str | None, timestamp: str | None, *, keys: tuple[Ed25519PublicKey, ...], body: bytes, now_s: float
) -> bool:
    """Whether a webhook carries a good and fresh signature.

    Args:
        signature: the header, base64; None where it is missing.
        timestamp: the header, seconds since 1970.
        keys: keys in force; two while one is being rotated.
        body: as it arrived.
        now_s: wall clock.
    """
    signed_at = a_number(timestamp or "")
    if not signature or signed_at is None or abs(now_s - signed_at) > WINDOW_S:
        return False
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return any(_fits(key, given, f"{timestamp}|".encode() + body) for key in keys)


def _fits(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True
