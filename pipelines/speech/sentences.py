"""Where a sentence ends in text that is to be spoken. Pure."""

from __future__ import annotations

import re

_END = re.compile(r"(?<=[.!?])[\"')]*\s+")


def split(text: str) -> list[str]:
    """Its sentences; the last one may be unfinished, '' where the text ends with a blank after a sentence."""
    return _END.split(text)


def first_sentence(text: str, *, whole: bool) -> str:
    """Its first sentence; '' while that one may still grow.

    Args:
        text: the beginning of a text.
        whole: whether nothing follows it.
    """
    first, *rest = _END.split(text.strip() if whole else text.lstrip())
    return first.strip() if rest or whole else ""
