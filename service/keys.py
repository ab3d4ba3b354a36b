"""The keys that a fresh installation makes for itself, kept in one file that only its owner can read."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys in force.

    Attributes:
        twilio_auth_token: signs Twilio's webhooks; a made-up one serves the carrier simulator.
        api_token: bearer token of the API.
        token_key: signs stream and join tokens, hex.
    """

    twilio_auth_token: str
    api_token: str
    token_key: str


def key_file(settings: Settings) -> Path:
    """Where the keys are kept."""
    return settings.data_dir / "secrets.json"


def keys_in_force(settings: Settings, *, make: bool) -> Keys:
    """Keys from the settings, then from the file; what is missing is made and kept.

    Args:
        settings: explicit keys win over the file.
        make: whether missing keys may be made (the service does, its clients do not).

    Raises:
        FileNotFoundError: keys are missing and may not be made: the service has never been started here.
    """
    path = key_file(settings)
    kept = json.loads(path.read_text()) if path.exists() else {}
    names = ("twilio_auth_token", "api_token", "token_key")
    if make and not all(name in kept for name in names):
        kept = {name: kept.get(name) or secrets.token_hex(32 if name == "token_key" else 16) for name in names}
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(kept, file, indent=2)
    given_twilio, given_api = settings.twilio.auth_token, settings.api_token
    if not kept and not (given_twilio and given_api):
        raise FileNotFoundError(f"{path} is not there yet: start the service once with `make run`")
    return Keys(
        twilio_auth_token=given_twilio.get_secret_value() if given_twilio else kept["twilio_auth_token"],
        api_token=given_api.get_secret_value() if given_api else kept["api_token"],
        token_key=kept.get("token_key", ""),
    )
