"""Every carrier's codec by its name, for the tests that ask the same of all."""

from __future__ import annotations

from collections.abc import Callable

from telephony.carrier import CarrierCodec
from telephony.twilio.codec import TwilioCodec

CODECS: dict[str, Callable[[], CarrierCodec]] = {"twilio": TwilioCodec}
