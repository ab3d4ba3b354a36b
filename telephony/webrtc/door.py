"""Answers the first offer of a web call. Whoever may offer has been checked before."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from pipecat.transports.smallwebrtc.connection import IceServer

from telephony.webrtc.leg import Answer, Patience, WebRtcLeg
from telephony.webrtc.turn import IceServers


class WebRtcDoor:
    """Opens legs and closes what is left of them."""

    def __init__(
        self,
        ice_servers: IceServers | None = None,
        patience: Patience | None = None,
        *,
        on_ignored: Callable[[], None] = lambda: None,
    ) -> None:
        """Create the door.

        Args:
            ice_servers: STUN and TURN, for our own side too.
            patience: how long the legs wait for what.
            on_ignored: counts messages of pages that were left aside.
        """
        self._ice_servers = ice_servers or IceServers()
        self._patience = patience
        self._on_ignored = on_ignored
        self._legs: set[WebRtcLeg] = set()

    async def offer(self, sdp: str, kind: str, on_leg: Callable[[WebRtcLeg], Awaitable[None]]) -> Answer:
        """Answer the first offer of a call.

        Args:
            sdp: the browser's session description.
            kind: 'offer'.
            on_leg: gets the new leg before the answer goes out; it starts the call and returns at once.

        Raises:
            BadOffer: not a usable offer of an audio call.
        """
        access = self._ice_servers.access_for("attune", time.time())
        servers = [IceServer(urls=one.url, username=one.username, credential=one.credential) for one in access]
        leg = WebRtcLeg(servers, self._patience, on_ignored=self._on_ignored)
        try:
            answer = await leg.accept(sdp, kind)
        except BaseException:
            await leg.hang_up()
            raise
        self._legs = {known for known in self._legs if not known.is_over} | {leg}
        await on_leg(leg)
        return answer

    async def close(self) -> None:
        """Hang up whatever is still open."""
        for leg in list(self._legs):
            await leg.hang_up()
        self._legs.clear()
