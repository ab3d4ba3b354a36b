"""Asterisk's side of a call, for real: it dials our media socket, streams at a telephone's pace, and asks what is next.

It follows `deploy/asterisk/extensions.conf`: whatever goes wrong, the caller is queued for a human.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from telephony.audio import TELEPHONE_HZ, decode_ulaw
from telephony.simulator.caller import SOUND_LEVEL, HangUp, Key, Quiet, Sound
from telephony.simulator.carrier import Caller
from telephony.simulator.media_queue import LONGEST_MESSAGE, MediaQueue
from telephony.simulator.record import CallRecord, Entry, Turn

_FRAME_S = 0.02
_TRIES = 2
_MOST_DIALS = 6
_NEXT_S = 6.0
_QUIET_CODES = bytes(code for code in range(256) if abs(int(decode_ulaw(bytes([code]))[0])) < SOUND_LEVEL)
_channels = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Trunk:
    """An exchange and the service behind it.

    Attributes:
        origin: of the service, `http://127.0.0.1:8000`.
        name: of the exchange, for HTTP Basic.
        password: to it.
        place: where the dialplan sends a caller whom nobody answers.
    """

    origin: str
    name: str
    password: str
    place: str = "support"

    @property
    def login(self) -> dict[str, str]:
        """The header that says who connects."""
        return {"Authorization": "Basic " + base64.b64encode(f"{self.name}:{self.password}".encode()).decode()}


class AsteriskCall:
    """One simulated call over `chan_websocket`."""

    def __init__(
        self,
        trunk: Trunk,
        caller: Caller,
        *,
        from_number: str = "+15550142",
        to_number: str = "+15550100",
        on_entry: Callable[[Entry], None] | None = None,
    ) -> None:
        """Prepare a call.

        Args:
            trunk: who places it, and where.
            caller: who speaks.
            from_number: as the trunk tells it.
            to_number: as it was dialled.
            on_entry: hears every line of the ledger as it is written.
        """
        number = next(_channels)
        self.carrier_call_id = f"{int(time.time())}.{number}"
        self.channel_id = ""
        self._trunk = trunk
        self._caller = caller
        self._numbers = (from_number, to_number)
        self._on_entry = on_entry
        self._placed_s = time.monotonic()
        self._ledger: list[Entry] = []
        self._turns: list[Turn] = []
        self._late_s: list[float] = []
        self._caller_ulaw = bytearray()
        self._agent_ulaw = bytearray()
        self._play_end_s = float("-inf")
        self._agent_sounding = False
        self._socket: ClientConnection | None = None
        self._ended = ""
        self.queue = MediaQueue()

    async def run(self, *, deadline_s: float = 900.0) -> CallRecord:
        """Place the call and hold it to its end."""
        self._placed_s = time.monotonic()
        try:
            async with asyncio.timeout(deadline_s), httpx.AsyncClient(timeout=_NEXT_S) as http:
                await self._follow_dialplan(http)
        except TimeoutError:
            self._ended = "the call took too long"
        self._write("call ended", self._ended)
        return CallRecord(
            carrier_call_id=self.carrier_call_id,
            ended=self._ended,
            ledger=tuple(self._ledger),
            turns=tuple(self._turns),
            late_s=tuple(self._late_s),
            caller_ulaw=bytes(self._caller_ulaw),
            agent_ulaw=bytes(self._agent_ulaw),
        )

    async def send(self, message: str | bytes) -> None:
        """Put a message of any kind onto the live media socket, as an exchange gone wrong would."""
        if self._socket is not None:
            await self._socket.send(message)

    def cut(self) -> None:
        """Tear the media socket down without a word; the caller is still there."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def _follow_dialplan(self, http: httpx.AsyncClient) -> None:
        token = ""
        for _ in range(_MOST_DIALS):
            if not await self._dial(token):
                self._end_with("human", f"queued in {self._trunk.place}")
            if self._ended:
                return
            answer = await self._ask_next(http)
            self._write("next", answer.partition(" ")[0])
            verb, _, token = answer.partition(" ")
            if verb == "hangup":
                self._end_with("hang-up", "the service ended the call")
                return
            if verb != "again":
                self._end_with("human", f"queued in {verb or self._trunk.place}")
                return
        self._end_with("human", f"queued in {self._trunk.place}")

    async def _ask_next(self, http: httpx.AsyncClient) -> str:
        url = f"{self._trunk.origin}/v1/asterisk/next"
        try:
            answer = await http.get(url, params={"call": self.carrier_call_id}, headers=self._trunk.login)
        except httpx.HTTPError as failed:
            self._write("next failed", repr(failed))
            return ""
        return answer.text if answer.status_code == httpx.codes.OK else ""

    async def _dial(self, token: str) -> bool:
        """Stream until the socket closes or the caller hangs up; False where the service cannot be had."""
        url = self._trunk.origin.replace("http", "ws", 1) + "/v1/asterisk/media"
        for attempt in range(_TRIES):
            try:
                async with connect(
                    url,
                    additional_headers=self._trunk.login,
                    subprotocols=[Subprotocol("media")],
                    compression=None,
                    open_timeout=5,
                    close_timeout=1,
                    max_size=1 << 20,
                    proxy=None,
                ) as socket:
                    self._write("stream connected", url)
                    self._socket = socket
                    await self._stream(socket, token)
                self._write("stream closed", f"{socket.close_code}")
            except (OSError, InvalidHandshake, TimeoutError) as failed:
                self._write("stream error", repr(failed))
                await asyncio.sleep(0.2 * (attempt + 1 < _TRIES))
                continue
            finally:
                self._socket = None
            return True
        return False

    async def _stream(self, socket: ClientConnection, token: str) -> None:
        self.channel_id = f"{int(time.time())}.{next(_channels)}"
        self.queue.flush()
        await socket.send(self._media_start(token))
        async with asyncio.TaskGroup() as stream:
            hearing = stream.create_task(self._hear(socket), name="asterisk hears")
            await self._speak(socket, hearing)
            await socket.close()

    def _media_start(self, token: str) -> str:
        from_number, to_number = self._numbers
        variables = {
            "DIALEDPEERNUMBER": "attune/c(ulaw)f(json)",
            "MEDIA_WEBSOCKET_CONNECTION_ID": "attune",
            "MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE": "160",
            "__ATTUNE_CALL": self.carrier_call_id,
            "__ATTUNE_TO": to_number,
            "__ATTUNE_FROM": from_number,
            **({"__ATTUNE_TOKEN": token} if token else {}),
        }
        return json.dumps(
            {
                "event": "MEDIA_START",
                "connection_id": "attune",
                "channel": "WebSocket/attune/0x7f8ac4004050",
                "channel_id": self.channel_id,
                "format": "ulaw",
                "optimal_frame_size": 160,
                "ptime": 20,
                "channel_variables": variables,
            }
        )

    async def _speak(self, socket: ClientConnection, hearing: asyncio.Task[None]) -> None:
        """The clock of the call: every 20 ms one frame each way, late ones caught up, never drifting."""
        due_s = time.monotonic()
        try:
            while not hearing.done():
                if await self._tick(socket):
                    return
                due_s += _FRAME_S
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        except ConnectionClosed:
            pass

    async def _tick(self, socket: ClientConnection) -> bool:
        """Play and speak 20 ms; True when the caller hangs up."""
        played = self.queue.tick()
        self._note_sound(played.sounding)
        for name in played.marks:
            self._write("mark returned", name)
            await self._tell(socket, "MEDIA_MARK_PROCESSED", correlation_id=name)
        news = self.queue.news()
        if news is not None:
            self._write(news)
            await self._tell(socket, news)
        act = self._caller.act(time.monotonic() - self._placed_s, played.sounding)
        if isinstance(act, HangUp):
            self._end_with("caller hung up", "the caller hung up")
            return True
        self._caller_ulaw += act.ulaw
        self._agent_ulaw += played.ulaw
        await socket.send(act.ulaw)
        if isinstance(act, Key):
            self._write("key pressed", act.digit)
            await self._tell(socket, "DTMF_END", digit=act.digit, duration_ms=100)
        self._note_act(act)
        return False

    async def _hear(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                if len(message) > LONGEST_MESSAGE:
                    self._write("killed", f"a message of {len(message)} bytes")
                    return
                if isinstance(message, bytes):
                    self._take(message)
                else:
                    await self._obey(socket, message)
        except ConnectionClosed:
            pass

    async def _obey(self, socket: ClientConnection, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self._write("nonsense", text[:200])
            await self._tell(socket, "ERROR", error_text="Unable to parse JSON command")
            return
        match message:
            case {"command": "MARK_MEDIA", "correlation_id": str(name)}:
                self._write("mark asked", name)
                self.queue.mark(name)
            case {"command": "FLUSH_MEDIA"}:
                self._write("clear")
                self._play_end_s = float("-inf")
                self.queue.flush()
            case {"command": "HANGUP"}:
                self._write("hang-up asked")
                await socket.close()
            case {"command": "GET_STATUS"}:
                await self._tell(socket, "STATUS", queue_length=len(self.queue))
            case _:
                self._write("nonsense", text[:200])

    async def _tell(self, socket: ClientConnection, event: str, **fields: object) -> None:
        await socket.send(json.dumps({"event": event, "channel_id": self.channel_id, **fields}))

    def _take(self, ulaw: bytes) -> None:
        """A piece of audio arrived: queue it, and note how late it is for an ear that waits for it."""
        now_s = time.monotonic()
        sounding = bool(ulaw.translate(None, _QUIET_CODES))
        self.queue.put(ulaw, sounding=sounding)
        if self._play_end_s > float("-inf"):
            self._late_s.append(max(0.0, now_s - self._play_end_s))
        self._play_end_s = max(now_s, self._play_end_s) + len(ulaw) / TELEPHONE_HZ
        turn = self._turns[-1] if self._turns else None
        if turn is None or turn.last_sound_s is None:
            return
        at_s = now_s - self._placed_s
        if turn.first_media_s is None:
            turn.first_media_s = at_s
        if sounding and turn.first_sound_s is None:
            turn.first_sound_s = at_s

    def _note_act(self, act: Quiet | Sound | Key) -> None:
        if not isinstance(act, Sound):
            return
        at_s = time.monotonic() - self._placed_s
        frame = len(self._caller_ulaw) // len(act.ulaw) - 1
        if act.first:
            self._turns.append(Turn(len(self._turns) + 1, at_s, frame))
            self._write("caller begins", str(len(self._turns)))
        if act.last_sound:
            turn = self._turns[-1]
            turn.last_sound_s, turn.last_sound_frame = at_s, frame
            turn.talked_over = self._agent_sounding
            self._write("caller ends", str(turn.index))

    def _note_sound(self, sounding: bool) -> None:
        if sounding != self._agent_sounding:
            self._agent_sounding = sounding
            self._write("agent sounds" if sounding else "agent is silent")

    def _end_with(self, kind: str, how: str) -> None:
        self._write(kind, how)
        self._ended = how

    def _write(self, kind: str, detail: str = "") -> None:
        entry = Entry(time.monotonic() - self._placed_s, kind, detail)
        self._ledger.append(entry)
        if self._on_entry is not None:
            self._on_entry(entry)
