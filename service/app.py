"""The web application: lists doors and middleware, decides nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import APIRouter, FastAPI

from dashboards import CALL_PAGE
from pipelines.conversation import Engines
from service.api.access import access_by
from service.api.agents import AgentDoor, agents_router, numbers_router
from service.api.calls import calls_router
from service.api.carriers import CarrierDoor, carriers_router
from service.api.health import health_router
from service.api.page import call_page_router
from service.api.people import PeopleDoor, audit_router, keys_router, login_router, people_router
from service.api.problems import install_problems
from service.api.rates import SourceRates
from service.api.webhooks import WebhookDoor, webhooks_router
from service.api.webrtc import WebDoor, web_router
from service.settings import Settings
from service.store.agents import AgentRepository
from service.store.answers import AnswerRepository
from service.store.audit import AuditRepository
from service.store.calls import CallRepository
from service.store.people import KeyRepository, PeopleRepository
from service.store.webhooks import WebhookRepository
from service.telemetry.metrics import Meters
from service.wiring import House, open_house
from telephony.webrtc.door import WebRtcDoor
from telephony.webrtc.leg import Patience
from telephony.webrtc.turn import IceServers


def create_app(
    settings: Settings,
    meters: Meters | None = None,
    *,
    tell: Callable[[str], None] = lambda _: None,
    ready: Callable[[House], None] = lambda _: None,
    engines: Engines | None = None,
) -> FastAPI:
    """The application; its house opens when it starts and closes when it stops.

    Args:
        settings: the settings in force.
        meters: where everything is counted; None makes its own.
        tell: told in a few words what is being done while it starts.
        ready: called once everything is open.
        engines: engines to use instead of those that the settings name.
    """
    counted = meters or Meters()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_house(settings, counted, tell=tell, engines=engines) as house:
            web = web_door(house)
            for router in doors(house, web):
                app.include_router(router)
            app.state.house = house
            ready(house)
            try:
                yield
            finally:
                house.admission.draining = True
                await web.close()

    app = FastAPI(title="Attune", lifespan=lifespan)
    install_problems(app)
    return app


def doors(house: House, web: WebDoor) -> tuple[APIRouter, ...]:
    """Every door of the house."""
    settings = house.settings
    carriers = CarrierDoor(
        carriers=house.carriers,
        tokens=house.tokens,
        admission=house.admission,
        desk=house.desk,
        meters=house.call_meters,
        seen=house.seen,
        longest_call_s=settings.longest_call_s,
        resumption=house.resumption,
    )
    access = access_by(house.front_desk)
    agents = AgentDoor(
        agents_of=partial(AgentRepository, house.database),
        answers_of=partial(AnswerRepository, house.database),
        access=access,
    )
    webhooks = WebhookDoor(
        webhooks_of=partial(WebhookRepository, house.database), guard=house.guard, seal=house.seal, access=access
    )
    people = PeopleDoor(
        desk=house.front_desk,
        passwords=house.passwords,
        people_of=partial(PeopleRepository, house.database),
        keys_of=partial(KeyRepository, house.database),
        audit_of=partial(AuditRepository, house.database),
        access=access,
    )
    return (
        carriers_router(carriers),
        web_router(web),
        calls_router(partial(CallRepository, house.database), house.board, access, house.front_desk.pseudonym),
        agents_router(agents),
        numbers_router(agents),
        webhooks_router(webhooks),
        login_router(people),
        people_router(people),
        keys_router(people),
        audit_router(people),
        health_router(
            house.meters,
            needed={"journal": house.journal.check, "admission": house.admission.check},
            wanted={"database": house.database.check, "redis": house.board.check},
        ),
        call_page_router(CALL_PAGE),
    )


def web_door(house: House) -> WebDoor:
    """The web calls' door."""
    web = house.settings.webrtc
    ice_servers = IceServers(
        web.ice_servers,
        secret=web.turn_secret.get_secret_value() if web.turn_secret else None,
        ttl_s=web.turn_ttl_s,
        username=web.turn_username,
        credential=web.turn_credential.get_secret_value() if web.turn_credential else None,
    )
    return WebDoor(
        door=WebRtcDoor(ice_servers, Patience(grace_s=web.grace_s), on_ignored=house.call_meters.ignored_message),
        ice_servers=ice_servers,
        join_token_s=web.join_token_s,
        grace_s=web.grace_s,
        rates=SourceRates(web.requests_per_minute),
        default_number=house.settings.default_number,
        tokens=house.tokens,
        admission=house.admission,
        desk=house.desk,
        meters=house.call_meters,
    )
