"""What a worded reply must pass before it is spoken: written for a very small model that likes to invent.

A sentence may say what the evidence says, in other words, and nothing else: no number, name, promise, negation or
matter of its own. In doubt it is refused: the policy's template is good.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from functools import partial

from pipelines.empathy.words import content, plain, sentences, stem, wordset

MOST_WORDS = 34
MOST_SENTENCES = 4
MOST_WORDS_IN_ALL = 80
LEAST_FROM_EVIDENCE = 0.6
"""Share of a sentence's content words that evidence must hold."""
_SAME_SENTENCE = 0.7
_FAITHFUL = 0.9


class RefusalReason(StrEnum):
    """Why words were refused."""

    EMPTY = "empty"
    UNFINISHED = "unfinished"
    TOO_LONG = "too_long"
    GARBAGE = "garbage"
    LEAK = "leak"
    NUMBER = "number"
    DATE = "date"
    ADDRESS = "address"
    NAME = "name"
    PROMISE = "promise"
    DONE_ACTION = "done_action"
    NO_HAND_OFF = "no_hand_off"
    JOY = "joy"
    APOLOGY = "apology"
    BLAME = "blame"
    ADVICE = "advice"
    PERSONAL_DATA = "personal_data"
    NEGATION = "negation"
    OFF_TOPIC = "off_topic"
    REPEATED = "repeated"
    GREETING = "greeting"
    UNFAITHFUL = "unfaithful"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A failed check: why, and the words that failed it."""

    reason: RefusalReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as it is meant: digits, and the unit after it ('' for none)."""

    value: str
    unit: str = ""


def check_sentence(sentence: str, evidence: str, question: str) -> Refusal | None:
    """Whether one sentence may be spoken; None: it may.

    Args:
        sentence: what a writer worded.
        evidence: all that may be claimed.
        question: the caller's words; their numbers and names may be said back.
    """
    for reason, found in _objections(sentence, evidence, question):
        if found:
            return Refusal(reason, found)
    return None


def check_reply(reply: str, evidence: str, question: str, opening: str = "", earlier: str = "") -> Refusal | None:
    """Whether a whole worded reply may be spoken after an opening; None: it may.

    Args:
        reply: all sentences of the writer.
        evidence: all that may be claimed.
        question: the caller's words.
        opening: what was said just before; it must not be said again.
        earlier: our previous answer; it must not be given again word for word.
    """
    parts = sentences(reply)
    if not parts:
        return Refusal(RefusalReason.EMPTY)
    if len(parts) > MOST_SENTENCES or len(reply.split()) > MOST_WORDS_IN_ALL:
        return Refusal(RefusalReason.TOO_LONG, f"{len(parts)} sentences, {len(reply.split())} words")
    if earlier and plain(reply) == plain(earlier):
        return Refusal(RefusalReason.REPEATED, reply)
    said = [opening] if opening else []
    for part in parts:
        if any(_alike(part, before) for before in said):
            return Refusal(RefusalReason.REPEATED, part)
        if (refusal := check_sentence(part, evidence, question)) is not None:
            return refusal
        said.append(part)
    return None


def unfaithful(sentence: str, fact: str) -> Refusal | None:
    """Whether a sentence drops, adds or reorders anything of the part of the fact that it words; None: it does not.

    For writers too small to be trusted with a paraphrase: they drop conditions ("two full working days after you report
    it") and swap what is compared, and no check of single words sees that. Content words are compared in order with
    every run of the fact's sentences; the best run must be matched almost wholly, both ways.
    """
    said = content(sentence)
    parts = [content(part) for part in sentences(fact)]
    for first in range(len(parts)):
        for last in range(first + 1, len(parts) + 1):
            held = [word for part in parts[first:last] for word in part]
            blocks = SequenceMatcher(None, said, held, autojunk=False).get_matching_blocks()
            same = sum(block.size for block in blocks)
            if same >= _FAITHFUL * max(1, len(said)) and same >= _FAITHFUL * max(1, len(held)):
                return None
    return Refusal(RefusalReason.UNFAITHFUL, sentence)


