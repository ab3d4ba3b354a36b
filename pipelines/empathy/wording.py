"""The sentences of the product: openings by mood, and answers that need no knowledge.

Written to be spoken on a telephone: short, concrete, no joy of the machine's own, no apology (apologies are counted and
have their own bank). `{problem}` is the caller's problem as a noun phrase, `{topic}` what a fact is about; `{Problem}`
and `{Topic}` start a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.emotion.estimate import Label
from pipelines.empathy.words import capital

OPENINGS: dict[Label, tuple[str, ...]] = {
    Label.ANGRY: (
        "Understood: {problem}, and you want it dealt with.",
        "Right, {problem}, so straight to what can be done.",
        "{Problem} should not take up any more of your day.",
        "Yes, {problem}: here is what counts.",
    ),
    Label.FRUSTRATED: (
        "{Problem} is frustrating, so let's get straight to it.",
        "{Problem} costs time and patience, so I will be quick.",
        "Yes, {problem} gets tiresome, and there is a way through it.",
        "Fair enough, {problem}: this is how it stands.",
    ),
    Label.ANXIOUS: (
        "{Problem} is a worry, and there is a clear way forward.",
        "It is good that you called about {problem}.",
        "Let's take {problem} one step at a time.",
        "Many people call about {problem}, and there are clear steps.",
    ),
    Label.SAD: (
        "{Problem} is not easy, so let's take this slowly.",
        "Thank you for telling me; we can go through {topic} at your pace.",
        "There is no rush, and we can take {topic} slowly.",
    ),
    Label.CONFUSED: (
        "So this is about {topic}, and I will put it simply.",
        "Let me go through {topic} one step at a time.",
        "{Topic} can be confusing, so here it is in plain words.",
    ),
    Label.SATISFIED: (
        "Good, {topic} is quickly explained.",
        "Great, on to {topic}.",
        "Perfect, let's look at {topic}.",
        "Lovely, {topic} it is.",
    ),
    Label.NEUTRAL: (
        "Sure, I can help with {topic}.",
        "All right, let's look at {topic}.",
        "Okay, so this is about {topic}.",
        "Yes, about {topic}.",
    ),
    Label.UNSURE: (
        "Thanks for explaining, so this is about {topic}.",
        "Let me help with {topic}.",
        "All right, here is what I know about {topic}.",
    ),
}
CONDOLENCES = ("Please accept our sincere condolences.", "Thank you for telling me, and take all the time you need.")
APOLOGIES = (
    "I am sorry about {problem}; that is our fault.",
    "You are right to be annoyed about {problem}, and I am sorry.",
)
GRANTING = ("Of course.", "Certainly.", "Yes, right away.", "Absolutely.")

MATTERLESS: dict[Label, tuple[str, ...]] = {
    Label.ANGRY: (
        "Understood, you want that put right.",
        "That is worth being annoyed about.",
        "Noted, and straight on.",
    ),
    Label.FRUSTRATED: ("I see why that is annoying.", "That takes patience.", "Understood."),
    Label.ANXIOUS: ("That is worth taking seriously.", "I see why that worries you.", "We can take this step by step."),
    Label.SAD: ("Thank you for telling me.", "That sounds hard.", "There is no rush."),
    Label.CONFUSED: ("Let's untangle this.", "Let's take it from the start."),
}
"""Openings for when the matter is not known."""

NOISE = (
    "I did not quite catch that. Could you say it once more?",
    "I only caught part of that. Could you put it in a few words?",
    "The line was not clear just then. What would you like to know?",
)
UNKNOWN = (
    "I want to be sure I have this right. Is it about {help}?",
    "I have nothing on that here, and I would rather not guess. Is it about {help}?",
    "That is not something I can look up. What I can help with is {help}.",
)
UNKNOWN_MATTER = (
    "I have nothing about {matter} here, and I would rather not guess. I can help with {help}.",
    "I have no information about {matter}, I am afraid. What I do know about is {help}.",
    "{Matter} is not something I can look up. Is there something about {help} as well?",
)
UNKNOWN_AGAIN = (
    "That is not something I can look up, but I can put you through. Would you like that?",
    "I would only be guessing, and that does not help you. Would you like a colleague to take it?",
    "A colleague can answer that better than I can. Shall I put you through?",
    "For that, you need someone who can see more than I can. Shall I connect you?",
    "I hear what you need, and I cannot give it to you from here. Shall I pass you on to a colleague?",
)
UNKNOWN_STILL = (
    "I am listening. When you want a colleague, just say so, and I will put you through.",
    "Thank you, go on. This is still one for a colleague, and you only need to say the word.",
    "All right. I cannot settle that one myself, and a colleague can whenever you like.",
    "Understood. If anything about {help} comes up, that is where I can answer directly.",
    "Thanks for telling me. I do not want to promise anything about that, so a colleague is the better choice.",
)
WAITING = (
    "A colleague has been asked for. You can go on talking to me in the meantime.",
    "Thank you for holding on. I am staying with you until someone picks up.",
    "It is taking a moment. Is there anything about {help} I can answer while we wait?",
    "You are not forgotten, and I am still here.",
    "Please stay on the line. I am here if there is anything else.",
)
COMPLAINT = (
    "Understood. Tell me in a few words what went wrong, and we go straight to it.",
    "That is a fair thing to be annoyed about. Which part should be put right first?",
    "You should not have to go round in circles. Tell me what it is about, or say colleague, and I put you through.",
    "Right. Say what matters most, and we start there.",
)
STILL_BROKEN = (
    "Then that first step was not enough, and {problem} needs a closer look. Would you like a colleague to take over?",
    "Thank you for trying it. {Problem} even after that is one for a colleague. Shall I put you through?",
    "So that did not cure it, and I do not want you to go through the same thing again. Shall I get a colleague?",
)
STILL_BROKEN_AT_ALL = (
    "Then it needs a closer look than I can give it. Would you like a colleague to take over?",
    "I do not want you to go through the same thing again. Shall I put you through to a colleague?",
)
DECLINED = (
    "All right, then we carry on. What should we look at first?",
    "No problem. What would you like to know?",
    "As you like. The offer stands, and I am here. What is next?",
)
SKIPPED = (
    "All right, we can leave that. Is there anything else I can help with?",
    "Fine. What else can I do for you?",
    "No problem. Is there something else?",
)
MORE = ("Of course. What is it about?", "Go ahead, what would you like to know?", "Sure. What is it?")
NODDED = (
    "Good. Is there anything else I can help with?",
    "All right. What else would you like to know?",
    "Okay. Go on, I am listening.",
    "Of course. Is there anything more I can do?",
    "Right. What would you like to do next?",
)
SHAKEN = (
    "All right. What would help you most?",
    "Okay, then not that. What is it about?",
    "I see. Tell me what you need.",
)
THANKED = (
    "You are welcome. Is there anything else I can help with?",
    "Not at all. Is there something else?",
    "That is what this line is for. Anything else today?",
)
GREETED = ("Hello. What can I help you with?", "Hello again. What is it about?", "Yes, hello. Go ahead.")
IDENTITY = (
    "You are talking to an automated assistant of {company}, not a person. A colleague is there if you would rather.",
    "No, I am not a person. I am the automated assistant here, and I can put you through to one at any time.",
    "I am a computer programme that answers for {company}. Say colleague, and I will get you a person.",
)
SMALL: dict[str, tuple[str, ...]] = {
    "identity": IDENTITY,
    "wait": ("Of course, take your time.", "No hurry, I am here.", "Take the time you need."),
    "hearing": ("Yes, I can hear you. Go ahead.", "I am here, and I can hear you well.", "Yes, still here."),
    "wellbeing": ("Thank you for asking. What can I do for you?", "All in order here. How can I help?"),
    "ability": (
        "I can help with {help}. Which one is it?",
        "Ask me about {help}. For anything else there is a colleague.",
    ),
}
ANOTHER_WAY = ("To put it another way: {short}", "Once more, and shorter: {short}", "{short}")
AGAIN = ("Here it is again. {last}", "Once more, then. {last}", "I will say it again. {last}")
NOTHING_YET = ("I was only asking what I can help you with.", "I asked what this is about. Take your time.")
KEY_RETRY = (
    "I need the whole {key} for that. Could you say it one character at a time?",
    "I am missing part of the {key}. Slowly, one letter or number after the other, please.",
)
KEY_GIVEN_UP = (
    "I cannot get the {key} right over this line. Would you like a colleague to look it up?",
    "Let's not fight with the {key}. Shall I put you through to a colleague?",
)
KEY_UNKNOWN = (
    "That is fine, we can leave the {key}. Would you like a colleague to look into it?",
    "No problem. Shall a colleague look it up with you?",
)
ESCALATING_WORDS = ("That deserves a person, not an assistant.", "This is one for a colleague, without delay.")
ESCALATING_RUN = (
    "This has gone on long enough, and a colleague should take it from here.",
    "You have been patient enough with me.",
)
OFFERING = (
    "Would you like me to put you through to a colleague?",
    "Shall I bring in a colleague for this?",
    "I can put you through to a colleague now. Would you like that?",
    "Would you prefer to go through this with a colleague?",
)
CALLBACK_NOTED = (
    "It is noted that you want to speak to a colleague. What can I look at until then?",
    "Your wish for a colleague is on record. They are not in at the moment, and I am still here to help.",
)
CRISIS_HUMAN = "I am asking a colleague to join us as well."
CRISIS_AGAIN = "I am still here with you."
CALM_DOWN = (
    "I am right here with you.",
    "Take all the time you need. I am on the line.",
    "I am listening, and you do not have to hurry.",
)
SILENCE = (
    "Are you still there?",
    "I am still here whenever you are ready.",
    "I cannot hear you at the moment. Would you like a colleague? If you can hear me, just say anything.",
)
SILENCE_END = "I still cannot hear you, so I will end the call here. Please call again at any time."


def filled(template: str, **words: str) -> str:
    """A template with its words; `{Problem}` is `problem` with a large first letter."""
    return template.format(**words, **{capital(name): capital(word) for name, word in words.items()})


def pick(options: Sequence[str], turn: int, avoid: Sequence[str]) -> str:
    """An option by turn, the first that was not used; where all were, the one whose use is longest ago."""
    order = [options[(turn + step) % len(options)] for step in range(len(options))]
    return min(order, key=lambda option: _last_use(option, avoid))


def unused(options: Sequence[str], turn: int, used: Sequence[str]) -> str:
    """An option by turn that was never used; empty where none is left."""
    order = [options[(turn + step) % len(options)] for step in range(len(options))]
    return next((option for option in order if option not in used), "")


def _last_use(option: str, avoid: Sequence[str]) -> int:
    return max((place for place, earlier in enumerate(avoid, start=1) if earlier.startswith(option)), default=0)
