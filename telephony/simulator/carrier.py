"""Twilio's side of a call, for real: signed webhooks, documents followed, media at the pace of a telephone line."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, assert_never
from urllib.parse import urljoin

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from telephony.audio import TELEPHONE_HZ, decode_ulaw
from telephony.public_urls import socket_url
from telephony.simulator import wire
from telephony.simulator.caller import SOUND_LEVEL, Act, HangUp, Key, Quiet, Sound
from telephony.simulator.documents import (
    BadDocument,
    DialVerb,
    EnqueueVerb,
    HangupVerb,
    PauseVerb,
    RedirectVerb,
    SayVerb,
    StreamVerb,
    read_document,
)
from telephony.simulator.mischief import Mischief
from telephony.simulator.playback import PlaybackBuffer
from telephony.simulator.record import CallRecord, Entry, Turn
from telephony.twilio import signature

_FRAME_S = 0.02
_MAX_DOCUMENTS = 10
_WEBHOOK_S = 15.0
"""How long Twilio waits for a document."""

_QUIET_CODES = bytes(code for code in range(256) if abs(int(decode_ulaw(bytes([code]))[0])) < SOUND_LEVEL)


class CallNotTaken(Exception):
    """The service gave no document that the carrier could follow; the message says why."""


class Caller(Protocol):
    """Whoever holds the telephone."""

    def act(self, at_s: float, hears: bool) -> Act:
        """What the caller does in the next 20 ms."""
        ...


@dataclass(frozen=True, slots=True)
class CarrierAccount:
    """The account and where it reaches the service.

    Attributes:
        account_sid: AccountSid.
        auth_token: signs the webhooks.
        public_origin: the origin that signatures are made for.
        reached_at: the origin that is really connected to; '' for the public one.
        voice_path: path of the voice webhook.
        status_path: path told when the call is over; '' for nobody.
        or_at: further origins that are connected to, in this order, where the first one does not answer: what a
            balancer does in front of several processes.
    """

    account_sid: str
    auth_token: str
    public_origin: str
    reached_at: str = ""
    voice_path: str = "/v1/twilio/voice"
    status_path: str = ""
    or_at: tuple[str, ...] = ()

    def reach(self, url: str) -> str:
        """Where to connect first for a public URL of the service."""
        return self.ways(url)[0]

    def ways(self, url: str) -> list[str]:
        """Where to connect for a public URL of the service, one after the other."""
        origins = [self.reached_at or self.public_origin, *self.or_at]
        for public, of in ((self.public_origin, lambda origin: origin), (socket_url(self.public_origin, ""), _socket)):
            if url.startswith(public):
                return [of(origin).rstrip("/") + url[len(public.rstrip("/")) :] for origin in origins]
        return [url]


def _socket(origin: str) -> str:
    return socket_url(origin, "")


class CarrierCall:
    """One simulated call. Thousands of ticks, so the work of each is kept small: 30 calls fit one process."""

    def __init__(
        self,
        account: CarrierAccount,
        caller: Caller,
        *,
        from_number: str = "+15550142",
        to_number: str = "+15550100",
        http: httpx.AsyncClient | None = None,
        on_entry: Callable[[Entry], None] | None = None,
        mischief: Mischief | None = None,
        ear: PlaybackBuffer | None = None,
    ) -> None:
        """Prepare a call.

        Args:
            account: who places it.
            caller: who speaks.
            from_number: E.164.
            to_number: E.164.
            http: client for the webhooks, shared by many calls; None: an own one.
            on_entry: hears every line of the ledger as it is written.
            mischief: what happens to the webhooks on their way; None: nothing.
            ear: plays what arrives; None: a handset that nobody else hears.
        """
        self.carrier_call_id = "CA" + secrets.token_hex(16)
        self._account = account
        self._caller = caller
        self._numbers = (from_number, to_number)
        self._http = http
        self._on_entry = on_entry
        self._mischief = mischief or Mischief()
        self._kept: list[tuple[str, Mapping[str, str]]] = []
        self._order = 0
        self._placed_s = time.monotonic()
        self._ledger: list[Entry] = []
        self._turns: list[Turn] = []
        self._late_s: list[float] = []
        self._caller_ulaw = bytearray()
        self._agent_ulaw = bytearray()
        self._buffer = ear or PlaybackBuffer()
        self._play_end_s = float("-inf")
        self._agent_sounding = False
        self._ended = ""
        self._stream_over = False
        self._frozen = False
        self._new_document: str | None = None

    async def run(self, *, deadline_s: float = 900.0) -> CallRecord:
        """Place the call and hold it to its end.

        Raises:
            CallNotTaken: the service is away, refused the webhook, or answered nonsense.
        """
        self._placed_s = time.monotonic()
        try:
            async with asyncio.timeout(deadline_s):
                if self._http is not None:
                    await self._hold(self._http)
                else:
                    async with httpx.AsyncClient(timeout=_WEBHOOK_S) as http:
                        await self._hold(http)
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

    def complete(self) -> None:
        """The account hung the call up (REST `Status=completed`)."""
        self._ended = "completed by the account"
        self._stream_over = True

    def redirect(self, document: str) -> None:
        """The account gave the call another document (REST `Twiml=`)."""
        self._new_document = document
        self._stream_over = True

    def freeze(self) -> None:
        """From now on nothing is sent and nothing is closed: a half-open line, until `complete`."""
        self._frozen = True
        self._write("line frozen")

    @property
    def ledger(self) -> tuple[Entry, ...]:
        """Everything so far, in order; nothing is ever taken out."""
        return tuple(self._ledger)

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""
        return bool(self._ended)

    async def _hold(self, http: httpx.AsyncClient) -> None:
        url = self._account.public_origin.rstrip("/") + self._account.voice_path
        document: str | None = await self._fetch(http, url, {"CallStatus": "ringing"})
        for _ in range(_MAX_DOCUMENTS):
            if document is None or self._ended:
                break
            document = await self._follow(http, document, url)
        self._ended = self._ended or "no more verbs"
        if self._account.status_path:
            status_url = self._account.public_origin.rstrip("/") + self._account.status_path
            for status in ("in-progress", "completed"):
                await self._tell(http, status_url, {"CallStatus": status, "SequenceNumber": str(self._next_order())})
        for kept_url, fields in self._mischief.order(self._kept):
            await self._deliver(http, kept_url, fields)

    async def _follow(self, http: httpx.AsyncClient, document: str, base: str) -> str | None:
        """Run the verbs of one document; the next document, None when the call needs none."""
        try:
            verbs = read_document(document)
        except BadDocument as bad:
            raise CallNotTaken(f"the service answered no document: {bad}") from bad
        for verb in verbs:
            match verb:
                case StreamVerb():
                    await self._stream(http, verb, base)
                    if self._new_document is not None:
                        document, self._new_document = self._new_document, None
                        return document
                    if self._ended:
                        return None
                    if verb.action:
                        return await self._fetch(http, urljoin(base, verb.action), {"CallStatus": "in-progress"})
                case SayVerb(words):
                    self._write("carrier says", words)
                case RedirectVerb(url):
                    return await self._fetch(http, urljoin(base, url), {"CallStatus": "in-progress"})
                case DialVerb(target):
                    self._end_with("human", f"dialled {target}")
                    return None
                case PauseVerb():
                    pass
                case EnqueueVerb(queue, wait_url):
                    if wait_url:
                        place = {"QueuePosition": "2", "AvgQueueTime": "130", "CurrentQueueSize": "2"}
                        await self._follow(http, await self._fetch(http, urljoin(base, wait_url), place), base)
                    self._end_with("human", f"queued in {queue}")
                    return None
                case HangupVerb():
                    self._end_with("hang-up verb", "the service ended the call")
                    return None
                case _:
                    assert_never(verb)
        return None

    async def _stream(self, http: httpx.AsyncClient, verb: StreamVerb, base: str) -> None:
        stream_id = "MZ" + secrets.token_hex(16)
        callback = {"StreamSid": stream_id, "StreamName": verb.name}
        signed = {signature.HEADER: signature.sign(self._account.auth_token, verb.url)}
        status_url = urljoin(base, verb.status_callback) if verb.status_callback else ""
        self._stream_over = bool(self._ended)
        try:
            socket = await self._connect(verb.url, signed)
            async with socket:
                self._write("stream connected", verb.url)
                writer = wire.StreamWriter(stream_id, self.carrier_call_id, self._account.account_sid)
                async with asyncio.TaskGroup() as stream:
                    if status_url:
                        started = {**callback, "StreamEvent": "stream-started"}
                        stream.create_task(self._tell(http, status_url, started), name="stream-started")
                    stream.create_task(self._hear(socket, writer), name="carrier hears")
                    stream.create_task(self._speak(socket, writer, verb.parameters), name="carrier speaks")
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as failed:
            self._write("stream error", repr(failed))
            if status_url:
                await self._tell(http, status_url, {**callback, "StreamEvent": "stream-error", "StreamError": "31921"})
            return
        self._write("stream closed", f"{socket.close_code} {socket.close_reason or ''}".strip())
        if status_url:
            await self._tell(http, status_url, {**callback, "StreamEvent": "stream-stopped"})

    async def _connect(self, url: str, headers: Mapping[str, str]) -> ClientConnection:
        """Connect to the first way that answers.

        Raises:
            OSError, InvalidHandshake, InvalidURI, TimeoutError: none does.
        """
        *others, last = self._account.ways(url)
        for way in others:
            with contextlib.suppress(OSError, TimeoutError):
                return await _open(way, headers)
        return await _open(last, headers)

    async def _speak(self, socket: ClientConnection, writer: wire.StreamWriter, parameters: Mapping[str, str]) -> None:
        """The clock of the call: every 20 ms one frame each way, late ones caught up, never drifting."""
        try:
            await socket.send(writer.connected())
            await socket.send(writer.start(parameters))
            due_s = time.monotonic()
            while not self._stream_over:
                played = self._buffer.tick()
                self._note_sound(played.sounding)
                for name in played.marks:
                    self._write("mark returned", name)
                    await socket.send(writer.mark(name))
                act = self._caller.act(time.monotonic() - self._placed_s, played.sounding)
                if isinstance(act, HangUp):
                    self._end_with("caller hung up", "the caller hung up")
                    break
                self._caller_ulaw += act.ulaw
                self._agent_ulaw += played.ulaw
                if self._frozen:
                    await asyncio.sleep(_FRAME_S)
                    continue
                await socket.send(writer.media(act.ulaw))
                if isinstance(act, Key):
                    self._write("key pressed", act.digit)
                    await socket.send(writer.dtmf(act.digit))
                self._note_act(act)
                due_s += _FRAME_S
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            await socket.send(writer.stop())
            await socket.close()
        except ConnectionClosed:
            self._stream_over = True

    async def _hear(self, socket: ClientConnection, writer: wire.StreamWriter) -> None:
        try:
            async for text in socket:
                match wire.read(text):
                    case wire.Play(ulaw):
                        self._take(ulaw)
                    case wire.MarkAsked(name):
                        self._write("mark asked", name)
                        self._buffer.mark(name)
                    case wire.ClearAsked():
                        self._write("clear")
                        self._play_end_s = float("-inf")
                        for name in self._buffer.clear():
                            self._write("mark returned", name)
                            await socket.send(writer.mark(name))
                    case wire.Nonsense(what):
                        self._write("nonsense", what)
        except ConnectionClosed:
            pass
        self._buffer.clear()
        self._stream_over = True

    def _take(self, ulaw: bytes) -> None:
        """A piece of audio arrived: queue it, and note how late it is for an ear that waits for it."""
        now_s = time.monotonic()
        sounding = bool(ulaw.translate(None, _QUIET_CODES))
        self._buffer.put(ulaw, sounding=sounding)
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

    async def _fetch(self, http: httpx.AsyncClient, url: str, fields: Mapping[str, str]) -> str:
        """Ask for a document.

        Raises:
            CallNotTaken: no answer, or not a good one.
        """
        try:
            answer = await self._post(http, url, fields)
        except httpx.HTTPError as failed:
            raise CallNotTaken(f"{self._account.reach(url)} does not answer: {failed!r}") from failed
        if answer.status_code != httpx.codes.OK:
            raise CallNotTaken(f"{url} answered {answer.status_code}: {answer.text[:200]}")
        return answer.text

    async def _tell(self, http: httpx.AsyncClient, url: str, fields: Mapping[str, str]) -> None:
        """Post a status callback, now or when it suits the mischief."""
        if self._mischief.shuffle:
            self._kept.append((url, fields))
        else:
            await self._deliver(http, url, fields)

    def _next_order(self) -> int:
        self._order += 1
        return self._order

    async def _deliver(self, http: httpx.AsyncClient, url: str, fields: Mapping[str, str]) -> None:
        """Deliver a status callback; one that fails is noted, as the carrier does."""
        try:
            await self._post(http, url, fields)
        except httpx.HTTPError as failed:
            self._write("callback failed", repr(failed))

    async def _post(self, http: httpx.AsyncClient, url: str, fields: Mapping[str, str]) -> httpx.Response:
        from_number, to_number = self._numbers
        form = {
            "CallSid": self.carrier_call_id,
            "AccountSid": self._account.account_sid,
            "From": from_number,
            "To": to_number,
            "Caller": from_number,
            "Called": to_number,
            "Direction": "inbound",
            "ApiVersion": "2010-04-01",
            **fields,
        }
        headers = {
            signature.HEADER: signature.sign(self._account.auth_token, url, form.items()),
            "I-Twilio-Idempotency-Token": secrets.token_hex(16),
        }
        first = await self._send(http, url, form, headers)
        for _ in range(self._mischief.times() - 1):
            await self._send(http, url, form, headers)
        return first

    async def _send(
        self, http: httpx.AsyncClient, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> httpx.Response:
        """Send one copy to the first way that answers."""
        *others, last = self._account.ways(url)
        for way in others:
            with contextlib.suppress(httpx.TransportError):
                return self._noted(url, form, await http.post(way, data=form, headers=headers))
        return self._noted(url, form, await http.post(last, data=form, headers=headers))

    def _noted(self, url: str, form: Mapping[str, str], answer: httpx.Response) -> httpx.Response:
        told = form.get("StreamEvent") or form.get("CallStatus", "")
        self._write("webhook", f"{httpx.URL(url).path} {told}: {answer.status_code}")
        return answer


async def _open(way: str, headers: Mapping[str, str]) -> ClientConnection:
    return await connect(
        way,
        additional_headers=headers,
        compression=None,
        open_timeout=5,
        close_timeout=1,
        max_size=1 << 20,
        proxy=None,
    )
