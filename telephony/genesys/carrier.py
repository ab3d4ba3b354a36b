"""Genesys AudioHook, set up for one installation: a `telephony.carrier.Carrier`.

There is no webhook: the flow connects its media socket to us, the signed handshake proves it, and the first message
says who calls. When we disconnect, the flow goes on and reads in `attune_next` whether a human has to follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from telephony.carrier import Document, News, Unclear, WebRequest
from telephony.genesys import signature
from telephony.genesys.codec import NAME, GenesysCodec
from telephony.genesys.signature import Client
from telephony.leg import IncomingCall


class Genesys:
    """Media of one Genesys Cloud organization."""

    name = NAME
    webhooks: Mapping[str, frozenset[str]] = {}
    signs_sockets = True
    control = None

    def __init__(self, public_origin: str, clients: tuple[Client, ...]) -> None:
        """Set it up.

        Args:
            public_origin: where Genesys reaches us.
            clients: keys and secrets in force; two while one is being rotated.

        Raises:
            ValueError: a secret is not base64.
        """
        self._authority = urlsplit(public_origin).netloc.lower()
        for client in clients:
            signature.sign(client.secret, "")
        self._clients = clients

    def is_genuine(self, request: WebRequest) -> bool:
        """There are no webhooks."""
        return False

    def is_genuine_socket(self, request: WebRequest) -> bool:
        """Whether the handshake carries the key and a good, fresh signature."""
        return signature.is_signed(
            request.headers,
            clients=self._clients,
            target=request.path + (f"?{request.query}" if request.query else ""),
            authority=self._authority,
            now_s=request.now_s,
        )

    def read(self, request: WebRequest) -> News:
        """There are no webhooks."""
        return Unclear("no webhooks")

    def codec(self) -> GenesysCodec:
        """The codec of a fresh socket."""
        return GenesysCodec()

    def answer(self, call: IncomingCall, call_id: str, token: str) -> Document:
        """There are no webhooks."""
        return self.acknowledge()

    def to_human(self, words: str = "") -> Document:
        """There are no webhooks."""
        return self.acknowledge()

    def refuse(self, words: str) -> Document:
        """There are no webhooks."""
        return self.acknowledge()

    def hang_up(self) -> Document:
        """There are no webhooks."""
        return self.acknowledge()

    def acknowledge(self) -> Document:
        """There are no webhooks."""
        return Document("")
