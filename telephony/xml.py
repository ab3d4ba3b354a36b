"""XML answer documents as small trees: escaped, and nothing that a caller sends can break out of them. Pure."""

from __future__ import annotations

import re
from xml.etree import ElementTree

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, even escaped."""


class Response:
    """A `<Response>` that grows verb by verb."""

    def __init__(self) -> None:
        """Empty."""
        self._root = ElementTree.Element("Response")

    def add(self, verb: str, text: str = "", **attributes: str) -> ElementTree.Element:
        """Append a verb; returns it, for verbs inside it."""
        return nested(self._root, verb, text, **attributes)

    def __str__(self) -> str:
        """The document."""
        return '<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(self._root, encoding="unicode")


def nested(holder: ElementTree.Element, verb: str, text: str = "", **attributes: str) -> ElementTree.Element:
    """Append a verb inside another; returns it."""
    element = ElementTree.SubElement(holder, verb, {name: _clean(value) for name, value in attributes.items()})
    element.text = _clean(text) or None
    return element


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)
