"""A call's story as JSON, in one place: the journal, the live board and the API all tell it the same way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from numbers import Integral, Real
from typing import Any, get_args

from pydantic import TypeAdapter

from pipelines.emotion.estimate import Emotion
from pipelines.empathy.tone import Tone
from pipelines.events import Event
from service.domain.calls import CallEnded, CallResumed, CallStart
from service.domain.record import Payload
from service.store.calls import Happening

_KINDS: dict[str, type[Happening]] = {
    "CallStarted": CallStart,
    "CallEnded": CallEnded,
    "CallResumed": CallResumed,
    **{kind.__name__: kind for kind in get_args(Event)},
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_READERS: dict[str, TypeAdapter[Happening]] = {name: TypeAdapter(kind) for name, kind in _KINDS.items()}


def to_payload(happened: Happening) -> dict[str, Any]:
    """What happened as a JSON object: 'kind', 'at_s' and the fields; enums are strings, tuples are lists.

    An emotion carries its model's name and a tone its style besides their fields. Numbers that JSON has no word for
    (NaN, infinity) become null; characters that a database cannot hold are left out of texts. Never raises.
    """
    at_s = {"at_s": 0.0} if isinstance(happened, CallStart) else {}
    return {"kind": _NAMES[type(happened)], **at_s, **_object(happened)}


def from_payload(payload: Payload) -> Happening:
    """What a JSON object says happened.

    Raises:
        ValueError: the kind is not known or a field is missing or wrong.
    """
    reader = _READERS.get(str(payload.get("kind")))
    if reader is None:
        raise ValueError("the story has a line of an unknown kind")
    return reader.validate_python(payload)


def _object(value: Any) -> dict[str, Any]:
    written = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    match value:
        case Emotion():
            written["model"] = value.model
        case Tone():
            written["style"] = _object(value.style)
    return written


def _plain(value: object) -> Any:
    match value:
        case None | bool():
            return value
        case Enum():
            return value.value
        case str():
            return value.replace("\0", "").encode("utf-8", "ignore").decode()
        case Integral():
            return int(value)
        case Real():
            number = float(value)
            return number if math.isfinite(number) else None
        case datetime():
            return value.isoformat()
        case Mapping():
            return {_plain(key): _plain(item) for key, item in value.items()}
        case tuple() | list():
            return [_plain(item) for item in value]
        case _ if is_dataclass(value):
            return _object(value)
    return f"<{type(value).__name__}>"
