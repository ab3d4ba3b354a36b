"""The emotion server's door and the call worker's side of it, over a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from pipelines.emotion.batching import Busy, Why
from pipelines.emotion.remote_reader import RemoteVoiceReader
from pipelines.emotion.transformers_reader import TransformersVoiceReader
from pipelines.emotion.wire import LONGEST_REQUEST, ask
from pipelines.ports import EngineFailed, Pcm, VoiceReader
from service.emotion_server import EmotionDoor, serve_emotion
from service.settings import EmotionSettings, Settings
from telephony.simulator.loopback import served
from tests.pipelines.gpu.tiny import ODYSSEY, save_head, save_odyssey, save_whisper

SOUND: Pcm = np.random.default_rng(3).integers(-8000, 8000, 12_000).astype(np.int16)


@asynccontextmanager
async def opened(chosen: EmotionSettings, token: str = "") -> AsyncIterator[tuple[str, EmotionDoor]]:
    """A door on a free port."""
    door = EmotionDoor(chosen.model_dump_json(), token)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            answer = await door(Request(scope, receive))
            await answer(scope, receive, send)

    try:
        async with served(app) as origin:
            yield origin, door
    finally:
        door.close()


@pytest.fixture
def odyssey(tmp_path: Path) -> EmotionSettings:
    """A tiny network of the Odyssey challenge."""
    model = str(save_odyssey(tmp_path, ODYSSEY))
    return EmotionSettings(engine="transformers", model=model, device="cpu", labels={"Contempt": "none"}, within_s=10.0)


async def test_a_call_worker_reads_what_the_network_says(odyssey: EmotionSettings) -> None:
    """The same features and the same reading as in one process, judged in the call worker."""
    here = TransformersVoiceReader.load(odyssey.model, "cpu", labels=odyssey.labels)
    expected = await here.read_voice(SOUND, 8000, None)
    async with opened(odyssey) as (origin, _):
        remote = RemoteVoiceReader(origin, deadline_s=10.0)
        as_port: VoiceReader = remote
        found = await as_port.read_voice(SOUND, 8000, None)
        np.testing.assert_allclose(found.vector, expected.vector, atol=1e-6)
        assert found.speech_s == expected.speech_s
        assert as_port.estimate(expected.vector) == here.estimate(expected.vector)
        await remote.aclose()
    here.close()


async def test_a_head_with_a_baseline_travels_to_the_call_worker(tmp_path: Path) -> None:
    """The server pools a Whisper's states; the caller's baseline stays with the call."""
    model, head = save_whisper(tmp_path / "whisper"), save_head(tmp_path / "head.npz", 32)
    chosen = EmotionSettings(engine="transformers", model=str(model), device="cpu", head=head, within_s=10.0)
    async with opened(chosen) as (origin, _):
        remote = RemoteVoiceReader(origin, deadline_s=10.0)
        assert remote.prior is None
        await remote.warm_up()
        assert remote.prior is not None
        features = await remote.read_voice(SOUND, 8000, None)
        assert remote.estimate(features.vector).model == "tiny-head"
        await remote.aclose()


async def test_only_who_brings_the_token_is_answered(odyssey: EmotionSettings) -> None:
    """Health needs none."""
    async with opened(odyssey, "secret") as (origin, _):
        for token in ("", "other"):
            stranger = RemoteVoiceReader(origin, token=token, deadline_s=10.0)
            with pytest.raises(EngineFailed, match="401"):
                await stranger.read_voice(SOUND, 8000, None)
            await stranger.aclose()
        friend = RemoteVoiceReader(origin, token="secret", deadline_s=10.0)
        assert (await friend.read_voice(SOUND, 8000, None)).speech_s == 1.5
        await friend.aclose()
        async with httpx.AsyncClient(base_url=origin, trust_env=False) as http:
            assert (await http.get("/healthz")).status_code == 200


async def test_strange_requests_are_refused(odyssey: EmotionSettings) -> None:
    """Not ours, cut short, too long, or to nowhere."""
    async with opened(odyssey) as (origin, _), httpx.AsyncClient(base_url=origin, trust_env=False) as http:
        for body, status in ((b"hello", 400), (ask(SOUND, 8000)[:-1], 400), (bytes(LONGEST_REQUEST + 1), 413)):
            assert (await http.post("/voice", content=body)).status_code == status
        assert (await http.get("/voice")).status_code == 404
        assert (await http.post("/voice", content=ask(SOUND[:0], 8000))).status_code == 200


async def test_a_busy_server_says_so(odyssey: EmotionSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-pressure arrives as what it is, so that the breaker stays closed."""

    async def busy(*_: object) -> None:
        raise Busy("gpu", Why.FULL)

    async def broken(*_: object) -> None:
        raise EngineFailed("gpu: broken")

    async with opened(odyssey) as (origin, door):
        remote = RemoteVoiceReader(origin, deadline_s=10.0)
        monkeypatch.setattr(door._reader, "read_voice", busy)
        with pytest.raises(Busy):
            await remote.read_voice(SOUND, 8000, None)
        monkeypatch.setattr(door._reader, "read_voice", broken)
        with pytest.raises(EngineFailed, match="502"):
            await remote.read_voice(SOUND, 8000, None)
        await remote.aclose()


@asynccontextmanager
async def answering(answer: Callable[[asyncio.StreamWriter], None]) -> AsyncIterator[str]:
    """A server that takes each request and does what it likes with the connection."""
    gone = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        answer(writer)
        await gone.wait()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        gone.set()
        server.close()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "answer",
    [
        lambda writer: writer.transport.abort(),
        lambda writer: None,
        lambda writer: writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        lambda writer: writer.write(b"SSH-2.0-OpenSSH\r\n"),
    ],
    ids=["hangs up", "hangs", "something else", "another protocol"],
)
async def test_whatever_goes_wrong_on_the_way_is_one_clear_failure(
    answer: Callable[[asyncio.StreamWriter], None],
) -> None:
    """Within the deadline."""
    async with answering(answer) as origin:
        remote = RemoteVoiceReader(origin, deadline_s=0.3)
        with pytest.raises(EngineFailed, match="emotion server"):
            await remote.read_voice(SOUND, 8000, None)
        with pytest.raises(EngineFailed, match="has not answered yet"):
            remote.estimate(np.zeros(8, np.float32))
        await remote.aclose()


async def test_nobody_there_is_a_failure() -> None:
    """A closed port."""
    remote = RemoteVoiceReader("http://127.0.0.1:9", deadline_s=1.0)
    with pytest.raises(EngineFailed, match="ConnectError"):
        await remote.warm_up()
    await remote.aclose()


def test_the_role_wants_a_network() -> None:
    """Said before anything is started."""
    with pytest.raises(EngineFailed, match="'transformers', not 'embedded'"):
        serve_emotion(Settings(), lambda _: None)
