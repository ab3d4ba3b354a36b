"""One call of a real service while something around it is broken, and everything that there is to say about it."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np

from pipelines.conversation import Engines
from pipelines.emotion.baseline import CallerBaseline
from pipelines.emotion.estimate import UNKNOWN, Emotion, Label
from pipelines.empathy.tone import Style
from pipelines.plan import OpeningHours
from pipelines.ports import EngineFailed, Pcm, Recognition, Speech
from pipelines.speech.clips import Clip, record
from pipelines.speech.hearing import INAUDIBLE
from pipelines.speech.writer import OpenAIWriter
from pipelines.turns.detection import TurnModels
from service.app import create_app
from service.examples import example_agent
from service.settings import Settings, TwilioSettings
from service.store.calls import CallRepository
from service.store.database import Database
from service.wiring import House
from telephony.simulator.caller import Say, ScriptedCaller
from telephony.simulator.carrier import CarrierAccount, CarrierCall
from telephony.simulator.loopback import served
from telephony.simulator.record import CallRecord, Entry
from telephony.simulator.rest import CarrierRest
from tests.bench.simulated import SimulatedSpeaker
from tests.pipelines.speech.endpoint import Answer, serve
from tests.scenes.faulty_line import SLOW_S, FaultyLine, How
from tests.scenes.ledger import differences
from tests.scenes.stretches import Stretches
from tests.service.postgres import PostgresServer

LINES = ("how do I restart my router", "I want to speak to a real person")
ACCOUNT, TOKEN = "AC" + "1" * 32, "token-of-the-scene"
ALWAYS = ("00:00", "24:00")
AGENT = example_agent().model_copy(
    update={
        "disclosure": "I am a machine that listens to your tone.",
        "greeting": "Hello.",
        "handing_off": "I am putting you through.",
        "hours": OpeningHours(weekdays=ALWAYS, saturday=ALWAYS, sunday=ALWAYS),
        "facts": tuple(
            fact.model_copy(update={"text": fact.short or fact.text, "next_step": None, "leads_to": None})
            for fact in example_agent().facts
        ),
    }
)


class What(StrEnum):
    """What is broken."""

    REDIS = "redis"
    DATABASE = "database"
    LLM = "llm"
    STT = "stt"
    TTS = "tts"
    EMOTION = "emotion"
    CARRIER_REST = "carrier_rest"


class When(StrEnum):
    """From when on."""

    GREETING = "greeting"
    MID_TURN = "mid_turn"
    TRANSFER = "transfer"


_BREAKS = {
    When.GREETING: ("stream connected", None),
    When.MID_TURN: ("caller begins", "1"),
    When.TRANSFER: ("caller begins", "2"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is broken, how, and from when on; None for a call on which nothing breaks."""

    what: What | None
    how: How = How.REFUSE
    when: When = When.GREETING

    def __str__(self) -> str:
        """For tables and test names."""
        return "nothing" if self.what is None else f"{self.what}-{self.how}-{self.when}"


ALL = [Fault(what, how, when) for what, how, when in itertools.product(What, How, When)]


def sample(count: int, seed: int) -> list[Fault]:
    """So many faults, every pair of what and how among them; the same for the same seed."""
    chance = random.Random(seed)
    chosen = [Fault(what, how, chance.choice(list(When))) for what, how in itertools.product(What, How)]
    left = [fault for fault in ALL if fault not in chosen]
    return sorted([*chosen, *chance.sample(left, count - len(chosen))], key=str)


