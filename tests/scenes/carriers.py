"""A service with every carrier set up, and the far side of each."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from telephony.simulator.any_rest import AnyRest
from telephony.simulator.caller import ScriptedCaller, Step
from telephony.simulator.dialects import (
    Dialect,
    ExotelDialect,
    GenesysDialect,
    PlivoDialect,
    TelnyxDialect,
    TwilioDialect,
    VonageDialect,
)
from telephony.simulator.loopback import served
from telephony.simulator.wire_call import WireCall, WireRecord
from tests.scenes.conftest import Opened, Stage

ORIGIN = "https://voice.example"
APPLICATION = str(uuid.uuid4())
SECRET = "a-signature-secret-of-at-least-32-bytes"
HOOK_SECRET = base64.b64encode(b"a shared secret of 32 bytes at least").decode()
NAMES = ("twilio", "telnyx", "plivo", "vonage", "exotel", "genesys")


def batched(names: Iterable[str], size: int) -> Iterator[tuple[str, ...]]:
    """Names in groups of a size."""
    rest = iter(names)
    while some := tuple(islice(rest, size)):
        yield some


@dataclass
class Lines:
    """The service and everybody who can ring it."""

    stage: Stage
    rest: AnyRest
    key: Ed25519PrivateKey

    def dialect(self, name: str) -> Dialect:
        """A new call of a carrier, from its own side."""
        makers: dict[str, Callable[[], Dialect]] = {
            "twilio": lambda: TwilioDialect(self.stage.house.keys.twilio_auth_token, ORIGIN),
            "telnyx": lambda: TelnyxDialect(self.key),
            "plivo": lambda: PlivoDialect("plivo-token", ORIGIN),
            "vonage": lambda: VonageDialect(APPLICATION, SECRET),
            "exotel": lambda: ExotelDialect("flow", "a-password"),
            "genesys": lambda: GenesysDialect("genesys-key", HOOK_SECRET, ORIGIN),
        }
        return makers[name]()

    async def together(self, calls: Mapping[str, WireCall]) -> dict[str, WireRecord]:
        """Place calls, three at a time: scenes run in real time, on small machines too."""
        told: dict[str, WireRecord] = {}
        for some in batched(calls, 3):
            async with asyncio.TaskGroup() as ringing:
                running = {name: ringing.create_task(calls[name].run(), name=name) for name in some}
            told |= {name: task.result() for name, task in running.items()}
        return told

    def call(self, dialect: Dialect, steps: Sequence[Step], *, quiet_s: float = 1.0) -> WireCall:
        """A call that is ready to be placed."""
        call = WireCall(dialect, ORIGIN, self.stage.origin, ScriptedCaller(steps, quiet_s=quiet_s))
        self.rest.knows(dialect.call_id, call.complete)
        return call


@asynccontextmanager
async def every_line(open_stage: Opened, folder: Path, **overrides: Any) -> AsyncIterator[Lines]:
    """Open the service with all carriers."""
    key = Ed25519PrivateKey.generate()
    pem = folder / "vonage.pem"
    private = generate_private_key(public_exponent=65537, key_size=2048)
    pem.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    rest = AnyRest()
    async with served(rest.app) as api:
        carriers = {
            "telnyx": {"public_key": TelnyxDialect.public_key(key), "api_key": "KEY", "api_base_url": api},
            "plivo": {"auth_id": "MA", "auth_token": "plivo-token", "api_base_url": api},
            "vonage": {
                "application_id": APPLICATION,
                "signature_secret": SECRET,
                "private_key_file": pem,
                "api_base_url": api,
            },
            "exotel": {"webhook_user": "flow", "webhook_password": "a-password"},
            "genesys": {"api_key": "genesys-key", "client_secret": HOOK_SECRET},
        }
        asked = {"public_origin": ORIGIN, "max_loop_lag_s": 5.0, **carriers, **overrides}
        async with open_stage(**asked) as stage:
            yield Lines(stage, rest, key)
