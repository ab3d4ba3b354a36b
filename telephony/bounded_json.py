"""JSON from strangers: bounded before it is parsed, and fields that are what they should be. Pure."""

from __future__ import annotations

import base64
import json

from telephony.carrier import MAX_MESSAGE, Encoding, Ignored, IgnoredReason, Media, WireAudio

MAX_NAME = 512
"""Longest text of a field, audio apart."""

_MAX_OPENINGS = 64
"""Most opening brackets in a message: it bounds the nesting before the JSON parser sees it."""

Fields = dict[str, object]


class BadField(Exception):
    """A field of a message is missing or of the wrong type; the text names it."""


def read_object(data: object) -> Fields | Ignored:
    """The JSON object of a text message, or why it is left aside. Never raises."""
    if isinstance(data, str | bytes) and len(data) > MAX_MESSAGE:
        return Ignored(IgnoredReason.TOO_BIG, f"{len(data)} long")
    if not isinstance(data, str):
        return Ignored(IgnoredReason.BINARY)
    if data.count("{") + data.count("[") > _MAX_OPENINGS:
        return Ignored(IgnoredReason.TOO_DEEP)
    try:
        message = json.loads(data)
    except ValueError:
        return Ignored(IgnoredReason.NOT_JSON)
    if not isinstance(message, dict):
        return Ignored(IgnoredReason.NOT_JSON, "not an object")
    return message


def get_object(holder: Fields, name: str) -> Fields:
    """An object.

    Raises:
        BadField: it is missing or something else.
    """
    value = holder.get(name)
    if not isinstance(value, dict):
        raise BadField(name)
    return value


def get_text(holder: Fields, name: str) -> str:
    """A text of at most MAX_NAME characters, none of them half a character.

    Raises:
        BadField: it is missing, longer or something else.
    """
    value = holder.get(name)
    if not isinstance(value, str) or len(value) > MAX_NAME or _has_surrogates(value):
        raise BadField(name)
    return value


def _has_surrogates(text: str) -> bool:
    """Whether a text cannot be written as UTF-8: JSON may spell half a character."""
    return not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text)


def get_number(holder: Fields, name: str) -> int:
    """A whole number, also one written as text, as carriers like to do.

    Raises:
        BadField: it is missing, not whole, or needs more than 18 digits.
    """
    value = holder.get(name)
    if isinstance(value, str) and len(value) <= 18 and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return value
    raise BadField(name)


def get_texts(holder: Fields, name: str) -> dict[str, str]:
    """The texts of an object; what is not a text is left out, and so is a missing or other object."""
    value = holder.get(name)
    if not isinstance(value, dict):
        return {}
    return {key: text for key, text in value.items() if isinstance(text, str)}


def get_digit(holder: Fields, name: str) -> str:
    """A telephone key.

    Raises:
        BadField: it is missing or another character.
    """
    digit = get_text(holder, name)
    if len(digit) != 1 or digit not in "0123456789*#":
        raise BadField(name)
    return digit


def read_audio(data: bytes, audio: WireAudio, chunk: int | None = None) -> Media | Ignored:
    """Audio bytes of at most a second; L16 in whole samples."""
    width = 1 if audio.encoding is Encoding.MULAW else 2
    if not 0 < len(data) <= width * audio.rate_hz or len(data) % width:
        return Ignored(IgnoredReason.BAD_AUDIO, f"{len(data)} bytes")
    return Media(data, chunk)


def read_base64_audio(holder: Fields, name: str, audio: WireAudio, chunk: int | None = None) -> Media | Ignored:
    """Audio that travels as base64 in a field.

    Raises:
        BadField: the field is missing or not a text.
    """
    payload = holder.get(name)
    if not isinstance(payload, str):
        raise BadField(name)
    try:
        return read_audio(base64.b64decode(payload, validate=True), audio, chunk)
    except ValueError:
        return Ignored(IgnoredReason.BAD_AUDIO, "not base64")
