"""Vonage (Voice API), set up for one installation: a `telephony.carrier.Carrier`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from telephony.bounded_json import BadField, Fields, get_text
from telephony.carrier import CallTold, Document, News, Rings, StreamOver, StreamTold, Unclear, WebRequest
from telephony.human import HumanFallback
from telephony.leg import IncomingCall
from telephony.public_urls import public_url, socket_url
from telephony.vonage import ncco, signature
from telephony.vonage.codec import VonageCodec
from telephony.vonage.control import VonageControl
from telephony.webhooks import json_fields, last_part, line_status, query_fields

NAME = "vonage"
PREFIX = f"/v1/{NAME}"
_JSON = "application/json"
_OVER = frozenset({"completed", "disconnected", "failed", "rejected", "busy", "timeout", "unanswered", "cancelled"})
"""What Vonage says of the media's leg when it is over."""


class Vonage:
    """Webhooks, documents, media and call control of one Vonage application."""

    name = NAME
    webhooks: Mapping[str, frozenset[str]] = {
        "voice": frozenset({"GET", "POST"}),
        "status": frozenset({"POST"}),
        "stream-ended": frozenset({"POST"}),
    }
    signs_sockets = False

    def __init__(
        self,
        public_origin: str,
        application_id: str,
        secrets: tuple[str, ...],
        fallback: HumanFallback,
        control: VonageControl,
    ) -> None:
        """Set it up.

        Args:
            public_origin: where Vonage reaches us.
            application_id: whose webhooks are accepted.
            secrets: signature secrets in force; two while one is being rotated.
            fallback: where callers go when the agent cannot take them.
            control: call control by REST.
        """
        self._origin = public_origin
        self._application_id = application_id
        self._secrets = secrets
        self._fallback = fallback
        self.control = control

    def is_genuine(self, request: WebRequest) -> bool:
        """Whether a webhook carries a good and fresh token."""
        return signature.is_signed(
            request.headers.get("authorization"),
            secrets=self._secrets,
            application_id=self._application_id,
            body=request.body,
            now_s=request.now_s,
        )

    def is_genuine_socket(self, request: WebRequest) -> bool:
        """Vonage signs no handshake: the token in the first message has to prove it."""
        return True

    def read(self, request: WebRequest) -> News:
        """What a webhook tells."""
        try:
            return self._read(request)
        except BadField as bad:
            return Unclear(f"no {bad}")

    def _read(self, request: WebRequest) -> News:
        asked = dict(query_fields(request))
        fields: Fields = {**asked, **json_fields(request)}
        match last_part(request):
            case "voice":
                numbers = _e164(get_text({"from": "", **fields}, "from")), _e164(get_text(fields, "to"))
                return Rings(IncomingCall(NAME, get_text(fields, "uuid"), *numbers))
            case "stream-ended":
                call_id = asked.get("call", "")
                status = get_text(fields, "status")
                if not call_id:
                    return Unclear("no call")
                return StreamOver(call_id) if status in _OVER else StreamTold(call_id, "", f"{NAME}:{call_id}:{status}")
            case _:
                call_id, word = get_text(fields, "uuid"), get_text(fields, "status")
                moved = line_status(word)
                key = f"{NAME}:{call_id}:{word}:{fields.get('timestamp', '')}"
                return CallTold(call_id, moved, None, key) if moved else Unclear("another status")

    def codec(self) -> VonageCodec:
        """The codec of a fresh socket."""
        return VonageCodec()

    def answer(self, call: IncomingCall, call_id: str, token: str) -> Document:
        """Connect the call to our media socket; if that cannot be had, to a human."""
        query = f"call={quote(call.carrier_call_id, safe='')}"
        return _json(
            ncco.answer(
                stream_url=socket_url(self._origin, f"{PREFIX}/media"),
                token=token,
                carrier_call_id=call.carrier_call_id,
                ended_url=public_url(self._origin, f"{PREFIX}/stream-ended", query),
                fallback=self._fallback,
            )
        )

    def to_human(self, words: str = "") -> Document:
        """Send the caller to a human."""
        return _json(ncco.to_human(self._fallback.saying(words)))

    def refuse(self, words: str) -> Document:
        """Say why the call is not taken; the call ends with the document."""
        return _json(ncco.say(words))

    def hang_up(self) -> Document:
        """End the call: there is nothing more to do."""
        return _json(ncco.say(""))

    def acknowledge(self) -> Document:
        """Nothing to do; an empty document would end the call."""
        return Document("", _JSON, 204)


def _json(text: str) -> Document:
    return Document(text, _JSON)


def _e164(number: str) -> str:
    """Vonage leaves out the plus."""
    return f"+{number}" if number.isascii() and number.isdigit() else number
