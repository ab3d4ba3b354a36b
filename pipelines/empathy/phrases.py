"""How callers say things: patterns over plain words (see `words.plain`), and the questions asked of them.

Written for what a recogniser gives: no punctuation to rely on, contractions opened, small slips forgiven.
"""

from __future__ import annotations

import re

from pipelines.emotion.estimate import Label
from pipelines.empathy.words import plain

_CRISIS_IDIOM = re.compile(
    r"\b(?:rather die than|die (?:of|from|laughing)|dying to|to die for|(?:shot|shoot|shooting) myself in the foot"
    r"|kill(?:ed|ing)? myself (?:laughing|for)|suicide (?:squad|doors?)|end my life (?:insurance|assurance|cover)"
    r"|(?:could|would|will) (?:just )?die if)\b"
)
_CRISIS = re.compile(
    r"\b(?:kill(?:ing)? my ?self|tak(?:e|ing) my (?:own )?life|end(?:ing)? (?:my (?:own )?life|it all)|suicid\w*"
    r"|(?:hurt|harm|hang|cut|shoot|drown|poison)(?:t?ing)? my ?self(?! off)|self harm\w*|slit my wrists?|overdos\w*"
    r"|(?:want|wanting|ready|going|planning|prefer|hoping) to (?:just )?(?:die|be dead)\b|wish i (?:was"
    r"|were) (?:dead|never born)"
    r"|better off (?:dead|without me)|(?:no|what is the) (?:reason|point) (?:in |to |of )?(?:(?:go"
    r"|going) on )?(?:living|live|being alive|be alive)"
    r"|nothing (?:left )?to live for|life is not worth|not worth living|do not want to (?:live|be alive|exist"
    r"|wake up)\b"
    r"|do not want to be here any ?more|can ?not go on any ?more|can ?not go on living|tired of (?:living"
    r"|being alive|life)"
    r"|jump(?:ing)? off (?:a|the|this) (?:bridge|roof|building|cliff)|jump in front of"
    r"|swallow(?:ed)? (?:all )?(?:my|the|these) (?:pills|tablets)|tak(?:e|en) all (?:my|the|these) (?:pills|tablets)"
    r"|can ?not cope (?:with (?:life|living)|any ?more$|any longer$)"
    r"|(?:is|are|was|keeps?|been) (?:hitting|beating|hurting|strangling|attacking) me"
    r"|(?:going to|threatening to|threatened to|wants to|tried to|trying to) kill me\b"
    r"|(?:am|are|is) in danger|not safe at home|having a (?:heart attack|stroke)|can ?not breathe|chest pains?"
    r"|(?:is|has gone|lying) unconscious|not breathing|(?:house|flat|kitchen|meter|home) is on fire)\b"
)

_WATCHED = r"(?:voice|emotions?|emotional|feelings?|moods?|tone|how (?:i|we) (?:feel|sound|am feeling|am sounding))"
_WATCHING = (
    r"(?:analy[sz]\w*|track\w*|monitor\w*|read(?:ing)?|detect\w*|measur\w*|estimat\w*|judg\w*|guess\w*|listen\w* to"
    r"|recogni[sz]\w*|profil\w*|check\w*|watch\w*|assess\w*|evaluat\w*|using|process\w*|scan\w*)"
)
_STOPPING = (
    r"(?:stop|quit|no more|do not|not want|not like|not consent|never|without|no|turn off|switch off|disable"
    r"|opt(?:ing)? out"
    r"|withdraw|object|refuse|rather (?:you )?(?:did )?not|turn it off|against)"
)
_OPT_OUT = re.compile(
    rf"\b{_STOPPING}\b(?: \w+){{0,7}}? {_WATCHING} (?:\w+ ){{0,3}}?{_WATCHED}\b"
    rf"|\b{_STOPPING}\b(?: \w+){{0,6}}? {_WATCHED} (?:\w+ ){{0,2}}?{_WATCHING}\b"
    rf"|\b(?:turn|switch)\b(?: \w+){{0,3}}? (?:emotion|mood|voice|tone|feelings?)(?: \w+){{0,3}}? off\b"
    rf"|\b(?:turn|switch|opt(?:ing)?)(?: me)? (?:off|out)\b(?: of)?(?: \w+){{0,3}}? (?:{_WATCHED}|{_WATCHING})\b"
    r"|\bstop (?:analy[sz]ing|tracking|profiling) me\b|\bdo not (?:analy[sz]e|track|profile) me\b"
    r"|^(?:(?:i|please|would|like|want|to|can|yes|no|just|wish) )*opt(?:ing)? (?:me )?out(?: (?:please|of (?:that"
    r"|this|it)|now))*$"
)

