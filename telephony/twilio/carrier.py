"""Twilio, set up for one installation: a `telephony.carrier.Carrier`."""

from __future__ import annotations

from collections.abc import Mapping

from telephony.carrier import (
    Asks,
    CallTold,
    Document,
    News,
    Rings,
    StreamOver,
    StreamTold,
    Unclear,
    WebRequest,
)
from telephony.human import HumanFallback
from telephony.leg import IncomingCall
from telephony.public_urls import public_url, socket_url
from telephony.twilio import signature, twiml
from telephony.twilio.codec import TwilioCodec
from telephony.twilio.control import TwilioControl
from telephony.webhooks import a_number, form_fields, is_form, last_part, line_status

NAME = "twilio"
PREFIX = f"/v1/{NAME}"
_POST = frozenset({"POST"})
_RETRY_KEY = "i-twilio-idempotency-token"
"""Header with the same value for every delivery of one webhook."""


class Twilio:
    """Webhooks, documents, media and call control of one Twilio account."""

    name = NAME
    webhooks: Mapping[str, frozenset[str]] = {
        "voice": _POST,
        "stream-ended": _POST,
        "status": _POST,
        "stream-status": _POST,
        "waiting": _POST,
    }
    signs_sockets = True

    def __init__(
        self,
        public_origin: str,
        auth_tokens: tuple[str, ...],
        fallback: HumanFallback,
        control: TwilioControl | None = None,
    ) -> None:
        """Set it up.

        Args:
            public_origin: where Twilio reaches us; signatures are checked on it.
            auth_tokens: tokens in force; two while one is being rotated.
            fallback: where callers go when the agent cannot take them.
            control: call control by REST; None without an account.
        """
        self._origin = public_origin
        self._auth_tokens = auth_tokens
        self._fallback = fallback
        self.control = control

    def is_genuine(self, request: WebRequest) -> bool:
        """Whether a webhook carries the account's signature."""
        given = request.headers.get(signature.HEADER.lower())
        url = public_url(self._origin, request.path, request.query)
        if is_form(request) or not request.body:
            return signature.is_signed_form(given, auth_tokens=self._auth_tokens, url=url, form=form_fields(request))
        return signature.is_signed_body(given, auth_tokens=self._auth_tokens, url=url, body=request.body)

    def is_genuine_socket(self, request: WebRequest) -> bool:
        """Whether the handshake carries the account's signature."""
        return signature.is_signed_handshake(
            request.headers.get(signature.HEADER.lower()),
            auth_tokens=self._auth_tokens,
            public_origin=self._origin,
            path=request.path,
        )

    def read(self, request: WebRequest) -> News:
        """What a webhook tells."""
        form = dict(form_fields(request))
        call_id = form.get("CallSid", "")
        if not call_id:
            return Unclear("no CallSid")
        match last_part(request):
            case "voice":
                return Rings(IncomingCall(NAME, call_id, form.get("From", ""), form.get("To", "")))
            case "waiting":
                place, average_s = a_number(form.get("QueuePosition", "")), a_number(form.get("AvgQueueTime", ""))
                return Asks(Document(twiml.waiting(place, average_s)))
            case "stream-ended":
                return StreamOver(call_id)
            case "stream-status":
                happened = form.get("StreamEvent", "")
                error = form.get("StreamError", "unknown") if happened == "stream-error" else ""
                key = request.headers.get(_RETRY_KEY) or f"{form.get('StreamSid', '')}:{happened}"
                return StreamTold(call_id, error, f"{NAME}:{key}")
            case _:
                status = line_status(form.get("CallStatus", ""))
                if status is None:
                    return Unclear("no CallStatus")
                order = a_number(form.get("SequenceNumber", ""))
                return CallTold(call_id, status, order, f"{NAME}:{call_id}:{order}:{status}")

    def codec(self) -> TwilioCodec:
        """The codec of a fresh socket."""
        return TwilioCodec()

    def answer(self, call: IncomingCall, call_id: str, token: str) -> Document:
        """Connect the call to our media socket; if that cannot be had, to a human."""
        return Document(
            twiml.answer(
                stream_url=socket_url(self._origin, f"{PREFIX}/media"),
                token=token,
                name=call_id,
                ended_url=public_url(self._origin, f"{PREFIX}/stream-ended"),
                status_url=public_url(self._origin, f"{PREFIX}/stream-status"),
                fallback=self._fallback,
            )
        )

    def to_human(self, words: str = "") -> Document:
        """Send the caller to a human."""
        return Document(twiml.to_human(self._fallback, words))

    def refuse(self, words: str) -> Document:
        """Say why the call is not taken and hang up."""
        return Document(twiml.refused(words))

    def hang_up(self) -> Document:
        """End the call."""
        return Document(twiml.hang_up())

    def acknowledge(self) -> Document:
        """Nothing to do."""
        return Document("<Response/>")
