"""Takes out of a transcript what must not be written down: cards, accounts, identities, secrets. Pure.

The words around a number stay, so that a reader knows what was said ("my card is [card number]"). Masking twice changes
nothing. Order matters: what is named ("sort code", "password") is masked before what is only shaped like a number.
"""

from __future__ import annotations

import re

_DIGIT_WORDS = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "hundred": "00",
}  # fmt: skip
_WORD = r"(?:zero|oh|nought|one|two|three|four|five|six|seven|eight|nine|hundred)"
_SPOKEN = rf"(?:(?:double|triple) )?(?:{_WORD}|\d)"
_GAP = r"[\s,.\-\u2013]{1,3}"
_RUN = re.compile(rf"\b{_SPOKEN}(?:{_GAP}{_SPOKEN}){{7,}}\b", re.IGNORECASE)
"""Eight or more spoken digits in a row."""
_DIGITS = re.compile(r"(?<![\w.])\+?\(?\d(?:[\s().\-\u2013]{0,2}\d){8,22}(?!\w)")
_EMAIL = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}"
    r"|\b[\w.+-]{1,64} at (?:[\w-]{1,63} dot ){1,3}(?:com|net|org|uk|de|fr|io|eu|co(?: dot uk)?|gov|edu|ie)\b",
    re.IGNORECASE,
)
_IBAN = re.compile(r"\b[A-Z]{2}\s?\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,3})?\b")
_NI = re.compile(r"\b(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?:\s?\d){6}\s?[A-D]\b", re.IGNORECASE)
_SSN = re.compile(r"(?<![\d-])\d{3}[- ]\d{2}[- ]\d{4}(?![\d-])")
_SORT_CODE = re.compile(r"(?<![\d-])\d{2}-\d{2}-\d{2}(?![\d-])")
_IS = r"(?:\s+(?:is|are|was|number|code|would be|it's|its|it is|ends|ending)\b|\s*[:=]|'s|,)*\s*"
_SECRET_DIGITS = rf"{_SPOKEN}(?:(?:{_GAP})?{_SPOKEN}){{2,11}}"
_NAMED = (
    ("[PIN]", re.compile(rf"\b(pin(?:\s+(?:number|code))?{_IS})({_SECRET_DIGITS})\b", re.IGNORECASE)),
    (
        "[security code]",
        re.compile(
            rf"\b((?:cvv|cvc|cv2|security code|passcode|one[- ]time code"
            rf"|verification code){_IS})({_SECRET_DIGITS})\b",
            re.IGNORECASE,
        ),
    ),
    ("[sort code]", re.compile(rf"\b(sort code{_IS})({_SECRET_DIGITS})\b", re.IGNORECASE)),
    ("[account number]", re.compile(rf"\b(account number{_IS})({_SECRET_DIGITS})\b", re.IGNORECASE)),
    (
        "[identity number]",
        re.compile(
            rf"\b((?:social security|national insurance)(?: number)?{_IS})({_SECRET_DIGITS})\b", re.IGNORECASE
        ),
    ),
)  # fmt: skip
_PASSWORD = re.compile(
    r"\b((?:password|passphrase|memorable word)(?:\s+(?:is|was|would be)\b(?!n?')|\s*[:=])\s*)(?!\[)"
    r"(?!(?:not|no|wrong|incorrect|invalid|being|blocked|locked|expired|the|a|an|my|your|that|too|also|still|never"
    r"|always|only|"
    r"really|already|now|just|so|what|needed|required|reset|changed|forgotten|lost|correct|right|case|supposed|in"
    r"|on|to|for|it|"
    r"weak|strong|compromised|long|short|different|saved|asked|asking|accepted|rejected|working)\b)[^\s.,;!?]+",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """The text with personal numbers and secrets replaced by what they were, such as "[card number]"."""
    text = _EMAIL.sub("[email]", text)
    text = _PASSWORD.sub(r"\1[password]", text)
    for mask, pattern in _NAMED:
        text = pattern.sub(rf"\1{mask}", text)
    text = _IBAN.sub(lambda found: "[IBAN]" if sum(map(str.isdigit, found.group())) >= 8 else found.group(), text)
    text = _NI.sub("[identity number]", text)
    text = _SSN.sub("[identity number]", text)
    text = _SORT_CODE.sub("[sort code]", text)
    text = _DIGITS.sub(_mask, text)
    return _RUN.sub(_mask, text)


def luhn(digits: str) -> bool:
    """Whether digits carry a valid Luhn check digit (ISO/IEC 7812)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _mask(found: re.Match[str]) -> str:
    """A card by length and check digit (spoken: by length), else a telephone number; short plain numbers stay."""
    said = found.group()
    digits = _digits(said)
    spoken = re.search("[a-z]", said, re.IGNORECASE) is not None
    if (13 <= len(digits) <= 19 and luhn(digits)) or (spoken and len(digits) >= 12):
        return "[card number]"
    if len(digits) < 10 and not spoken and not said.lstrip("(").startswith(("0", "+")):
        return said
    return "[phone number]" if len(digits) <= 15 else "[number]"


def _digits(said: str) -> str:
    digits: list[str] = []
    times = 1
    for word in re.findall(r"[a-z]+|[0-9]", said.lower()):
        if word in ("double", "triple"):
            times = 2 if word == "double" else 3
            continue
        digits.append(_DIGIT_WORDS.get(word, word) * times)
        times = 1
    return "".join(digits)