_SOMEONE = (
    r"(?:humans?|persons?|people|someone|somebody|anyone|anybody|operator|representatives?|representitive|rep|agents?"
    r"|advisors?|advisers?|manager|supervisor|colleagues?|members? of (?:the |your )?(?:staff|team)|staff"
    r"|customer services?"
    r"|team|handler|receptionist|boss)"
)
_HUMAN_BEING = (
    r"(?:humans?(?: being)?|persons?|operator|representatives?|representitive|rep|agents?|advisors?|advisers?|manager"
    r"|supervisor|colleagues?|members? of (?:the |your )?(?:staff|team)|customer services?|receptionist"
    r"|(?:some(?:one|body)|any(?:one|body)) (?:human|real|else|who is human|in charge))"
)
_MACHINE = r"(?:machines?|robots?|bots?|computers?|ai|a i|recordings?|automated|automation|software|chatbots?)"
_NOT_A_REQUEST = re.compile(
    rf"\bdo not (?:want|need)(?: to (?:speak|talk)(?: to| with)?)? (?:a |an |any |your "
    rf"|another )?(?:real )?{_HUMAN_BEING}"
    rf"|\b(?:no|not a|not) (?:real )?{_HUMAN_BEING}(?: please)?$"
    rf"|\b(?:are you|is this|am i (?:speaking|talking) (?:to|with)) (?:an? |the |actually |really |even )*(?:real "
    rf"|live )?"
    rf"(?:{_HUMAN_BEING}|{_MACHINE})(?: or (?:an? )?(?:real )?(?:{_HUMAN_BEING}|{_MACHINE}))?"
    r"|\b(?:was|were|been) (?:speaking|talking) (?:to|with) \w+"
    r"|\b(?:estate|letting|travel|previous|last|other) agents?\b"
)
_HUMAN = re.compile(
    rf"\b(?:speak|talk|chat|speaking|talking|connect\w*|transfer\w*|put|patch|pass"
    rf"|hand)\b(?: \w+){{0,5}}? {_SOMEONE}\b"
    rf"|\b(?:want|need|get|give|fetch|prefer|would like|find)\b(?: me| us| to have| to get| to see| to be)?"
    rf"(?: an?| the| your| some| another)?(?: real| live| actual| proper| human)* {_HUMAN_BEING}\b"
    r"|\b(?:put|pass|patch|transfer|connect|hand|get|send)(?: me| us| this call| the call| my call) (?:through|over"
    r"|on|across)\b"
    r"|\b(?:transfer|connect|escalate) (?:me|us|this|this call|the call|my call)\b(?! money)"
    rf"|\bnot (?:want|wish|going) to (?:be )?(?:speak|talk|deal|speaking|talking|dealing)(?: to"
    rf"| with)(?: \w+)? {_MACHINE}\b"
    rf"|\b(?:sick|tired|fed up) (?:of|with) (?:talking|speaking|dealing)(?: to| with)(?: \w+)? {_MACHINE}\b"
    rf"|\b(?:hate|stop|no more|enough of)(?: \w+){{0,3}}? {_MACHINE}\b"
    rf"|\bis there (?:an? |any )?(?:real |actual |live |human )*(?:{_HUMAN_BEING}|someone|anyone|somebody|anybody)"
    rf"(?: there| here| available| i can| who can| that can| in charge)"
    r"|\b(?:call|ring|phone) me back\b|\b(?:real|live|actual|proper) (?:person|human|people|agent|operator|advisor"
    r"|adviser)\b"
    r"|\bhuman (?:being|please|help|agent|operator|support)\b"
)
_ONLY_HUMAN = re.compile(
    rf"^(?:(?:a|an|the|your|real|live|human|some|to|speak) )*{_HUMAN_BEING}(?: (?:{_HUMAN_BEING}|now|here))*$"
)
_FILLER = re.compile(
    r"\b(?:um|uh|er|erm|oh|well|so|please|just|now|okay|ok|right|look|hello|hi|i said|yes|yeah|no|like|actually"
    r"|hey)\b"
)

