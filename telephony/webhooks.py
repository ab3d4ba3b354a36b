"""Reading webhooks that strangers may send: forms, queries and JSON within bounds. Pure; nothing makes it raise."""

from __future__ import annotations

from urllib.parse import parse_qsl

from telephony.bounded_json import Fields, read_object
from telephony.carrier import Ignored, LineStatus, WebRequest

_MAX_FIELDS = 200


def form_fields(request: WebRequest) -> list[tuple[str, str]]:
    """Every field of a form body in order, duplicates included; none where there are too many."""
    return _fields(request.body.decode("utf-8", "replace"))


def query_fields(request: WebRequest) -> list[tuple[str, str]]:
    """Every field of the query in order; none where there are too many."""
    return _fields(request.query)


def _fields(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return []


def json_fields(request: WebRequest) -> Fields:
    """The JSON object of a body; an empty one for anything else."""
    message = read_object(request.body.decode("utf-8", "replace"))
    return {} if isinstance(message, Ignored) else message


def is_form(request: WebRequest) -> bool:
    """Whether the body says that it is form-encoded."""
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def last_part(request: WebRequest) -> str:
    """The last part of the path, which names the webhook."""
    return request.path.rstrip("/").rpartition("/")[2]


def is_id(text: str) -> bool:
    """Whether a text may be a carrier's id of a call: what we would write down and ask REST interfaces for."""
    return 0 < len(text) <= 128 and text.isascii() and text.isprintable()


def clean_number(text: str) -> str:
    """A telephone number or name as we may write it down: printable and at most 64 characters."""
    return "".join(sign for sign in text[:64] if sign.isprintable())


def line_status(word: str) -> LineStatus | None:
    """A carrier's word for where a call is; None where it is not one of the usual ones."""
    word = word.lower().replace("_", "-")
    return LineStatus(word) if word in _STATUSES else _OTHER_WORDS.get(word)


_STATUSES = frozenset(LineStatus)
_OTHER_WORDS = {
    "initiated": LineStatus.QUEUED,
    "started": LineStatus.QUEUED,
    "ring": LineStatus.RINGING,
    "answered": LineStatus.IN_PROGRESS,
    "answer": LineStatus.IN_PROGRESS,
    "hangup": LineStatus.COMPLETED,
    "terminal": LineStatus.COMPLETED,
    "rejected": LineStatus.FAILED,
    "unanswered": LineStatus.NO_ANSWER,
    "timeout": LineStatus.NO_ANSWER,
    "cancel": LineStatus.CANCELED,
    "cancelled": LineStatus.CANCELED,
}


def a_number(text: str) -> int | None:
    """A whole number of at most 18 digits; None for anything else."""
    return int(text) if len(text) <= 18 and text.isascii() and text.isdigit() else None
