"""Whole calls over the real line: the real service in this process, a carrier that rings it, scripted models.

Recognition hears what the script says, so that a scene can be told in words; everything else is the product.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soxr

from pipelines.conversation import Engines
from pipelines.emotion.baseline import CallerBaseline
from pipelines.emotion.estimate import Emotion, Label
from pipelines.empathy.tone import Style
from pipelines.models.install import ModelAbsent, locate
from pipelines.ports import EmotionSource, Pcm, Recogniser, Recognition, Writer
from pipelines.speech.clips import Clip, record
from pipelines.speech.hibari import HibariSpeaker
from pipelines.turns.detection import TurnModels
from service.app import create_app
from service.examples import example_agent
from service.settings import Settings
from service.wiring import House
from telephony.simulator.caller import ScriptedCaller, Step
from telephony.simulator.carrier import CarrierAccount, CarrierCall
from telephony.simulator.loopback import served
from telephony.simulator.record import CallRecord
from tests.bench.simulated import SimulatedWriter
from tests.scenes.stretches import Stretches
from tests.service.postgres import PostgresServer


class ScriptedEar:
    """Hears the next line of the script in whatever is said."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque()
        self._stretches = Stretches()

    async def recognise(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """Hear."""
        await asyncio.sleep(0.05)
        if self._stretches.is_new(pcm):
            self._stretches.texts[-1] = self.lines.popleft() if self.lines else "okay"
        return Recognition(self._stretches.texts[-1], 0.9, None, 0.02, 0.03, "script")


class ScriptedFeeling:
    """Feels what the script says, neutral by default."""

    def __init__(self) -> None:
        self.labels: deque[Label] = deque()

    async def read(self, pcm: Pcm, rate_hz: int, recognition: Recognition, baseline: CallerBaseline) -> Emotion:
        """Feel."""
        label = self.labels.popleft() if self.labels else Label.NEUTRAL
        valence = -0.6 if label.is_negative else 0.1
        return Emotion(label, valence, 0.5 if label is Label.ANGRY else 0.0, 0.8)


@dataclass
class Stage:
    """A running service and the means to ring it."""

    origin: str
    house: House
    ear: ScriptedEar
    feeling: ScriptedFeeling
    voice: Pcm

    def account(self) -> CarrierAccount:
        """The carrier account that the service trusts."""
        settings = self.house.settings
        token = self.house.keys.twilio_auth_token
        return CarrierAccount(settings.twilio.account_sid, token, settings.public_origin, reached_at=self.origin)

    async def ring(self, steps: Sequence[Step], *, lines: Sequence[str] = (), quiet_s: float = 0.6) -> CallRecord:
        """Place a call and hold it to its end."""
        self.ear.lines.extend(lines)
        call = CarrierCall(self.account(), ScriptedCaller(steps, quiet_s=quiet_s))
        return await call.run(deadline_s=120)

    async def until(self, holds: Callable[[], bool], *, deadline_s: float = 20.0) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(deadline_s):
            while True:
                if holds():
                    return
                await asyncio.sleep(0.02)

    async def record(self, call: CallRecord) -> dict[str, Any]:
        """What the API has of a call once it has ended and is in the database."""
        return await self.record_of(call.carrier_call_id)

    async def record_of(self, carrier_call_id: str) -> dict[str, Any]:
        """The same by the carrier's id of the call."""
        headers = {"Authorization": f"Bearer {self.house.keys.api_token}"}
        async with httpx.AsyncClient(base_url=self.origin, headers=headers) as http:
            async with asyncio.timeout(20):
                while True:
                    found = await http.get("/v1/calls", params={"carrier_call_id": carrier_call_id})
                    if found.json()["calls"] and found.json()["calls"][0]["status"] == "ended":
                        break
                    await asyncio.sleep(0.1)
            answer = await http.get(f"/v1/calls/{found.json()['calls'][0]['id']}")
            assert answer.status_code == 200
            record: dict[str, Any] = answer.json()
            return record


@pytest.fixture(scope="session")
def turn_models() -> TurnModels:
    """The real voice activity and end-of-turn models, once for all scenes."""
    models = TurnModels()
    models.warm_up()
    return models


@pytest.fixture(scope="session")
def spoken() -> Pcm:
    """A question that a real voice asks, 8 kHz."""

    async def speak() -> Pcm:
        speaker = HibariSpeaker.load(voice="heart", threads=1, at_once=1)
        speech = await speaker.speak("How do I restart my router?", Style())
        speaker.close()
        narrow = soxr.resample(speech.pcm.astype(np.float32), speech.rate_hz, 8000)
        level: Pcm = (narrow * (9000 / np.abs(narrow).max())).astype(np.int16)
        return level

    return asyncio.run(speak())


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of the scenes' own, so that they may crash it."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The installed small LLM."""
    try:
        return locate("smollm2-135m", Settings().models.cache_dir)
    except ModelAbsent as absent:
        pytest.skip(str(absent))


Opened = Callable[..., Any]

BRIEF = example_agent().model_copy(
    update={
        "disclosure": "I am a machine that listens to your tone.",
        "greeting": "Hello.",
        "facts": tuple(
            fact.model_copy(update={"text": fact.short or fact.text, "next_step": None, "leads_to": None})
            for fact in example_agent().facts
        ),
    }
)
"""The example agent with few words before the caller's turn: scenes run in real time."""


@pytest.fixture
def open_stage(tmp_path: Path, turn_models: TurnModels, spoken: Pcm) -> Opened:
    """Open a service of its own for a scene; arguments override engines, the agent and settings."""

    @asynccontextmanager
    async def opened(
        *,
        writer: Writer | None = None,
        recogniser: Recogniser | None = None,
        emotion: EmotionSource | None = None,
        agent: dict[str, Any] | None = None,
        **overrides: Any,
    ) -> AsyncIterator[Stage]:
        ear, feeling = ScriptedEar(), ScriptedFeeling()
        speaker = HibariSpeaker.load(voice="heart", threads=1, at_once=2)
        clips = await record(speaker, Clip)
        writer, recogniser, emotion = writer or SimulatedWriter(), recogniser or ear, emotion or feeling
        engines = Engines(turn_models, recogniser, emotion, writer, speaker, clips)
        houses: list[House] = []
        brief = tmp_path / "agent.json"
        brief.write_text(BRIEF.model_copy(update=agent or {}).model_dump_json())
        calm = {"max_loop_lag_s": 60.0}  # a starved machine must not turn the callers of other scenes away
        settings = Settings(**{"data_dir": tmp_path, "agent_file": brief, **calm, **overrides})

        async with served(create_app(settings, ready=houses.append, engines=engines)) as origin:
            yield Stage(origin, houses[0], ear, feeling, spoken)
        speaker.close()

    return opened
