"""Exotel, set up for one installation: a `telephony.carrier.Carrier`.

Exotel follows a flow of applets and asks us at two of them: the Voicebot applet for the address of our media socket,
and a Passthru applet behind it for what comes next (200: the call is over, 302: a human). It signs nothing; the
addresses that are entered in the flow carry a name and a password.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from telephony.basic_auth import is_known
from telephony.carrier import CallTold, Document, News, Rings, StreamOver, Unclear, WebRequest
from telephony.exotel.codec import ExotelCodec
from telephony.leg import IncomingCall
from telephony.public_urls import socket_url
from telephony.webhooks import form_fields, is_form, json_fields, last_part, line_status, query_fields

NAME = "exotel"
PREFIX = f"/v1/{NAME}"
_JSON = "application/json"
_ANY = frozenset({"GET", "POST"})


class Exotel:
    """Webhooks and media of one Exotel account."""

    name = NAME
    webhooks: Mapping[str, frozenset[str]] = {"voice": _ANY, "stream-ended": _ANY, "status": _ANY}
    signs_sockets = False
    control = None

    def __init__(self, public_origin: str, logins: tuple[tuple[str, str], ...]) -> None:
        """Set it up.

        Args:
            public_origin: where Exotel reaches us.
            logins: names and passwords that the flow's addresses may carry; two while one is being rotated.
        """
        self._origin = public_origin
        self._logins = logins

    def is_genuine(self, request: WebRequest) -> bool:
        """Whether a webhook carries the name and the password."""
        return is_known(request.headers.get("authorization"), self._logins)

    def is_genuine_socket(self, request: WebRequest) -> bool:
        """Exotel proves nothing in the handshake: the token in the path has to."""
        return True

    def read(self, request: WebRequest) -> News:
        """What a webhook tells: in the query, in a form or in JSON."""
        told = dict(query_fields(request))
        if is_form(request):
            told |= dict(form_fields(request))
        else:
            told |= {name: value for name, value in json_fields(request).items() if isinstance(value, str)}
        call_id = told.get("CallSid", "")
        if not call_id:
            return Unclear("no CallSid")
        match last_part(request):
            case "voice":
                from_number = told.get("CallFrom") or told.get("From", "")
                return Rings(IncomingCall(NAME, call_id, from_number, told.get("CallTo") or told.get("To", "")))
            case "stream-ended":
                return StreamOver(call_id)
            case _:
                status = line_status(told.get("Status") or told.get("CallStatus") or told.get("EventType", ""))
                key = f"{NAME}:{call_id}:{status}"
                return CallTold(call_id, status, None, key) if status else Unclear("no Status")

    def codec(self) -> ExotelCodec:
        """The codec of a fresh socket."""
        return ExotelCodec()

    def answer(self, call: IncomingCall, call_id: str, token: str) -> Document:
        """The address of our media socket; the flow itself goes on to a human where it cannot be had."""
        return Document(json.dumps({"url": socket_url(self._origin, f"{PREFIX}/media/{token}")}), _JSON)

    def to_human(self, words: str = "") -> Document:
        """The flow's way to a human."""
        return Document("{}", _JSON, 302)

    def refuse(self, words: str) -> Document:
        """No address: the flow's way to a human decides."""
        return Document("{}", _JSON, 302)

    def hang_up(self) -> Document:
        """The flow's end."""
        return Document("{}", _JSON)

    def acknowledge(self) -> Document:
        """Nothing to do."""
        return Document("{}", _JSON)
