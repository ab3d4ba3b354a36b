"""Passwords: argon2 hashes, computed beside the event loop, a few at a time."""

from __future__ import annotations

import asyncio
from typing import Final

from pwdlib import PasswordHash

SHORTEST: Final = 12
LONGEST: Final = 256
"""Characters; longer ones only cost time."""

_HASHING: Final = PasswordHash.recommended()
_NOBODY: Final = _HASHING.hash("nobody has this password")
_AT_ONCE: Final = 2
"""A hash takes some 50 ms and 64 MiB: a flood of logins must not take the calls' processor."""


class TooWeak(ValueError):
    """A password that may not be chosen; the message says why."""


class Passwords:
    """Hashes and checks passwords off the event loop."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        """The hash of a new password.

        Raises:
            TooWeak: it is too short, too long or of one character.
        """
        if not SHORTEST <= len(password) <= LONGEST:
            raise TooWeak(f"a password has {SHORTEST} to {LONGEST} characters")
        if len(set(password)) < 4:
            raise TooWeak("a password has at least four different characters")
        async with self._room:
            return await asyncio.to_thread(_HASHING.hash, password)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether a password is the one that was hashed. Without a hash the answer is no, after the same time."""
        if len(password) > LONGEST:
            return False
        async with self._room:
            right = await asyncio.to_thread(_HASHING.verify, password, password_hash or _NOBODY)
        return right and password_hash is not None
