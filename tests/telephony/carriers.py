"""Every carrier's codec by its name, for the tests that ask the same of all."""

from __future__ import annotations

from collections.abc import Callable

from telephony.asterisk.codec import AsteriskCodec
from telephony.carrier import CarrierCodec
from telephony.exotel.codec import ExotelCodec
from telephony.genesys.codec import GenesysCodec
from telephony.plivo.codec import PlivoCodec
from telephony.telnyx.codec import TelnyxCodec
from telephony.twilio.codec import TwilioCodec
from telephony.vonage.codec import VonageCodec

CODECS: dict[str, Callable[[], CarrierCodec]] = {
    "twilio": TwilioCodec,
    "telnyx": TelnyxCodec,
    "plivo": PlivoCodec,
    "vonage": VonageCodec,
    "exotel": ExotelCodec,
    "genesys": GenesysCodec,
    "asterisk": AsteriskCodec,
}
