"""The caller's line over Twilio Media Streams."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from pipecat.frames.frames import Frame, InterruptionFrame, OutputTransportMessageFrame
from pipecat.transports.base_transport import BaseTransport
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from starlette.websockets import WebSocket, WebSocketState

from telephony.audio import TELEPHONE_HZ
from telephony.marks import Marks, wait_for_mark
from telephony.twilio.codec import Ignored, IgnoredReason, Mark, Start, Stop, TwilioEvent
from telephony.twilio.control import TwilioControl
from telephony.twilio.serializer import TwilioSerializer

_CLOSE_S = 0.5


class _Serializer(TwilioSerializer):
    """Also says when what was sent will be thrown away."""

    def __init__(self, stream_id: str, tell: Callable[[TwilioEvent], None], cleared: Callable[[], None]) -> None:
        super().__init__(stream_id, tell)
        self._cleared = cleared

    async def serialize(self, frame: Frame) -> str | None:
        if isinstance(frame, InterruptionFrame):
            self._cleared()
        return await super().serialize(frame)


class TwilioLeg:
    """A `telephony.leg.CallLeg` on an accepted socket after a valid `start`."""

    def __init__(
        self,
        websocket: WebSocket,
        start: Start,
        control: TwilioControl | None,
        *,
        on_ignored: Callable[[IgnoredReason], None] | None = None,
        lost_after_s: float = 5.0,
    ) -> None:
        """Take over the socket.

        Args:
            websocket: accepted, `start` read by `accept_stream`.
            start: what the stream said of itself.
            control: the account's call control; None where there is no account (a simulated carrier): then closing
                the socket ends the call, because the document asked for next says so.
            on_ignored: counts messages left aside; must neither block nor raise.
            lost_after_s: seconds without any message after which the line counts as lost; Twilio sends 50 a second.
        """
        self._websocket = websocket
        self._start = start
        self._control = control
        self._on_ignored = on_ignored
        self._lost_after_s = lost_after_s
        self._marks = Marks()
        self._ended = asyncio.Event()
        self._end_reason = ""
        self._we_end_it = False
        self._hanging_up = asyncio.Lock()
        self._heard_at_s = time.monotonic()
        self._transport = FastAPIWebsocketTransport(
            websocket,
            FastAPIWebsocketParams(
                serializer=_Serializer(start.stream_id, self._hear, self._marks.void),
                audio_in_enabled=True,
                audio_in_sample_rate=2 * TELEPHONE_HZ,
                audio_out_enabled=True,
                audio_out_sample_rate=TELEPHONE_HZ,
                audio_out_10ms_chunks=4,
                audio_out_end_silence_secs=0,
                allowed_origins=[],
                ws_close_timeout=_CLOSE_S,
            ),
        )
        self._transport.add_event_handler("on_client_disconnected", self._disconnected)

    @property
    def transport(self) -> BaseTransport:
        """Two-way audio: 16 kHz in, 8 kHz out."""
        return self._transport

    @property
    def audio_out_hz(self) -> int:
        """8000."""
        return TELEPHONE_HZ

    @property
    def can_hand_off(self) -> bool:
        """True: Twilio asks for the next document when the stream ends."""
        return True

    async def until_played(self, name: str, deadline_s: float) -> bool:
        """Send a mark after what is queued at the output and wait until Twilio returns it.

        An interruption drops the mark, and what it clears counts as not played.
        """
        if self._ended.is_set():
            return False
        played = self._marks.expect(name)
        try:
            await self._transport.output().queue_frame(OutputTransportMessageFrame(message={"mark": name}))
            return await wait_for_mark(played, deadline_s)
        finally:
            self._marks.forget(name)

    async def until_hung_up(self) -> str:
        """Wait for the end of the line; the reason in words."""
        while not self._ended.is_set():
            left_s = self._heard_at_s + self._lost_after_s - time.monotonic()
            if left_s <= 0:
                self._end("the line was lost: nothing arrived any more")
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), left_s)
        return self._end_reason

    async def hang_up(self) -> None:
        """End the call at the carrier, then close the socket."""
        async with self._hanging_up:
            self._we_end_it = True
            if self._control is not None and not self._ended.is_set():
                await self._control.hang_up(self._start.call_id)
            self._end("we hung up")
        await self._close()

    async def leave(self) -> None:
        """Close the stream; Twilio then asks where the caller goes next."""
        self._end("we left the call")
        await self._close()

    async def _close(self) -> None:
        if self._websocket.client_state is WebSocketState.CONNECTED:
            with contextlib.suppress(RuntimeError, OSError, TimeoutError):
                await asyncio.wait_for(self._websocket.close(), _CLOSE_S)

    def _hear(self, event: TwilioEvent) -> None:
        self._heard_at_s = time.monotonic()
        match event:
            case Mark(name):
                self._marks.came_back(name)
            case Stop():
                self._end("the caller hung up")
            case Ignored(reason) if self._on_ignored is not None:
                self._on_ignored(reason)
            case _:
                pass

    async def _disconnected(self, *_: object) -> None:
        self._end("the stream was closed")

    def _end(self, reason: str) -> None:
        if not self._ended.is_set():
            self._end_reason = "we hung up" if self._we_end_it else reason
            self._ended.set()
            self._marks.void()
