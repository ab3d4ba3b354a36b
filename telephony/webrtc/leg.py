"""Web calls: one leg over Pipecat's small WebRTC transport (aiortc), kept through a change of connection."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import InputDTMFFrame, OutputAudioRawFrame, OutputTransportMessageFrame
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.transports.smallwebrtc.connection import IceServer, SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import SmallWebRTCOutputTransport, SmallWebRTCTransport

from telephony.marks import Marks, wait_for_mark
from telephony.webrtc.connection import WebConnection
from telephony.webrtc.voice import PacedVoice

IN_HZ = 16_000
OUT_HZ = 24_000

MAX_SDP = 64 * 1024
"""Longest offer in characters."""

MAX_CANDIDATES = 50
"""Most addresses of a page for one connection, those that it finds after its offer included."""

_UNREADABLE = (
    *(InternalError, InvalidAccessError, InvalidStateError, OperationError),
    *(ValueError, LookupError, AssertionError, TypeError, AttributeError, OSError),
)
"""What aiortc raises on descriptions that are broken somewhere."""

_ANSWER_S = 10.0
_CLOSE_S = 2.0
_WATCH_S = 0.25
_JITTER_S = 0.25
"""What a browser holds back before it plays: audio that left the paced track this long ago was heard."""


class BadOffer(Exception):
    """The offer cannot be answered; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser gets back; all our candidates are in it."""

    sdp: str
    type: str


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a web call waits.

    Attributes:
        connect_s: for the browser to connect at first.
        away_s: without a sign of life until we hold our words.
        grace_s: without a sign of life until the line is lost; the page may come back until then.
    """

    connect_s: float = 15.0
    away_s: float = 1.5
    grace_s: float = 10.0


class _Output(SmallWebRTCOutputTransport):
    """Writes to our own voice, which holds what is said while the page is away."""

    voice: PacedVoice

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Write, at the pace at which it is heard."""
        await self.voice.put(frame.audio)
        return True


class _Transport(SmallWebRTCTransport):
    """Pipecat's transport with our output."""

    def __init__(self, connection: SmallWebRTCConnection, params: TransportParams, voice: PacedVoice) -> None:
        super().__init__(connection, params)
        self._voice = voice

    def output(self) -> SmallWebRTCOutputTransport:
        if self._output is None:
            ours = _Output(self._client, self._params, name=self._output_name)
            ours.voice = self._voice
            self._output = ours
        return self._output


