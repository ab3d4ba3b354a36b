"""Takes out of a transcript what must not be written down: cards, accounts, identities, births, secrets. Pure.

The words around a number stay, so that a reader knows what was said ("my card is [card number]"). Masking twice changes
nothing. Numbers are found however they were said (`spoken_numbers`); what they are is told by what they were called, by
their check digits, then by their shape. A number that was called an order, a parcel or a sum of money stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import phonenumbers
from stdnum import iban, luhn
from stdnum.es import dni, nie
from stdnum.it import codicefiscale

from pipelines.spoken_numbers import Piece, SaidNumber, said_numbers

_WORDS: Final = (
    r"(?:zero|oh|nought|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand)"
)
_ORDINAL: Final = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth"
    r"|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth|(?:twenty|thirty)[- ](?:first|second"
    r"|third|fourth|fifth|sixth|seventh|eighth|ninth))"
)
_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_YEAR: Final = rf"(?:\d{{4}}|'?\d{{2}}|{_WORDS}(?:[\s-](?:and\s)?{_WORDS}){{0,4}})"
_DAY: Final = rf"(?:\d{{1,2}}(?:st|nd|rd|th)?|{_ORDINAL}|{_WORDS}(?:[\s-]{_WORDS})?)"
_DATE: Final = (
    rf"(?:\d{{1,4}}[\s/.\-\u2013]+\d{{1,2}}[\s/.\-\u2013]+\d{{2,4}}"
    rf"|(?:the\s)?{_DAY}\s(?:of\s)?{_MONTH}(?:,?\s(?:of\s)?{_YEAR})?"
    rf"|{_MONTH}\s(?:the\s)?{_DAY}(?:,?\s{_YEAR})?"
    rf"|(?:the\s)?{_DAY}\s(?:of\sthe\s)?{_DAY},?\s{_YEAR}|(?:19|20)\d{{2}})"
)
_BIRTH: Final = re.compile(
    rf"\b((?:date of birth|birth ?date|d\.?o\.?b\b\.?|birthday|(?:was|were|am|i'm|is|are) born|born)"
    rf"(?:[\s,:]+(?:is|was|it's|its|it|on|in|would|be|that's|the|uh|um|er|my|his|her)\b)*[\s,:]*)({_DATE})(?![\w/])",
    re.IGNORECASE,
)
_EMAIL: Final = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}"
    r"|(?:\b[\w+-]{1,64} (?:dot|point|underscore|dash|hyphen|plus) ){0,4}"
    r"\b[\w.+-]{1,64} (?:at|@) (?:(?!the\b)[\w-]{1,63} dot ){1,3}"
    r"(?:com|net|org|uk|de|fr|io|eu|es|it|nl|co(?: dot uk)?|gov|edu|ie)\b"
    r"|\b[\w.+-]{1,64} at [\w-]{1,63}\.(?:com|net|org|co\.uk|uk|de|fr|io|eu|es|it|nl|gov|edu|ie)\b",
    re.IGNORECASE,
)
_IBAN: Final = re.compile(r"\b[A-Z]\s?[A-Z]\s?\d\s?\d(?:[\s-]?[A-Z0-9]){11,30}\b", re.IGNORECASE)
_NAMED_IBAN: Final = re.compile(
    rf"\b(IBAN(?:\s+(?:is|number|it's|would be)|\s*[:=,])*\s*)((?:(?:[A-Z]{{1,4}}|\d+|{_WORDS}"
    r"|double|triple)[\s,.-]*){6,40})",
    re.IGNORECASE,
)
_NI: Final = re.compile(
    r"\b(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z]\s?[A-CEGHJ-NPR-TW-Z](?:\s?\d){6}\s?[A-D]\b", re.IGNORECASE
)
_SSN: Final = re.compile(r"(?<![\d-])\d{3}[- ]\d{2}[- ]\d{4}(?![\d-])")
_SORT_CODE: Final = re.compile(r"(?<![\d-])\d{2}-\d{2}-\d{2}(?![\d-])")
_LETTERED: Final = re.compile(
    r"\b(?:[XYZ][- ]?\d{7}|\d{8})[- ]?[A-Z]\b|\b[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]\b", re.IGNORECASE
)
_PASSPORT: Final = re.compile(
    r"\b((?:passport|driving licen[cs]e|driver'?s licen[cs]e|identity card|id card)(?:\s+(?:number|no\.?))?"
    r"(?:\s+(?:is|it's|was)|\s*[:=,])*\s*)((?=[A-Z0-9 ]*\d[A-Z0-9 ]*\d[A-Z0-9 ]*\d)"
    r"(?:[A-Z]{0,5}(?:[\s-]?[A-Z]?\d){5,12}[A-Z]{0,3}|[A-Z0-9]{6,12}))\b",
    re.IGNORECASE,
)
_PASSWORD: Final = re.compile(
    r"\b((?:password|passphrase|memorable word)(?:\s+(?:is|was|would be)\b(?!n?')|\s*[:=])\s*)(?!\[)"
    r"(?!(?:not|no|wrong|incorrect|invalid|being|blocked|locked|expired|the|a|an|my|your|that|too|also|still|never"
    r"|always|only|"
    r"really|already|now|just|so|what|needed|required|reset|changed|forgotten|lost|correct|right|case|supposed|in"
    r"|on|to|for|it|"
    r"weak|strong|compromised|long|short|different|saved|asked|asking|accepted|rejected|working)\b)[^\s.,;!?]+",
    re.IGNORECASE,
)
_LINK: Final = (
    r"(?:\W+(?:is|are|was|were|number|numbers|no|code|would|be|it's|its|it|that's|that|ends|ending|in|with|on|the|back|of|my"
    r"|card|this|says|reads|for|you|uh|um|er|erm|okay|ok|please|so|then|and|here|as|follows|digits?|three|four|last|first"
    r"|'s|a|visa|mastercard|amex|long|one)\b){0,9}\W*$"
)
"""What may stand between the name of a number and the number."""


def _named(names: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{names}){_LINK}", re.IGNORECASE)


_NAMES: Final = (
    ("[PIN]", range(3, 13), _named(r"pins?|p i n|pin\s?code|pin number")),
    (
        "[security code]",
        range(3, 10),
        _named(
            r"cvv2?|cvc2?|cv2|cid|security code|(?:three|four|3|4|last|signature)\W+(?:digits?|numbers?|strip)"
            r" (?:code )?on the back"
            r"|(?:code|number) on the back|on the back|on the signature strip|pass ?code"
            r"|one[- ]time (?:code|password|pass ?code)|verification code|access code"
            r"|authori[sz]ation code|code (?:you|they) (?:sent|texted)(?: me)?"
        ),
    ),
    ("[sort code]", range(4, 9), _named(r"sort code|sorting code|routing number")),
    ("[account number]", range(5, 20), _named(r"(?:bank )?account (?:number|no|details)|bank account|account is")),
    (
        "[identity number]",
        range(5, 20),
        _named(
            r"social security|social insurance|national insurance|n i number|nhs|medicare|tax (?:id|number|file)"
            r"|steuer-?id"
            r"|tax identification|taxpayer|identity|national id|id (?:number|card)|passport"
            r"|driving licen[cs]e|driver'?s licen[cs]e"
            r"|citizen service number|bsn|insee|dni|personnummer|social"
        ),
    ),
)  # fmt: skip
_CARD: Final = re.compile(
    r"\b(?:cards?|visa|mastercard|maestro|amex|american express|debit|credit|long number|pan)\b[^.!?]*$", re.IGNORECASE
)
_HARMLESS: Final = re.compile(
    r"\b(?:orders?|tracking|parcel|shipment|consignment|references?|ref|booking|ticket|case|invoice|serial|meter"
    r"|reading"
    r"|confirmation|flight|policy|claim|model|part|product|item|sku|barcode|imei|bill|receipt|transaction|incident|job"
    r"|complaint|quote|version|build|error(?: code)?|isbn|vin|router|device|customer|membership|loyalty|reservation"
    r"|seat|gate|room)\b" + _LINK,
    re.IGNORECASE,
)
_MONEY_BEFORE: Final = re.compile(r"(?:[$\u00a3\u20ac\u00a5]|\b(?:usd|eur|gbp))\s?$", re.IGNORECASE)
_MEASURE_AFTER: Final = re.compile(
    r"^\s?(?:%|percent|per cent|pounds?|dollars?|euros?|pence|cents?|quid|p\b|kwh|kilowatt|units?|miles|kilomet|km\b"
    r"|metres|meters"
    r"|minutes|seconds|hours|days|steps|people|customers|bytes|gigabytes|megabytes|mb\b|gb\b|hertz|grams|kilos)",
    re.IGNORECASE,
)
_DIALLED: Final = re.compile(
    r"\b(?:phone|telephone|mobile|cell|call(?:ing)?|ring|reach|text|landline|dial|whatsapp|contact|number)\b[^.!?]*$",
    re.IGNORECASE,
)
_PLAIN_DATE: Final = re.compile(r"\d{1,4}[/.\-\u2013]\d{1,2}[/.\-\u2013]\d{2,4}")
_REGIONS: Final = ("GB", "US", "DE", "FR", "IE", "ES", "IT", "NL")
"""Countries whose national telephone numbers are known by shape; others need a plus or a leading zero."""
_CONTEXT: Final = 70
"""Characters before a number that tell what it is."""


def redact(text: str) -> str:
    """The text with personal numbers and secrets replaced by what they were, such as "[card number]"."""
    text = _EMAIL.sub("[email]", text)
    text = _PASSWORD.sub(r"\1[password]", text)
    text = _BIRTH.sub(r"\1[date of birth]", text)
    text = _IBAN.sub(_mask_iban, text)
    text = _NAMED_IBAN.sub(_mask_named_iban, text)
    text = _NI.sub("[identity number]", text)
    text = _SSN.sub("[identity number]", text)
    text = _LETTERED.sub(_mask_lettered, text)
    text = _PASSPORT.sub(r"\1[identity number]", text)
    text = _SORT_CODE.sub("[sort code]", text)
    return _mask_numbers(text)


def _mask_iban(found: re.Match[str]) -> str:
    """By its check digits, or by its shape where it was misheard but is long and mostly digits."""
    said = found.group()
    plain = re.sub(r"[\s-]", "", said).upper()
    misheard = said[:2].isupper() and len(plain) >= 15 and sum(map(str.isdigit, plain)) >= 10
    return "[IBAN]" if iban.is_valid(plain) or misheard else said


def _mask_named_iban(found: re.Match[str]) -> str:
    digits = "".join(number.digits for number in said_numbers(found.group(2)))
    tail = re.search(r"[\s,.]*$", found.group(2))
    return f"{found.group(1)}[IBAN]{tail.group() if tail else ''}" if len(digits) >= 8 else found.group()


def _mask_lettered(found: re.Match[str]) -> str:
    plain = re.sub(r"[\s-]", "", found.group()).upper()
    known = dni.is_valid(plain) or nie.is_valid(plain) or codicefiscale.is_valid(plain)
    return "[identity number]" if known else found.group()


def _mask_numbers(text: str) -> str:
    """Each number by what it is; pieces that are nothing personal stay as they were said."""
    parts: list[str] = []
    last = 0
    for number in said_numbers(text):
        for start, end, mask in _masks(text, number):
            parts += [text[last:start], mask]
            last = end
    return "".join([*parts, text[last:]])


def _masks(text: str, number: SaidNumber) -> Iterator[tuple[int, int, str]]:
    """Stretches of one number that must go, in order, each with its mask."""
    before = text[max(0, number.start - _CONTEXT) : number.start]
    card = None if _is_international(text, number) else _card_within(number.pieces)
    if card is not None:
        first, beyond = card
        if first > 0:
            yield from _masks(text, SaidNumber(number.pieces[:first]))
        yield _span(text, number.pieces[first:beyond], "[card number]")
        if beyond < len(number.pieces):
            yield from _masks(text, SaidNumber(number.pieces[beyond:]))
        return
    mask = _kind(text, number, before)
    if mask:
        yield _span(text, number.pieces, mask)


def _span(text: str, pieces: tuple[Piece, ...], mask: str) -> tuple[int, int, str]:
    """The stretch with the plus or bracket that belongs to it."""
    start = pieces[0].start
    while start > 0 and text[start - 1] in "+(":
        start -= 1
    return start, pieces[-1].end, mask


def _card_within(pieces: tuple[Piece, ...]) -> tuple[int, int] | None:
    """The longest stretch of whole pieces that is a card by prefix, length (13 to 19) and Luhn's check digit."""
    best: tuple[int, int] | None = None
    longest = 0
    for first in range(len(pieces)):
        digits = ""
        for beyond in range(first + 1, len(pieces) + 1):
            digits += pieces[beyond - 1].digits
            if len(digits) > 19:
                break
            if len(digits) >= 13 and digits[0] in "23456" and len(digits) > longest and luhn.is_valid(digits):
                best, longest = (first, beyond), len(digits)
    return best


