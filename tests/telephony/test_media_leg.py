"""Scenes of a leg in a running Pipecat pipeline, called by the simulated carrier over loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect

from telephony.accept import accept_stream, stream_purpose
from telephony.audio import Pcm
from telephony.carrier import CarrierCodec, IgnoredReason
from telephony.genesys.codec import GenesysCodec
from telephony.human import HumanFallback
from telephony.leg import LOST, CallLeg
from telephony.media_leg import MediaLeg
from telephony.simulator.caller import Press, Say, ScriptedCaller
from telephony.simulator.carrier import CarrierAccount, CarrierCall
from telephony.simulator.loopback import served
from telephony.simulator.rest import CarrierRest
from telephony.simulator.wire import StreamWriter
from telephony.tokens import TokenBook
from telephony.twilio import twiml
from telephony.twilio.codec import TwilioCodec
from telephony.twilio.control import TwilioControl
from telephony.vonage.codec import VonageCodec

ACCOUNT = CarrierAccount("AC" + "0" * 32, "a-token", "http://set.later")


def tone(seconds: float, rate_hz: int = 8000) -> Pcm:
    """A sound."""
    return (8000 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.int16)


class Ear(FrameProcessor):
    """Keeps what arrives and says what it is told to."""

    def __init__(self) -> None:
        """Nothing heard."""
        super().__init__()
        self.pcm = bytearray()
        self.keys: list[str] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take audio and keys, let the rest pass."""
        await super().process_frame(frame, direction)
        match frame:
            case InputAudioRawFrame():
                assert frame.sample_rate == 16000
                self.pcm += frame.audio
            case InputDTMFFrame():
                self.keys.append(frame.button.value)
            case _:
                await self.push_frame(frame, direction)

    async def say(self, seconds: float) -> None:
        """Speak a tone at 24 kHz, as an engine would."""
        await self.push_frame(TTSAudioRawFrame(tone(seconds, 24000).tobytes(), 24000, 1))
        await self.push_frame(TTSStoppedFrame())


Scene = Callable[[MediaLeg, Ear], Awaitable[None]]


class Service:
    """Answers calls with a leg and an ear, and lets a scene act."""

    def __init__(
        self,
        scene: Scene,
        control: TwilioControl | None = None,
        lost_after_s: float = 5.0,
        *,
        codec: Callable[[], CarrierCodec] = TwilioCodec,
        longest_s: float = 60.0,
    ) -> None:
        """One scene for all calls."""
        self._codec = codec
        self._longest_s = longest_s
        self.tokens = TokenBook(b"0123456789abcdef")
        self.origin = ""
        self.reasons: list[str] = []
        self.ignored: list[IgnoredReason] = []
        self.ears: list[Ear] = []
        self._scene = scene
        self._control = control
        self._lost_after_s = lost_after_s
        self.app = Starlette(
            routes=[Route("/v1/twilio/{what}", self._webhook, methods=["POST"]), WebSocketRoute("/media", self._media)]
        )

    async def _webhook(self, request: Request) -> Response:
        if request.path_params["what"] != "voice":
            return Response(twiml.hang_up())
        answer = twiml.answer(
            stream_url=self.origin.replace("http", "ws") + "/media",
            token=self.tokens.issue(stream_purpose("twilio"), "call-1"),
            name="call-1",
            ended_url=self.origin + "/v1/twilio/ended",
            status_url=self.origin + "/v1/twilio/status",
            fallback=HumanFallback(None, "support"),
        )
        return Response(answer)

    async def _media(self, websocket: WebSocket) -> None:
        codec, purpose = self._codec(), stream_purpose("twilio")
        accepted = await accept_stream(websocket, codec, self.tokens, purpose=purpose, proven=True)
        assert accepted is not None
        leg = MediaLeg(
            websocket,
            codec,
            accepted.start,
            self._control,
            on_ignored=self.ignored.append,
            lost_after_s=self._lost_after_s,
            longest_s=self._longest_s,
        )
        opened = codec.reply(accepted.start)
        if opened is not None:
            await leg.send(opened)
        await self._hold(leg, leg)

    async def _hold(self, leg: MediaLeg, line: CallLeg) -> None:
        ear = Ear()
        self.ears.append(ear)
        worker = PipelineWorker(
            Pipeline([line.transport.input(), ear, line.transport.output()]),
            params=PipelineParams(audio_in_sample_rate=16000, audio_out_sample_rate=line.audio_out_hz),
            enable_rtvi=False,
        )
        runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
        await runner.add_workers(worker)
        async with asyncio.TaskGroup() as call:
            call.create_task(runner.run())
            scene = call.create_task(self._act(leg, ear))
            self.reasons.append(await line.until_hung_up())
            await line.hang_up()
            scene.cancel()
            await worker.cancel()

    async def _act(self, leg: MediaLeg, ear: Ear) -> None:
        await asyncio.sleep(0.2)
        await self._scene(leg, ear)


