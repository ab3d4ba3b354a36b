"""The WebRTC connection of one web call: who is there, what the page tells, and a new connection for the same call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from aiortc import RTCDataChannel
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcicetransport import RTCIceCandidate
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.sdp import candidate_from_sdp
from av.frame import Frame
from pipecat.transports.smallwebrtc.connection import (
    AUDIO_TRANSCEIVER_INDEX,
    IceServer,
    SmallWebRTCConnection,
    SmallWebRTCTrack,
)

from telephony.media_serializer import FrameBudget
from telephony.webrtc import opus
from telephony.webrtc.channel import Alive, KeyPressed, Unread, read
from telephony.webrtc.voice import PacedVoice

opus.install()

ENDED = {"type": "state", "state": "ended"}
"""The last thing a page is told."""

JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"
"""Where aiortc's receiver keeps it."""

JITTER_PACKETS = 8
"""Most packets of 20 ms that wait for one that is late."""

_FLUSH_S = 0.3
_FLUSH_STEP_S = 0.02


class PageListener(Protocol):
    """Hears of the page."""

    def mark_left(self, name: str) -> None:
        """The audio before this mark has left."""
        ...

    async def key_pressed(self, digit: str) -> None:
        """The page's keypad: one of 0-9 * #."""
        ...

    def left_aside(self) -> None:
        """A message said nothing to us, or there were too many."""
        ...


class _HeardTrack(SmallWebRTCTrack):
    """The page's sound; says when some arrives.

    It gets a shorter jitter buffer than aiortc's for sound (16 packets, 4 of them whole before one is given out). That
    one turns 5 % of lost packets into 25 % of lost sound and 0.3 s of delay; this one into 11 % and 0.13 s. aiortc has
    no setting for it.
    """

    def __init__(self, receiver: RTCRtpReceiver, heard: Callable[[], None]) -> None:
        super().__init__(receiver)
        vars(receiver)[JITTER_BUFFER] = JitterBuffer(capacity=JITTER_PACKETS, prefetch=1)
        self._heard = heard

    async def recv(self) -> Frame | None:
        """The next frame."""
        frame: Frame | None = await super().recv()
        self._heard()
        return frame


class WebConnection(SmallWebRTCConnection):
    """Pipecat's connection with our own signs of life, data channel and voice.

    A sign of life is sound, or `ping` on the data channel: a browser sends sound without a pause, and a page whose
    microphone is off still pings.
    """

    def __init__(self, ice_servers: list[IceServer], voice: PacedVoice, page: PageListener) -> None:
        """Connect to nobody yet."""
        self._voice = voice
        self._page = page
        self._alive_s = time.monotonic()
        self._disconnecting: asyncio.Task[None] | None = None
        super().__init__(ice_servers)

    @property
    def alive_s(self) -> float:
        """When there was a sign of life, by the monotonic clock."""
        return self._alive_s

    @property
    def has_failed(self) -> bool:
        """Whether the network between us and the page gave up, so that its closing is no hang-up."""
        return self._pc.iceConnectionState == "failed"

    def is_connected(self) -> bool:
        """Whether packets can be sent; the page may be out of reach all the same."""
        return bool(self._connect_invoked and self._pc.connectionState == "connected")

    def sign_of_life(self) -> None:
        """The page is there."""
        self._alive_s = time.monotonic()

    def audio_input_track(self) -> SmallWebRTCTrack | None:
        """The page's sound."""
        known: SmallWebRTCTrack | None = self._track_map.get(AUDIO_TRANSCEIVER_INDEX)
        transceivers = self._pc.getTransceivers()
        if known is None and transceivers:
            known = _HeardTrack(transceivers[AUDIO_TRANSCEIVER_INDEX].receiver, self.sign_of_life)
            self._track_map[AUDIO_TRANSCEIVER_INDEX] = known
        return known

    def replace_audio_track(self, track: object) -> None:
        """Send our own voice, whatever track the transport made."""
        SmallWebRTCConnection.replace_audio_track(self, self._voice)

    def send_app_message(self, message: object) -> None:
        """Send to the page, unless it is a mark: that only tells that the audio before it has left."""
        match message:
            case {"mark": str(name)}:
                self._page.mark_left(name)
            case _:
                super().send_app_message(message)

    async def restart(self, sdp: str) -> None:
        """Give up the connection and answer the offer of another one; the call stays the same.

        Raises:
            Exception: whatever aiortc has against the offer.
        """
        await self._call_event_handler("disconnected")
        self._pc.remove_all_listeners()
        await SmallWebRTCConnection._close(self)
        SmallWebRTCConnection._initialize(self)
        await self._create_answer(sdp, "offer")

    async def add_candidate(self, line: str, mid: str | None, index: int | None) -> None:
        """Take one more of the page's addresses.

        Args:
            line: as it stands in a session description, after `candidate:`.
            mid: the media it is for.
            index: the same by number.

        Raises:
            Exception: whatever aiortc has against it.
        """
        candidate: RTCIceCandidate = candidate_from_sdp(line)
        candidate.sdpMid, candidate.sdpMLineIndex = mid, index
        await self._pc.addIceCandidate(candidate)

    async def disconnect(self) -> None:
        """Say that the call has ended, and close. Idempotent; goes on when the one who waits is cancelled.

        aiortc never finishes a close that was cancelled half-way.
        """
        if self._disconnecting is None:
            self._disconnecting = asyncio.create_task(self._end(), name="web call closes")
        await asyncio.shield(self._disconnecting)

    async def _end(self) -> None:
        channel: RTCDataChannel | None = self._data_channel
        if channel is not None and channel.readyState == "open" and self.is_connected():
            self.send_app_message(ENDED)
            for _ in range(round(_FLUSH_S / _FLUSH_STEP_S)):
                await asyncio.sleep(_FLUSH_STEP_S)
                if not channel.bufferedAmount:
                    break
        await SmallWebRTCConnection._close(self)

    def _setup_listeners(self) -> None:
        SmallWebRTCConnection._setup_listeners(self)
        self._pc.on("datachannel", self._read_channel)

    def _read_channel(self, channel: RTCDataChannel) -> None:
        """Read it ourselves: what a stranger writes must neither raise, fill a log nor grow a queue."""
        channel.remove_all_listeners("message")
        budget = FrameBudget(rate=20, burst=100)

        async def told(message: object) -> None:
            match read(message) if budget.take(time.monotonic()) else Unread():
                case Alive():
                    self.sign_of_life()
                case KeyPressed(digit):
                    await self._page.key_pressed(digit)
                case Unread():
                    self._page.left_aside()

        channel.on("message", told)