def _kind(text: str, number: SaidNumber, before: str) -> str:
    """What a number is that is no card by its check digit; empty for nothing personal."""
    digits, after = number.digits, text[number.end : number.end + 16]
    for mask, lengths, named in _NAMES:
        if len(digits) in lengths and named.search(before):
            return mask
    if len(digits) < 7 or _MONEY_BEFORE.search(before) or _MEASURE_AFTER.match(after):
        return ""
    said = text[number.start : number.end]
    if _PLAIN_DATE.fullmatch(said):
        return ""
    if 12 <= len(digits) <= 19 and _CARD.search(before):
        return "[card number]"
    if _HARMLESS.search(before):
        return ""
    if not number.written:
        return _spoken_kind(digits, before)
    return _written_kind(digits, said, before)


def _spoken_kind(digits: str, before: str) -> str:
    if len(digits) >= 12:
        return "[card number]" if len(digits) <= 19 else "[number]"
    return "[phone number]" if len(digits) >= 8 or _DIALLED.search(before) else ""


def _written_kind(digits: str, said: str, before: str) -> str:
    apart = "," in said or "/" in said
    signed = before.endswith(("+", "+(")) or digits.startswith("0")
    if len(digits) > 15:
        return "" if apart else "[number]"
    if signed and len(digits) >= 9:
        return "[phone number]"
    if apart:
        return ""
    if len(digits) >= 10 or (_DIALLED.search(before) and _is_telephone(digits)):
        return "[phone number]"
    return ""


def _is_international(text: str, number: SaidNumber) -> bool:
    """Whether it begins with a plus and is a telephone number somewhere."""
    if number.start == 0 or text[number.start - 1] != "+":
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{number.digits}"))
    except phonenumbers.NumberParseException:
        return False


def _is_telephone(digits: str) -> bool:
    """Whether a national number is one in any of the countries known by shape."""
    for region in _REGIONS:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(digits, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
