"""Sentences for measuring redaction, written for it: how callers give their numbers, and what only sounds like it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing said.

    Attributes:
        text: the words.
        kind: the mask it must get, or '' where nothing may be masked.
        secret: what must be gone afterwards, as it was said.
    """

    text: str
    kind: str
    secret: str = ""


def card(chance: random.Random) -> str:
    """A number with a card's prefix, length and check digit; nobody's card."""
    prefix, length = chance.choice(
        (
            ("4", 16),
            ("4929", 16),
            ("51", 16),
            ("55", 16),
            ("2221", 16),
            ("34", 15),
            ("37", 15),
            ("6011", 16),
            ("36", 14),
        )
    )
    digits = prefix + "".join(chance.choice("0123456789") for _ in range(length - len(prefix) - 1))
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 - place % 2)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def grouped(digits: str, gap: str, size: int = 4) -> str:
    """In groups of so many digits."""
    return gap.join(digits[place : place + size] for place in range(0, len(digits), size))


def spoken(digits: str, gap: str = " ", size: int = 4, oh: bool = False) -> str:
    """Digit by digit in words."""
    words = [("oh" if oh and digit == "0" else _WORDS[int(digit)]) for digit in digits]
    return gap.join(" ".join(words[place : place + size]) for place in range(0, len(words), size))


def doubled(digits: str) -> str:
    """With "double" and "triple" where a digit repeats."""
    words: list[str] = []
    place = 0
    while place < len(digits):
        run = 1
        while place + run < len(digits) and run < 3 and digits[place + run] == digits[place]:
            run += 1
        words.append({1: "", 2: "double ", 3: "triple "}[run] + _WORDS[int(digits[place])])
        place += run
    return " ".join(words)


def in_pairs(digits: str) -> str:
    """In pairs: forty-five thirty-two."""
    words = []
    for place in range(0, len(digits), 2):
        pair = digits[place : place + 2]
        if len(pair) == 1:
            words.append(_WORDS[int(pair)])
        elif pair[0] == "1":
            words.append(_TEENS[int(pair[1])])
        elif pair[0] == "0":
            words.append(f"oh {_WORDS[int(pair[1])]}")
        else:
            words.append(_TENS[int(pair[0])] + (f"-{_WORDS[int(pair[1])]}" if pair[1] != "0" else ""))
    return " ".join(words)


def hesitant(digits: str) -> str:
    """With the pauses of somebody who reads from plastic."""
    groups = [spoken(digits[place : place + 4]) for place in range(0, len(digits), 4)]
    fillers = (", uh, ", ", um ", ", then ", " and then ")[: len(groups) - 1]
    return "".join(group + filler for group, filler in zip(groups, (*fillers, ""), strict=True))


def misheard(digits: str) -> str:
    """As a recogniser writes it: "for" for four, "to" for two, where a digit stands on both sides."""
    words = [_WORDS[int(digit)] for digit in digits]
    for place in range(1, len(words) - 1):
        words[place] = {"four": "for", "two": "to"}.get(words[place], words[place]) if place % 3 == 0 else words[place]
    return " ".join(words)


