"""Web calls: one offer, one answer, one leg over Pipecat's small WebRTC transport (aiortc)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError
from pipecat.frames.frames import OutputTransportMessageFrame
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.transports.smallwebrtc.connection import IceServer, SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport

from telephony.marks import Marks, wait_for_mark

IN_HZ = 16_000
OUT_HZ = 24_000

MAX_SDP = 64 * 1024
"""Longest offer in characters."""

MAX_CANDIDATES = 50

_UNREADABLE = (
    *(InternalError, InvalidAccessError, InvalidStateError, OperationError),
    *(ValueError, LookupError, AssertionError, TypeError, AttributeError),
)
"""What aiortc raises on descriptions that are broken somewhere."""

_ANSWER_S = 10.0
_CLOSE_S = 2.0
_WATCH_S = 0.5
_JITTER_S = 0.25
"""What a browser holds back before it plays: audio that left the paced track this long ago was heard."""


class BadOffer(Exception):
    """The offer cannot be answered; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser gets back; all our candidates are in it."""

    sdp: str
    type: str


class _Connection(SmallWebRTCConnection):
    """Keeps our marks to itself: they tell that the audio before them has left."""

    def __init__(self, ice_servers: list[IceServer], marks: Marks) -> None:
        super().__init__(ice_servers)
        self._marks = marks

    def send_app_message(self, message: object) -> None:
        """Send to the page, unless it is a mark."""
        match message:
            case {"mark": str(name)}:
                self._marks.came_back(name)
            case _:
                super().send_app_message(message)


class WebRtcLeg:
    """A `telephony.leg.CallLeg` in a browser.

    The page must send audio on its first transceiver and `ping` once a second on a data channel; it gets captions and
    states as JSON on the same channel.
    """

    def __init__(
        self, connection: SmallWebRTCConnection, marks: Marks, *, connect_s: float = 15.0, lost_after_s: float = 5.0
    ) -> None:
        """Take over a connection whose offer was answered.

        Args:
            connection: from `WebRtcDoor`.
            marks: those of the connection.
            connect_s: longest wait for the browser to connect.
            lost_after_s: seconds without a sign of life after which the line counts as lost.
        """
        self._connection = connection
        self._marks = marks
        self._connect_s = connect_s
        self._lost_after_s = lost_after_s
        self._ended = asyncio.Event()
        self._end_reason = ""
        self._closing: asyncio.Task[None] | None = None
        self._transport = SmallWebRTCTransport(
            connection,
            TransportParams(
                audio_in_enabled=True,
                audio_in_sample_rate=IN_HZ,
                audio_out_enabled=True,
                audio_out_sample_rate=OUT_HZ,
                audio_out_10ms_chunks=4,
                audio_out_end_silence_secs=0,
            ),
        )
        for event in ("closed", "failed", "disconnected"):
            connection.add_event_handler(event, self._gone)

    @property
    def transport(self) -> BaseTransport:
        """Two-way audio: 16 kHz in, 24 kHz out."""
        return self._transport

    @property
    def audio_out_hz(self) -> int:
        """24000."""
        return OUT_HZ

    @property
    def is_over(self) -> bool:
        """Whether the line has ended."""
        return self._ended.is_set()

    @property
    def can_hand_off(self) -> bool:
        """False: nobody else can be put on a web call."""
        return False

    def send_caption(self, caption: Mapping[str, object]) -> None:
        """Tell the page something: kept until the channel opens (50 at most), lost when the line has ended."""
        if not self._ended.is_set():
            self._connection.send_app_message(dict(caption))

    async def until_played(self, name: str, deadline_s: float) -> bool:
        """Wait until what is queued at the output left the line and a browser's jitter buffer.

        The track is paced in real time, so this is when it is heard. An interruption drops the mark, and time runs out.
        """
        if self._ended.is_set():
            return False
        left = self._marks.expect(name)
        try:
            await self._transport.output().queue_frame(OutputTransportMessageFrame(message={"mark": name}))
            if not await wait_for_mark(left, deadline_s):
                return False
        finally:
            self._marks.forget(name)
        await asyncio.sleep(_JITTER_S)
        return self._connection.is_connected()

    async def until_hung_up(self) -> str:
        """Wait for the end of the line; the reason in words."""
        alive_s, connected = time.monotonic(), False
        while not self._ended.is_set():
            now_s = time.monotonic()
            if self._connection.is_connected():
                alive_s, connected = now_s, True
            elif now_s - alive_s > (self._lost_after_s if connected else self._connect_s):
                self._end("the line was lost" if connected else "the browser never connected")
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _WATCH_S)
        return self._end_reason

    async def leave(self) -> None:
        """The same as `hang_up`."""
        await self.hang_up()

    async def hang_up(self) -> None:
        """Close the connection; waits two seconds at most."""
        self._end("we hung up")
        if self._closing is None:
            # aiortc never finishes a close that was cancelled half-way: it runs in a task that nobody cancels.
            self._closing = asyncio.create_task(self._connection.disconnect(), name="web call closes")
        await asyncio.wait({self._closing}, timeout=_CLOSE_S)

    async def _gone(self, *_: object) -> None:
        self._end("the caller hung up")

    def _end(self, reason: str) -> None:
        if not self._ended.is_set():
            self._end_reason = reason
            self._ended.set()
            self._marks.void()


class WebRtcDoor:
    """Answers offers. Whoever may offer has been checked before."""

    def __init__(
        self, ice_servers: Sequence[str] = (), *, username: str | None = None, credential: str | None = None
    ) -> None:
        """Create the door.

        Args:
            ice_servers: STUN and TURN URLs; none: only this machine's own addresses are offered.
            username: for TURN.
            credential: for TURN.
        """
        self._ice_servers = [IceServer(urls=url, username=username, credential=credential) for url in ice_servers]
        self._legs: set[WebRtcLeg] = set()

    async def offer(self, sdp: str, kind: str, on_leg: Callable[[WebRtcLeg], Awaitable[None]]) -> Answer:
        """Answer one offer.

        Args:
            sdp: the browser's session description.
            kind: 'offer'.
            on_leg: gets the new leg before the answer goes out; it starts the call and returns at once.

        Raises:
            BadOffer: not a usable offer of an audio call.
        """
        if kind != "offer" or len(sdp) > MAX_SDP or sdp.count("a=candidate:") > MAX_CANDIDATES:
            raise BadOffer("not an offer, or too large")
        marks = Marks()
        connection = _Connection(list(self._ice_servers), marks)
        leg = WebRtcLeg(connection, marks)
        try:
            answer = await self._answer(connection, sdp)
        except BaseException:
            await leg.hang_up()
            raise
        self._legs = {known for known in self._legs if not known.is_over} | {leg}
        await on_leg(leg)
        return answer

    async def close(self) -> None:
        """Hang up whatever is still open."""
        for leg in list(self._legs):
            await leg.hang_up()
        self._legs.clear()

    async def _answer(self, connection: SmallWebRTCConnection, sdp: str) -> Answer:
        try:
            async with asyncio.timeout(_ANSWER_S):
                await connection.initialize(sdp=sdp, type="offer")
        except TimeoutError as late:
            raise BadOffer("no network candidate could be gathered in time") from late
        except _UNREADABLE as bad:
            raise BadOffer(f"not a session description: {bad!r}") from bad
        transceivers = connection.pc.getTransceivers()
        answer = connection.get_answer()
        if answer is None or not transceivers or transceivers[0].kind != "audio":
            raise BadOffer("the first thing offered must be audio")
        return Answer(sdp=answer["sdp"], type=answer["type"])
