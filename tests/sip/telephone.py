"""Telephones on a SIP trunk: sipp places the calls, these are their ears and mouths (RTP, mu-law, RFC 4733 keys)."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import struct
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from telephony.audio import FRAME_SAMPLES, ULAW_SILENCE, decode_ulaw
from telephony.simulator.caller import SOUND_LEVEL, Act, HangUp, Key, ScriptedCaller, Sound, Step

SCENARIO = Path(__file__).parent / "call.xml"
NUMBER = "15550100"

_FRAME_S = 0.02
_MULAW, _KEYS = 0, 101
_KEY_FRAMES, _KEY_END_FRAMES = 5, 3
_KEY_CODES = "0123456789*#"
_QUIET = bytes(code for code in range(256) if abs(int(decode_ulaw(bytes([code]))[0])) < SOUND_LEVEL)
_SILENCE = bytes([ULAW_SILENCE]) * FRAME_SAMPLES


@dataclass(slots=True)
class Heard:
    """One stretch of sound.

    Attributes:
        after: utterances of the caller before it.
        at_s: when it began, seconds since the call was picked up.
        seconds: of audible sound.
    """

    after: int
    at_s: float
    seconds: float


class Telephone(asyncio.DatagramProtocol):
    """One caller: follows its script once the call is picked up, and keeps what it heard."""

    def __init__(self, steps: Sequence[Step], *, quiet_s: float = 0.8) -> None:
        """Wait for the first packet.

        Args:
            steps: what to do, in order.
            quiet_s: the agent counts as finished when it was heard and then nothing for this long.
        """
        self._caller = ScriptedCaller(steps, quiet_s=quiet_s, greeting_s=30.0)
        self._transport: asyncio.DatagramTransport | None = None
        self._far: tuple[str, int] | None = None
        self._sequence, self._stamp, self._source = 0, 0, secrets.randbits(32)
        self._last_sound_s = float("-inf")
        self._arrived_s: list[float] = []
        self._sound_ended_s: list[float] = []
        self._utterances = 0
        self.heard: list[Heard] = []
        self.ulaw = bytearray()
        self.done = asyncio.Event()
        self._picked_up = asyncio.Event()

    @property
    def port(self) -> int:
        """Where its RTP is."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    @property
    def answered(self) -> set[int]:
        """After which of the caller's utterances it heard the agent; 0: the agent spoke first."""
        return {piece.after for piece in self.heard if piece.seconds >= 0.1}

    @property
    def gaps_s(self) -> list[float]:
        """Time between packets."""
        return [after - before for before, after in zip(self._arrived_s, self._arrived_s[1:], strict=False)]

    def latencies_s(self) -> list[float]:
        """Caller's last sound -> first sound of the answer, for each utterance that has one."""
        return [
            first.at_s - ended_s
            for index, ended_s in enumerate(self._sound_ended_s, 1)
            if (first := next((piece for piece in self.heard if piece.after == index), None)) is not None
        ]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)  # the loop's own class does not derive from it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """20 ms of the far end."""
        if len(data) < 12 or data[1] & 0x7F != _MULAW:
            return
        now_s = time.monotonic()
        self._far = self._far or addr[:2]
        self._picked_up.set()
        self._arrived_s.append(now_s)
        self.ulaw += data[12:]
        loud = len(data[12:].translate(None, _QUIET)) >= 8
        if not loud:
            return
        if now_s - self._last_sound_s > 0.5 or self.heard[-1].after != self._utterances:
            self.heard.append(Heard(self._utterances, now_s - self._arrived_s[0], 0.0))
        self.heard[-1].seconds += _FRAME_S
        self._last_sound_s = now_s

    async def talk(self) -> None:
        """Follow the script; then be quiet until cancelled: sipp hangs up."""
        await self._picked_up.wait()
        began_s = due_s = time.monotonic()
        while True:
            now_s = time.monotonic()
            act = (
                HangUp() if self.done.is_set() else self._caller.act(now_s - began_s, now_s - self._last_sound_s < 0.1)
            )
            await self._do(act, began_s)
            due_s += _FRAME_S
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))

    async def _do(self, act: Act, began_s: float) -> None:
        match act:
            case Sound(ulaw, first, last_sound):
                self._utterances += first
                self._send(_MULAW, ulaw, FRAME_SAMPLES, marker=first)
                if last_sound:
                    self._sound_ended_s.append(time.monotonic() - began_s)
            case Key(digit):
                await self._press(digit)
            case HangUp():
                self.done.set()
                self._send(_MULAW, _SILENCE, FRAME_SAMPLES)
            case _:
                self._send(_MULAW, act.ulaw, FRAME_SAMPLES)

    async def _press(self, digit: str) -> None:
        """A key as RFC 4733 wants it: one event of 100 ms, its end told three times."""
        for place in range(_KEY_FRAMES + _KEY_END_FRAMES):
            end = place >= _KEY_FRAMES
            held = FRAME_SAMPLES * min(place + 1, _KEY_FRAMES)
            self._send(_KEYS, struct.pack("!BBH", _KEY_CODES.index(digit), 0x80 * end | 10, held), 0, marker=not place)
            await asyncio.sleep(_FRAME_S)
        self._stamp += FRAME_SAMPLES * (_KEY_FRAMES + _KEY_END_FRAMES)

    def _send(self, kind: int, payload: bytes, samples: int, *, marker: bool = False) -> None:
        assert self._transport is not None
        header = struct.pack(
            "!BBHII", 0x80, 0x80 * marker | kind, self._sequence & 0xFFFF, self._stamp & 0xFFFFFFFF, self._source
        )
        self._transport.sendto(header + payload, self._far)
        self._sequence += 1
        self._stamp += samples

    def close(self) -> None:
        """Put it down."""
        if self._transport is not None:
            self._transport.close()


