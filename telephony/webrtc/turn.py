"""Ephemeral TURN credentials: a browser gets a name that runs out, never the secret. Pure; seconds are given.

The scheme is the one that coturn calls `use-auth-secret` (draft-uberti-behave-turn-rest-00): the username is
`<unix time of expiry>:<name>`, the password base64(HMAC-SHA1(shared secret, username)).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IceAccess:
    """One STUN or TURN server and what it takes to use it.

    Attributes:
        url: `stun:`, `turn:` or `turns:`.
        username: None for STUN and for servers without credentials.
        credential: the password to the username.
    """

    url: str
    username: str | None = None
    credential: str | None = None

    def as_browser(self) -> dict[str, str]:
        """The way an `RTCPeerConnection` takes it."""
        access = {"urls": self.url, "username": self.username, "credential": self.credential}
        return {name: value for name, value in access.items() if value is not None}


@dataclass(frozen=True, slots=True)
class IceServers:
    """The servers of this installation.

    Attributes:
        urls: STUN and TURN URLs.
        secret: shared with the TURN servers; None: the fixed name and password below are given out.
        ttl_s: how long an ephemeral credential may open new allocations; running ones go on.
        username: fixed TURN username, where there is no secret.
        credential: fixed TURN password.
    """

    urls: Sequence[str] = ()
    secret: str | None = None
    ttl_s: int = 3600
    username: str | None = None
    credential: str | None = None

    def access_for(self, name: str, now_s: float) -> tuple[IceAccess, ...]:
        """Access for one caller.

        Args:
            name: who gets it, in TURN's logs; our call id.
            now_s: wall clock, seconds since 1970.
        """
        return tuple(self._access(url, name, now_s) for url in self.urls)

    def _access(self, url: str, name: str, now_s: float) -> IceAccess:
        if url.startswith("stun"):
            return IceAccess(url)
        if self.secret is None:
            return IceAccess(url, self.username, self.credential)
        username = f"{int(now_s) + self.ttl_s}:{name}"
        digest = hmac.new(self.secret.encode(), username.encode(), hashlib.sha1).digest()
        return IceAccess(url, username, base64.b64encode(digest).decode())
