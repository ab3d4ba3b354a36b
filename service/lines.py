"""Builds the carriers that the settings name."""

from __future__ import annotations

from dataclasses import replace

from pydantic import SecretStr

from service.keys import Keys
from service.settings import LineSettings, Settings
from telephony.asterisk.carrier import Asterisk
from telephony.carrier import Carrier
from telephony.exotel.carrier import Exotel
from telephony.genesys.carrier import Genesys
from telephony.genesys.signature import Client
from telephony.human import HumanFallback
from telephony.plivo.carrier import PREFIX as PLIVO_PREFIX
from telephony.plivo.carrier import Plivo
from telephony.plivo.control import PlivoControl
from telephony.public_urls import public_url
from telephony.telnyx.carrier import Telnyx
from telephony.telnyx.control import TelnyxControl
from telephony.telnyx.signature import public_key
from telephony.twilio.carrier import Twilio
from telephony.twilio.control import TwilioControl
from telephony.vonage.carrier import Vonage
from telephony.vonage.control import VonageControl


def open_carriers(settings: Settings, keys: Keys) -> tuple[Carrier, ...]:
    """Every carrier that is set up; Twilio always, since the simulator speaks its language. Close their controls.

    Raises:
        ValueError: a key of a carrier is not what its portal shows.
        OSError: a key file cannot be read.
    """
    wanted = (_asterisk, _telnyx, _plivo, _vonage, _exotel, _genesys)
    others = [build(settings) for build in wanted]
    return (_twilio(settings, keys), *(carrier for carrier in others if carrier is not None))


def _twilio(settings: Settings, keys: Keys) -> Twilio:
    chosen = settings.twilio
    fallback = replace(_fallback(chosen), wait_url=public_url(settings.public_origin, "/v1/twilio/waiting"))
    tokens = (keys.twilio_auth_token, *_secrets(chosen.previous_auth_token))
    control = None
    if chosen.auth_token is not None:
        control = TwilioControl(chosen.account_sid, keys.twilio_auth_token, fallback, chosen.api_base_url)
    return Twilio(settings.public_origin, tokens, fallback, control)


def _asterisk(settings: Settings) -> Asterisk | None:
    chosen = settings.asterisk
    passwords = {name: password.get_secret_value() for name, password in chosen.credentials.items()}
    return Asterisk(passwords, chosen.human_place) if passwords else None


def _telnyx(settings: Settings) -> Telnyx | None:
    chosen = settings.telnyx
    if chosen.public_key is None or chosen.api_key is None:
        return None
    fallback = _fallback(chosen)
    keys = tuple(public_key(key) for key in (chosen.public_key, chosen.previous_public_key) if key is not None)
    control = TelnyxControl(chosen.api_key.get_secret_value(), fallback, chosen.api_base_url)
    return Telnyx(settings.public_origin, keys, fallback, control)


def _plivo(settings: Settings) -> Plivo | None:
    chosen = settings.plivo
    if chosen.auth_id is None or chosen.auth_token is None:
        return None
    human_url = public_url(settings.public_origin, f"{PLIVO_PREFIX}/human")
    control = PlivoControl(chosen.auth_id, chosen.auth_token.get_secret_value(), human_url, chosen.api_base_url)
    tokens = _secrets(chosen.auth_token, chosen.previous_auth_token)
    return Plivo(settings.public_origin, tokens, _fallback(chosen), control)


def _vonage(settings: Settings) -> Vonage | None:
    chosen = settings.vonage
    if chosen.application_id is None or chosen.signature_secret is None or chosen.private_key_file is None:
        return None
    fallback = _fallback(chosen)
    private_key = chosen.private_key_file.read_text("utf-8")
    control = VonageControl(chosen.application_id, private_key, fallback, chosen.api_base_url)
    secrets = _secrets(chosen.signature_secret, chosen.previous_signature_secret)
    return Vonage(settings.public_origin, chosen.application_id, secrets, fallback, control)


def _exotel(settings: Settings) -> Exotel | None:
    chosen = settings.exotel
    if chosen.webhook_user is None or chosen.webhook_password is None:
        return None
    passwords = _secrets(chosen.webhook_password, chosen.previous_webhook_password)
    return Exotel(settings.public_origin, tuple((chosen.webhook_user, password) for password in passwords))


def _genesys(settings: Settings) -> Genesys | None:
    chosen = settings.genesys
    if chosen.api_key is None or chosen.client_secret is None:
        return None
    key = chosen.api_key.get_secret_value()
    secrets = _secrets(chosen.client_secret, chosen.previous_client_secret)
    return Genesys(settings.public_origin, tuple(Client(key, secret) for secret in secrets))


def _fallback(chosen: LineSettings) -> HumanFallback:
    return HumanFallback(chosen.human_fallback_number, chosen.human_queue)


def _secrets(*secrets: SecretStr | None) -> tuple[str, ...]:
    return tuple(secret.get_secret_value() for secret in secrets if secret is not None)
