"""Where the time of one turn goes, from the caller's last sound to our first sound at the wire. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.events import Stage


@dataclass(slots=True)
class TurnClock:
    """Marks of the turn being answered, in seconds on one monotonic clock; None until it happened.

    Recognition runs while we wait for the end of the turn, so its own time is reported as recognition and only the rest
    of the wait as endpointing: the stages always sum to the total.
    """

    last_sound: float | None = None
    recognition_s: float = 0.0
    ended: float | None = None
    emotion: float | None = None
    policy: float | None = None
    first_token: float | None = None
    first_sentence: float | None = None
    first_speech: float | None = None

    def measure(self, at_wire: float) -> tuple[float, dict[Stage, float]] | None:
        """The total and its stages once our first sound is at the wire.

        Args:
            at_wire: when the first audio of the answer was written to the line.

        Returns:
            Total seconds and seconds per stage, or None where the turn has no caller speech behind it.
        """
        if self.last_sound is None or self.ended is None:
            return None
        waited = max(0.0, self.ended - self.last_sound)
        recognition = min(waited, self.recognition_s)
        stages = {Stage.ENDPOINTING: waited - recognition, Stage.RECOGNITION: recognition}
        before = self.ended
        for stage, mark in (
            (Stage.EMOTION, self.emotion),
            (Stage.POLICY, self.policy),
            (Stage.LLM_FIRST_TOKEN, self.first_token),
            (Stage.FIRST_SENTENCE, self.first_sentence),
            (Stage.SPEECH, self.first_speech),
            (Stage.TRANSPORT, at_wire),
        ):
            here = before if mark is None else min(max(before, mark), at_wire)
            stages[stage] = here - before
            before = here
        return at_wire - self.last_sound, stages