@dataclass(frozen=True, slots=True)
class Placed:
    """What came of a round of calls.

    Attributes:
        telephones: in the order of the scripts.
        failed: sipp's exit code: 0 where every call went as SIP wants it.
        output: what sipp said of failures.
    """

    telephones: list[Telephone]
    failed: int
    output: str


async def place_calls(
    sip_port: int,
    scripts: Sequence[Sequence[Step]],
    *,
    seconds: float,
    at_once: int = 10,
    a_second: float = 2.0,
    number: str = NUMBER,
    quiet_s: float = 0.8,
) -> Placed:
    """Place one call for each script and hold each for so many seconds.

    The callers are +1555020000, +1555020001 and so on.
    """
    loop = asyncio.get_running_loop()
    telephones: list[Telephone] = []
    for steps in scripts:
        telephone = Telephone(steps, quiet_s=quiet_s)
        await loop.create_datagram_endpoint(partial(_same, telephone), local_addr=("127.0.0.1", 0))
        telephones.append(telephone)
    with tempfile.TemporaryDirectory() as made:
        table, errors = Path(made) / "calls.csv", Path(made) / "errors.log"
        scenario = SCENARIO.read_text().replace('"HELD_MS"', f'"{round(1000 * seconds)}"')
        (table.parent / SCENARIO.name).write_text(scenario)
        rows = [f"{one.port};+15550{20000 + place}" for place, one in enumerate(telephones)]
        table.write_text("SEQUENTIAL\n" + "\n".join(rows) + "\n")
        talking = [asyncio.ensure_future(telephone.talk()) for telephone in telephones]
        try:
            code = await _sipp(sip_port, table, errors, len(scripts), at_once, a_second, number)
        finally:
            for talk in talking:
                talk.cancel()
            await asyncio.gather(*talking, return_exceptions=True)
            for telephone in telephones:
                telephone.close()
        return Placed(telephones, code, errors.read_text(errors="replace")[-2000:] if errors.exists() else "")


def _same(telephone: Telephone) -> Telephone:
    return telephone


async def _sipp(
    sip_port: int, table: Path, errors: Path, calls: int, at_once: int, a_second: float, number: str
) -> int:
    program = shutil.which("sipp")
    assert program is not None
    options = {
        "-sf": SCENARIO.name,
        "-inf": table,
        "-m": calls,
        "-l": at_once,
        "-r": max(1, round(a_second * 10)),
        "-rp": 10_000,
        "-s": number,
        "-i": "127.0.0.1",
        "-error_file": errors,
        "-timeout": 600,
    }
    words = [str(word) for pair in options.items() for word in pair]
    process = await asyncio.create_subprocess_exec(
        *(program, *words, "-nostdin", "-trace_err", f"127.0.0.1:{sip_port}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=table.parent,
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
