"""Telnyx (TeXML), set up for one installation: a `telephony.carrier.Carrier`."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from telephony.bounded_json import BadField, Fields, get_object, get_text
from telephony.carrier import CallTold, Document, News, Rings, StreamTold, Unclear, WebRequest
from telephony.human import HumanFallback
from telephony.leg import IncomingCall
from telephony.public_urls import socket_url
from telephony.telnyx import signature, texml
from telephony.telnyx.codec import TelnyxCodec
from telephony.telnyx.control import TelnyxControl
from telephony.webhooks import form_fields, is_form, json_fields, last_part, line_status

NAME = "telnyx"
PREFIX = f"/v1/{NAME}"
_POST = frozenset({"POST"})


class Telnyx:
    """Webhooks, documents, media and call control of one Telnyx account."""

    name = NAME
    webhooks: Mapping[str, frozenset[str]] = {"voice": _POST, "status": _POST}
    signs_sockets = False

    def __init__(
        self,
        public_origin: str,
        keys: tuple[Ed25519PublicKey, ...],
        fallback: HumanFallback,
        control: TelnyxControl,
    ) -> None:
        """Set it up.

        Args:
            public_origin: where Telnyx reaches us.
            keys: public keys of the account in force; two while one is being rotated.
            fallback: where callers go when the agent cannot take them.
            control: call control by REST.
        """
        self._origin = public_origin
        self._keys = keys
        self._fallback = fallback
        self.control = control

    def is_genuine(self, request: WebRequest) -> bool:
        """Whether a webhook carries a good and fresh signature."""
        return signature.is_signed(
            request.headers.get(signature.SIGNATURE_HEADER),
            request.headers.get(signature.TIMESTAMP_HEADER),
            keys=self._keys,
            body=request.body,
            now_s=request.now_s,
        )

    def is_genuine_socket(self, request: WebRequest) -> bool:
        """Telnyx signs no handshake: the token in the path has to prove it."""
        return True

    def read(self, request: WebRequest) -> News:
        """What a webhook tells: TeXML's forms, or events in JSON."""
        if not is_form(request):
            try:
                return _event(get_object(json_fields(request), "data"))
            except BadField as bad:
                return Unclear(f"no {bad}")
        form = dict(form_fields(request))
        call_id = form.get("CallControlId") or form.get("CallSid", "")
        if not call_id:
            return Unclear("no CallSid")
        if last_part(request) == "voice":
            return Rings(IncomingCall(NAME, call_id, form.get("From", ""), form.get("To", "")))
        status = line_status(form.get("CallStatus", ""))
        return CallTold(call_id, status, None, f"{NAME}:{call_id}:{status}") if status else Unclear("no CallStatus")

    def codec(self) -> TelnyxCodec:
        """The codec of a fresh socket."""
        return TelnyxCodec()

    def answer(self, call: IncomingCall, call_id: str, token: str) -> Document:
        """Connect the call to our media socket, then to a human."""
        url = socket_url(self._origin, f"{PREFIX}/media/{token}")
        return Document(texml.answer(stream_url=url, name=call_id, fallback=self._fallback))

    def to_human(self, words: str = "") -> Document:
        """Send the caller to a human."""
        return Document(texml.to_human(self._fallback.saying(words)))

    def refuse(self, words: str) -> Document:
        """Say why the call is not taken and hang up."""
        return Document(texml.say_and_hang_up(words))

    def hang_up(self) -> Document:
        """End the call."""
        return Document(texml.say_and_hang_up(""))

    def acknowledge(self) -> Document:
        """Nothing to do."""
        return Document("<Response/>")


def _event(data: Fields) -> News:
    """An event of Telnyx's call control: `{"data": {"event_type", "id", "payload"}}`."""
    kind, event_id, payload = get_text(data, "event_type"), get_text(data, "id"), get_object(data, "payload")
    call_id = get_text(payload, "call_control_id")
    key = f"{NAME}:{event_id}"
    if kind.startswith("streaming."):
        return StreamTold(call_id, kind if kind == "streaming.failed" else "", key)
    status = line_status(kind.removeprefix("call."))
    return CallTold(call_id, status, None, key) if status else Unclear("another event")
