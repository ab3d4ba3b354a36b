"""What both benchmarks need: servers in processes of their own, callers' voices, and percentiles."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import psutil
import soxr

from pipelines.empathy.tone import Style
from pipelines.speech.hibari import HibariSpeaker
from telephony.audio import TELEPHONE_HZ, Pcm, decode_ulaw, encode_ulaw
from telephony.simulator.carrier import CarrierAccount

QUESTIONS = (
    "My internet keeps dropping every evening.",
    "How do I restart my router?",
    "What compensation do I get for an outage?",
    "Can you explain my bill to me?",
    "I want to change the date of my direct debit.",
    "How do I send you a meter reading?",
    "I am moving house next month.",
    "When does my tariff end?",
    "Why did my price go up?",
    "When will the engineer come?",
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server under measurement."""

    variant: str
    port: int
    process: psutil.Process
    data: Path

    @property
    def origin(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.port}"

    def account(self) -> CarrierAccount:
        """The carrier account that the server trusts."""
        return CarrierAccount("AC" + "0" * 32, self.key("twilio_auth_token"), self.origin)

    def key(self, name: str) -> str:
        """A key of the server's own making; '' for the stock bot, which checks none."""
        path = self.data / "secrets.json"
        return str(json.loads(path.read_text())[name]) if path.exists() else "none"

    def cpu_s(self) -> float:
        """Processor seconds so far, children included."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(sum(member.cpu_times()[:2]) for member in family)

    def descriptors(self) -> int:
        """Open file descriptors of the server process."""
        return int(self.process.num_fds())

    def rss_mib(self) -> float:
        """Resident memory of the server process alone."""
        return float(self.process.memory_info().rss) / 2**20


@asynccontextmanager
async def served(
    variant: str, data: Path, *, core: int | None = None, env: Mapping[str, str] | None = None
) -> AsyncIterator[Server]:
    """Start one server and stop it at the end.

    Args:
        variant: one of `tests.bench.server.VARIANTS`.
        data: its data folder.
        core: processor core to pin it to.
        env: settings that differ from the benchmark's own, as environment variables.
    """
    port, child = _start(variant, data, env or {})
    process = psutil.Process(child.pid)
    if core is not None:
        process.cpu_affinity([core])
    try:
        await _until_up(port, child, data)
        yield Server(variant, port, process, data)
    finally:
        child.terminate()
        try:
            await asyncio.to_thread(child.wait, 20)
        except subprocess.TimeoutExpired:
            child.kill()


def _start(variant: str, data: Path, env: Mapping[str, str]) -> tuple[int, subprocess.Popen[bytes]]:
    """Start a server process on a free port; its output goes to a file in its data folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    data.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.bench.server", variant, "--port", str(port), "--data", str(data)]
    with (data / "server.log").open("ab") as log:
        return port, subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **env})


async def _until_up(port: int, child: subprocess.Popen[bytes], data: Path) -> None:
    deadline = time.monotonic() + 120
    async with httpx.AsyncClient() as http:
        while time.monotonic() < deadline:
            if child.poll() is not None:
                raise SystemExit(f"the server did not start:\n{(data / 'server.log').read_text()[-3000:]}")
            try:
                await http.get(f"http://127.0.0.1:{port}/healthz", timeout=1.0)
                return
            except httpx.HTTPError:
                await asyncio.sleep(0.2)
    raise SystemExit("the server did not come up within two minutes")


async def voices(texts: Sequence[str]) -> list[Pcm]:
    """The texts spoken by the embedded voice as a telephone brings them: 8 kHz through mu-law."""
    speaker = HibariSpeaker.load(voice="heart", threads=1, at_once=1)
    try:
        spoken = [await speaker.speak(text, Style()) for text in texts]
    finally:
        speaker.close()
    return [_telephone(speech.pcm, speech.rate_hz) for speech in spoken]


def _telephone(pcm: Pcm, rate_hz: int) -> Pcm:
    narrow = soxr.resample(pcm.astype(np.float32), rate_hz, TELEPHONE_HZ)
    level = narrow * (10_000 / max(1.0, float(np.abs(narrow).max())))
    return decode_ulaw(encode_ulaw(level.astype(np.int16)))


def percentile(values: Sequence[float], share: float) -> float:
    """A percentile; nan where there are no values."""
    return float(np.percentile(values, share)) if len(values) else float("nan")