class WebRtcLeg:
    """A `telephony.leg.CallLeg` in a browser.

    The page must send audio on its first transceiver and `ping` once a second on a data channel; it gets captions and
    states as JSON on the same channel, and may send `{"type": "dtmf", "digit": "5"}`. When its network is gone it may
    offer again within the time of grace: the call goes on where it was.
    """

    def __init__(
        self,
        ice_servers: Sequence[IceServer] = (),
        patience: Patience | None = None,
        *,
        on_ignored: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait for an offer.

        Args:
            ice_servers: STUN and TURN for our own side; none: only this machine's addresses are offered.
            patience: how long to wait for what.
            on_ignored: counts messages of the page that were left aside; must neither block nor raise.
        """
        self._patience = patience or Patience()
        self._on_ignored = on_ignored
        self._marks = Marks()
        self._voice = PacedVoice(OUT_HZ, lambda: self.is_away)
        self._connection = WebConnection(list(ice_servers), self._voice, self)
        self._began_s = time.monotonic()
        self._was_up = False
        self._offered = False
        self._candidates = 0
        self._offering = asyncio.Lock()
        self._ended = asyncio.Event()
        self._end_reason = ""
        self._last_state: dict[str, object] | None = None
        self._transport = _Transport(
            self._connection,
            TransportParams(
                audio_in_enabled=True,
                audio_in_sample_rate=IN_HZ,
                audio_out_enabled=True,
                audio_out_sample_rate=OUT_HZ,
                audio_out_10ms_chunks=4,
                audio_out_end_silence_secs=0,
                audio_out_write_timeout_secs=self._patience.connect_s + self._patience.grace_s + 5.0,
            ),
            self._voice,
        )
        self._connection.add_event_handler("closed", self._closed)

    @property
    def transport(self) -> BaseTransport:
        """Two-way audio: 16 kHz in, 24 kHz out."""
        return self._transport

    @property
    def connection(self) -> WebConnection:
        """The connection that the line is on now."""
        return self._connection

    @property
    def audio_out_hz(self) -> int:
        """24000."""
        return OUT_HZ

    @property
    def is_over(self) -> bool:
        """Whether the line has ended."""
        return self._ended.is_set()

    @property
    def is_away(self) -> bool:
        """Whether the page is out of reach just now: what we would say waits."""
        alive = self._connection.is_connected() and time.monotonic() - self._connection.alive_s < self._patience.away_s
        return not alive

    @property
    def can_hand_off(self) -> bool:
        """False: nobody else can be put on a web call."""
        return False

    async def accept(self, sdp: str, kind: str) -> Answer:
        """Answer the page's offer: its first one, or another one for the same call after its network had gone.

        Args:
            sdp: the browser's session description.
            kind: 'offer'.

        Raises:
            BadOffer: not a usable offer of an audio call; a call that was up waits for a better one.
        """
        if kind != "offer" or len(sdp) > MAX_SDP:
            raise BadOffer("not an offer, or too large")
        async with self._offering:
            self._candidates = 0
            self._count_candidates(sdp.count("a=candidate:"))
            if self._ended.is_set():
                raise BadOffer("the call is over")
            again, self._offered = self._offered, True
            answer = await self._answer(sdp, again=again)
            if again and self._last_state is not None:
                self._connection.send_app_message(self._last_state)
            return answer

    async def add_candidate(self, line: str, mid: str | None, index: int | None) -> None:
        """Take one more of the page's addresses, found after its offer.

        Raises:
            BadOffer: not a candidate, or one too many.
        """
        self._count_candidates(1)
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._connection.add_candidate(line.removeprefix("candidate:"), mid, index)
        except (TimeoutError, *_UNREADABLE) as bad:
            raise BadOffer("not a network candidate") from bad

    def send_caption(self, caption: Mapping[str, object]) -> None:
        """Tell the page something: kept until the channel opens (50 at most), lost when the line has ended."""
        told = dict(caption)
        if told.get("type") == "state":
            self._last_state = told
        if not self._ended.is_set():
            self._connection.send_app_message(told)

    async def until_played(self, name: str, deadline_s: float) -> bool:
        """Wait until what is queued at the output left the line and a browser's jitter buffer.

        The voice is paced in real time, so this is when it is heard. An interruption drops the mark, and time runs out.
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
        return not self.is_away

    async def until_hung_up(self) -> str:
        """Wait for the end of the line; the reason in words."""
        while not self._ended.is_set():
            now_s = time.monotonic()
            self._was_up = self._was_up or self._connection.is_connected()
            if self._was_up and now_s - self._connection.alive_s > self._patience.grace_s:
                self._end("the line was lost")
            elif not self._was_up and now_s - self._began_s > self._patience.connect_s:
                self._end("the browser never connected")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _WATCH_S)
        return self._end_reason

    async def leave(self) -> None:
        """The same as `hang_up`."""
        await self.hang_up()

    async def hang_up(self) -> None:
        """Tell the page and close the connection; waits two seconds at most."""
        self._end("we hung up")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._connection.disconnect(), _CLOSE_S)

    async def _answer(self, sdp: str, *, again: bool) -> Answer:
        try:
            async with asyncio.timeout(_ANSWER_S):
                await (self._connection.restart(sdp) if again else self._connection.initialize(sdp=sdp, type="offer"))
        except TimeoutError as late:
            raise BadOffer("no network candidate could be gathered in time") from late
        except _UNREADABLE as bad:
            raise BadOffer(f"not a session description: {bad!r}") from bad
        transceivers = self._connection.pc.getTransceivers()
        answer = SmallWebRTCConnection.get_answer(self._connection)
        if answer is None or not transceivers or transceivers[0].kind != "audio":
            raise BadOffer("the first thing offered must be audio")
        return Answer(sdp=answer["sdp"], type=answer["type"])

    def _count_candidates(self, more: int) -> None:
        if self._candidates + more > MAX_CANDIDATES:
            raise BadOffer("too many network candidates")
        self._candidates += more

    async def _closed(self, *_: object) -> None:
        if not self._connection.has_failed:
            self._end("the caller hung up")

    def _end(self, reason: str) -> None:
        if not self._ended.is_set():
            self._end_reason = reason
            self._ended.set()
            self._marks.void()

    # For the connection.

    def mark_left(self, name: str) -> None:
        """The audio before this mark has left."""
        self._marks.came_back(name)

    async def key_pressed(self, digit: str) -> None:
        """The caller pressed a key."""
        await self._transport.input().push_frame(InputDTMFFrame(button=KeypadEntry(digit)))

    def left_aside(self) -> None:
        """A message of the page said nothing to us."""
        self._on_ignored()
