"""Written text made fit for the ear: what a reader's eye skips is dropped, what a voice would misread is spelled out.

Amounts, percentages, units, months and ordinary numbers are left as they are, because the voices' own normaliser reads
them well. Spelled out here is what it gets wrong: telephone numbers and codes, postcodes, addresses, the 24-hour clock,
ranges of amounts, pence, and days written as numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "tues": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "thur": "Thursday",
    "thurs": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
_DAY = "Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun"
_TLD = "com|org|net|info|biz|gov|edu|io|ai|app|dev|eu|uk|ie|us|de|fr|nl|es|it|ca|au|nz|in"
_HOST = rf"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,62}})\.){{1,4}}(?:{_TLD})(?![A-Za-z0-9-])"
_MONEY = r"[£$€]\d[\d,]*(?:\.\d+)?"
_KEPT_SYMBOLS = frozenset("+=%°£$€¥₹&@#/'\u2019-\u2013\u2014,.;:!?…\"\u201c\u201d()*_`~|")
"""Symbols that mean something to the rules below or to the voices."""

_LINK = re.compile(r"!?\[([^\[\]]{0,200})\]\([^()\s]{0,300}\)")
_TAG = re.compile(r"</?[A-Za-z!?][^<>]{0,300}>")
_STAGE = re.compile(r"\[[^\[\]]{0,200}\]")
_LINE_MARK = re.compile(r"(?m)^[ \t]*(?:#{1,6}[ \t]+|[-*+•‣][ \t]+|>[ \t]?|[-*_=]{3,}[ \t]*$)")
_LINE_END = re.compile(r"[ \t]*[\r\n]+[ \t]*")
_EMPHASIS = re.compile(r"[*`_~|]+")
_ASIDE = re.compile(r"\s*\(([^()]{0,300})\)")
_SPACE = re.compile(r"\s+")
_ENDS_SENTENCE = ".!?…:;,"


def for_the_ear(text: str) -> str:
    """Reword text so that it can be read out; the meaning, the order and every number stay.

    Never raises. The result is one line without tags, brackets, emoji, or control characters; it is empty where there
    is nothing to say. What is spelled out is written in words, so that a second pass changes nothing.
    """
    text = _without_markup(unicodedata.normalize("NFC", text))
    for pattern, reading in _READINGS:
        text = pattern.sub(reading, text)
    return _tidy(text)


def spelled(characters: str) -> str:
    """Letters and digits one by one: 'A1' is 'A one'."""
    return " ".join(
        _DIGITS[int(character)] if character in "0123456789" else character.upper()
        for character in characters
        if character.isalnum()
    )


def _without_markup(text: str) -> str:
    text = _TAG.sub(" ", text)
    text = _LINK.sub(r"\1", text)
    text = _STAGE.sub(" ", text)
    text = _LINE_MARK.sub("", text)
    text = _LINE_END.sub(_end_line, text.strip())
    text = "".join(_heard(character) for character in text)
    text = _ASIDE.sub(_aside, text)
    return _SPACE.sub(" ", re.sub("[()]", " ", text))


def _end_line(match: re.Match[str]) -> str:
    """A line is a sentence of its own."""
    before = match.string[: match.start()].rstrip()
    return " " if not before or before[-1] in _ENDS_SENTENCE else ". "


def _aside(match: re.Match[str]) -> str:
    """Words in brackets are set off by short pauses; an area code is not."""
    inside = match.group(1)
    return f" {inside} " if inside.isdigit() else f", {inside},"


def _heard(character: str) -> str:
    """The character, or a space for what no voice can say: symbols, emoji, brackets, control characters."""
    if character in _KEPT_SYMBOLS:
        return character
    match unicodedata.category(character):
        case "Mn" | "Mc" if character < "\ufe00":
            return character
        case "Mn" | "Mc" | "Me" | "Cf":
            return ""
        case category:
            return character if category[0] in "LN" else " "


def _tidy(text: str) -> str:
    """Single spaces, one mark where several came together, nothing but marks is nothing."""
    text = _EMPHASIS.sub(" ", text)
    text = _SPACE.sub(" ", text)
    text = re.sub(r" ([,.;:!?…])", r"\1", text)
    text = re.sub(r"\.{2,}", "…", text)
    text = re.sub(r",(?:\s*,)+", ",", text)
    text = re.sub(r",\s*([.;:!?…])", r"\1", text)
    text = re.sub(r"([.;:!?…])\s*,", r"\1", text)
    text = re.sub(r"([!?])[!?.,]+", r"\1", text)
    text = text.strip(" ,")
    return text if any(character.isalnum() for character in text) else ""


def _address(match: re.Match[str]) -> str:
    """A web address: host and first steps of the path; nobody can type the rest of it by ear."""
    rest = match.group("rest")
    ending = re.search(r"[.,!?;:'\"\u201d\u2019-]*$", rest)
    path = re.split(r"[?#]", rest)[0].strip(".,!;:").split("/")[1:3]
    steps = [_dotted(step) for step in path if re.fullmatch(r"[\w.-]+", step)]
    host = _dotted(match.group("host").removeprefix("www."))
    return " slash ".join([host, *steps]) + (ending.group() if ending else "")


def _mailbox(match: re.Match[str]) -> str:
    return f"{_dotted(match.group(1))} at {_dotted(match.group(2))}"


def _dotted(name: str) -> str:
    marks = {".": " dot ", "-": " dash ", "_": " underscore ", "+": " plus "}
    name = re.sub(r"[.\-_+]", lambda mark: marks[mark.group()], name)
    return re.sub(r"\d+", lambda digits: f" {spelled(digits.group())} ", name).replace("  ", " ").strip()


def _telephone(match: re.Match[str]) -> str:
    """Digit by digit in the groups in which it is written; a date or a sum of small numbers is no telephone number."""
    written = match.group()
    digits = re.sub(r"\D", "", written)
    groups = re.findall(r"\d+", written)
    dialled = written.startswith(("+", "0", "(")) or (len(groups) > 1 and min(map(len, groups)) >= 3)
    dialled = dialled or re.fullmatch(r"1-\d{3}-\d{3}-\d{4}", written) is not None
    if len(digits) < 7 or not dialled or re.fullmatch(r"\d{4}-\d{2}-\d{2}", written):
        return written
    return ("plus " if written.startswith("+") else "") + ", ".join(
        spelled(part) for part in groups for part in _parts(part)
    )


def _parts(digits: str) -> list[str]:
    """A long run of digits in groups of three, up to four at its end; a British number as it is usually said."""
    if len(digits) == 11 and digits.startswith("0"):
        return [digits[:4], digits[4:7], digits[7:]]
    parts = []
    while len(digits) > 4:
        parts.append(digits[:3])
        digits = digits[3:]
    return [*parts, digits]


def _digit_run(match: re.Match[str]) -> str:
    """A long number without commas is a reference, unless it is round."""
    if match.group().endswith("000") and not match.group().startswith("0"):
        return match.group()
    return ", ".join(spelled(part) for part in _parts(match.group()))


def _code(match: re.Match[str]) -> str:
    """A reference such as 'AB-1234-X': its groups with short pauses; words and quantities are left alone."""
    written = match.group()
    letters = any(character.isalpha() for character in written)
    digits = any(character.isdigit() for character in written)
    quantity = re.fullmatch(r"\d+[A-Z]+", written)
    if not letters or not digits or quantity or len(written) < 4:
        return written
    return ", ".join(spelled(group) for group in written.split("-"))


def _cued_code(match: re.Match[str]) -> str:
    return match.group(1) + spelled(match.group(2))


def _postcode(match: re.Match[str]) -> str:
    return f"{spelled(match.group(1))}, {spelled(match.group(2))}"


def _clock(match: re.Match[str]) -> str:
    """The 24-hour clock as it is spoken; '10:30' says itself and a time with AM or PM is left alone."""
    hour, minute = int(match.group(1)), match.group(2)
    if not (match.group(1).startswith("0") or hour >= 12) or hour > 23 or int(minute) > 59:
        return match.group()
    if minute == "00" and hour in (0, 12):
        return "12 noon" if hour else "midnight"
    half = "AM" if hour < 12 else "PM"
    return f"{(hour - 1) % 12 + 1}{'' if minute == '00' else ':' + minute} {half}"


def _date(match: re.Match[str]) -> str:
    """Day before month, as it is written where the example company trades; the impossible stays as it is."""
    day, month, year = int(match.group(1)), int(match.group(2)), match.group(3)
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return match.group()
    return f"{day} {_MONTHS[month - 1]} {'20' + year if len(year) == 2 else year}"


def _iso_date(match: re.Match[str]) -> str:
    year, month, day = match.groups()
    return f"{int(day)} {_MONTHS[int(month) - 1]} {year}"


def _days(match: re.Match[str]) -> str:
    first, last = (_DAYS[day.lower()] for day in match.groups())
    return f"{first} to {last}"


def _day(match: re.Match[str]) -> str:
    return _DAYS[match.group(1).lower()] + " "


_Reading = str | Callable[[re.Match[str]], str]
_READINGS: tuple[tuple[re.Pattern[str], _Reading], ...] = (
    (re.compile(rf"([\w.+-]{{1,64}})@({_HOST})"), _mailbox),
    (re.compile(rf"(?:https?://)?(?P<host>(?:www\.)?{_HOST})(?::\d{{1,5}})?(?P<rest>\S{{0,300}})"), _address),
    (re.compile(r"https?://\S{1,300}"), " "),
    (re.compile(r"\be\.\s?g\.,?", re.I), "for example"),
    (re.compile(r"\bi\.\s?e\.,?", re.I), "that is"),
    (re.compile(r"\b24/7\b"), "twenty-four seven"),
    (re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})\b"), _date),
    (re.compile(r"\b([12]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b"), _iso_date),
    (re.compile(r"(?<![\d:])(\d{2}):(\d{2})(?![\d:]|\s?[ap]\.?m)", re.I), _clock),
    (re.compile(r"(?i)\b(\d{1,2}(?::\d{2})?\s?(?:am|pm))\s?[-\u2013\u2014]\s?(?=\d)"), r"\1 to "),
    (re.compile(rf"\b({_DAY})\.?\s?[-\u2013\u2014]\s?({_DAY})\b\.?"), _days),
    (re.compile(rf"\b({_DAY})\.? (?=\d)"), _day),
    (re.compile(rf"({_MONEY})\s?[-\u2013\u2014]\s?(?=[£$€]?\d)"), r"\1 to "),
    (re.compile(r"(?<![\w.,/-])(\d+(?:\.\d+)?)\s?[-\u2013]\s?(?=\d+(?:\.\d+)?%)"), r"\1 to "),
    (re.compile(r"(?<![\w.,/-])(\d+\.\d+)\s?[-\u2013]\s?(?=\d)"), r"\1 to "),
    (re.compile(r"(?<!\w)[-\u2212](?=[£$€]\d)"), "minus "),
    (re.compile(r"(?<![\w.])1\s?p\b"), "1 penny"),
    (re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s?p(?![\w.]*\w)"), r"\1 pence"),
    (re.compile(r"(?<![A-Za-z])per kWh\b"), "per kilowatt hour"),
    (re.compile(r"(?<=\d)\s?(?:/|per )\s?kWh\b"), " per kilowatt hour"),
    (re.compile(r"(?<=[\dA-Za-z])\s?/\s?(day|week|month|year|hour|unit)\b"), r" per \1"),
    (re.compile(r"(?i)(?<=\d)\s?Mbit/s\b"), " Mbps"),
    (re.compile(r"(?i)(?<=\d)\s?Gbit/s\b"), " Gbps"),
    (re.compile(r"\b([A-Z]{1,2}\d[A-Z\d]?) ?(\d[A-Z]{2})\b"), _postcode),
    (re.compile(r"(?<![\w.,£$€/+-])\+?\(?\d{1,5}\)?(?:[ -]\(?\d{1,5}\)?){1,5}(?![\w/-]|[.,:]\d|%)"), _telephone),
    (re.compile(r"(?<![\w.,£$€/-])\+?\d{9,15}(?![\w/]|[.,:]\d|%)"), _telephone),
    (re.compile(r"\b[A-Z0-9]+(?:-[A-Z0-9]+)*\b"), _code),
    (
        re.compile(
            r"(?i)(\b(?:code|pin|passcode|password|reference|account|extension|option|ending(?: in| with)?|number)"
            r"(?: number)?(?: is|:)? )(\d{3,5})(?![\w:%/-]|,\d|\.\d)"
        ),
        _cued_code,
    ),
    (re.compile(r"(?<![\w.,£$€-])\d{6,}(?![\w]|[.,]\d|%)"), _digit_run),
    (re.compile(r"(?<![\w.,:£$€/-])0\d+(?![\w]|[.,:]\d|%)"), _digit_run),
    (re.compile(r"(?<=\w)\s?&\s?(?=\w)"), " and "),
    (re.compile(r"(?<!\S)@(?!\S)"), "at"),
)