@asynccontextmanager
async def answered(service: Service) -> AsyncIterator[CarrierAccount]:
    """The service is up."""
    async with served(service.app) as origin:
        service.origin = origin
        yield CarrierAccount(ACCOUNT.account_sid, ACCOUNT.auth_token, origin)


async def greet(_: MediaLeg, ear: Ear) -> None:
    """Say a tone."""
    await ear.say(0.3)


def impatient(*steps: Say | Press) -> ScriptedCaller:
    """A caller who does not wait long."""
    return ScriptedCaller(steps, quiet_s=0.3, patience_s=0.4, greeting_s=2)


async def test_both_hear_each_other() -> None:
    """The caller's tone and keys arrive at 16 kHz, ours arrives at the caller; hanging up ends the leg."""
    service = Service(greet)
    async with answered(service) as account:
        record = await CarrierCall(account, impatient(Say(tone(0.5)), Press("5#"))).run(deadline_s=20)
    assert service.reasons == ["the caller hung up"]
    ear = service.ears[0]
    heard = np.abs(np.frombuffer(bytes(ear.pcm), dtype=np.int16).astype(int))
    assert 0.4 * 16000 < (heard > 2000).sum() / 0.84 < 0.6 * 16000
    assert ear.keys == ["5", "#"]
    assert len(record.entries("agent sounds")) >= 1
    assert max(record.gaps_s(), default=0.0) < 0.5


async def test_the_end_of_what_we_said_is_known() -> None:
    """The mark comes back when the far end played the audio, not when we sent it."""
    outcome: list[tuple[bool, float]] = []

    async def scene(leg: MediaLeg, ear: Ear) -> None:
        began = asyncio.get_running_loop().time()
        await ear.say(0.6)
        outcome.append((await leg.until_played("disclosure", 5), asyncio.get_running_loop().time() - began))
        await leg.hang_up()

    async with answered(Service(scene)) as account:
        record = await CarrierCall(account, impatient()).run(deadline_s=20)
    assert outcome[0][0]
    assert 0.55 < outcome[0][1] < 1.2
    assert record.ended == "the service ended the call"


async def test_what_an_interruption_cleared_was_not_played() -> None:
    """The caller cuts in: the wait ends at once, with no."""
    outcome: list[bool] = []

    async def scene(leg: MediaLeg, ear: Ear) -> None:
        async with asyncio.TaskGroup() as both:
            await ear.say(5)
            played = both.create_task(leg.until_played("disclosure", 10))
            await asyncio.sleep(0.3)
            await ear.push_frame(InterruptionFrame())
        outcome.append(played.result())
        outcome.append(await leg.until_played("late", 0.5))
        await leg.hang_up()

    async with answered(Service(scene)) as account:
        record = await CarrierCall(account, ScriptedCaller([], greeting_s=20)).run(deadline_s=20)
    assert outcome == [False, True]
    assert len(record.entries("clear")) == 1
    assert len(record.agent_ulaw) < 3 * 8000


async def test_we_hang_up_at_the_carrier() -> None:
    """By REST first, so that no fallback is dialled; twice does no harm."""
    rest = CarrierRest(ACCOUNT.account_sid, ACCOUNT.auth_token)
    async with served(rest.app) as api:
        control = TwilioControl(ACCOUNT.account_sid, ACCOUNT.auth_token, HumanFallback(None, "support"), api)

        async def scene(leg: MediaLeg, _: Ear) -> None:
            await leg.hang_up()
            await leg.hang_up()

        service = Service(scene, control)
        async with answered(service) as account:
            call = rest.knows(CarrierCall(account, ScriptedCaller([], greeting_s=20)))
            record = await call.run(deadline_s=20)
        await control.close()
    assert record.ended == "completed by the account"
    assert [request["Status"] for request in rest.requests] == ["completed"]
    assert service.reasons == ["we hung up"]


