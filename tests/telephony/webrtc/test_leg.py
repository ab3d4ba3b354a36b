"""Scenes of web calls: a browser without a screen calls a leg in a running pipeline, over loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat.frames.frames import Frame, InputAudioRawFrame, InputDTMFFrame, TTSAudioRawFrame, TTSStoppedFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from telephony.audio import Pcm
from telephony.leg import CallLeg
from telephony.simulator.web_caller import WebCaller
from telephony.webrtc.door import WebRtcDoor
from telephony.webrtc.leg import BadOffer, Patience, WebRtcLeg


def tone(seconds: float, rate_hz: int) -> Pcm:
    """A sound."""
    return (8000 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.int16)


def loud_s(pcm: Pcm, rate_hz: int) -> float:
    """Seconds of sound, counted in pieces of 10 ms."""
    step = rate_hz // 100
    pieces = np.abs(pcm[: len(pcm) // step * step].astype(int)).reshape(-1, step).max(axis=1)
    return float((pieces > 2000).sum()) / 100


class Ear(FrameProcessor):
    """Keeps what arrives."""

    def __init__(self) -> None:
        """Nothing heard."""
        super().__init__()
        self.pcm = bytearray()
        self.keys: list[str] = []
        self.hears = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take audio, let the rest pass."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            assert frame.sample_rate == 16000
            self.pcm += frame.audio
            self.hears.set()
        elif isinstance(frame, InputDTMFFrame):
            self.keys.append(str(frame.button.value))
        else:
            await self.push_frame(frame, direction)

    async def say(self, seconds: float) -> None:
        """Speak a tone."""
        await self.push_frame(TTSAudioRawFrame(tone(seconds, 24000).tobytes(), 24000, 1))
        await self.push_frame(TTSStoppedFrame())


class Host:
    """Answers web calls with an ear and a scene."""

    def __init__(self, scene: Callable[[WebRtcLeg, Ear], Awaitable[None]], patience: Patience | None = None) -> None:
        """One scene for all calls."""
        self.door = WebRtcDoor(patience=patience, on_ignored=self._ignore)
        self.ignored = 0
        self.legs: list[WebRtcLeg] = []
        self.reasons: list[str] = []
        self.ears: list[Ear] = []
        self._scene = scene
        self._calls: list[asyncio.Task[None]] = []

    async def on_leg(self, leg: WebRtcLeg) -> None:
        """Start the call."""
        self.legs.append(leg)
        self._calls.append(asyncio.create_task(self._hold(leg, leg)))

    def _ignore(self) -> None:
        self.ignored += 1

    async def _hold(self, leg: WebRtcLeg, line: CallLeg) -> None:
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

    async def _act(self, leg: WebRtcLeg, ear: Ear) -> None:
        await asyncio.wait_for(ear.hears.wait(), 5)
        await self._scene(leg, ear)

    async def over(self) -> None:
        """Wait for all calls to end."""
        async with asyncio.timeout(20):
            await asyncio.gather(*self._calls)


@asynccontextmanager
async def calling(host: Host, pcm: Pcm) -> AsyncIterator[WebCaller]:
    """A connected web caller."""
    async with WebCaller(pcm, 16_000) as caller:
        answer = await host.door.offer(*await caller.offer(), host.on_leg)
        await caller.answered(answer.sdp, answer.type)
        yield caller
    await host.over()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something, five seconds at most."""
    for _ in range(250):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


async def test_both_hear_each_other_and_captions_arrive() -> None:
    """Sound both ways, captions on the data channel, the end of speech is known, the caller's hang-up is noticed."""
    played: list[tuple[bool, float]] = []

    async def scene(leg: WebRtcLeg, ear: Ear) -> None:
        leg.send_caption({"type": "caption", "party": "agent", "text": "Hello.", "final": True})
        began = asyncio.get_running_loop().time()
        await ear.say(0.5)
        played.append((await leg.until_played("greeting", 5), asyncio.get_running_loop().time() - began))

    host = Host(scene)
    async with calling(host, tone(1.0, 16_000)) as caller:
        await until(lambda: bool(played) and bool(caller.told) and loud_s(caller.heard, 16_000) > 0.4)
        await until(lambda: loud_s(np.frombuffer(bytes(host.ears[0].pcm), dtype=np.int16), 16_000) > 0.8)
        assert caller.told == [{"type": "caption", "party": "agent", "text": "Hello.", "final": True}]
    assert played[0][0]
    assert 0.6 < played[0][1] < 2
    assert host.reasons == ["the caller hung up"]


async def test_we_hang_up() -> None:
    """The browser notices; twice does no harm; nothing can be told after it."""

    async def scene(leg: WebRtcLeg, _: Ear) -> None:
        await leg.hang_up()
        await leg.hang_up()
        leg.send_caption({"type": "state", "state": "ended"})
        assert not await leg.until_played("late", 5)

    host = Host(scene)
    async with calling(host, tone(0.5, 16_000)) as caller:
        await asyncio.wait_for(caller.closed.wait(), 5)
    assert host.reasons == ["we hung up"]
    assert caller.told[-1] == {"type": "state", "state": "ended"}


async def test_a_browser_that_never_connects_is_given_up() -> None:
    """The offer was answered, but nobody came."""
    legs: list[WebRtcLeg] = []

    async def keep(leg: WebRtcLeg) -> None:
        legs.append(leg)

    door = WebRtcDoor()
    async with WebCaller(tone(0.1, 16_000)) as caller:
        await door.offer(*await caller.offer(), keep)
        legs[0]._patience = Patience(connect_s=0.2)
        assert await legs[0].until_hung_up() == "the browser never connected"
        await door.close()


@pytest.mark.parametrize(
    ("sdp", "kind"),
    [
        ("", "offer"),
        ("v=0", "offer"),
        ("garbage\r\n" * 10, "offer"),
        ("x" * 70_000, "offer"),
        ("v=0\r\n" + "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n" * 60, "offer"),
        ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", "offer"),
        ("v=0\r\n", "answer"),
    ],
)
async def test_bad_offers_are_refused(sdp: str, kind: str) -> None:
    """Empty, cut, garbage, too big, too many candidates, nothing offered, not an offer."""
    door = WebRtcDoor()
    with pytest.raises(BadOffer):
        await door.offer(sdp, kind, _nobody)


async def _nobody(_: WebRtcLeg) -> None:
    raise AssertionError("no leg may come of a bad offer")


_LINES = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\na=setup:actpass\r\n"
).split("\r\n")


@settings(max_examples=25)
@given(st.data())
async def test_a_changed_offer_is_answered_or_refused(data: st.DataObject) -> None:
    """Lines dropped, doubled or spoiled: an answer or BadOffer, nothing else."""
    lines = list(_LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "cut", "spoil"]))
        match change:
            case "drop":
                lines[at] = ""
            case "double":
                lines.insert(at, lines[at])
            case "cut":
                lines[at] = lines[at][: len(lines[at]) // 2]
            case _:
                lines[at] += data.draw(st.text(max_size=8))
    door = WebRtcDoor()
    answered: list[WebRtcLeg] = []

    async def keep(leg: WebRtcLeg) -> None:
        answered.append(leg)

    try:
        answer = await door.offer("\r\n".join(line for line in lines if line) + "\r\n", "offer", keep)
        assert answer.type == "answer"
        assert len(answered) == 1
    except BadOffer:
        assert not answered
    await door.close()
