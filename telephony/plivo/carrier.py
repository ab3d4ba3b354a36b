"""Plivo, set up for one installation: a `telephony.carrier.Carrier`."""

from __future__ import annotations

from collections.abc import Mapping

from telephony.carrier import CallTold, Document, News, Rings, StreamOver, StreamTold, Unclear, WebRequest
from telephony.human import HumanFallback
from telephony.leg import IncomingCall
from telephony.plivo import signature, xml
from telephony.plivo.codec import PlivoCodec
from telephony.plivo.control import PlivoControl
from telephony.public_urls import public_url, socket_url
from telephony.webhooks import form_fields, last_part, line_status, query_fields

NAME = "plivo"
PREFIX = f"/v1/{NAME}"
_POST = frozenset({"POST"})


class Plivo:
    """Webhooks, documents, media and call control of one Plivo account."""

    name = NAME
    webhooks: Mapping[str, frozenset[str]] = {
        "voice": _POST,
        "status": _POST,
        "stream-status": _POST,
        "human": _POST,
    }
    signs_sockets = False

    def __init__(
        self,
        public_origin: str,
        auth_tokens: tuple[str, ...],
        fallback: HumanFallback,
        control: PlivoControl,
    ) -> None:
        """Set it up.

        Args:
            public_origin: where Plivo reaches us; signatures are checked on it.
            auth_tokens: tokens in force; two while one is being rotated.
            fallback: where callers go when the agent cannot take them.
            control: call control by REST.
        """
        self._origin = public_origin
        self._auth_tokens = auth_tokens
        self._fallback = fallback
        self.control = control

    def is_genuine(self, request: WebRequest) -> bool:
        """Whether a webhook carries the account's signature."""
        return signature.is_signed(
            request.headers.get(signature.SIGNATURE_HEADER),
            request.headers.get(signature.NONCE_HEADER),
            auth_tokens=self._auth_tokens,
            url=public_url(self._origin, request.path),
            query=query_fields(request),
            form=form_fields(request) if request.method == "POST" else (),
        )

    def is_genuine_socket(self, request: WebRequest) -> bool:
        """Plivo signs no handshake: the token in the path has to prove it."""
        return True

    def read(self, request: WebRequest) -> News:
        """What a webhook tells."""
        form = dict(form_fields(request))
        call_id = form.get("CallUUID", "")
        if not call_id:
            return Unclear("no CallUUID")
        match last_part(request):
            case "voice":
                return Rings(IncomingCall(NAME, call_id, _e164(form.get("From", "")), _e164(form.get("To", ""))))
            case "human":
                return StreamOver(call_id)
            case "stream-status":
                happened = form.get("Event", "")
                error = happened if "Failed" in happened or "Timeout" in happened else ""
                return StreamTold(call_id, error, f"{NAME}:{form.get('StreamID', '')}:{happened}")
            case _:
                status = line_status(form.get("CallStatus", ""))
                key = f"{NAME}:{call_id}:{status}"
                return CallTold(call_id, status, None, key) if status else Unclear("no CallStatus")

    def codec(self) -> PlivoCodec:
        """The codec of a fresh socket."""
        return PlivoCodec()

    def answer(self, call: IncomingCall, call_id: str, token: str) -> Document:
        """Connect the call to our media socket, then to a human."""
        return Document(
            xml.answer(
                stream_url=socket_url(self._origin, f"{PREFIX}/media/{token}"),
                status_url=public_url(self._origin, f"{PREFIX}/stream-status"),
                fallback=self._fallback,
            )
        )

    def to_human(self, words: str = "") -> Document:
        """Send the caller to a human."""
        return Document(xml.to_human(self._fallback.saying(words)))

    def refuse(self, words: str) -> Document:
        """Say why the call is not taken and hang up."""
        return Document(xml.say_and_hang_up(words))

    def hang_up(self) -> Document:
        """End the call."""
        return Document(xml.say_and_hang_up(""))

    def acknowledge(self) -> Document:
        """Nothing to do."""
        return Document("<Response/>")


def _e164(number: str) -> str:
    """Plivo leaves out the plus."""
    return f"+{number}" if number.isascii() and number.isdigit() else number
