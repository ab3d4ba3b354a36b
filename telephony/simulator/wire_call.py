"""One call of any carrier: webhook, answer document, media socket at the pace of a telephone line, hang-up."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from telephony.audio import decode_ulaw
from telephony.public_urls import socket_url
from telephony.simulator.caller import SOUND_LEVEL, HangUp, Key, ScriptedCaller, Sound
from telephony.simulator.dialects import Dialect, Place, Said, Webhook, Wire
from telephony.simulator.playback import PlaybackBuffer
from telephony.simulator.wire import ClearAsked, MarkAsked, Nonsense, Play

_FRAME_S = 0.02
_QUIET_CODES = bytes(code for code in range(256) if abs(int(decode_ulaw(bytes([code]))[0])) < SOUND_LEVEL)


@dataclass(frozen=True, slots=True)
class WireRecord:
    """A call that is over.

    Attributes:
        call_id: the carrier's id.
        document: the answer document, '' where there was none.
        then: what the document says to do behind the stream.
        ledger: what happened, in order: (seconds since the call was placed, what).
        close_code: of the media socket; None where it was never open.
        agent_ulaw: what the caller heard.
    """

    call_id: str
    document: str
    then: tuple[str, ...]
    ledger: tuple[tuple[float, str], ...]
    close_code: int | None
    agent_ulaw: bytes

    def at(self, what: str) -> list[float]:
        """When something happened."""
        return [at_s for at_s, happened in self.ledger if happened == what]

    @property
    def answers(self) -> list[bool]:
        """For each utterance of the caller: whether the agent was heard after it and before the next."""
        ends = [*self.at("caller ends"), float("inf")]
        heard = self.at("agent sounds")
        return [any(one < at_s < other for at_s in heard) for one, other in pairwise(ends)]


class WireCall:
    """Places one call."""

    def __init__(self, dialect: Dialect, public_origin: str, reached_at: str, caller: ScriptedCaller) -> None:
        """Prepare a call.

        Args:
            dialect: the carrier's words for this call.
            public_origin: the origin that signatures are made for.
            reached_at: the origin that is really connected to.
            caller: who speaks.
        """
        self._dialect = dialect
        self._public_origin = public_origin
        self._reached_at = reached_at
        self._caller = caller
        self._placed_s = time.monotonic()
        self._ledger: list[tuple[float, str]] = []
        self._buffer = PlaybackBuffer()
        self._agent_ulaw = bytearray()
        self._waiting = b""
        self._frames = 0
        self._over = asyncio.Event()
        self.strange: deque[Wire] = deque()
        """Messages that are sent between the others, two with each piece of audio."""

    def complete(self) -> None:
        """The account ended or transferred the call."""
        self._write("ended by the account")
        self._over.set()

    def happened(self, what: str) -> bool:
        """Whether something has happened already."""
        return any(what == one for _, one in self._ledger)

    async def run(self, *, deadline_s: float = 120.0) -> WireRecord:
        """Place the call and hold it to its end."""
        self._placed_s = time.monotonic()
        document, code = "", None
        async with asyncio.timeout(deadline_s), httpx.AsyncClient(base_url=self._reached_at, timeout=15) as http:
            ring = self._dialect.ring()
            if ring is not None:
                document = await self._ask(http, ring)
            place = self._dialect.place(document)
            code = await self._stream(place)
            status = self._dialect.status("completed")
            if status is not None:
                await self._ask(http, status)
        return WireRecord(
            self._dialect.call_id, document, place.then, tuple(self._ledger), code, bytes(self._agent_ulaw)
        )

    async def _ask(self, http: httpx.AsyncClient, webhook: Webhook) -> str:
        answer = await http.request(webhook.method, webhook.path, headers=dict(webhook.headers), content=webhook.body)
        self._write(f"webhook {webhook.path.partition('?')[0]}: {answer.status_code}")
        return answer.text

    async def _stream(self, place: Place) -> int | None:
        url = place.url.replace(socket_url(self._public_origin, ""), socket_url(self._reached_at, ""), 1)
        try:
            async with connect(
                url, additional_headers=dict(place.headers), compression=None, max_size=1 << 20, proxy=None
            ) as socket:
                for message in self._dialect.opening(place):
                    await socket.send(message)
                async with asyncio.TaskGroup() as stream:
                    stream.create_task(self._hear(socket), name="carrier hears")
                    stream.create_task(self._speak(socket), name="carrier speaks")
                await socket.wait_closed()
                return socket.close_code
        except (InvalidHandshake, InvalidURI, OSError) as failed:
            self._write(f"stream refused: {failed}")
            return None

    async def _speak(self, socket: ClientConnection) -> None:
        due_s = time.monotonic()
        try:
            while not self._over.is_set():
                await self._tick(socket)
                due_s += _FRAME_S
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            stop = self._dialect.stop()
            if stop is not None:
                await socket.send(stop)
                await asyncio.sleep(0.1)
            await socket.close()
        except ConnectionClosed:
            self._over.set()

    async def _tick(self, socket: ClientConnection) -> None:
        played = self._buffer.tick()
        self._agent_ulaw += played.ulaw
        if played.sounding:
            self._write("agent sounds")
        for name in played.marks:
            self._write(f"mark {name}")
            back = self._dialect.mark(name)
            if back is not None:
                await socket.send(back)
        act = self._caller.act(time.monotonic() - self._placed_s, played.sounding)
        if isinstance(act, HangUp):
            self._write("caller hangs up")
            self._over.set()
            return
        for _ in range(min(2, len(self.strange))):
            await socket.send(self.strange.popleft())
        self._waiting += act.ulaw
        self._frames += 1
        if self._frames % self._dialect.frames_per_message == 0:
            await socket.send(self._dialect.media(self._waiting))
            self._waiting = b""
        if isinstance(act, Key):
            await socket.send(self._dialect.dtmf(act.digit))
        if isinstance(act, Sound) and act.last_sound:
            self._write("caller ends")

    async def _hear(self, socket: ClientConnection) -> None:
        try:
            async for data in socket:
                match self._dialect.read(data):
                    case Play(ulaw):
                        self._buffer.put(ulaw, sounding=bool(ulaw.translate(None, _QUIET_CODES)))
                    case MarkAsked(name):
                        self._buffer.mark(name)
                    case ClearAsked():
                        self._write("clear")
                        for name in self._buffer.clear():
                            back = self._dialect.mark(name)
                            if back is not None:
                                await socket.send(back)
                    case Said(kind):
                        self._write(kind)
                        if kind.startswith("disconnect"):
                            self._over.set()
                    case Nonsense(what):
                        self._write(f"nonsense {what}")
        except ConnectionClosed:
            pass
        self._over.set()

    def _write(self, what: str) -> None:
        self._ledger.append((time.monotonic() - self._placed_s, what))