REPEAT = re.compile(
    r"^(?:(?:sorry|pardon|pardon me|what|excuse me|what was that|what did you say|come again|say again|huh) ?)+$"
    r"|\b(?:say|repeat)(?: that| it| this)?(?: \w+)? (?:again|once more|one more time)\b|\b(?:repeat"
    r"|rephrase) (?:that|it|what)\b"
    r"|\b(?:did|could|can) not (?:quite )?(?:catch|hear|get) (?:that|you|what)\b|\bwhat did you (?:just )?say\b"
    r"|\bone more time\b|\bsay that slower\b|\bslow down\b"
)
YES = re.compile(
    r"^(?:(?:oh|um|uh|er|well|okay|ok) )*(?:yes|yeah|yep|yup|sure|okay|ok|please|please do|go ahead|go on|of course"
    r"|definitely"
    r"|absolutely|alright|all right|fine|that would be (?:great|good|fine|lovely|nice|helpful)|that is (?:fine"
    r"|right|correct|it)"
    r"|sounds good|that sounds good|why not|correct|exactly|i would|do it|do that|i think so|i guess so"
    r"|if you could|great"
    r"|perfect|good|lovely|right|cool|uh huh|mhm|mm|mmhm|mm hmm|got it|i see|you can|both)\b"
)
PLAIN_YES = re.compile(r"^(?:(?:oh|um|uh|er|well|okay|ok) )*(?:yes|yeah|yep|yup|sure|please|go ahead)\b")
NO = re.compile(
    r"^(?:(?:oh|um|uh|er|well|okay|ok|yeah) )*(?:no|nope|nah|not really|not now|not yet|no thanks|no thank you"
    r"|do not|rather not"
    r"|i would rather not|never mind|leave it|that is not|i do not (?:want|need|think)|nothing|not today|no need"
    r"|not at the moment)\b"
)
_AFTER_FAREWELL = 8
"""Words that may follow a farewell."""

GOODBYE = re.compile(
    r"\b(?:good ?bye|bye|bye bye|see you|cheerio|take care|have a (?:good|nice|great|lovely) (?:day|one|evening"
    r"|afternoon|weekend))\b"
    r"|\b(?:that is|that was|that will be) (?:all|everything|it)(?: (?:thanks?|thank you|for now|for today"
    r"|i need(?:ed)?|from me))+"
    r"|^(?:no )?(?:thanks? )?(?:i think )?that is (?:all|everything)$|\bi am (?:all )?(?:done|sorted)(?: thanks?"
    r"| thank you)?$"
    r"|\bnothing else\b|\bi (?:have to|need to|will) (?:hang up|let you go)\b"
)
THANKS = re.compile(r"\b(?:thanks|thank you|cheers|ta|appreciate (?:it|that|your)|much obliged|brilliant|that helps)\b")
GREETING = re.compile(r"^(?:hi|hello|hey|good (?:morning|afternoon|evening)|hiya)\b")
SMALL = (
    ("identity", re.compile(
        rf"\b(?:are you|is this|am i (?:speaking|talking) (?:to|with)) (?:an? |the |actually |really "
        rf"|even )*(?:real|live|{_HUMAN_BEING}"
        rf"|{_MACHINE})\b|\bwho (?:are you|am i (?:speaking|talking) to|is this)\b|\bwhat is your name\b"
        rf"|\bwhat are you\b"
    )),
    ("wait", re.compile(
        r"\b(?:hold on|hang on|one (?:moment|second|sec|minute)|just a (?:moment|second|sec|minute)|wait a"
        r"|bear with me"
        r"|give me a (?:moment|second|sec|minute)|let me (?:check|get|find|look|grab|see))\b"
    )),
    ("hearing", re.compile(r"\b(?:can you hear me|are you (?:still )?there|is anyone there|anybody there"
                           r"|hello hello)\b")),
    ("wellbeing", re.compile(r"\bhow are you\b|\bhow is it going\b|\bhow are things\b")),
    ("ability", re.compile(r"\bwhat can you (?:do|help)\b|\bhow can you help\b|\bcan you help(?: me)?$"
                           r"|\bi need (?:some )?help$")),
)  # fmt: skip
DONT_KNOW = re.compile(r"\b(?:do not (?:know|have|remember)|not sure|no idea|can not remember|rather not)\b")
STILL_BROKEN = re.compile(
    r"\b(?:still (?:not|no|nothing|down|broken|off|red|slow|the same|does not|is not|has not)|did not (?:work|help"
    r"|fix)"
    r"|has not (?:worked|helped|fixed)|(?:tried|done|did) (?:that|this|it|all that)(?: already| before| twice)?"
    r"|no (?:difference|luck|change)"
    r"|made no difference|same problem|same thing|does not (?:work|help)|not working|that is no (?:good|help|use)"
    r"|keeps happening)\b"
)
_COMPLAINT = re.compile(
    r"\b(?:ridiculous|disgrace\w*|unacceptable|useless|rubbish|joke|appalling|terrible|awful|furious|angry|annoy\w*"
    r"|fed up|frustrat\w*"
    r"|sick of|sick and tired|had enough|third time|fourth time|fifth time|second time|again and again"
    r"|every single time"
    r"|keep (?:calling|ringing|phoning|having to)|been (?:calling|ringing|phoning|waiting|on hold)|wast(?:e|ed"
    r"|ing) (?:of )?(?:my |time)"
    r"|nobody (?:helps|listens|cares|answers|calls|knows)|no one (?:helps|listens|cares|answers|calls|knows)|bloody"
    r"|damn|hell|fuck\w*"
    r"|shit|crap|worst|incompeten\w*|shambles|not good enough|disappointed|let down|lied to|lies|scam|rip off"
    r"|robbery|outrageous"
    r"|hate|stupid|pathetic|shocking|absurd|insane|unbelievable|nonsense)\b"
)
_FEELS = (
    (Label.SAD, re.compile(
        r"\b(?:passed away|died|funeral|bereave\w*|deceased|heartbroken|devastated|so sad|in tears|lonely|all alone"
        r"|lost my (?:husband|wife|mum|dad|mother|father|son|daughter|job))\b"
    )),
    (Label.ANXIOUS, re.compile(
        r"\b(?:worried|worrying|worry|scared|afraid|anxious|panick\w*|panic|nervous|frightened|terrified|desperate)\b"
    )),
    (Label.CONFUSED, re.compile(
        r"\b(?:confus\w*|do not understand|makes no sense|not make sense|lost track|no idea (?:what|how|why)"
        r"|what do you mean|i am lost)\b"
    )),
)  # fmt: skip
_KEY_JOINERS = re.compile(r"\b[a-z] (?:for|as in) [a-z]+\b")
_SURE_DIGITS = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9",
}  # fmt: skip
_DIGITS = _SURE_DIGITS | {"oh": "0", "nought": "0", "to": "2", "for": "4"}
_LETTERS = {
    sound: letter
    for letter, sounds in {
        "a": "ay", "b": "bee be", "c": "see sea", "d": "dee", "e": "ee", "f": "eff", "g": "gee", "h": "aitch",
        "j": "jay", "k": "kay", "l": "el ell", "m": "em", "n": "en", "p": "pea", "q": "queue", "r": "are", "s": "ess",
        "t": "tea tee", "u": "you", "v": "vee", "x": "ex", "y": "why", "z": "zed zee",
    }.items()
    for sound in sounds.split()
}  # fmt: skip
_KEY_WORDS = 12
"""Most spoken words that one key may take."""


