"""Emotion is read by a Ray Serve deployment that goes away in mid-call: the embedded model takes over."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from pipelines.emotion.reader import EmotionReader
from pipelines.emotion.remote_reader import RemoteVoiceReader
from pipelines.emotion.voice import EmbeddedVoiceReader
from pipelines.emotion.words import EmbeddedWordsReader
from pipelines.ports import Pcm, Recognition
from telephony.simulator.caller import Say
from tests.conftest import ROOT
from tests.pipelines.gpu.tiny import ODYSSEY, save_odyssey
from tests.scenes.conftest import Opened

pytest.importorskip("ray", reason="the cluster extra (ray) is not installed")

STATES = np.random.default_rng(2).standard_normal(1024).astype(np.float32)
QUESTION = "how do I restart my router"
TOKEN = "a token of the scene"


class Ear:
    """Hears one question in everything, with encoder states as the embedded recogniser has them."""

    async def recognise(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """Hear."""
        await asyncio.sleep(0.05)
        return Recognition(QUESTION, 0.9, STATES, 0.02, 0.03, "ear")


class Emotion:
    """`attune serve --role emotion` in processes of its own."""

    def __init__(self, process: psutil.Popen, origin: str, log: Path) -> None:
        self.process = process
        self.origin = origin
        self.log = log

    def kill(self) -> None:
        """Kill it and everything that it started, as a power cut would."""
        for one in [self.process, *self.process.children(recursive=True)]:
            one.kill()

    async def until_up(self) -> None:
        """Wait until it answers."""
        async with httpx.AsyncClient(base_url=self.origin, trust_env=False) as http, asyncio.timeout(120):
            while True:
                assert self.process.poll() is None, self.log.read_text()
                try:
                    if (await http.get("/healthz", timeout=1.0)).status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.2)


@asynccontextmanager
async def emotion_served(folder: Path) -> AsyncIterator[Emotion]:
    """Start one over a tiny network, and leave nothing of it behind."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "model").mkdir()
    save_odyssey(folder / "model", ODYSSEY)
    chosen = {
        "ENGINE": "transformers",
        "MODEL": str(folder / "model"),
        "DEVICE": "cpu",
        "TOKEN": TOKEN,
        "WITHIN_S": "10",
    }
    told = {f"ATTUNE_EMOTION__{name}": value for name, value in chosen.items()}
    log = folder / "emotion.log"
    with log.open("wb") as out:
        process = psutil.Popen(
            [sys.executable, "-m", "service", "serve", "--role", "emotion", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, **told, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    server = Emotion(process, f"http://127.0.0.1:{port}", log)
    try:
        yield server
    finally:
        if process.poll() is None:
            server.kill()
        await asyncio.to_thread(process.wait, 20)


async def test_the_emotion_server_is_killed_in_mid_call(open_stage: Opened, tmp_path: Path) -> None:
    """One turn is read by the server; then it is killed, and the embedded model reads the next one of the same call."""
    async with emotion_served(tmp_path) as server:
        await server.until_up()
        remote = RemoteVoiceReader(server.origin, token=TOKEN, deadline_s=10.0)
        await remote.warm_up()
        spare = EmbeddedVoiceReader.load()
        reader = EmotionReader(remote, EmbeddedWordsReader.load(), spare=spare, within_s=10.0)
        async with open_stage(emotion=reader, recogniser=Ear()) as stage:
            rendered = stage.house.meters.render
            ringing = asyncio.ensure_future(stage.ring([Say(stage.voice)] * 2))
            await stage.until(lambda: b"attune_emotion_estimates_total{label=" in rendered(), deadline_s=60)
            server.kill()
            call = await ringing
            record = await stage.record(call)
            metrics = rendered().decode()
        reader.close()
        await remote.aclose()
    models = [point["model"] for point in record["trajectory"]]
    assert [turn.latency_s is not None for turn in call.turns] == [True] * 2
    assert [point["turn"] for point in record["trajectory"]] == [1, 2]
    assert models[0].startswith("transformers:")
    assert models[-1].startswith("attune-voice")
    assert all(point["valence"] is not None for point in record["trajectory"])
    assert 'attune_fallbacks_total{reason="failed",stage="emotion"}' in metrics
