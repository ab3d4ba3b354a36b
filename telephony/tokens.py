"""Single-use, signed, short-lived tokens: they let one media stream or one web call in, once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable


class TokenBook:
    """Issues and redeems tokens bound to a purpose and a subject.

    A token is `payload.signature`, both base64url, with HMAC-SHA256 over the payload. That a token is redeemed once
    is remembered in this process alone, so the process that issued a token must be the one that redeems it.
    """

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time, *, remembered: int = 10_000) -> None:
        """Create a book.

        Args:
            secret: at least 16 bytes.
            clock: seconds; only differences count.
            remembered: redeemed tokens kept until they expire; when full, nothing more is redeemed (fails closed).

        Raises:
            ValueError: the secret is too short.
        """
        if len(secret) < 16:
            raise ValueError("the token secret needs at least 16 bytes")
        self._secret = secret
        self._clock = clock
        self._remembered = remembered
        self._redeemed: OrderedDict[str, float] = OrderedDict()

    def issue(self, purpose: str, subject: str, ttl_s: float = 60.0) -> str:
        """A token that lets `subject` do `purpose` once within `ttl_s` seconds; it fits a URL and a TwiML parameter."""
        payload = json.dumps([purpose, subject, self._clock() + ttl_s, secrets.token_hex(16)], separators=(",", ":"))
        body = _to_text(payload.encode())
        return f"{body}.{_to_text(self._sign(body))}"

    def redeem(self, token: str, purpose: str) -> str | None:
        """The subject of a good token, which is spent by this; None for anything else. Never raises on any text."""
        body, _, signature = token.partition(".")
        if not hmac.compare_digest(_to_text(self._sign(body)).encode(), signature.encode(errors="replace")):
            return None
        issued_for, subject, expires, nonce = json.loads(_from_text(body))
        now = self._clock()
        if issued_for != purpose or now >= expires or nonce in self._redeemed:
            return None
        self._forget_expired(now)
        if len(self._redeemed) >= self._remembered:
            return None
        self._redeemed[nonce] = expires
        return str(subject)

    def _forget_expired(self, now: float) -> None:
        for nonce in [nonce for nonce, expires in self._redeemed.items() if expires <= now]:
            del self._redeemed[nonce]

    def _sign(self, body: str) -> bytes:
        return hmac.new(self._secret, body.encode(errors="replace"), hashlib.sha256).digest()


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_text(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
