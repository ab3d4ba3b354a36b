"""The only file that chooses concrete classes and owns their lifetimes."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from pipelines.conversation import Engines, rehearse
from pipelines.plan import Agent
from pipelines.speech.clips import record
from service.calls.admission import Admission
from service.calls.desk import Desk
from service.calls.journal import Journal
from service.calls.live_board import LiveBoard
from service.calls.load import Load
from service.calls.meters import CallMeters
from service.calls.resume import Resumption
from service.calls.tidy import Tidy
from service.engines import open_engines
from service.examples import example_agent
from service.keys import Keys, keys_in_force
from service.lines import open_carriers
from service.outgoing.courier import Courier
from service.outgoing.guard import Guard
from service.outgoing.seal import Seal
from service.people.front_desk import FrontDesk
from service.people.passwords import Passwords
from service.settings import Settings
from service.store.calls import CallRepository
from service.store.database import Database
from service.store.people import Doors
from service.store.seen import Seen
from service.store.tenants import TenantRepository
from service.store.valkey import EmbeddedValkey
from service.store.webhooks import Outbox
from service.telemetry.loop_lag import watch_loop_lag
from service.telemetry.metrics import Meters
from telephony.carrier import Carrier
from telephony.tokens import TokenBook


@dataclass(frozen=True, slots=True)
class House:
    """Everything that lives as long as the process serves."""

    settings: Settings
    keys: Keys
    database: Database
    journal: Journal
    board: LiveBoard
    meters: Meters
    call_meters: CallMeters
    tokens: TokenBook
    admission: Admission
    desk: Desk
    carriers: tuple[Carrier, ...]
    resumption: Resumption
    seen: Seen
    valkey: EmbeddedValkey | None
    tenant_id: str
    front_desk: FrontDesk
    guard: Guard
    seal: Seal
    passwords: Passwords


@asynccontextmanager
async def open_house(
    settings: Settings, meters: Meters, *, tell: Callable[[str], None], engines: Engines | None = None
) -> AsyncIterator[House]:
    """Open everything in order and close it in the opposite order.

    Args:
        settings: the settings in force.
        meters: where everything is counted.
        tell: told in a few words what is being done.
        engines: engines to use instead of those that the settings name (benchmarks, tests).

    Raises:
        ModelAbsent: a model is not installed.
        DatabaseAway: the database cannot be reached.
        ValkeyFailed: the embedded Valkey does not start.
    """
    async with AsyncExitStack() as stack:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        keys = keys_in_force(settings, make=True)
        tell("bringing the database up to date")
        database = Database(settings.database)
        stack.push_async_callback(database.close)
        await database.migrate()
        valkey, redis_url = None, settings.redis_url
        if redis_url is None:
            valkey = await stack.enter_async_context(EmbeddedValkey(settings.data_dir / "valkey"))
            redis_url = valkey.url
        journal = await stack.enter_async_context(
            Journal(settings.data_dir / "journal", partial(CallRepository, database), meters)
        )
        board = await stack.enter_async_context(LiveBoard(redis_url, meters, settings.conversation_state_s))
        tenants = TenantRepository(database)
        agent = _agent(settings)
        tenant_id, _ = await tenants.ensure_example(agent, settings.default_number)
        call_meters = CallMeters(meters)
        if engines is None:
            engines = await stack.enter_async_context(open_engines(settings, tell, call_meters.engine))
        tell("recording the disclosure and the greeting")
        spoken = await record(engines.speaker, (agent.disclosure, agent.greeting))
        engines = replace(engines, clips={**engines.clips, **spoken})
        await asyncio.to_thread(rehearse, agent)
        lag = await stack.enter_async_context(watch_loop_lag(meters))
        admission = Admission(
            tenants,
            journal,
            max_calls=settings.max_calls,
            analyse_emotion=settings.emotion.engine != "off",
            load=Load(settings.max_loop_lag_s),
            lag_s=lambda: lag.strain_s,
        )
        carriers = open_carriers(settings, keys)
        for carrier in carriers:
            if carrier.control is not None:
                stack.push_async_callback(carrier.control.close)
        seen = Seen(redis_url)
        stack.push_async_callback(seen.close)
        guard, seal = Guard(allowed=settings.outgoing_networks), Seal(bytes.fromhex(keys.token_key))
        await stack.enter_async_context(Courier(Outbox(database), guard, seal, meters).at_work())
        tidy = Tidy()
        await stack.enter_async_context(tidy.kept())
        _leave_models_out_of_collections()
        yield House(
            settings=settings,
            keys=keys,
            database=database,
            journal=journal,
            board=board,
            meters=meters,
            call_meters=call_meters,
            tokens=TokenBook(bytes.fromhex(keys.token_key)),
            admission=admission,
            desk=Desk(engines, journal, board, call_meters, tidy),
            carriers=carriers,
            resumption=Resumption(journal, database, board, tenants, admission),
            seen=seen,
            valkey=valkey,
            tenant_id=tenant_id,
            guard=guard,
            seal=seal,
            front_desk=FrontDesk(
                Doors(database),
                passwords := Passwords(),
                bytes.fromhex(keys.token_key),
                installation=(keys.api_token, tenant_id),
            ),
            passwords=passwords,
        )


def _leave_models_out_of_collections() -> None:
    """Keep garbage collections short: a full one stops the loop for 0.1 s once models are loaded.

    The second collection makes the collector forget how much it has seen before; else it would wait for a quarter of
    that much garbage, some forty calls, before it frees what ended calls leave behind.
    """
    gc.collect()
    gc.freeze()
    gc.collect()


def _agent(settings: Settings) -> Agent:
    if settings.agent_file is None:
        return example_agent()
    return Agent.model_validate_json(settings.agent_file.read_text())