def is_crisis(text: str) -> bool:
    """Whether someone speaks of harming themselves or of being in danger, idioms left out."""
    return bool(_CRISIS.search(_CRISIS_IDIOM.sub(" ", plain(text))))


def wants_no_analysis(text: str) -> bool:
    """Whether the caller does not want their emotion or voice to be analysed."""
    return bool(_OPT_OUT.search(plain(text)))


def wants_human(text: str) -> bool:
    """Whether the caller asks for a human. In doubt yes: the request is theirs to make."""
    asked = _NOT_A_REQUEST.sub(" ", plain(text))
    if _HUMAN.search(asked):
        return True
    return bool(_ONLY_HUMAN.match(" ".join(_FILLER.sub(" ", asked).split())))


def says_goodbye(said: str) -> bool:
    """Whether the caller takes leave: a farewell that little comes after.

    A "bye" at the head of a long sentence is most often a misheard "by".

    Args:
        said: the caller's words, made plain.
    """
    farewells = list(GOODBYE.finditer(said))
    return bool(farewells) and len(said[farewells[-1].end() :].split()) <= _AFTER_FAREWELL


def complains(text: str) -> bool:
    """Whether the words themselves carry annoyance."""
    return bool(_COMPLAINT.search(plain(text)))


def feels(text: str) -> Label | None:
    """The feeling that the words themselves name, None where they name none."""
    said = plain(text)
    return next((label for label, pattern in _FEELS if pattern.search(said)), None)


def spells(said: str) -> bool:
    """Whether plain words hold single letters or digits, as when a key is spelled."""
    return any(word in _SURE_DIGITS or word.isdigit() or (len(word) == 1 and word not in "ai") for word in said.split())


def spoken_key(text: str, pattern: str) -> str | None:
    """The key in a caller's words: "S W one A, one A A" -> "SW1A1AA"; None where the pattern is nowhere complete."""
    words = _KEY_JOINERS.sub(lambda match: match.group()[0], plain(text)).split()
    readings = (
        [_SURE_DIGITS.get(word, word) for word in words],
        [_DIGITS.get(word, _LETTERS.get(word, word)) for word in words],
    )
    key = re.compile(pattern)
    for reading in readings:
        for length in range(min(_KEY_WORDS, len(reading)), 0, -1):
            for start in range(len(reading) - length + 1):
                candidate = "".join(reading[start : start + length]).upper()
                if key.fullmatch(candidate):
                    return candidate
    return None
