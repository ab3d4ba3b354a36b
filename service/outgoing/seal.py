"""Secrets that must be read back: encrypted with a key of the installation, bound to whose they are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class SealBroken(Exception):
    """It was sealed with another key, for somebody else, or changed."""


class Seal:
    """AES-256-GCM with a key derived from the installation's secret."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(hmac.new(secret, b"sealed secrets", hashlib.sha256).digest())

    def close(self, plain: str, whose: str) -> str:
        """Seal a text for somebody."""
        nonce = os.urandom(12)
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, plain.encode(), whose.encode())).decode()

    def open(self, sealed: str, whose: str) -> str:
        """What was sealed for somebody.

        Raises:
            SealBroken: it cannot be opened.
        """
        try:
            raw = base64.urlsafe_b64decode(sealed)
            return self._cipher.decrypt(raw[:12], raw[12:], whose.encode()).decode()
        except (InvalidTag, ValueError) as broken:
            raise SealBroken from broken
