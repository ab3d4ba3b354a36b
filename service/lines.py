"""Builds the carriers that the settings name."""

from __future__ import annotations

from service.keys import Keys
from service.settings import LineSettings, Settings
from telephony.carrier import Carrier
from telephony.human import HumanFallback
from telephony.twilio.carrier import Twilio
from telephony.twilio.control import TwilioControl


def open_carriers(settings: Settings, keys: Keys) -> tuple[Carrier, ...]:
    """Every carrier that is set up; Twilio always, since the simulator speaks its language. Close their controls."""
    return (_twilio(settings, keys),)


def _twilio(settings: Settings, keys: Keys) -> Twilio:
    chosen = settings.twilio
    fallback = _fallback(chosen)
    previous = chosen.previous_auth_token
    tokens = (keys.twilio_auth_token, *([previous.get_secret_value()] if previous else []))
    control = None
    if chosen.auth_token is not None:
        control = TwilioControl(chosen.account_sid, keys.twilio_auth_token, fallback, chosen.api_base_url)
    return Twilio(settings.public_origin, tokens, fallback, control)


def _fallback(chosen: LineSettings) -> HumanFallback:
    return HumanFallback(chosen.human_fallback_number, chosen.human_queue)
