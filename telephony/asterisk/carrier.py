"""Asterisk as a `telephony.carrier.Carrier`: SIP trunks and on-premises exchanges.

There is no webhook before the call: the dialplan dials our media socket, and the socket rings. Its handshake carries
the name and password of the trunk (HTTP Basic); without them nobody is let in. When the socket is closed the dialplan
goes on (`Dial` with option `g`) and asks `/v1/asterisk/next?call=...`, with the same name and password, what the caller
needs: the answer is `hangup`, `again` and a token where a lost call goes on, or the name of a place where humans are.
No answer means humans.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping

from telephony.asterisk.codec import NAME, AsteriskCodec
from telephony.carrier import CallControl, Document, News, StreamOver, Unclear, WebRequest
from telephony.leg import IncomingCall
from telephony.webhooks import last_part, query_fields

HANG_UP = "hangup"
AGAIN = "again"
_TEXT = "text/plain"


class Asterisk:
    """The exchanges that may send us calls."""

    name = NAME
    webhooks: Mapping[str, frozenset[str]] = {"next": frozenset({"GET"})}
    signs_sockets = True
    control: CallControl | None = None

    def __init__(self, credentials: Mapping[str, str], humans: str = "support") -> None:
        """Set it up.

        Args:
            credentials: passwords by name, one for each exchange or trunk; none: nobody is let in.
            humans: the dialplan's place (extension of `attune-human`) for callers whom the agent leaves.

        Raises:
            ValueError: a name or a password that Basic authentication cannot carry, or an empty one.
        """
        if any(not name or ":" in name or not password for name, password in credentials.items()):
            raise ValueError("an exchange's credential needs a name without a colon and a password")
        self._logins = [_login(name, password) for name, password in credentials.items()]
        self._humans = humans

    def is_genuine(self, request: WebRequest) -> bool:
        """Whether one of the exchanges asks."""
        return self._knows(request)

    def is_genuine_socket(self, request: WebRequest) -> bool:
        """Whether one of the exchanges connects."""
        return self._knows(request)

    def _knows(self, request: WebRequest) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        proof = given.strip().encode("utf-8", "surrogatepass")
        known = [hmac.compare_digest(proof, login) for login in self._logins]
        return scheme.lower() == "basic" and any(known)

    def read(self, request: WebRequest) -> News:
        """The dialplan goes on."""
        call_id = dict(query_fields(request)).get("call", "")
        return StreamOver(call_id) if call_id and last_part(request) == "next" else Unclear("no call")

    def codec(self) -> AsteriskCodec:
        """The codec of a fresh socket."""
        return AsteriskCodec()

    def answer(self, call: IncomingCall, call_id: str, token: str) -> Document:
        """Dial the media socket again with this token: the call was lost and goes on."""
        return Document(f"{AGAIN} {token}", _TEXT)

    def to_human(self, words: str = "") -> Document:
        """The place where humans are; the dialplan says its own words."""
        return Document(self._humans, _TEXT)

    def refuse(self, words: str) -> Document:
        """End the call."""
        return Document(HANG_UP, _TEXT)

    def hang_up(self) -> Document:
        """End the call."""
        return Document(HANG_UP, _TEXT)

    def acknowledge(self) -> Document:
        """Nothing to do."""
        return Document("", _TEXT)


def _login(name: str, password: str) -> bytes:
    return base64.b64encode(f"{name}:{password}".encode())