_CARD_SAID: tuple[Callable[[str], str], ...] = (
    lambda digits: digits,
    lambda digits: grouped(digits, " "),
    lambda digits: grouped(digits, "-"),
    lambda digits: grouped(digits, ", "),
    lambda digits: grouped(digits, "... "),
    lambda digits: grouped(digits, " ", 1),
    lambda digits: grouped(digits, "-", 1),
    spoken,
    lambda digits: spoken(digits, ", "),
    lambda digits: spoken(digits, ". ".strip() + " ", oh=True),
    lambda digits: spoken(digits, " - ", oh=True),
    doubled,
    in_pairs,
    hesitant,
    misheard,
    lambda digits: f"{grouped(digits[:8], ' ')} {spoken(digits[8:])}",
)
_CARD_FRAMES = (
    "{}",
    "My card number is {}.",
    "it's a Visa, {}",
    "yeah so the long number is {} and the name on it is Pat",
    "Okay, ready? {}. Did you get that?",
    "can you take it from {} instead please",
    "I paid with {} last week and got charged twice",
    "the number across the front says {}",
    "Sure. {}",
    "please use {} for the refund",
    "I tried {}, and it was declined",
    "right um {} expiry is oh four twenty nine",
    "The card ending, no wait, the whole thing is {}",
)
_CVV_FRAMES = (
    "the cvv is {}",
    "CVV: {}",
    "and the security code is {}",
    "the three digits on the back are {}",
    "my CVC is {} I think",
    "it says {} as the last three digits on the back, sorry, the code on the back is {}",
    "cv2 number {}",
    "the one time code they texted is {}",
    "verification code {}",
    "the code you sent me is {}",
)
_PHONES = (
    "07700 900{}",
    "+44 7700 900{}",
    "020 7946 0{}",
    "+49 30 901820{}",
    "(212) 555-0{}",
    "+1 415 555 0{}",
    "0161 496 0{}",
    "+353 1 555 0{}",
)
_PHONE_FRAMES = (
    "call me on {}",
    "my mobile is {} if you get cut off",
    "You can reach me at {}.",
    "the number I'm calling from is {}",
    "text {} when it's done",
)
_MAILS = (
    "jo.bloggs@example.com",
    "pat_quinn+shop@mail.example.org",
    "sam at example dot com",
    "lee dot moss at example dot co dot uk",
    "a underscore king at example dot net",
    "maria at example.de",
)
_MAIL_FRAMES = ("my email is {}", "send it to {} please", "you have {} on file, right?")
_IBANS = (
    "GB82 WEST 1234 5698 7654 32",
    "DE89370400440532013000",
    "FR14 2004 1010 0505 0001 3M02 606",
    "NL91 ABNA 0417 1643 00",
    "ES91 2100 0418 4502 0005 1332",
)
_IBAN_FRAMES = ("my IBAN is {}", "please refund to {}", "the account is {}, thank you")
_BIRTHS = (
    "my date of birth is {}",
    "date of birth: {}",
    "I was born on {}",
    "DOB {}",
    "birthday is {}",
)
_DATES = (
    "12/03/1980",
    "the third of May 1980",
    "4th of July 1971",
    "March 9th, 1966",
    "the twenty second of June nineteen ninety one",
    "1985-11-30",
    "7 October 59",
    "January the fifth two thousand and one",
)
_IDENTITIES = (
    "my national insurance number is AB 12 34 56 C",
    "NI number is Q Q 12 34 56 C, sorry, J G 12 34 56 A",
    "my social security number is 078-05-1120",
    "social is oh seven eight oh five one one two oh",
    "the NHS number is 943 476 5919",
    "my tax id is 86095742719",
    "passport number 533380006",
    "my DNI is 54362315K",
    "codice fiscale RSSMRA85T10A562S",
    "driving licence number is MORGA 753116 SM9IJ",
    "my passport is C01X00T47",
    "my Medicare number is 2123 45670 1",
    "the sort code is 20-00-00",
    "sort code two zero, zero zero, zero zero",
    "account number 55779911",
    "my bank account number is five five seven seven nine nine one one",
    "my PIN is 4417",
    "the pin is nine two oh four",
    "my password is Sunflower42!",
    "memorable word is rosebud",
)
_HARMLESS = (
    "my order number is {n5}",
    "order {n8} still hasn't come",
    "order {n10} has not shipped",
    "the tracking number is {n12}",
    "tracking number {n13}",
    "it's booking reference {n6}",
    "case number {n7}",
    "ticket {n9} was closed without asking me",
    "invoice {n8} is wrong",
    "my customer number is {n8}",
    "the meter reading is {n5}",
    "meter serial {n10}",
    "it's error code {n4}",
    "model {n6}",
    "policy number {n9}",
    "claim {n8} from last spring",
    "flight {n4} to Leeds",
    "reservation {n7}",
    "confirmation code {n6}",
    "membership number is {n10}",
    "the bill is {n3} pounds and {n2} pence",
    "you charged me \u00a31,{n3}.{n2} twice",
    "it was ${n4}.{n2}",
    "I used {n4} units this winter",
    "that's {n2} percent more than last year",
    "I drove {n3} miles to your shop",
    "the broadband gives me {n2} megabits",
    "I waited {n2} minutes and then {n2} more",
    "between 2019 and 2024 I paid every month",
    "from 2021 to 2023",
    "the delivery was due on 14/0{d}/2026",
    "it arrived on the {th} of March",
    "on 2026-0{d}-17 it stopped",
    "call me back after half past {small}",
    "my appointment is at 1{d}:30",
    "it happened on the {th} of May twenty twenty five",
    "since nineteen ninety {small}",
    "I live at {n2} Mill Lane",
    "the postcode is LS{d} {d}AB",
    "flat {n2}, {n3} High Street",
    "we are a family of {small}",
    "I have {small} kids and {small} dogs",
    "one two three, testing",
    "twenty four seven",
    "it failed two or three times",
    "I called {small} times in {small} weeks",
    "nine times out of ten it works",
    "two thousand and {small} people work here",
    "the offer was two for one",
    "I want to buy {small} of them for my mother",
    "press one for sales, two for service",
    "step one, unplug it, step two, wait, step three, plug it in",
    "one of the {small} remotes is broken",
    "for two to three days nothing happened",
    "it is four to five days late",
    "version 1{d}.{d}.{d}",
    "a 1{d}00 watt heater",
    "size {n2} shoes",
    "channel {n3} is gone",
    "gate {n2}",
    "seat {n2}F",
    "I earn {n2} thousand a year",
    "a thirty year mortgage at four point {small} percent",
    "channel one oh {small}",
    "the first one and the second one",
    "room {n3}",
    "my order is four four one {small} {small} two",
    "reference {small} {small} {small} {small} {small} {small} {small} {small}",
    "parcel number {small} {small} four four {small} oh {small} nine {small}",
    "I'm {n2} years old",
    "since 08:{n2} this morning",
    "can I change my PIN",
    "I forgot my password",
    "what's a CVV",
    "where do I find the security code",
    "my password is not working",
    "do you need my date of birth",
    "the card was declined",
    "my card expires next year",
    "is there a fee for a new card",
    "I have two cards and one is lost",
    "the pin isn't accepted",
    "I was born in Leeds",
    "my birthday present never came",
    "is my account number on the bill",
    "the sort code is on the statement",
    "my email is not working",
    "meet me at the dot com museum",
    "she works at a bank",
    "I paid {n2} pounds on the {th} and {n2} on the {th}",
    "I pay 45, 50, sometimes 60 a month",
    "the code on the box is blue",
    "thanks, that's all",
    "my old number was never ported",
    "one moment please",
    "two seconds",
    "three more questions",
    "the parcel weighs {n4} grams",
    "my router's model is {n4}",
    "bill {n9} was paid",
    "receipt {n10}",
    "transaction {n9} looks odd",
    "item {n7} is out of stock",
)


