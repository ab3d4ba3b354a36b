"""Whether a webhook really comes from Vonage: a signed JWT that vouches for the body by its hash. Pure.

Scheme: https://developer.vonage.com/en/getting-started/concepts/webhooks#validating-signed-webhooks. HS256 with the
account's signature secret; `payload_hash` is the hex SHA-256 of the body, missing where there is none.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import jwt

WINDOW_S = 300
"""How far the token's issue time may be from now, either way."""

_MAX_TOKEN = 8192


def is_signed(
    authorization: str | None, *, secrets: Sequence[str], application_id: str, body: bytes, now_s: float
) -> bool:
    """Whether a webhook carries a good and fresh token for exactly this body. Nothing makes it raise.

    Args:
        authorization: the header, `Bearer <JWT>`; None where it is missing.
        secrets: signature secrets in force; two while one is being rotated.
        application_id: ours; a token for another application is refused.
        body: as it arrived; b'' for a GET.
        now_s: wall clock.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token) <= _MAX_TOKEN:
        return False
    return any(_vouches(_claims(token, secret), application_id, body, now_s) for secret in secrets)


def _claims(token: str, secret: str) -> dict[str, object]:
    """What a token with a good signature claims; nothing for any other."""
    try:
        claims: dict[str, object] = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            options={"verify_iat": False, "verify_exp": False, "verify_nbf": False, "verify_aud": False},
        )
    except (jwt.PyJWTError, ValueError, RecursionError):
        return {}
    return claims


def _vouches(claims: dict[str, object], application_id: str, body: bytes, now_s: float) -> bool:
    issued, digest = claims.get("iat"), claims.get("payload_hash", "")
    if not isinstance(issued, int | float) or isinstance(issued, bool) or not abs(now_s - issued) <= WINDOW_S:
        return False
    if claims.get("application_id") != application_id or not isinstance(digest, str):
        return False
    expected = hashlib.sha256(body).hexdigest()
    if not body and not digest:
        return True
    return hmac.compare_digest(digest.lower().encode("utf-8", "surrogatepass"), expected.encode())