def left_out(fact: str, said: str) -> list[str]:
    """Sentences of the fact whose figures were not said: a reply must not lose an amount, a date or a time."""
    spoken = {figure.value for figure in figures(said)}
    return [part for part in sentences(fact) if any(figure.value not in spoken for figure in figures(part))]


def _objections(sentence: str, evidence: str, question: str) -> Iterator[tuple[RefusalReason, str]]:
    said, held, asked = plain(sentence), plain(evidence), plain(question)
    yield RefusalReason.EMPTY, "nothing" if not said else ""
    yield RefusalReason.GARBAGE, _garbage(sentence)
    yield RefusalReason.LEAK, _first(_LEAK, sentence.lower()) or _first(_ROLE, sentence)
    yield RefusalReason.TOO_LONG, said if len(said.split()) > MOST_WORDS else ""
    yield RefusalReason.UNFINISHED, sentence if not re.search(r"[.!?][\"')]?$", sentence.strip()) else ""
    yield RefusalReason.NO_HAND_OFF, _first(_NO_HAND_OFF, said)
    yield RefusalReason.ADDRESS, _foreign(_ADDRESS, sentence.lower(), f"{evidence} {question}".lower())
    yield RefusalReason.NUMBER, _foreign_figure(sentence, evidence, question)
    yield RefusalReason.DATE, _foreign(_DATE, said, f"{held} {asked}")
    yield RefusalReason.NAME, _foreign_name(sentence, f"{held} {asked}")
    yield RefusalReason.DONE_ACTION, _foreign(_DONE, said, held)
    yield RefusalReason.PROMISE, _foreign_promise(said, held)
    yield RefusalReason.APOLOGY, _foreign(_APOLOGY, said, held)
    yield RefusalReason.JOY, _first(_JOY, said)
    yield RefusalReason.BLAME, _first(_BLAME, said)
    yield RefusalReason.ADVICE, _foreign(_ADVICE, said, held)
    yield RefusalReason.PERSONAL_DATA, _foreign(_PERSONAL, said, held)
    yield RefusalReason.GREETING, _first(_GREETS, said)
    yield RefusalReason.NEGATION, _flipped(sentence, evidence)
    yield RefusalReason.OFF_TOPIC, _off_topic(sentence, evidence, question)


# Numbers


def _numbered(words: str, start: int, step: int = 1) -> dict[str, int]:
    return {word: start + step * place for place, word in enumerate(words.split())}