class Broken:
    """Engines that break as told: they refuse, hang, are slow, break off, or answer nonsense."""

    def __init__(self) -> None:
        self.what: What | None = None
        self.how = How.REFUSE
        self.lines = deque(LINES)
        self._stretches = Stretches()
        self._line = ""
        self._speaker = SimulatedSpeaker()

    @property
    def rate_hz(self) -> int:
        """The speaker's."""
        return self._speaker.rate_hz

    @property
    def said(self) -> list[str]:
        """What recognition made of the caller's stretches of speech, in order."""
        return self._stretches.texts

    async def _suffer(self, what: What) -> bool:
        """Suffer what is broken; whether the answer should be nonsense."""
        if self.what is not what:
            return False
        match self.how:
            case How.REFUSE:
                raise EngineFailed("away")
            case How.HANG:
                await asyncio.sleep(3600)
            case How.SLOW:
                await asyncio.sleep(SLOW_S)
            case How.RESET:
                await asyncio.sleep(0.2)
                raise EngineFailed("broke off")
            case How.GARBAGE:
                return True
        return False

    async def recognise(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """Hear the next line."""
        await asyncio.sleep(0.05)
        if self._stretches.is_new(pcm):
            self._line = self.lines.popleft() if self.lines else "okay"
        self._stretches.texts[-1] = INAUDIBLE
        garbage = await self._suffer(What.STT)
        text = self._stretches.texts[-1] = "zzxq \ufffd" if garbage else self._line
        return Recognition(text, 0.0 if garbage else 0.9, None, 0.02, 0.03, "script")

    async def speak(self, text: str, style: Style) -> Speech:
        """Speak a tone; nonsense is no sound at all."""
        if await self._suffer(What.TTS):
            return Speech(np.zeros(0, np.int16), self.rate_hz, ())
        return await self._speaker.speak(text, style)

    async def read(self, pcm: Pcm, rate_hz: int, recognition: Recognition, baseline: CallerBaseline) -> Emotion:
        """Feel nothing; a reader never raises, what fails is unknown."""
        try:
            garbage = await self._suffer(What.EMOTION)
        except EngineFailed:
            return UNKNOWN
        return UNKNOWN if garbage else Emotion(Label.NEUTRAL, 0.1, 0.0, 0.8)


@dataclass
class Kit:
    """What all services of a run share."""

    models: TurnModels
    voice: Pcm
    redis_url: str
    folder: Path
    postgres: PostgresServer
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def migrated(self) -> Path:
        """A SQLite database with all tables, made once, to be copied."""
        path = self.folder / "migrated.db"
        if not path.exists():
            database = Database(f"sqlite+aiosqlite:///{path}")
            await database.migrate()
            await database.close()
        return path


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a call.

    Attributes:
        silences_s: per utterance, seconds from the caller's last sound to the agent's next sound; None for no sound,
            left out where the caller talked over the agent.
        differences: between the carrier's ledger and the record.
    """

    fault: Fault
    call: CallRecord
    silences_s: tuple[float | None, ...]
    differences: tuple[str, ...]

    @property
    def survived(self) -> bool:
        """The call came to an end that it could have had without a fault."""
        return any(how in self.call.ended for how in ("queued", "the caller hung up", "the service ended the call"))


async def suffer(fault: Fault, kit: Kit) -> Told:
    """Place one call with one fault."""
    engines = Broken()
    async with AsyncExitStack() as stack:
        rest = CarrierRest(ACCOUNT, TOKEN)
        ends = await _ends(kit, rest, stack)
        lines = {what: await stack.enter_async_context(FaultyLine(end)) for what, end in ends.items()}
        house, origin, direct = await _open(kit, stack, engines, lines, fault)
        account = CarrierAccount(ACCOUNT, TOKEN, house.settings.public_origin, reached_at=origin)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())

        def noted(entry: Entry) -> None:
            kind, detail = _BREAKS[fault.when]
            if fault.what is None or entry.kind != kind or detail not in (None, entry.detail):
                return
            if fault.what in lines:
                tasks.create_task(lines[fault.what].fail(fault.how))
            else:
                engines.what, engines.how = fault.what, fault.how

        caller = ScriptedCaller([Say(kit.voice)] * 2, quiet_s=1.2, patience_s=14.0)
        placed = CarrierCall(account, caller, on_entry=noted)
        call = await rest.knows(placed).run(deadline_s=90)
        for line in lines.values():
            await line.heal()
        engines.what = None
        return await _judge(fault, call, house, direct, engines)


async def _ends(kit: Kit, rest: CarrierRest, stack: AsyncExitStack) -> dict[What, int | str]:
    """Where everything is that a line leads to: a port, or the path of a socket."""
    endpoint = await stack.enter_async_context(serve(_write))
    return {
        What.REDIS: kit.redis_url.removeprefix("unix://").partition("?")[0],
        What.DATABASE: kit.postgres.port,
        What.LLM: int(endpoint.base_url.split(":")[2].split("/")[0]),
        What.CARRIER_REST: int((await stack.enter_async_context(served(rest.app))).rsplit(":", 1)[1]),
    }


async def _write(answer: Answer) -> None:
    await answer.head()
    for word in ("Hold ", "the ", "button ", "for ", "ten ", "seconds."):
        await answer.piece(word)
    await answer.raw("data: [DONE]\n\n")


async def _open(
    kit: Kit, stack: AsyncExitStack, engines: Broken, lines: dict[What, FaultyLine], fault: Fault
) -> tuple[House, str, str]:
    """Open a service; its house, its origin, and its database's URL past the faulty line."""
    number = next(kit.numbers)
    folder = kit.folder / str(number)
    folder.mkdir()
    (folder / "agent.json").write_text(AGENT.model_dump_json())
    direct, url = f"sqlite+aiosqlite:///{folder / 'attune.db'}", None
    if fault.what is What.DATABASE:
        direct = await asyncio.to_thread(kit.postgres.create, f"fault_{number}")
        url = direct.replace(f":{kit.postgres.port}/", f":{lines[What.DATABASE].port}/")
    async with kit.opening:
        shutil.copy(await kit.migrated(), folder / "attune.db")
    writer = OpenAIWriter(base_url=f"http://127.0.0.1:{lines[What.LLM].port}/v1", model="scripted")
    stack.push_async_callback(writer.aclose)
    clips = await record(SimulatedSpeaker(), Clip)
    settings = Settings(
        data_dir=folder,
        agent_file=folder / "agent.json",
        database_url=url,
        redis_url=f"redis://127.0.0.1:{lines[What.REDIS].port}/0",
        max_loop_lag_s=60.0,
        twilio=TwilioSettings.model_validate(
            {
                "account_sid": ACCOUNT,
                "auth_token": TOKEN,
                "api_base_url": f"http://127.0.0.1:{lines[What.CARRIER_REST].port}",
            }
        ),
    )
    houses: list[House] = []
    app = create_app(
        settings, ready=houses.append, engines=Engines(kit.models, engines, engines, writer, engines, clips)
    )
    async with kit.opening:  # Alembic migrates one database of a process at a time
        origin = await stack.enter_async_context(served(app))
    return houses[0], origin, direct


async def _judge(fault: Fault, call: CallRecord, house: House, direct: str, engines: Broken) -> Told:
    silences = tuple(
        None if turn.first_sound_s is None else turn.first_sound_s - turn.last_sound_s
        for turn in call.turns
        if turn.last_sound_s is not None and not turn.talked_over
    )
    database = Database(direct)
    try:
        calls = CallRepository(database, house.tenant_id)
        async with asyncio.timeout(40):
            while True:
                found = (await calls.find(carrier_call_id=call.carrier_call_id)).calls
                if found and found[0].outcome is not None:
                    break
                await asyncio.sleep(0.1)
        written = [record for summary in found if (record := await calls.get(summary.call_id)) is not None]
        story = await calls.story(found[0].call_id, limit=5000)
        return Told(fault, call, silences, tuple(differences(call, written, story, _recognised(fault, call, engines))))
    except TimeoutError:
        return Told(fault, call, silences, ("the call is not in the database",))
    finally:
        await database.close()


def _recognised(fault: Fault, call: CallRecord, engines: Broken) -> list[str]:
    """What the caller said as far as recognition could know: with a broken recogniser only what it did return."""
    return engines.said if fault.what is What.STT else list(LINES[: len(call.turns)])


async def at_once(faults: Sequence[Fault], kit: Kit, *, many: int) -> list[Told]:
    """The fates of many faults, so many calls at once, by the names of the faults."""
    gate = asyncio.Semaphore(many)
    told: list[Told] = []

    async def one(fault: Fault) -> None:
        async with gate:
            told.append(await suffer(fault, kit))

    async with asyncio.TaskGroup() as tasks:
        for fault in faults:
            tasks.create_task(one(fault))
    return sorted(told, key=lambda one: str(one.fault))
