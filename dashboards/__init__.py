"""What people look at: the caller's page, Grafana boards, Prometheus rules. A client of the public API."""

from __future__ import annotations

from pathlib import Path

CALL_PAGE: Path = Path(__file__).parent / "call"
"""Folder of the caller's page; the service serves it as static files under `/call`."""
