"""The caller's line over a carrier's media socket, whichever carrier it is."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from pipecat.frames.frames import AudioRawFrame, Frame, InterruptionFrame, OutputTransportMessageFrame
from pipecat.transports.base_transport import BaseTransport
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from telephony.carrier import (
    CallControl,
    CarrierCodec,
    Cleared,
    Ignored,
    IgnoredReason,
    LineEvent,
    Mark,
    Paused,
    Resumed,
    Start,
    Stop,
    Taken,
    Wire,
    WireAudio,
)
from telephony.leg import LOST
from telephony.marks import Marks, wait_for_mark
from telephony.media_serializer import HEARD_HZ, MediaSerializer

ASK_S = 0.9
"""Longest that a caller waits in silence for the carrier's control."""

CLOSE_S = 0.5
GOODBYE_S = 1.0
"""How long the far side may take to answer our goodbye."""

TOO_BIG = 1009
_CLOSED_WELL = 1000
_OVER = (RuntimeError, OSError, TimeoutError, WebSocketDisconnect)
"""What a socket raises that is gone."""


class _HeldSocket(WebSocket):
    """The socket as Pipecat gets it: to send and to receive, while closing it is the leg's alone."""

    def __init__(self, socket: WebSocket) -> None:
        super().__init__(socket.scope, socket.receive, socket.send)
        self.client_state = socket.client_state
        self.application_state = socket.application_state
        self.far_code = 0

    async def receive(self) -> Message:
        """The next message; remembers how the far side closed."""
        message = await super().receive()
        if message["type"] == "websocket.disconnect":
            self.far_code = int(message.get("code") or 0)
        return message

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Leave it open: the leg says goodbye first."""


class _Serializer(MediaSerializer):
    """Also reckons when what was sent will have been played."""

    def __init__(self, leg: MediaLeg, codec: CarrierCodec, audio: WireAudio) -> None:
        super().__init__(codec, audio, leg.hear, leg.send)
        self._leg = leg

    async def serialize(self, frame: Frame) -> Wire | None:
        wire = await super().serialize(frame)
        match frame:
            case AudioRawFrame():
                self._leg.reckon(frame.num_frames / frame.sample_rate)
            case InterruptionFrame():
                self._leg.cleared()
            case OutputTransportMessageFrame() if wire is None and isinstance(frame.message, dict):
                self._leg.mark_by_clock(str(frame.message.get("mark", "")))
            case _:
                pass
        return wire


class MediaLeg:
    """A `telephony.leg.CallLeg` on an accepted socket after a valid `Start`."""

    def __init__(
        self,
        websocket: WebSocket,
        codec: CarrierCodec,
        start: Start,
        control: CallControl | None,
        *,
        can_hand_off: bool = True,
        on_ignored: Callable[[IgnoredReason], None] | None = None,
        lost_after_s: float | None = None,
        longest_s: float = 7200.0,
    ) -> None:
        """Take over the socket.

        Args:
            websocket: accepted, `start` read by `accept_stream`.
            codec: the socket's codec, which has seen the start.
            start: what the stream said of itself.
            control: call control; None where there is no account (a simulated carrier): then closing the socket ends
                the call or sends it on, as the carrier's next document says.
            can_hand_off: whether the carrier goes on to a human when we close the socket.
            on_ignored: counts messages left aside; must neither block nor raise.
            lost_after_s: seconds without any message after which the line counts as lost; None: as the start says.
            longest_s: the call is ended after so many seconds.
        """
        self._websocket = websocket
        self._codec = codec
        self._start = start
        self._control = control
        self._can_hand_off = can_hand_off
        self._on_ignored = on_ignored
        self._lost_after_s = start.lost_after_s if lost_after_s is None else lost_after_s
        self._marks = Marks()
        self._ended = asyncio.Event()
        self._end_reason = ""
        self._own_reason = ""
        self._letting_go = asyncio.Lock()
        self._heard_at_s = time.monotonic()
        self._over_at_s = self._heard_at_s + longest_s
        self._paused = False
        self._played_at_s = 0.0
        self._timers: set[asyncio.TimerHandle] = set()
        self._closing_code = 1000
        self._audio = start.audio or WireAudio()
        self._held = _HeldSocket(websocket)
        self._transport = FastAPIWebsocketTransport(
            self._held,
            FastAPIWebsocketParams(
                serializer=_Serializer(self, codec, self._audio),
                audio_in_enabled=True,
                audio_in_sample_rate=HEARD_HZ,
                audio_out_enabled=True,
                audio_out_sample_rate=self._audio.rate_hz,
                audio_out_10ms_chunks=self._audio.chunk_ms // 10,
                audio_out_end_silence_secs=0,
                allowed_origins=[],
                ws_close_timeout=CLOSE_S,
            ),
        )
        self._transport.add_event_handler("on_client_disconnected", self._disconnected)

    @property
    def transport(self) -> BaseTransport:
        """Two-way audio: 16 kHz in, the line's rate out."""
        return self._transport

    @property
    def audio_out_hz(self) -> int:
        """The line's rate."""
        return self._audio.rate_hz

    @property
    def can_hand_off(self) -> bool:
        """Whether the carrier asks for what comes next, or knows it, when the stream ends."""
        return self._can_hand_off

    async def until_played(self, name: str, deadline_s: float) -> bool:
        """Send a mark after what is queued at the output and wait until it comes back.

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
            now_s = time.monotonic()
            lost_at_s = self._over_at_s if self._paused else self._heard_at_s + self._lost_after_s
            if now_s >= self._over_at_s:
                self._end("the call reached its longest time")
            elif now_s >= lost_at_s:
                self._end(f"{LOST}: nothing arrived any more")
            else:
                left_s = min(lost_at_s, self._over_at_s) - now_s
                with contextlib.suppress(TimeoutError):  # no longer than what a pause may have hidden
                    await asyncio.wait_for(self._ended.wait(), min(left_s, self._lost_after_s))
        return self._end_reason

    async def hang_up(self) -> None:
        """End the call at the carrier, then close the socket."""
        await self._let_go("we hung up", hand_off=False)

    async def leave(self) -> None:
        """Send the caller to a human, by the carrier's control or by closing the stream."""
        await self._let_go("we left the call", hand_off=True)

    async def _let_go(self, reason: str, *, hand_off: bool) -> None:
        async with self._letting_go:
            if not self._ended.is_set():
                self._own_reason = reason  # before the carrier is asked: the stream may stop before it answers
                taken = await self._ask_carrier(hand_off=hand_off)
                goodbye = self._codec.goodbye(hand_off=hand_off)
                if goodbye is not None and taken is not Taken.GONE:
                    await self._say_goodbye(goodbye)
            self._end(reason)
        await self._close()

    async def _ask_carrier(self, *, hand_off: bool) -> Taken:
        """Ask the carrier's control, but not for long: the closed stream says the same."""
        if self._control is None:
            return Taken.DONE
        try:
            async with asyncio.timeout(ASK_S):
                if hand_off:
                    return await self._control.transfer(self._start.call_id, "")
                return await self._control.hang_up(self._start.call_id)
        except TimeoutError:
            return Taken.FAILED

    async def _say_goodbye(self, goodbye: Wire) -> None:
        """Send it and wait until the far side has answered; nobody else reads the socket by now."""
        await self.send(goodbye)
        with contextlib.suppress(*_OVER):
            async with asyncio.timeout(GOODBYE_S):
                while not self._ended.is_set():
                    received = await self._websocket.receive()
                    if received["type"] == "websocket.disconnect":
                        break
                    text = received.get("text")
                    event = self._codec.parse(received.get("bytes") if text is None else text)
                    reply = self._codec.reply(event)
                    if reply is not None:
                        await self.send(reply)
                    self.hear(event)

    async def _close(self) -> None:
        if WebSocketState.DISCONNECTED not in (self._websocket.client_state, self._websocket.application_state):
            with contextlib.suppress(*_OVER):
                await asyncio.wait_for(self._websocket.close(self._closing_code), CLOSE_S)

    # For the serializer.

    async def send(self, wire: Wire) -> None:
        """Send one message past the paced audio; a socket that is gone is no error."""
        with contextlib.suppress(*_OVER):
            async with asyncio.timeout(CLOSE_S):
                if isinstance(wire, bytes):
                    await self._websocket.send_bytes(wire)
                else:
                    await self._websocket.send_text(wire)

    def hear(self, event: LineEvent) -> None:
        """Take note of one event."""
        self._heard_at_s = time.monotonic()
        match event:
            case Mark(name):
                self._marks.came_back(name)
            case Cleared():
                self._marks.void()
            case Paused():
                self._paused = True
            case Resumed():
                self._paused = False
            case Stop():
                self._end("the caller hung up")
            case Ignored(reason):
                if reason is IgnoredReason.TOO_BIG:
                    self._closing_code = TOO_BIG
                    self._end("the stream sent a message that is too big")
                if self._on_ignored is not None:
                    self._on_ignored(reason)
            case _:
                pass

    def reckon(self, seconds: float) -> None:
        """So much more audio was sent."""
        self._played_at_s = max(self._played_at_s, time.monotonic()) + seconds

    def cleared(self) -> None:
        """What was sent and not played will be thrown away."""
        self._played_at_s = time.monotonic()
        self._marks.void()

    def mark_by_clock(self, name: str) -> None:
        """The protocol has no marks: the audio counts as played when its time is over."""
        loop = asyncio.get_running_loop()
        left_s = max(0.0, self._played_at_s - time.monotonic())
        self._timers.add(loop.call_later(left_s, self._marks.came_back, name))

    async def _disconnected(self, *_: object) -> None:
        hung_up = not self._start.says_stop and self._held.far_code == _CLOSED_WELL
        self._end("the caller hung up" if hung_up else f"{LOST}: the stream was closed")

    def _end(self, reason: str) -> None:
        if not self._ended.is_set():
            self._end_reason = self._own_reason or reason
            self._ended.set()
            self._marks.void()
            for timer in self._timers:
                timer.cancel()