async def test_leaving_hands_the_caller_on() -> None:
    """The stream closes, and Twilio asks for what comes next."""

    async def scene(leg: MediaLeg, _: Ear) -> None:
        assert leg.can_hand_off
        await leg.leave()

    service = Service(scene)
    async with answered(service) as account:
        record = await CarrierCall(account, ScriptedCaller([], greeting_s=20)).run(deadline_s=20)
    assert service.reasons == ["we left the call"]
    assert record.ended == "the service ended the call"  # what the next document says here


HOSTILE = (
    "garbage",
    "[]",
    "null",
    "[" * 60_000,
    '{"event":"media","media":{"payload":5}}',
    '{"event":"media","media":{"payload":"@"}}',
    '{"event":"dtmf","dtmf":"x"}',
    '{"event":"start"}',
    '{"event":"connected","protocol":"Call"}',
    '{"event":"mark","mark":{"name":"never asked"}}',
    b"",
    b"\x00\xff\xfe",
)


async def test_hostile_messages_do_not_end_a_call() -> None:
    """After all of them a key still arrives, and so does a caller on another line."""
    service = Service(greet)
    async with answered(service) as account, asyncio.TaskGroup() as others:
        other = others.create_task(CarrierCall(account, impatient(Say(tone(0.4)))).run(deadline_s=20))
        token = service.tokens.issue(stream_purpose("twilio"), "call-2")
        writer = StreamWriter("MZ2", "CA2", "AC2")
        async with connect(service.origin.replace("http", "ws") + "/media", proxy=None) as socket:
            await socket.send(writer.start({"t": token}))
            for message in HOSTILE:
                await socket.send(message)
            await socket.send(writer.dtmf("7"))
            await socket.send(writer.media(b"\xff" * 160))
            async with asyncio.timeout(5):
                while not any(ear.keys for ear in service.ears):
                    await socket.recv()
            await socket.send(writer.stop())
    assert other.result().ended == "the caller hung up"
    assert sorted(service.reasons) == ["the caller hung up"] * 2
    assert len(service.ignored) == len(HOSTILE) - 2
    assert IgnoredReason.BINARY in service.ignored


async def test_a_line_that_falls_silent_is_lost() -> None:
    """The socket stays open but nothing arrives any more."""
    service = Service(greet, lost_after_s=0.5)
    async with answered(service):
        token = service.tokens.issue(stream_purpose("twilio"), "call-3")
        async with connect(service.origin.replace("http", "ws") + "/media", proxy=None) as socket:
            await socket.send(StreamWriter("MZ3", "CA3", "AC3").start({"t": token}))
            async with asyncio.timeout(5):
                await socket.wait_closed()
    assert service.reasons == ["the line was lost: nothing arrived any more"]


async def test_a_socket_that_breaks_ends_the_leg() -> None:
    """No `stop`, just gone; waiting for a mark ends too."""
    outcome: list[bool] = []

    async def scene(leg: MediaLeg, ear: Ear) -> None:
        await ear.say(3)
        outcome.append(await leg.until_played("m", 10))

    service = Service(scene)
    async with answered(service):
        token = service.tokens.issue(stream_purpose("twilio"), "call-4")
        async with connect(service.origin.replace("http", "ws") + "/media", proxy=None) as socket:
            await socket.send(StreamWriter("MZ4", "CA4", "AC4").start({"t": token}))
            await socket.recv()
            socket.transport.abort()
            await asyncio.sleep(0.3)
    assert service.reasons == ["the line was lost: the stream was closed"]
    assert outcome in ([], [False])


async def test_a_mark_that_never_comes_has_a_deadline() -> None:
    """The far end never returns it."""
    outcome: list[bool] = []

    async def scene(leg: MediaLeg, ear: Ear) -> None:
        await ear.say(0.1)
        outcome.append(await leg.until_played("m", 0.3))
        await leg.hang_up()

    service = Service(scene)
    async with answered(service):
        token = service.tokens.issue(stream_purpose("twilio"), "call-5")
        async with connect(service.origin.replace("http", "ws") + "/media", proxy=None) as socket:
            await socket.send(StreamWriter("MZ5", "CA5", "AC5").start({"t": token}))
            async with asyncio.timeout(5):
                async for _ in socket:
                    pass
    assert outcome == [False]


async def test_a_message_that_is_too_big_closes_the_socket() -> None:
    """With 1009, and the leg says why."""
    service = Service(greet)
    async with answered(service):
        token = service.tokens.issue(stream_purpose("twilio"), "call-6")
        async with connect(service.origin.replace("http", "ws") + "/media", proxy=None) as socket:
            await socket.send(StreamWriter("MZ6", "CA6", "AC6").start({"t": token}))
            await socket.send("x" * 65_537)
            async with asyncio.timeout(5):
                await socket.wait_closed()
            assert socket.close_code == 1009
    assert service.reasons == ["the stream sent a message that is too big"]


