"""One call from the first sound to the last: the first file to read.

The desk opens the call's record, brings the caller's leg and the conversation together, and holds them until one of
them ends. Hanging up is cancellation: when the block in `hold` is left, nothing of the call is running any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, assert_never

from pipelines.conversation import Conversation, Engines, Line
from pipelines.events import AgentSpoke, Escalated, Event, FarewellSaid
from pipelines.speech.clips import Clip
from service.calls.admission import Admitted
from service.calls.hours import humans_in
from service.calls.journal import Journal
from service.calls.live_board import LiveBoard
from service.calls.meters import CallMeters
from service.calls.tidy import Tidy
from service.domain.calls import Outcome
from telephony.leg import LOST, CallLeg

log = logging.getLogger(__name__)

LAST_WORDS_S = 8.0
"""Longest wait for the last words to reach the ear before the line is let go."""


class CallOver(Exception):
    """The call came to its end; leaves the call's TaskGroup and takes everything with it."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


class CallListener(Protocol):
    """Keeps or shows one call's events until it is closed."""

    def tell(self, event: Event) -> None:
        """Take one event; never blocks, never raises."""
        ...

    async def close(self, outcome: Outcome, reason: str) -> None:
        """The call is over; returns when nothing of it can be lost any more."""
        ...


@dataclass(frozen=True, slots=True)
class _Held:
    """A call that is being held."""

    talk: Conversation
    leg: CallLeg


class Desk:
    """Holds every call of the process."""

    def __init__(self, engines: Engines, journal: Journal, board: LiveBoard, meters: CallMeters, tidy: Tidy) -> None:
        self._engines = engines
        self._journal = journal
        self._board = board
        self._meters = meters
        self._tidy = tidy
        self._held: dict[str, _Held] = {}

    async def hold(self, call: Admitted, leg: CallLeg, *, listeners: Sequence[CallListener] = ()) -> Outcome:
        """Own every task of one call: when one ends, all end, the leg is freed and the record is complete.

        Args:
            call: what was admitted.
            leg: the caller's line, connected.
            listeners: told every event besides the record, the board and the meters (captions of a web call).

        Returns:
            What became of the call.
        """
        story = Story(*self._openings(call), *listeners)
        talk = self._conversation(call, leg, story)
        self._held[call.start.call_id] = _Held(talk, leg)
        over = CallOver(Outcome.FAILED, "the process is shutting down")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_until_hung_up(leg, story), name="leg")
                tasks.create_task(_until_said(leg, story), name="ending")
                tasks.create_task(_until_quiet(talk), name="conversation")
        except* CallOver as ended:
            over = _first(ended)
        except* Exception as broken:
            over = CallOver(Outcome.FAILED, "something broke on our side")
            self._meters.error("desk")
            log.error("a call broke", exc_info=broken.exceptions[0])
        finally:
            self._held.pop(call.start.call_id, None)
            await _free(leg, over)
            await story.close(over.outcome, over.reason)
            self._tidy.call_ended()
        return over.outcome

    async def missed(self, call: Admitted, reason: str) -> None:
        """Write down a call that was admitted and never got a line."""
        if call.record is not None:
            await call.record.close(Outcome.ABANDONED, reason)

    async def hand_over_all(self, reason: str) -> None:
        """Say to every caller that a colleague takes over, then let them go there; web calls say goodbye."""
        for held in list(self._held.values()):
            if held.leg.can_hand_off:
                await held.talk.hand_over(Clip.TRANSFER, reason)
            else:
                await held.talk.hand_over(Clip.LEAVING, None)

    def _openings(self, call: Admitted) -> tuple[CallListener, CallListener, CallListener]:
        """The call's record, its place on the board and its meters, for a new call or another life of one."""
        resumed = call.resumed
        meters = self._meters.open_call(call.start)
        if resumed is None:
            record = call.record or self._journal.open_call(call.start)
            return record, self._board.open_call(call.start), meters
        self._meters.resumed()
        board = self._board.open_call(resumed.happened, resumed.state)
        return self._journal.resume_call(resumed.happened), board, meters

    def _conversation(self, call: Admitted, leg: CallLeg, story: Story) -> Conversation:
        agent = call.plan.agent
        return Conversation(
            call.plan,
            Line(leg.transport, leg.audio_out_hz, lambda name: leg.until_played(name, LAST_WORDS_S)),
            self._engines,
            story,
            lambda: leg.can_hand_off and humans_in(agent.hours, datetime.now(UTC)),
        )


class Story:
    """One call's events, told in order to everyone who keeps or shows them, and what they ask of the desk."""

    def __init__(self, *listeners: CallListener) -> None:
        self._listeners = listeners
        self._wishes: asyncio.Queue[Escalated | FarewellSaid] = asyncio.Queue(maxsize=8)
        self.answered = False

    def tell(self, event: Event) -> None:
        """Tell everyone; note what ends the call."""
        for listener in self._listeners:
            listener.tell(event)
        match event:
            case Escalated() | FarewellSaid() if not self._wishes.full():
                self._wishes.put_nowait(event)
            case AgentSpoke(turn=turn) if turn > 0:
                self.answered = True
            case _:
                pass

    async def wish(self) -> Escalated | FarewellSaid:
        """Wait for the conversation to ask for a human or to come to its end."""
        return await self._wishes.get()

    async def close(self, outcome: Outcome, reason: str) -> None:
        """The call is over."""
        for listener in self._listeners:
            await listener.close(outcome, reason)


async def _until_hung_up(leg: CallLeg, story: Story) -> None:
    reason = await leg.until_hung_up()
    if reason.startswith(LOST):
        raise CallOver(Outcome.FAILED, reason)
    raise CallOver(Outcome.RESOLVED if story.answered else Outcome.ABANDONED, reason)


async def _until_said(leg: CallLeg, story: Story) -> None:
    """End the call when its last words have reached the ear."""
    while True:
        wish = await story.wish()
        match wish:
            case FarewellSaid():
                await leg.until_played("farewell", LAST_WORDS_S)
                raise CallOver(Outcome.RESOLVED if story.answered else Outcome.ABANDONED, "said goodbye")
            case Escalated() if leg.can_hand_off:
                await leg.until_played("hand-off", LAST_WORDS_S)
                raise CallOver(Outcome.HANDED_OFF, wish.reason)
            case Escalated():
                pass  # the record keeps the request; the reply said that a colleague will call back
            case _:
                assert_never(wish)


async def _until_quiet(talk: Conversation) -> None:
    await talk.run()
    raise CallOver(Outcome.FAILED, "the conversation ended by itself")


async def _free(leg: CallLeg, over: CallOver) -> None:
    """Let go of the line; the caller of a call that broke on our side is not hung up on."""
    if over.outcome in (Outcome.HANDED_OFF, Outcome.FAILED):
        await leg.leave()
    else:
        await leg.hang_up()


def _first(ended: BaseExceptionGroup[CallOver]) -> CallOver:
    first = ended.exceptions[0]
    return first if isinstance(first, CallOver) else _first(first)
