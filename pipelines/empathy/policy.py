"""The response policy: from what the caller wants and how the call feels to one complete, checked-by-design answer.

Pure: the same state and situation give the same reply. Every tone names the rules behind it, the decisive one first.

| rule | what it says | source |
|---|---|---|
| R1 | high arousal, negative: listen actively, restate the caller's concrete matter | Herhausen et al. 2023 |
| R2 | fix the problem before soothing: one short acknowledgement, then action in the same turn | Little et al. 2013 |
| R3 | never mirror anger: a calm voice | Dallimore et al. 2007 |
| R4 | match the energy of sad and happy callers | Jonsson, Nass et al. 2005 |
| R5 | less human-like with an angry caller: no persona, no small talk | Crolic et al. 2022 |
| R6 | no joy of the machine's own | Han, Yin & Zhang 2023 |
| R7 | concrete words: the matter is named | Packard & Berger 2021 |
| R8 | active listening for worry and confusion: restate, one step at a time | Klein, Moon & Picard 2002 |
| R9 | the reply's direction follows the caller's emotion | Empathy Omni 2025 |
| R10 | apologise only at fault, within the budget, slow and low | De Waele, Claeys & Cauberghe 2019 |
| R11 | unsure or unknown: neutral warmth, and no opening in front of an unsure, agitated caller | this product |
| R12 | a human is given whenever one is asked for | this product |
| R13 | words of crisis: the crisis reply, word for word, and a human | this product |
| R14 | sustained upset: offer a human, then hand off; the agent's other rules likewise | this product |
| R15 | analysis of emotion stops when the caller says so | AI Act Art. 50, GDPR Art. 21 |
| R16 | only facts from evidence; an unknown matter is called unknown | this product |
| R17 | unclear: ask twice, offer a human the third time | this product |
| R18 | a matter of safety is said at once, word for word | this product |
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from pipelines.emotion.estimate import Emotion, Label
from pipelines.empathy import wording
from pipelines.empathy.dialogue import DialogueState, Offer, Situation
from pipelines.empathy.knowledge import Knowledge
from pipelines.empathy.phrases import complains, feels
from pipelines.empathy.tone import Strategy, Tone, ToneName
from pipelines.empathy.understanding import AsksFact, AsksTool, Intent, Meaning, Says, understand
from pipelines.empathy.words import plain, sentences, wordset
from pipelines.escalation.rules import Finding, Step
from pipelines.plan import Agent, Fact, LookupTool
from pipelines.ports import WriterRequest

HUMAN_REQUESTED = "human_requested"
CRISIS = "crisis"
_SAID_KEPT = 8
_EXCHANGES_FOR_WRITER = 2
_KEY_TRIES = 2
_UNCLEAR_BEFORE_OFFER = 3
"""Every so many turns in a row that led nowhere, a human is offered."""
_AGITATED = 0.35
"""Arousal from which an unsure caller is treated as possibly angry."""
_LIVELY = 0.1
_RECOVERING = 0.15

_FEEL: dict[Label, tuple[ToneName, tuple[str, ...]]] = {
    Label.ANGRY: (ToneName.CALM, ("R3", "R2", "R1", "R5", "R7")),
    Label.FRUSTRATED: (ToneName.CALM, ("R2", "R3", "R7")),
    Label.ANXIOUS: (ToneName.REASSURING, ("R9", "R8", "R7")),
    Label.SAD: (ToneName.GENTLE, ("R4", "R9", "R7")),
    Label.CONFUSED: (ToneName.REASSURING, ("R8", "R7")),
    Label.SATISFIED: (ToneName.WARM, ("R4", "R6")),
    Label.NEUTRAL: (ToneName.NEUTRAL, ("R7",)),
    Label.UNSURE: (ToneName.WARM, ("R11",)),
    Label.UNKNOWN: (ToneName.WARM, ("R11",)),
}
_SOUNDS: dict[Label, str] = {
    Label.ANGRY: "loud and angry. Be calm, brief and practical, and lead with what can be done",
    Label.FRUSTRATED: "tense and frustrated. Be calm and direct, and lead with what can be done",
    Label.ANXIOUS: "worried. Be steady and reassuring, and go step by step",
    Label.SAD: "low and sad. Be gentle and unhurried",
    Label.CONFUSED: "unsure what to do. Use the simplest words, one step at a time",
    Label.SATISFIED: "cheerful. Be friendly and lively",
    Label.NEUTRAL: "even. Be friendly and to the point",
    Label.UNSURE: "hard to read. Be friendly and plain",
    Label.UNKNOWN: "hard to read. Be friendly and plain",
}


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A look-up that was done for this reply."""

    name: str
    key: str
    found: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """One complete answer.

    Attributes:
        tone: strategy, named tone and the rules behind them.
        opening: first sentence, spoken at once while the rest is worded; empty where none fits.
        template: the whole rest, well written, for when no LLM words it or its words fail the checks.
        request: what the LLM may word in place of the template; None: the template only.
        evidence: all that a worded answer may claim.
        closing: the question that ends the template; said after a worded answer, which leaves it out.
        escalate: the reason where a human is needed now, None otherwise.
        evidence_turns: the turns an escalation rests on.
        tool: the look-up behind the answer.
        ends_call: hang up when it has been spoken.
        stops_analysis: emotion must not be analysed from here on.
        source: what the template counts as.
    """

    tone: Tone
    template: str
    opening: str = ""
    request: WriterRequest | None = None
    evidence: str = ""
    closing: str = ""
    escalate: str | None = None
    evidence_turns: tuple[int, ...] = ()
    tool: ToolUse | None = None
    ends_call: bool = False
    stops_analysis: bool = False
    source: Literal["template", "tool", "notice"] = "template"

    @property
    def text(self) -> str:
        """Opening and template as one text."""
        return f"{self.opening} {self.template}".strip()