async def test_a_call_has_a_longest_time() -> None:
    """However lively it is."""
    service = Service(greet, longest_s=0.6)
    async with answered(service) as account:
        record = await CarrierCall(account, ScriptedCaller([], greeting_s=20)).run(deadline_s=20)
    assert service.reasons == ["the call reached its longest time"]
    assert record.ended == "the service ended the call"


OPEN: dict[str, object] = {
    "organizationId": "o",
    "conversationId": "c-1",
    "participant": {"ani": "+15550142", "dnis": "+15550100"},
    "media": [{"type": "audio", "format": "PCMU", "channels": ["external"], "rate": 8000}],
}


class Hook:
    """The far side of an AudioHook socket."""

    def __init__(self, socket: ClientConnection) -> None:
        """Nothing said."""
        self._socket = socket
        self._seq = 0
        self.told: list[str] = []

    async def say(self, kind: str, parameters: dict[str, object] | None = None) -> None:
        """Say something of the protocol."""
        self._seq += 1
        message = {"version": "2", "type": kind, "seq": self._seq, "serverseq": 0, "id": "s-1", "position": "PT0S"}
        await self._socket.send(json.dumps({**message, "parameters": parameters or {}}))

    async def hear(self) -> None:
        """Note what is said until the socket closes, and close when asked to."""
        async for data in self._socket:
            if isinstance(data, str):
                self.told.append(str(json.loads(data)["type"]))
                if self.told[-1] == "disconnect":
                    await self.say("close", {"reason": "end"})


@asynccontextmanager
async def hooked(service: Service) -> AsyncIterator[Hook]:
    """An open AudioHook socket; it is over when the block is left."""
    async with answered(service), connect(service.origin.replace("http", "ws") + "/media", proxy=None) as socket:
        hook = Hook(socket)
        await hook.say("open", OPEN)
        async with asyncio.TaskGroup() as hearing:
            hearing.create_task(hook.hear())
            yield hook
            async with asyncio.timeout(10):
                await socket.wait_closed()


async def test_without_marks_the_clock_says_what_was_played() -> None:
    """When its time is over; what an interruption throws away was not."""
    outcome: list[bool] = []
    began_s, ended_s = 0.0, 0.0

    async def scene(leg: MediaLeg, ear: Ear) -> None:
        nonlocal began_s, ended_s
        began_s = asyncio.get_running_loop().time()
        await ear.say(0.8)
        outcome.append(await leg.until_played("disclosure", 5))
        ended_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as both:
            await ear.say(5)
            played = both.create_task(leg.until_played("long", 10))
            await asyncio.sleep(0.6)
            await ear.push_frame(InterruptionFrame())
        outcome.append(played.result())
        await leg.hang_up()

    async with hooked(Service(scene, codec=GenesysCodec)) as hook:
        pass
    assert outcome == [True, False]
    assert ended_s - began_s > 0.75
    assert hook.told == ["opened", "event", "disconnect", "closed"]


async def test_a_line_on_hold_is_not_lost() -> None:
    """Paused, nothing may come for long; resumed, it has to."""
    service = Service(greet, lost_after_s=0.4, codec=GenesysCodec)
    async with hooked(service) as hook:
        await hook.say("paused")
        await asyncio.sleep(1.0)
        assert not service.reasons
        await hook.say("resumed")
    assert service.reasons == [f"{LOST}: nothing arrived any more"]


async def test_where_nothing_says_stop_a_proper_close_is_a_hang_up() -> None:
    """And a socket that breaks is a lost line."""
    for proper, reason in ((True, "the caller hung up"), (False, f"{LOST}: the stream was closed")):
        service = Service(greet, codec=VonageCodec)
        async with answered(service):
            token = service.tokens.issue(stream_purpose("twilio"), "call-8")
            async with connect(service.origin.replace("http", "ws") + "/media", proxy=None) as socket:
                first = {"event": "websocket:connected", "content-type": "audio/l16;rate=16000", "t": token}
                await socket.send(json.dumps(first))
                heard = await socket.recv()
                assert isinstance(heard, bytes)
                assert len(heard) == 2 * 16 * 40
                if not proper:
                    socket.transport.abort()
            await asyncio.sleep(0.3)
        assert service.reasons == [reason]
