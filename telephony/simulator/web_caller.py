"""A browser without a screen: offers a web call, plays samples, keeps what it hears and what it is told."""

from __future__ import annotations

import asyncio
import fractions
import json
from types import TracebackType

import numpy as np
import soxr
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler

from telephony.audio import Pcm

_RATE_HZ = 48_000
_FRAME = 960
_HEAR_HZ = 16_000


class _Microphone(MediaStreamTrack):
    """Plays samples in real time, then silence."""

    kind = "audio"

    def __init__(self, pcm: Pcm, rate_hz: int) -> None:
        super().__init__()
        whole = soxr.resample(pcm, rate_hz, _RATE_HZ)
        self._pcm = np.concatenate([whole, np.zeros(-len(whole) % _FRAME, dtype=np.int16)])
        self._sent = 0
        self._began_s: float | None = None

    async def recv(self) -> AudioFrame:
        """The next 20 ms, when they are due."""
        loop = asyncio.get_running_loop()
        began_s = self._began_s = loop.time() if self._began_s is None else self._began_s
        await asyncio.sleep(max(0.0, began_s + self._sent / _RATE_HZ - loop.time()))
        samples = self._pcm[self._sent : self._sent + _FRAME]
        if not len(samples):
            samples = np.zeros(_FRAME, dtype=np.int16)
        frame = AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = _RATE_HZ
        frame.pts = self._sent
        frame.time_base = fractions.Fraction(1, _RATE_HZ)
        self._sent += _FRAME
        return frame


class WebCaller:
    """Use as `async with`: `offer()`, send it to the service, `answered()` with what came back.

    After `network_changed()` the same two bring the call back over another connection; what was heard and told so far
    is kept.
    """

    def __init__(self, pcm: Pcm, rate_hz: int = 16_000) -> None:
        """Prepare a caller.

        Args:
            pcm: what it says once connected; silence after it.
            rate_hz: its sample rate.
        """
        self._microphone = _Microphone(pcm, rate_hz)
        self._heard: list[Pcm] = []
        self._heard_at_s: list[float] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.told: list[dict[str, object]] = []
        self.closed = asyncio.Event()
        self._connect_anew()

    def _connect_anew(self) -> None:
        self._pc = RTCPeerConnection()
        self._pc.addTransceiver(self._microphone, direction="sendrecv")
        self._channel = self._pc.createDataChannel("attune")
        self._pc.on("track", self._track)
        self._pc.on("connectionstatechange", self._state)
        self._channel.on("message", self._message)
        self._channel.on("close", self.closed.set)

    async def __aenter__(self) -> WebCaller:
        """Nothing is sent yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        await self._rest()
        await self._pc.close()

    async def _rest(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def network_changed(self) -> None:
        """The network is another one: the old connection is left without a word, a new one can be offered."""
        await self._rest()
        self._pc.remove_all_listeners()
        self._channel.remove_all_listeners()
        for transport in {sender.transport for sender in self._pc.getSenders()}:
            await transport.transport.stop()  # the packets stop; nobody is told
        await self._pc.close()
        self._connect_anew()

    async def offer(self) -> tuple[str, str]:
        """The session description and its type, with all candidates."""
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return self._pc.localDescription.sdp, self._pc.localDescription.type

    async def answered(self, sdp: str, kind: str = "answer") -> None:
        """Connect."""
        await self._pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type=kind))
        self._tasks.append(asyncio.create_task(self._ping(), name="web caller pings"))

    @property
    def heard(self) -> Pcm:
        """What was heard so far, 16 kHz."""
        return np.concatenate(self._heard) if self._heard else np.zeros(0, dtype=np.int16)

    @property
    def heard_at_s(self) -> list[float]:
        """When each piece of sound arrived, by the loop's clock."""
        return self._heard_at_s

    @property
    def state(self) -> str:
        """The connection's state."""
        return str(self._pc.connectionState)

    def send(self, message: dict[str, object]) -> None:
        """Tell the service something on the data channel."""
        self._channel.send(json.dumps(message))

    def press(self, digit: str) -> None:
        """Press a key of the page's keypad."""
        self.send({"type": "dtmf", "digit": digit})

    async def _ping(self) -> None:
        while True:
            if self._channel.readyState == "open":
                self._channel.send("ping")
            await asyncio.sleep(1)

    def _track(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.create_task(self._hear(track), name="web caller hears"))

    async def _hear(self, track: MediaStreamTrack) -> None:
        resampler = AudioResampler(format="s16", layout="mono", rate=_HEAR_HZ)
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if isinstance(frame, AudioFrame):
                self._heard_at_s.append(asyncio.get_running_loop().time())
                self._heard += [piece.to_ndarray()[0].astype(np.int16) for piece in resampler.resample(frame)]

    def _message(self, message: str | bytes) -> None:
        self.told.append(json.loads(message))

    def _state(self) -> None:
        if self._pc.connectionState in ("closed", "failed"):
            self.closed.set()
