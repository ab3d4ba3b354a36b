"""A real Asterisk on loopback, on the configuration files that we hand out, with other ports and names."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import tempfile
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.conftest import ROOT

CONFIG = ROOT / "deploy" / "asterisk"
LOGIN = ("office", "a-secret-of-the-trunk")
HOLD_HZ = 425
"""What a caller hears who waits for a human."""

_UP_S = 20.0


def cache() -> Path:
    """Where `tools/asterisk` puts Asterisk."""
    named = os.environ.get("ATTUNE_EXCHANGE")
    base = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
    return Path(named) if named else base / "attune" / "asterisk"


def missing() -> str:
    """Why no real exchange can be run here, '' where it can; `tools/asterisk` installs what is named."""
    if os.geteuid() != 0:
        return "a real Asterisk runs in a chroot, and that takes root"
    if shutil.which("sipp") is None:
        return "there is no sipp: run tools/asterisk"
    if not (cache() / "usr" / "sbin" / "asterisk").exists():
        return f"there is no Asterisk in {cache()}: run tools/asterisk"
    return ""


def free_port() -> int:
    """A UDP port of loopback that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Exchange:
    """A running Asterisk.

    Attributes:
        sip_port: where it takes calls (UDP).
        log: its log file.
    """

    sip_port: int
    log: Path

    def told(self, words: str) -> int:
        """How often the log has these words."""
        return self.log.read_text(errors="replace").count(words) if self.log.exists() else 0


@asynccontextmanager
async def exchange(service_port: int) -> AsyncIterator[Exchange]:
    """Run Asterisk while the block runs.

    Args:
        service_port: where Attune listens on loopback (nobody need be there).
    """
    root = cache()
    with tempfile.TemporaryDirectory(prefix="attune-", dir=root / "tmp") as made:
        home = Path(made)
        sip_port = free_port()
        _configure(home, "/" + str(home.relative_to(root)), service_port, sip_port)
        process = await asyncio.create_subprocess_exec(
            *("chroot", str(root), "/usr/sbin/asterisk", "-f", "-C", f"/{home.relative_to(root)}/asterisk.conf"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        running = Exchange(sip_port, home / "log" / "messages.log")
        try:
            await _until_up(process, running)
            yield running
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _until_up(process: asyncio.subprocess.Process, running: Exchange) -> None:
    async with asyncio.timeout(_UP_S):
        while running.told("Asterisk Ready") == 0:
            if process.returncode is not None:
                raise RuntimeError(f"Asterisk ended with {process.returncode}")
            await asyncio.sleep(0.1)


def _configure(home: Path, inside: str, service_port: int, sip_port: int) -> None:
    """Copy what we hand out, with loopback's addresses, and let Asterisk keep to its folder."""
    for name in ("log", "run", "lib", "spool", "db", "keys", "moh"):
        (home / name).mkdir()
    changes = {
        "asterisk.conf": [
            ("[options]", f"{_directories(inside)}[options]"),
            ("maxload = 8.0", "maxload = 1000.0"),  # other work on this machine is no reason to refuse a test's call
        ],
        "extensions.conf": [
            ("https://calls.example.com", f"http://127.0.0.1:{service_port}"),
            ("change-me:change-me-media", ":".join(LOGIN)),
        ],
        "websocket_client.conf": [
            ("wss://calls.example.com", f"ws://127.0.0.1:{service_port}"),
            ("username = change-me", f"username = {LOGIN[0]}"),
            ("change-me-media", LOGIN[1]),
            ("tls_enabled = yes", "tls_enabled = no"),
        ],
        "pjsip.conf": [("0.0.0.0:5060", f"127.0.0.1:{sip_port}"), ("203.0.113.0/24", "127.0.0.1")],
        "musiconhold.conf": [("/usr/share/asterisk/moh", f"{inside}/moh")],
    }
    for file in CONFIG.glob("*.conf"):
        text = file.read_text()
        for old, new in changes.get(file.name, []):
            assert old in text, f"{file.name} has no {old!r} any more"
            text = text.replace(old, new, 1)
        (home / file.name).write_text(text)
    _hum(home / "moh" / "hum.wav")


def _directories(inside: str) -> str:
    modules = next((cache() / "usr" / "lib").glob("*/asterisk/modules"))
    return (
        f"[directories]\nastetcdir => {inside}\nastmoddir => /{modules.relative_to(cache())}\n"
        f"astvarlibdir => {inside}/lib\nastdbdir => {inside}/db\nastkeydir => {inside}/keys\n"
        "astdatadir => /usr/share/asterisk\n"
        f"astspooldir => {inside}/spool\nastrundir => {inside}/run\nastlogdir => {inside}/log\n"
    )


def _hum(path: Path) -> None:
    samples = (8000 * np.sin(2 * np.pi * HOLD_HZ * np.arange(16000) / 8000)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