@dataclass(frozen=True, slots=True)
class Mood:
    """How the policy takes the caller to feel.

    Attributes:
        label: the label that decides.
        tone: the tone that fits it.
        rules: why.
        agitated: too aroused and too unsure for an opening.
    """

    label: Label
    tone: ToneName
    rules: tuple[str, ...]
    agitated: bool = False


def _hashed(key: str) -> str:
    """How a row names a key that must not stand in the agent's file."""
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


class ResponsePolicy:
    """Answers turns for one agent. Holds only indexes of the agent; safe to share between calls."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._knowledge = Knowledge(agent.facts)
        self._tools = {tool.name: tool for tool in agent.tools}
        self._help = agent.can_help_with or _listed([fact.topic for fact in agent.facts[:4]]) or "our service"

    def answer(self, state: DialogueState, situation: Situation) -> tuple[Reply, DialogueState]:
        """Answer one turn.

        Args:
            state: memory of the call so far.
            situation: the turn, how it feels, and whether a colleague can take over.

        Returns:
            The reply, and the memory to go on with once it was given.
        """
        intent = understand(situation.text, self._agent, state, self._knowledge)
        topic = intent.fact.id if isinstance(intent, AsksFact) else None
        watch, finding = state.watch.weigh(
            self._agent.escalation, situation.turn, situation.text, situation.trend, topic
        )
        before = replace(state, watch=watch, silences=0)
        mood = self._mood(before, situation)
        reply, after = self._reply(intent, before, situation, mood)
        if finding is not None and not before.human_requested and reply.escalate is None and not reply.ends_call:
            reply, after = self._escalated(finding, reply, before, after, situation, mood)
        reply = replace(reply, tone=replace(reply.tone, rules=tuple(dict.fromkeys(reply.tone.rules))))
        return reply, _remembered(after, reply)

    def asks_for_keys(self, state: DialogueState) -> LookupTool | None:
        """The look-up whose key should be typed now; None where none should."""
        tool = self._tools.get(state.pending_tool or "")
        return tool if tool is not None and tool.keypad is not None else None

    def typed(self, state: DialogueState, digits: str | None, situation: Situation) -> tuple[Reply, DialogueState]:
        """Answer digits that were asked for; None where the caller stopped before they were complete."""
        tool = self.asks_for_keys(state)
        if tool is None:
            return self.answer(state, situation)
        reply, after = self._look_up(tool, digits, state, situation, self._mood(state, situation))
        return reply, _remembered(after, reply)

    def silence(self, state: DialogueState, humans_in: bool, turn: int) -> tuple[Reply, DialogueState]:
        """What to say when the caller has been silent for a while.

        Args:
            state: memory of the call so far.
            humans_in: whether a colleague can take the call now.
            turn: the last turn of the caller.
        """
        watch, finding = state.watch.silence(self._agent.escalation, turn)
        state = replace(state, watch=watch, silences=state.silences + 1)
        warm = Tone(Strategy.ASK, ToneName.WARM, ("R17",))
        if state.crisis:
            gentle = Tone(Strategy.REASSURE, ToneName.GENTLE, ("R13",))
            reply = Reply(gentle, wording.pick(wording.CALM_DOWN, state.silences, state.said), source="notice")
        elif finding is not None and not state.human_requested and humans_in:
            reply = Reply(
                Tone(Strategy.HAND_OFF, ToneName.WARM, ("R14",)),
                self._agent.handing_off,
                escalate=finding.reason,
                evidence_turns=finding.evidence_turns,
                source="notice",
            )
            state = replace(state, human_requested=True, offer=Offer.NONE)
        elif state.silences > len(wording.SILENCE):
            reply = Reply(warm, wording.SILENCE_END, ends_call=True, source="notice")
            state = replace(state, ended=True)
        else:
            reply = Reply(warm, wording.SILENCE[state.silences - 1], source="notice")
            state = replace(state, offer=Offer.NONE)  # a yes to "are you there" takes up no earlier offer
        return reply, _remembered(state, reply)

    def _reply(self, intent: Intent, state: DialogueState, at: Situation, mood: Mood) -> tuple[Reply, DialogueState]:
        match intent:
            case AsksFact(fact=fact):
                return self._tell(fact, state, at, mood)
            case AsksTool(tool=tool, key=key):
                return self._look_up(tool, key, state, at, mood)
            case Says():
                return self._respond(intent, state, at, mood)
            case _:
                assert_never(intent)

    def _respond(self, says: Says, state: DialogueState, at: Situation, mood: Mood) -> tuple[Reply, DialogueState]:
        match says.meaning:
            case Meaning.CRISIS:
                return self._crisis(state, at)
            case Meaning.OPT_OUT:
                tone = Tone(Strategy.ACT, ToneName.WARM, ("R15",))
                reply = Reply(tone, self._agent.opted_out, stops_analysis=True, source="notice")
                return reply, replace(state, opted_out=True, offer=Offer.NONE, unclear_run=0)
            case Meaning.HUMAN:
                return self._hand_off(HUMAN_REQUESTED, (at.turn,), "R12", state, at, mood)
            case Meaning.AFFIRM:
                return self._affirmed(state, at, mood)
            case Meaning.DENY:
                return self._denied(says, state, at, mood)
            case Meaning.COMPLAINT:
                return self._complained(says, state, at, mood)
            case Meaning.UNCLEAR:
                return self._unclear(says, state, at, mood)
            case Meaning.REPEAT:
                last = state.exchanges[-1].reply if state.exchanges else (state.said[-1] if state.said else "")
                bank = wording.AGAIN if last else wording.NOTHING_YET
                told = _without_frame(last)
                tone = Tone(Strategy.RESTATE, ToneName.CALM, ("R8",))
                return Reply(tone, self._picked(bank, state, at, {"last": told})), state
            case Meaning.GOODBYE:
                tone = Tone(Strategy.INFORM, _courteous(mood), mood.rules)
                reply = Reply(tone, self._agent.goodbye, ends_call=True, source="notice")
                return reply, replace(state, ended=True, wants_goodbye=True, offer=Offer.NONE)
            case Meaning.THANKS:
                if state.human_requested and at.humans_in:
                    return self._wait(state, at, mood)
                thanked = replace(state, offer=Offer.MORE_HELP, wants_goodbye=True, unclear_run=0)
                return self._say(wording.THANKED, Strategy.ASK, thanked, at, mood)
            case Meaning.GREETING:
                return self._say(wording.GREETED, Strategy.ASK, state, at, mood)
            case Meaning.SMALL:
                return self._say(wording.SMALL[says.about], Strategy.INFORM, state, at, mood)
            case _:
                assert_never(says.meaning)

    # Facts and look-ups

    def _tell(self, fact: Fact, state: DialogueState, at: Situation, mood: Mood) -> tuple[Reply, DialogueState]:
        after = replace(
            state,
            last_fact=fact.id,
            facts_told=tuple(dict.fromkeys((*state.facts_told, fact.id))),
            offer=Offer.NEXT_STEP if fact.next_step else Offer.NONE,
            unclear_run=0,
            pending_tool=None,
            tool_misses=0,
            wants_goodbye=False,
        )
        if fact.urgent:
            tone = Tone(Strategy.ACT, ToneName.CALM, ("R18",))
            opening = "" if fact.id not in state.facts_told else wording.unused(("Again.",), 0, state.openers_used)
            return Reply(tone, fact.text, opening=opening), after
        if fact.id in state.facts_told:
            return self._tell_again(fact, state, after, at, mood)
        tone, opening, after = self._opening(fact, after, at, mood)
        closing = fact.next_step or ""
        reply = Reply(
            tone,
            f"{fact.text} {closing}".strip(),
            opening=opening,
            request=self._request(fact, fact.text, state, at, mood),
            evidence=_evidence(fact, self._agent.company),
            closing=closing,
        )
        return reply, after

    def _tell_again(
        self, fact: Fact, state: DialogueState, after: DialogueState, at: Situation, mood: Mood
    ) -> tuple[Reply, DialogueState]:
        """A second telling is shorter and worded differently; a human is offered with it."""
        short = fact.short or sentences(fact.text)[0]
        offer = self._offer_line(state, at.turn)
        told = self._picked(wording.ANOTHER_WAY, state, at, {"short": short})
        tone = Tone(Strategy.RESTATE, mood.tone, ("R17", *mood.rules))
        return Reply(tone, f"{told} {offer}", evidence=_evidence(fact, self._agent.company)), replace(
            after, offer=Offer.HUMAN, watch=state.watch.offered(at.turn)
        )

    def _opening(self, fact: Fact, state: DialogueState, at: Situation, mood: Mood) -> tuple[Tone, str, DialogueState]:
        """The tone and the first sentence: an apology where it is due, else an acknowledgement naming the matter."""
        words = {"problem": fact.problem or fact.topic, "topic": fact.topic}
        grieving = _in_grief(at.text)
        if grieving:
            bank: tuple[str, ...] = wording.CONDOLENCES
            tone = Tone(Strategy.ACKNOWLEDGE, ToneName.GENTLE, ("R4", "R9"))
        elif fact.at_fault and mood.label.is_negative and state.apologies_made < self._agent.apology_budget:
            bank, tone = wording.APOLOGIES, Tone(Strategy.APOLOGISE, ToneName.APOLOGETIC, ("R10", *mood.rules))
            state = replace(state, apologies_made=state.apologies_made + 1)
        else:
            bank = wording.OPENINGS.get(mood.label, wording.OPENINGS[Label.UNSURE])
            tone = Tone(_FIRST[mood.label], mood.tone, mood.rules)
        if mood.agitated or state.crisis:
            return replace(tone, strategy=Strategy.ACT), "", state
        turn = 0 if grieving else at.turn
        opening = wording.unused([wording.filled(option, **words) for option in bank], turn, state.openers_used)
        if not opening:
            tone = replace(tone, strategy=Strategy.ACT if mood.label.is_negative else Strategy.INFORM)
        return tone, opening, state

    def _request(self, fact: Fact, told: str, state: DialogueState, at: Situation, mood: Mood) -> WriterRequest | None:
        if not self._agent.use_llm or state.crisis or _in_grief(at.text):
            return None
        return WriterRequest(
            fact=told,
            question=at.text,
            guidance=(
                f"The caller sounds {_SOUNDS[mood.label]}. The matter is {fact.topic}. "
                "Say the fact in one to three short sentences, every number and condition as it stands. "
                "Do not apologise, do not promise anything, ask nothing."
            ),
            company=self._agent.company,
            persona="an assistant" if mood.label is Label.ANGRY else self._agent.persona,
            history=state.exchanges[-_EXCHANGES_FOR_WRITER:],
        )

    def _look_up(
        self, tool: LookupTool, key: str | None, state: DialogueState, at: Situation, mood: Mood
    ) -> tuple[Reply, DialogueState]:
        asked = replace(state, offer=Offer.NONE, unclear_run=0, wants_goodbye=False)
        if key is not None:
            row = next((row for row in tool.rows if row.key in (key, _hashed(key))), None)
            use = ToolUse(tool.name, key, row is not None)
            done = replace(asked, pending_tool=None, tool_misses=0)
            if row is None:
                told = f"{tool.not_found} {self._offer_line(state, at.turn)}"
                tone = Tone(Strategy.OFFER_HUMAN, mood.tone, ("R16", *mood.rules))
                done = replace(done, offer=Offer.HUMAN, watch=state.watch.offered(at.turn))
            else:
                secret = tool.keypad is not None and tool.keypad.secret
                told = row.answer if secret else f"For {tool.key_name} {' '.join(key)}, {row.answer}"
                tone = Tone(Strategy.INFORM, mood.tone, ("R16", *mood.rules))
                done = replace(done, offer=Offer.MORE_HELP)
            return Reply(tone, told, tool=use, source="tool"), done
        if state.pending_tool != tool.name:
            reply = Reply(Tone(Strategy.ASK, mood.tone, ("R2", *mood.rules)), tool.ask)
            return reply, replace(asked, pending_tool=tool.name, tool_misses=0)
        misses = state.tool_misses + 1
        if tool.keypad is not None and misses <= _KEY_TRIES:
            reply = Reply(Tone(Strategy.ASK, mood.tone, ("R2", *mood.rules)), tool.ask)
            return reply, replace(asked, tool_misses=misses)
        if misses > _KEY_TRIES:
            given_up = replace(asked, pending_tool=None, tool_misses=0)
            return self._offer(wording.KEY_GIVEN_UP, "R17", given_up, at, mood, key=tool.key_name)
        return self._say(
            wording.KEY_RETRY, Strategy.ASK, replace(asked, tool_misses=misses), at, mood, key=tool.key_name
        )

    # Yes, no, and everything that is not a matter of knowledge

    def _affirmed(self, state: DialogueState, at: Situation, mood: Mood) -> tuple[Reply, DialogueState]:
        plain_state = replace(state, offer=Offer.NONE)
        match state.offer:
            case Offer.HUMAN:
                return self._hand_off(HUMAN_REQUESTED, (at.turn,), "R12", plain_state, at, mood)
            case Offer.NEXT_STEP:
                return self._lead_on(plain_state, at, mood)
            case Offer.MORE_HELP:
                return self._say(wording.MORE, Strategy.ASK, replace(plain_state, wants_goodbye=False), at, mood)
            case Offer.NONE:
                if state.human_requested:
                    return self._wait(state, at, mood)
                if state.pending_tool in self._tools:
                    return self._look_up(self._tools[state.pending_tool], None, state, at, mood)
                return self._say(wording.NODDED, Strategy.ASK, state, at, mood)
            case _:
                assert_never(state.offer)

    def _lead_on(self, state: DialogueState, at: Situation, mood: Mood) -> tuple[Reply, DialogueState]:
        fact = self._knowledge.fact(state.last_fact) if state.last_fact else None
        goal = fact.leads_to if fact is not None else None
        if goal is not None and goal in self._tools:
            return self._look_up(self._tools[goal], None, state, at, mood)
        following = self._knowledge.fact(goal) if goal is not None else None
        if following is not None:
            return self._tell(following, state, at, mood)
        return self._hand_off(HUMAN_REQUESTED, (at.turn,), "R12", state, at, mood)

    def _denied(self, says: Says, state: DialogueState, at: Situation, mood: Mood) -> tuple[Reply, DialogueState]:
        tool = self._tools.get(state.pending_tool or "")
        plain_state = replace(state, offer=Offer.NONE)
        if says.about == "key" and tool is not None:
            return self._offer(
                wording.KEY_UNKNOWN, "R17", replace(plain_state, pending_tool=None), at, mood, key=tool.key_name
            )
        match state.offer:
            case Offer.HUMAN:
                declined = replace(plain_state, watch=state.watch.declined(at.turn), unclear_run=0)
                return self._say(wording.DECLINED, Strategy.ASK, declined, at, mood)
            case Offer.NEXT_STEP:
                return self._say(wording.SKIPPED, Strategy.ASK, replace(plain_state, offer=Offer.MORE_HELP), at, mood)
            case Offer.MORE_HELP:
                return self._respond(Says(Meaning.GOODBYE), plain_state, at, mood)
            case Offer.NONE:
                return self._say(wording.SHAKEN, Strategy.ASK, state, at, mood)
            case _:
                assert_never(state.offer)

    def _complained(self, says: Says, state: DialogueState, at: Situation, mood: Mood) -> tuple[Reply, DialogueState]:
        if says.about == "still_broken":
            fact = self._knowledge.fact(state.last_fact) if state.last_fact else None
            if fact is None or fact.problem is None:
                return self._offer(wording.STILL_BROKEN_AT_ALL, "R2", state, at, mood)
            return self._offer(wording.STILL_BROKEN, "R2", state, at, mood, problem=fact.problem)
        run = state.unclear_run + 1
        counted = replace(state, unclear_run=run, offer=Offer.NONE)
        if state.human_requested:
            return self._wait(counted, at, mood)
        if run == 1:
            return self._say(wording.COMPLAINT, Strategy.ACKNOWLEDGE, counted, at, mood)
        return self._felt(self._offer(wording.UNKNOWN_AGAIN, "R17", counted, at, mood), at, mood)

    def _unclear(self, says: Says, state: DialogueState, at: Situation, mood: Mood) -> tuple[Reply, DialogueState]:
        run = state.unclear_run + 1
        counted = replace(state, unclear_run=run, offer=Offer.NONE, pending_tool=None, wants_goodbye=False)
        if state.crisis:
            return self._say(wording.CALM_DOWN, Strategy.REASSURE, counted, at, mood)
        if state.human_requested:
            return self._wait(counted, at, mood)
        if run == 1 and says.about == "noise":
            return self._say(wording.NOISE, Strategy.ASK, counted, at, mood)
        if run == 1:
            matter = named_matter(at.text)
            bank = wording.UNKNOWN_MATTER if matter else wording.UNKNOWN
            return self._felt(self._say(bank, Strategy.ASK, counted, at, mood, matter=matter or ""), at, mood)
        if run % _UNCLEAR_BEFORE_OFFER:
            return self._say(wording.UNKNOWN_STILL, Strategy.ACKNOWLEDGE, counted, at, mood)
        return self._felt(self._offer(wording.UNKNOWN_AGAIN, "R17", counted, at, mood), at, mood)

    def _felt(self, answered: tuple[Reply, DialogueState], at: Situation, mood: Mood) -> tuple[Reply, DialogueState]:
        """The answer with a short acknowledgement in front, for a caller who is upset about a matter we do not know."""
        reply, state = answered
        if mood.agitated or reply.opening:
            return answered
        opening = wording.unused(wording.MATTERLESS.get(mood.label, ()), at.turn, state.openers_used)
        return replace(reply, opening=opening), state

    def _crisis(self, state: DialogueState, at: Situation) -> tuple[Reply, DialogueState]:
        parts = [wording.CRISIS_AGAIN] if state.crisis else []
        parts += [self._agent.crisis] + ([wording.CRISIS_HUMAN] if at.humans_in else [])
        reply = Reply(
            Tone(Strategy.REASSURE, ToneName.GENTLE, ("R13",)),
            " ".join(parts),
            escalate=CRISIS,
            evidence_turns=(at.turn,),
            source="notice",
        )
        return reply, replace(state, crisis=True, human_requested=True, offer=Offer.NONE, pending_tool=None)

    # A human

    def _hand_off(
        self, reason: str, evidence: tuple[int, ...], rule: str, state: DialogueState, at: Situation, mood: Mood
    ) -> tuple[Reply, DialogueState]:
        if state.human_requested and not at.humans_in:
            told = self._picked(wording.CALLBACK_NOTED, state, at, {})
        elif state.human_requested:
            told = self._picked(wording.WAITING, state, at, {})
        else:
            told = self._agent.handing_off if at.humans_in else self._agent.handing_off_closed
        opening = wording.unused(wording.GRANTING, 0, state.openers_used) if rule == "R12" else ""
        reply = Reply(
            Tone(Strategy.HAND_OFF, mood.tone, (rule, *mood.rules)),
            told,
            opening=opening,
            escalate=reason,
            evidence_turns=evidence,
        )
        after = replace(state, human_requested=True, offer=Offer.NONE, pending_tool=None, unclear_run=0)
        return reply, after

    def _escalated(
        self,
        finding: Finding,
        reply: Reply,
        before: DialogueState,
        after: DialogueState,
        at: Situation,
        mood: Mood,
    ) -> tuple[Reply, DialogueState]:
        """Carry out a rule of the agent: hand off in place of the answer, or offer a human after it."""
        if finding.step is Step.HAND_OFF:
            handed, after = self._hand_off(finding.reason, finding.evidence_turns, "R14", before, at, mood)
            if _urgent(reply):
                return replace(reply, escalate=finding.reason, evidence_turns=finding.evidence_turns), after
            bank = wording.ESCALATING_WORDS if finding.reason.startswith("words") else wording.ESCALATING_RUN
            return replace(handed, opening=wording.unused(bank, at.turn, before.openers_used)), after
        if after.offer is Offer.HUMAN:
            return reply, after
        if _urgent(reply) or _restated(reply) or after.pending_tool is not None:
            return reply, replace(after, watch=after.watch.not_offered())
        told = sentences(reply.template)
        body = " ".join(told[:-1] if told[-1].endswith("?") else told)
        tone = replace(reply.tone, rules=(*reply.tone.rules, "R14"))
        offered = replace(
            reply, tone=tone, template=f"{body} {self._offer_line(before, at.turn)}".strip(), request=None, closing=""
        )
        return offered, replace(after, offer=Offer.HUMAN)

    def _offer(
        self, bank: tuple[str, ...], rule: str, state: DialogueState, at: Situation, mood: Mood, **words: str
    ) -> tuple[Reply, DialogueState]:
        if state.human_requested:
            return self._wait(state, at, mood)
        told = self._picked(bank, state, at, words)
        reply = Reply(Tone(Strategy.OFFER_HUMAN, mood.tone, (rule, *mood.rules)), told)
        return reply, replace(state, offer=Offer.HUMAN, watch=state.watch.offered(at.turn))

    def _wait(self, state: DialogueState, at: Situation, mood: Mood) -> tuple[Reply, DialogueState]:
        bank = wording.WAITING if at.humans_in else wording.CALLBACK_NOTED + wording.UNKNOWN_STILL[3:4]
        bank = wording.CALM_DOWN if state.crisis else bank
        return self._say(bank, Strategy.ACKNOWLEDGE, state, at, mood)

    def _offer_line(self, state: DialogueState, turn: int) -> str:
        bank = (self._agent.human_offer, *wording.OFFERING[1:])
        used = [line for line in bank if any(line in earlier for earlier in state.said)]
        return wording.unused(bank, turn, used) or self._agent.human_offer

    def _say(
        self, bank: tuple[str, ...], strategy: Strategy, state: DialogueState, at: Situation, mood: Mood, **words: str
    ) -> tuple[Reply, DialogueState]:
        told = self._picked(bank, state, at, words)
        name = ToneName.GENTLE if state.crisis else mood.tone
        return Reply(Tone(strategy, name, mood.rules), told), state

    def _picked(self, bank: tuple[str, ...], state: DialogueState, at: Situation, words: dict[str, str]) -> str:
        lines = [wording.filled(line, help=self._help, company=self._agent.company, **words) for line in bank]
        return wording.pick(lines, at.turn, state.said)

    # How the caller feels

    def _mood(self, state: DialogueState, at: Situation) -> Mood:
        if state.opted_out:
            return Mood(Label.UNKNOWN, ToneName.WARM, ("R15", "R11"))
        felt = at.trend.current if at.trend.current.is_known else at.emotion
        label = felt.label
        arousal = felt.arousal or 0.0
        if not label.is_negative:
            spoken = Label.FRUSTRATED if complains(at.text) else feels(at.text)
            if spoken is not None and (label is not Label.SATISFIED or spoken is Label.SAD):
                return Mood(spoken, _FEEL[spoken][0], _FEEL[spoken][1])
        tone, rules = _FEEL[label]
        if label is Label.UNSURE and arousal >= _AGITATED and (felt.valence or 0.0) < 0:
            return Mood(label, ToneName.CALM, ("R11", "R3"), agitated=True)
        if label is Label.SATISFIED and arousal > _LIVELY:
            return Mood(label, ToneName.UPBEAT, rules)
        if label is Label.NEUTRAL and _recovering(at.trend.worst_valence, at.trend.valence_slope, felt):
            return Mood(label, ToneName.WARM, ("R4", *rules))
        return Mood(label, tone, rules)


_FIRST: dict[Label, Strategy] = {
    Label.ANGRY: Strategy.ACKNOWLEDGE,
    Label.FRUSTRATED: Strategy.ACKNOWLEDGE,
    Label.ANXIOUS: Strategy.REASSURE,
    Label.SAD: Strategy.ACKNOWLEDGE,
    Label.CONFUSED: Strategy.RESTATE,
    Label.SATISFIED: Strategy.INFORM,
    Label.NEUTRAL: Strategy.INFORM,
    Label.UNSURE: Strategy.INFORM,
    Label.UNKNOWN: Strategy.INFORM,
}
_GRIEF = re.compile(
    r"\b(?:passed away|died|death|funeral|bereave\w*|deceased"
    r"|lost my (?:husband|wife|mum|dad|mother|father|son|daughter))\b"
)
_MATTER = re.compile(r"\b(?:my|our) ([a-z]{3,})\b")
_NO_MATTER = wordset(
    """
    name husband wife mum dad mother father son daughter partner friend god mind life way own phone number
    address email birthday question issue problem fault opinion understanding part side end appointment goodness
    word turn time day last first old new next best whole current other family kids children boyfriend
    girlfriend boss job work
    """
)


def named_matter(text: str) -> str | None:
    """What the caller calls theirs, to be named back: "the brakes on my car" -> "your car"."""
    for found in _MATTER.finditer(plain(text)):
        if found.group(1) not in _NO_MATTER:
            return f"your {found.group(1)}"
    return None


def _remembered(state: DialogueState, reply: Reply) -> DialogueState:
    openers = (*state.openers_used, reply.opening) if reply.opening else state.openers_used
    return replace(state, openers_used=openers, said=(*state.said, reply.template)[-_SAID_KEPT:])


def _evidence(fact: Fact, company: str) -> str:
    return " ".join(part for part in (fact.text, fact.short, fact.next_step, f"This is {company}.") if part)


def _urgent(reply: Reply) -> bool:
    return "R18" in reply.tone.rules


def _restated(reply: Reply) -> bool:
    return reply.tone.strategy is Strategy.RESTATE and not reply.evidence


def _in_grief(text: str) -> bool:
    return bool(_GRIEF.search(plain(text)))


def _courteous(mood: Mood) -> ToneName:
    return ToneName.WARM if mood.label in (Label.NEUTRAL, Label.UNSURE, Label.UNKNOWN) else mood.tone


def _recovering(worst: float | None, slope: float, felt: Emotion) -> bool:
    return worst is not None and worst < 0 and slope > _RECOVERING and (felt.valence or 0.0) > worst


def _without_frame(last: str) -> str:
    """An earlier answer without the words that announced a repetition."""
    for frame in (*wording.AGAIN, *wording.ANOTHER_WAY):
        if (words := frame.split("{")[0].strip()) and last.startswith(words):
            last = last.removeprefix(words).strip()
    return last


def _listed(topics: list[str]) -> str:
    return topics[0] if len(topics) == 1 else ", ".join(topics[:-1]) + " or " + topics[-1] if topics else ""