def sentences(seed: int = 20_26) -> Iterator[Sentence]:
    """The whole set, the same every time."""
    chance = random.Random(seed)
    for frame in _CARD_FRAMES:
        for say in _CARD_SAID:
            said = say(card(chance))
            yield Sentence(frame.format(said), "[card number]", said)
    for frame in _CVV_FRAMES:
        for digits in ("737", "0042", "913"):
            for said in (digits, spoken(digits)):
                yield Sentence(frame.replace("{}", said), "[security code]", said)
    for frame in _PHONE_FRAMES:
        for shape in _PHONES:
            said = shape.format(chance.randrange(100, 1000))
            yield Sentence(frame.format(said), "[phone number]", said)
        said = spoken("07700900" + str(chance.randrange(100, 1000)), ", ", oh=True)
        yield Sentence(frame.format(said), "[phone number]", said)
    for frames, values, kind in (
        (_MAIL_FRAMES, _MAILS, "[email]"),
        (_IBAN_FRAMES, _IBANS, "[IBAN]"),
        (_BIRTHS, _DATES, "[date of birth]"),
    ):
        for frame in frames:
            for value in values:
                yield Sentence(frame.format(value), kind, value)
    for said in _IDENTITIES:
        yield Sentence(said, "[", said.split(" is ")[-1])
    for frame in _HARMLESS:
        for _ in range(2):
            yield Sentence(_filled(frame, chance), "")


def _filled(frame: str, chance: random.Random) -> str:
    while "{" in frame:
        start, end = frame.index("{"), frame.index("}")
        what = frame[start + 1 : end]
        match what[0]:
            case "n":
                length = int(what[1:])
                value = str(chance.randrange(10 ** (length - 1), 10**length))
            case "d":
                value = str(chance.randrange(1, 10))
            case "t":
                value = chance.choice(("3rd", "12th", "21st", "first", "ninth"))
            case _:
                value = chance.choice(_WORDS[1:])
        frame = frame[:start] + value + frame[end + 1 :]
    return frame
