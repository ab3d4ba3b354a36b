"""The servers under measurement, each in a process of its own (started by the benchmarks)."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
from contextlib import AsyncExitStack
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from loguru import logger as pipecat_logger

from pipelines.conversation import Engines
from pipelines.models.install import locate
from pipelines.plan import OpeningHours
from pipelines.speech.clips import Clip, record
from pipelines.speech.hibari import HibariSpeaker
from pipelines.speech.llama import EmbeddedLlama
from pipelines.turns.detection import TurnModels
from service.app import create_app
from service.cli.serve import DrainingServer
from service.examples import example_agent
from service.settings import EmotionSettings, Settings
from service.wiring import House
from tests.bench.simulated import SimulatedEmotion, SimulatedRecogniser, SimulatedSpeaker, SimulatedWriter
from tests.bench.stock import Simulated, Stock, stock_app

NEVER_S = 60.0
"""Capacity is measured up to where callers hear gaps: the benchmarks let no call be refused for a late event loop."""

VARIANTS = ("attune", "attune-without-emotion", "attune-talkative", "attune-simulated", "stock", "stock-simulated")


def _brief_agent(data: Path, *, talkative: bool = False) -> Path:
    """The example agent with few words, so that a call has many turns a minute; or with long answers to cut into."""
    agent = example_agent()
    texts = [fact.text if talkative else fact.short or fact.text for fact in agent.facts]
    facts = tuple(
        fact.model_copy(update={"text": text, "next_step": None, "leads_to": None if talkative else fact.leads_to})
        for fact, text in zip(agent.facts, texts, strict=True)
    )
    notice = "I am a machine that listens to your tone."
    always = ("00:00", "24:00")
    hours = OpeningHours(weekdays=always, saturday=always, sunday=always)
    brief: dict[str, object] = {"hours": hours, "disclosure": notice, "greeting": "Hello.", "facts": facts}
    if talkative:
        brief |= {"use_llm": False, "escalation": ()}
    path = data / "agent.json"
    path.write_text(agent.model_copy(update=brief).model_dump_json())
    return path


def _settings(port: int, data: Path, *, emotion: bool = True, talkative: bool = False) -> Settings:
    return Settings(
        agent_file=_brief_agent(data, talkative=talkative),
        port=port,
        public_origin=os.environ.get("ATTUNE_PUBLIC_ORIGIN", f"http://127.0.0.1:{port}"),
        data_dir=data,
        max_calls=100,
        max_loop_lag_s=float(os.environ.get("ATTUNE_MAX_LOOP_LAG_S", NEVER_S)),
        log_level="WARNING",
        emotion=EmotionSettings() if emotion else EmotionSettings(engine="off"),
    )


async def _simulated_engines() -> Engines:
    turns = TurnModels()
    turns.warm_up()
    return Engines(
        turns,
        SimulatedRecogniser(),
        SimulatedEmotion(),
        SimulatedWriter(),
        SimulatedSpeaker(),
        await record(SimulatedSpeaker(), Clip),
    )


async def _app(variant: str, port: int, data: Path, stack: AsyncExitStack, houses: list[House]) -> FastAPI:
    match variant:
        case "attune" | "attune-without-emotion":
            return create_app(_settings(port, data, emotion=variant == "attune"), ready=houses.append)
        case "attune-talkative":
            return create_app(_settings(port, data, talkative=True), ready=houses.append)
        case "attune-simulated":
            return create_app(_settings(port, data), engines=await _simulated_engines(), ready=houses.append)
        case "stock":
            cache = Settings().models.cache_dir
            llama = EmbeddedLlama(locate("smollm2-135m", cache), threads=2, context_tokens=2048, at_once=2)
            await stack.enter_async_context(llama)
            speaker = HibariSpeaker.load(voice="heart", threads=1, at_once=2)
            return stock_app(Stock(locate("whisper-base", cache), llama.base_url, speaker))
        case "stock-simulated":
            return stock_app(Simulated())
        case _:
            raise SystemExit(f"unknown variant {variant}: one of {', '.join(VARIANTS)}")


class Probe:
    """Watches the event loop from inside: how late it wakes a sleeper of one millisecond, and its tasks."""

    def __init__(self) -> None:
        self._longest_s = 0.0

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + 0.001
            await asyncio.sleep(0.001)
            self._longest_s = max(self._longest_s, loop.time() - due)

    async def read(self) -> dict[str, float]:
        """The longest stall since the last reading in milliseconds, and the tasks of the loop."""
        longest_s, self._longest_s = self._longest_s, 0.0
        return {"stall_ms": 1000 * longest_s, "tasks": float(len(asyncio.all_tasks()))}


async def _serve(variant: str, port: int, data: Path) -> None:
    async with AsyncExitStack() as stack:
        houses: list[House] = []
        app = await _app(variant, port, data, stack, houses)
        app.state.port = port
        probe = Probe()
        app.add_api_route("/bench/probe", probe.read)
        watching = asyncio.ensure_future(probe.run())
        stack.callback(watching.cancel)
        gc.collect()
        config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)
        await DrainingServer(config, houses, float(os.environ.get("ATTUNE_DRAIN_S", 30))).serve()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    pipecat_logger.remove()
    try:
        import uvloop

        uvloop.run(_serve(options.variant, options.port, options.data))
    except ImportError:
        asyncio.run(_serve(options.variant, options.port, options.data))