_ONES = _numbered("zero one two three four five six seven eight nine ten eleven twelve", 0)
_TEENS = _numbered("thirteen fourteen fifteen sixteen seventeen eighteen nineteen", 13)
_TENS = _numbered("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10)
_ORDINAL_TENS = {"twentieth": 20, "thirtieth": 30}
_ORDINALS = _numbered("fourth fifth sixth seventh eighth ninth tenth eleventh twelfth", 4) | _numbered(
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth", 13
)
_SMALL_ORDINALS = {"first": 1, "second": 2, "third": 3} | dict(list(_ORDINALS.items())[:6])
_PARTS = wordset("half quarter double twice triple dozen dozens thrice couple hundreds thousands million free")
_WORTH = _ONES | _TEENS | _TENS | _ORDINALS | _ORDINAL_TENS | {"oh": 0, "nought": 0}
_UNITS = frozenset(
    stem(word)
    for word in wordset(
        """
        second minute hour day week month year pound pence penny percent euro dollar cent megabit gigabit megabyte
        gigabyte megabits mbps kilowatt kwh unit mile metre o'clock am pm working business calendar full
        """
    )
)
_TOKEN = re.compile(r"[£$€]?\d+(?:[.,:]\d+)*(?:st|nd|rd|th)?%?|[a-z]+|[,;.]")
_SIGNS = {"£": "pound", "$": "dollar", "€": "euro"}


def figures(text: str) -> list[Figure]:
    """The numbers of a text in order, in digits or in words, each with its unit.

    Spelled digits in a row ("one one six") are one number; "one" alone, "first" and "second" count only with a unit.
    """
    tokens = _TOKEN.findall(text.lower().replace("\u2019", "'").replace("-", " ").replace("per cent", "percent"))
    found: list[Figure] = []
    place = 0
    while place < len(tokens):
        value, length = _number_at(tokens, place)
        if length == 0:
            if tokens[place] in _PARTS:
                found.append(Figure(tokens[place]))
            place += 1
            continue
        sign = tokens[place][0]
        place += length
        unit = _SIGNS.get(sign) or ("percent" if tokens[place - 1].endswith("%") else _unit_at(tokens, place))
        if not (value == "1" and unit == "" and length == 1 and not tokens[place - 1][0].isdigit()):
            found.append(Figure(value, unit))
    return found


def _number_at(tokens: list[str], place: int) -> tuple[str, int]:
    """The number that starts at a token and how many tokens it takes; length 0 for none."""
    token = tokens[place]
    if any(letter.isdigit() for letter in token):
        digits = re.sub(r"[^\d.:]|[.:]$", "", re.sub(r"(?<=\d),(?=\d{3})", "", token))
        return re.sub(r"[.:]0+$", "", digits), 1
    singles = _spelled(tokens, place)
    if len(singles) > 1:
        return "".join(singles), len(singles)
    if token not in _WORTH and not (token in ("a",) and tokens[place + 1 : place + 2] in (["hundred"], ["thousand"])):
        return "", 0
    total, current, end = 0, _WORTH.get(token, 1), place + 1
    while end < len(tokens):
        word = tokens[end]
        if word in ("hundred", "thousand"):
            current *= 100 if word == "hundred" else 1000
            if word == "thousand":
                total, current = total + current, 0
        elif word == "and" and tokens[end - 1] in ("hundred", "thousand") and _WORTH.keys() & tokens[end + 1 : end + 2]:
            pass
        elif word in _WORTH and current % 100 == 0 and (current or total):
            current += _WORTH[word]
        elif (word in _ONES or word in _SMALL_ORDINALS) and tokens[end - 1] in _TENS:
            current += _ONES.get(word, 0) or _SMALL_ORDINALS.get(word, 0)
        else:
            break
        end += 1
    return str(total + current), end - place


def _spelled(tokens: list[str], place: int) -> list[str]:
    digits: list[str] = []
    for token in tokens[place:]:
        if token in _ONES and _ONES[token] < 10:
            digits.append(str(_ONES[token]))
        elif token in ("oh", "nought"):
            digits.append("0")
        elif token == "hundred" and digits[-1:] not in ([], ["0"]) and digits[:1] == ["0"]:
            digits.append("00")
        else:
            break
    return digits


def _unit_at(tokens: list[str], place: int) -> str:
    units: list[str] = []
    for token in tokens[place : place + 3]:
        if stem(token) not in _UNITS:
            break
        units.append(stem(token))
    return " ".join(units)


def _foreign_figure(sentence: str, evidence: str, question: str) -> str:
    """A number that nobody gave, that has another unit, or that evidence gives about something else."""
    asked = {figure.value for figure in figures(question)}
    held = [(part, figures(part)) for part in sentences(evidence)]
    for clause in re.split(r"[,;:]\s|\band\b", sentence):
        stems = set(content(clause))
        near = max((len(stems & set(content(part))) for part, numbers in held if numbers), default=0)
        for figure in figures(clause):
            if figure.value in asked:
                continue
            sources = [part for part, numbers in held if any(_gives(given, figure) for given in numbers)]
            if not any(len(stems & set(content(part))) >= near for part in sources):
                return f"{figure.value} {figure.unit}".strip()
    return ""


def _gives(given: Figure, said: Figure) -> bool:
    return given.value == said.value and (not said.unit or said.unit == given.unit)


# Words that are allowed only where evidence has them

_DATE = re.compile(
    r"\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|june|july|august"
    r"|september"
    r"|october|november|december|today|tonight|tomorrow|yesterday|weekends?|weekdays?|midnight|noon|next (?:week"
    r"|month|year)"
    r"|this (?:week|month|morning|afternoon|evening)|morning|afternoon|evening|immediately|straight away|right away"
    r"|shortly|soon"
    r"|within|asap|o clock|instantly|always|never|guarantee\w*)\b"
)
_ADDRESS = re.compile(
    r"https?://\S+|www\.\S+|\b\S+@\S+|\b[a-z0-9-]+\.(?:com|co\.uk|org|net|gov|uk|io)\b"
    r"|\b(?:website|web site|online chat)\b"
)
_DONE = re.compile(
    r"\b(?:i|we) (?:have|had) (?:just |already |now )?\w+|\b(?:has|have) been \w+|\b(?:is|are) now \w+|\bi (?:did"
    r"|sent|booked|made|put"
    r"|checked|looked|found|fixed|refunded|created|raised|opened|updated|changed|cancelled|arranged|scheduled|noted"
    r"|added)\b"
    r"|\bwe (?:sent|booked|fixed|refunded|created|raised|opened|updated|changed|cancelled|arranged|scheduled|noted"
    r"|added)\b"
    r"|\bon (?:its|the) way\b|\ball (?:done|set|sorted)\b|\b(?:ticket|case|reference) (?:number|has|is|was)\b"
    r"|\bsuccessfully\b|\bi can see\b|\bi see (?:that|your)\b|\bour records\b|\byour account (?:is|shows|has)\b"
)
_FUTURE = re.compile(
    r"\b(?:i|we|they|someone|somebody|you|it|he|she|team|engineer|engineers|colleague|technician) (?:will|shall"
    r"|would|are going to"
    r"|am going to|is going to) (?:be |also |then |now |get |need to )?(\w+)"
    r"|\b(?:i|we) (?:am|are) (?:now |currently )?(\w+ing)\b|\blet (?:me|us) (\w+)|\b(?:i|we) (?:can|could|may"
    r"|might) (?:also )?(\w+)"
    r"|\b(?:i|we) (?:promise|guarantee|assure|ensure)(?: \w+)?"
)
_HARMLESS = frozenset(map(stem, wordset("explain tell talk say help go walk try stay describe")))
_WE_DO = re.compile(r"\bwe ((?:\w+ ){0,2}\w+)")
_APOLOGY = re.compile(r"\b(?:sorry|apolog\w+|regret\w*|forgive|condolences|sympath\w+|inconvenience)\b")
_ADVICE = re.compile(
    r"\b(?:doctor|physician|medication|medicine|dose|diagnos\w+|symptom\w*|therap\w+|lawyer|solicitor|sue|legal\w*"
    r"|court|lawsuit"
    r"|liable|liability|invest\w*|tax(?:es)?|rewire|wiring yourself|open the meter)\b"
)
_PERSONAL = re.compile(
    r"\b(?:your|the) (?:full |date of |card |bank |security |phone |telephone |mobile |account |order |reference "
    r"|credit |debit )*"
    r"(?:name|address|birth|number|details|code|password|pin|email|card|postcode|passport|licence)\b"
    r"|\bsocial security\b|\bssn\b"
)

# Words that are never allowed

_LEAK = re.compile(
    r"\bas an? (?:ai|artificial|language|assistant|chatbot|agent|support)\b|\blanguage model\b|<\|?[a-z_]|\|>|\[|\]"
    r"|[{}#*_`~|\\^]"
    r"|\b(?:fact|guidance|question|persona|instruction|instructions|evidence|context|response|answer|reply|note"
    r"|tone|output|prompt)\s*:"
    r"|\b(?:the fact (?:is|says|states)|according to the (?:fact|guidance|context)|the caller|this caller"
    r"|the customer|one or two short"
    r"|short sentences?|my instructions|system prompt|you are an? \w+ (?:agent|assistant)|trained)\b"
)
_ROLE = re.compile(r"^\s*(?:[A-Z][\w ]{1,18}:\s)|\b(?:Agent|Caller|Assistant|User|Customer|System|Human|AI|Bot):")
_NO_HAND_OFF = re.compile(
    r"\b(?:can not|could not|will not|not able to|unable to|not possible to|no need to|do not need to)(?: \w+){0,3}?"
    r" (?:transfer|connect|put you|pass you|hand you|speak (?:to|with)|talk (?:to|with))\b|\bno (?:human|person"
    r"|colleague|agent|one)"
    r" (?:is )?available\b"
)
_JOY = re.compile(
    r"\b(?:i|we) (?:am|are|was|feel)(?: \w+){0,2}? (?:happy|glad|delighted|excited|thrilled|pleased|honou?red|proud"
    r"|sad|upset)\b"
    r"|\b(?:would|will) love\b|\bi love\b|\bmy pleasure\b|\bi feel\b|\bi know (?:exactly )?how you feel\b|\b(?:i"
    r"|we) (?:completely |fully"
    r" |totally |really )?understand (?:how|your|that|what|why)\b|\bwonderful (?:day|news)\b|\bhappy to (?:help"
    r"|assist|hear)\b"
    r"|\bhope (?:this|that|you)\b|\bthank you for (?:your|calling|reaching|contacting|being)\b"
)
_BLAME = re.compile(
    r"\byou (?:should have|must have|could have|failed|forgot|did not|have not|never|are wrong|are mistaken|caused"
    r"|broke|do not seem)\b"
    r"|\byour (?:own )?(?:fault|mistake|error|misunderstanding)\b|\bcalm down\b|\bcalm yourself\b"
    r"|\bas i (?:already )?(?:said|explained|told)\b"
    r"|\byou need to understand\b|\bobviously\b|\bno need to be\b|\bdo not be (?:angry|upset|rude)\b"
)
_GREETS = re.compile(
    r"^(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|welcome|greetings|goodbye|bye)\b"
    r"|\bmy name is\b|\bi am \w+ from\b"
)
_COMPANIES = re.compile(
    r"\b(?:bt|sky|virgin|vodafone|talktalk|o2|plusnet|openreach|british gas|edf|eon|e on|octopus|ovo"
    r"|scottish power|npower|bulb"
    r"|amazon|google|apple|microsoft|netflix|comcast|verizon|at t|xfinity|spectrum|t mobile|facebook|paypal|ofcom"
    r"|ofgem|citizens advice"
    r"|ombudsman)\b"
)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group() if found else ""


def _foreign(pattern: re.Pattern[str], said: str, held: str) -> str:
    """The first match that evidence does not hold word for word."""
    return next((found.group() for found in pattern.finditer(said) if f" {found.group()} " not in f" {held} "), "")


def _garbage(sentence: str) -> str:
    odd = re.sub(r"[\x20-\x7e£€\u2018\u2019\u201c\u201d\u2013\u2014\u2026é]", "", sentence)
    if odd:
        return odd
    words = plain(sentence).split()
    triples = zip(words, words[1:], words[2:], strict=False)
    runs = [word for word, after, later in triples if word == after == later and word not in _ONES]
    return runs[0] if runs else _first(re.compile(r"[a-z]{24,}|([!?.,])\1{3,}"), sentence.lower())


def _foreign_promise(said: str, held: str) -> str:
    """A promise that evidence does not make; "I" may promise nothing but words, "we" only what evidence says we do."""
    ours = {stem(word) for found in _WE_DO.finditer(held) for word in found.group(1).split()}
    known = {stem(word) for word in held.split()}
    for found in _FUTURE.finditer(said):
        verb = stem(next((word for word in found.groups() if word), ""))
        speaker = found.group().split()[0]
        allowed = _HARMLESS if speaker in ("i", "let") else _HARMLESS | ours if speaker == "we" else known
        if verb not in allowed:
            return found.group()
    return ""


def _foreign_name(sentence: str, held: str) -> str:
    """A capitalised word inside the sentence, or a well-known company anywhere, that nobody mentioned."""
    companies = (hit.group() for hit in _COMPANIES.finditer(plain(sentence)))
    company = next((name for name in companies if f" {name} " not in f" {held} "), "")
    if company:
        return company
    known = set(held.split())
    words = re.findall(r"(?<=[a-z0-9,;:)'\"] )[A-Z][\w'\u2019-]*", sentence)
    return next((word for word in words if plain(word) and plain(word).split()[0] not in known | {"i", "wifi"}), "")


# Negation and topic

_NOT = re.compile(
    r"\b(?:not|no|never|none|nothing|nobody|without|unless|neither|nor|un(?:able|likely|available)|instead|except)\b"
)
_OPPOSITES = (
    ("on", "off"), ("higher", "lower"), ("before", "after"), ("up", "down"), ("left", "right"), ("open", "closed"),
    ("more", "less"), ("black", "red"), ("free", "charge"), ("start", "end"), ("green", "red"), ("least", "most"),
)  # fmt: skip
_EVERYDAY = frozenset(
    stem(word)
    for word in wordset(
        """
        let simply step steps quick quickly way here first then next finally start begin once after before
        soon moment clear clearly sure ensure able need easy easily simple best good great fine follow check
        use happen mean work question answer important usually often keep wait until done ready able word
        words short point matter sort between takes
        """
    )
)


_CLAUSE = re.compile(r"[.!?;:,]\s*|\b(?:and|but|so|if|when|while|because|which|who|where|or)\b")


def _clauses(text: str) -> list[str]:
    return [part for part in _CLAUSE.split(text) if content(part)]


def _closeness(stems: set[str], other: str) -> float:
    others = set(content(other))
    return len(stems & others) / (len(stems | others) or 1)


def _flipped(sentence: str, evidence: str) -> str:
    """A clause that denies what evidence affirms or affirms what it denies, or that swaps a word for its opposite."""
    held = _clauses(evidence)
    for clause in _clauses(sentence):
        stems = set(content(clause))
        near = max(held, key=partial(_closeness, stems), default="")
        shared = len(stems & set(content(near)))
        denies, denied = _negates(clause), _negates(near)
        if denies and not (shared and denied):
            return clause.strip()
        if denied and not denies and shared * 2 >= max(1, len(stems)):
            return clause.strip()
        if shared and _swapped(set(plain(clause).split()), set(plain(near).split())):
            return clause.strip()
    return ""


def _swapped(said: set[str], held: set[str]) -> bool:
    return any(
        (here in said and here not in held and there in held and there not in said)
        for pair in _OPPOSITES
        for here, there in (pair, pair[::-1])
    )


def _negates(text: str) -> bool:
    return bool(_NOT.search(plain(text)))


def _off_topic(sentence: str, evidence: str, question: str) -> str:
    """Too few of the sentence's words come from evidence; words of the caller's are neutral."""
    held, asked = set(content(evidence)), set(content(question))
    counted = [word for word in content(sentence) if word in held or (word not in asked and word not in _EVERYDAY)]
    backed = sum(word in held for word in counted)
    if backed == 0 or backed / len(counted) < LEAST_FROM_EVIDENCE:
        return " ".join(word for word in counted if word not in held) or "nothing of the evidence"
    return ""


def _alike(one: str, other: str) -> bool:
    if plain(one) == plain(other):
        return True
    left, right = set(content(one)), set(content(other))
    return min(len(left), len(right)) > 1 and len(left & right) / len(left | right) >= _SAME_SENTENCE
