"""The URLs by which carriers know us: from the configured public origin alone (OWASP ASVS 4.1.3), never a request."""

from __future__ import annotations


def public_url(public_origin: str, path: str, query: str = "") -> str:
    """The URL that the carrier knows for a path of ours."""
    return public_origin.rstrip("/") + path + (f"?{query}" if query else "")


def socket_url(public_origin: str, path: str) -> str:
    """The websocket URL that the carrier knows for a path of ours: wss for an https origin, ws for an http one."""
    return public_url(public_origin, path).replace("http", "ws", 1)
