"""Emotion from the voice by a server that many call workers share (`attune serve --role emotion`)."""

from __future__ import annotations

import httpx
import numpy as np
from numpy.typing import NDArray

from pipelines.emotion.baseline import Prior
from pipelines.emotion.batching import Busy, Why
from pipelines.emotion.estimate import Reading
from pipelines.emotion.judges import Judge, judge_from
from pipelines.emotion.wire import answered, ask
from pipelines.ports import EngineFailed, Pcm, VoiceFeatures

JUDGE_PATH = "/judge"
VOICE_PATH = "/voice"


class RemoteVoiceReader:
    """`ports.VoiceReader` over the network. Sound goes there, features come back, and are judged here."""

    def __init__(self, server: str, *, token: str = "", deadline_s: float = 0.5, at_once: int = 64) -> None:
        """Name the server; nothing is sent yet.

        Args:
            server: `http://host:port`.
            token: bearer token that it wants; empty for none.
            deadline_s: longest wait for one answer.
            at_once: connections that are kept.
        """
        self._server = server
        self._judge: Judge | None = None
        self._http = httpx.AsyncClient(
            base_url=server,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=deadline_s,
            limits=httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once),
            trust_env=False,
        )

    @property
    def prior(self) -> Prior | None:
        """See `ports.VoiceReader`; known once the server has answered."""
        return None if self._judge is None else self._judge.prior

    async def warm_up(self) -> None:
        """Ask how its answers are read, and read a second of silence.

        Raises:
            EngineFailed: it is away or answers something else. A call asks again.
        """
        await self.read_voice(np.zeros(8000, np.int16), 8000, None)

    async def read_voice(self, pcm: Pcm, rate_hz: int, encoded: NDArray[np.float32] | None) -> VoiceFeatures:
        """See `ports.VoiceReader`; the recogniser's states stay here.

        Raises:
            Busy: the server refuses for now.
            EngineFailed: it is away, late, or answers something else.
        """
        if self._judge is None:
            self._judge = judge_from(await self._ask("GET", JUDGE_PATH))
        return answered(await self._ask("POST", VOICE_PATH, ask(pcm, rate_hz)))

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        try:
            reply = await self._http.request(method, path, content=body)
        except (httpx.HTTPError, httpx.InvalidURL) as away:
            raise EngineFailed(f"emotion server {self._server}: {type(away).__name__}") from away
        if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise Busy(f"emotion server {self._server}", Why.FULL)
        if reply.status_code != httpx.codes.OK:
            raise EngineFailed(f"emotion server {self._server}: status {reply.status_code}")
        return reply.content

    def estimate(self, features: NDArray[np.float32]) -> Reading:
        """See `ports.VoiceReader`.

        Raises:
            EngineFailed: the server has not answered yet.
        """
        if self._judge is None:
            raise EngineFailed(f"emotion server {self._server}: has not answered yet")
        return self._judge.estimate(features)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
