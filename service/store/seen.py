"""Which webhooks have been taken already: a carrier may deliver one twice, and a thief may send one again."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from hashlib import sha256

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

KEPT_S = 24 * 3600
"""How long a key is remembered."""

_WITHIN_S = 0.25


class Seen:
    """Remembers names in this process and, for all processes, in Redis; without Redis this process has to do.

    Make one per process and close it at the end.
    """

    def __init__(self, url: str, *, kept_s: int = KEPT_S, remembered: int = 20_000) -> None:
        """Open no connection yet.

        Args:
            url: redis://...
            kept_s: how long a key is remembered.
            remembered: keys that this process remembers by itself; the oldest make room.
        """
        self._kept_s = kept_s
        self._remembered = remembered
        self._here: OrderedDict[str, float] = OrderedDict()
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=_WITHIN_S,
            socket_connect_timeout=_WITHIN_S,
            retry=Retry(NoBackoff(), 0),
            max_connections=4,
            client_name="attune-seen",
        )

    async def is_first(self, name: str) -> bool:
        """Whether this is the first time that the name is met; it is remembered by this. Never raises on any text."""
        key = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        if not self._is_first_here(key):
            return False
        asking = asyncio.ensure_future(self._redis.set(f"attune:seen:{key}", b"1", nx=True, ex=self._kept_s))
        # Not asyncio.timeout: before Python 3.12 Pipecat puts a wait_for in the place of asyncio's whose cancellation
        # (wait_for2.CancelledWithResultError, in redis' connect) is not recognised by it and would leave from here.
        await asyncio.wait({asking}, timeout=_WITHIN_S)
        if not asking.done():
            asking.cancel()
        (answer,) = await asyncio.gather(asking, return_exceptions=True)
        if isinstance(answer, RedisError | OSError | asyncio.CancelledError):
            return True
        if isinstance(answer, BaseException):
            raise answer
        return bool(answer)

    def _is_first_here(self, key: str) -> bool:
        now_s = time.monotonic()
        while self._here and next(iter(self._here.values())) <= now_s:
            self._here.popitem(last=False)
        if key in self._here:
            return False
        self._here[key] = now_s + self._kept_s
        if len(self._here) > self._remembered:
            self._here.popitem(last=False)
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()
