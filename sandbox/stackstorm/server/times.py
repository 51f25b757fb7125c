"""PURE: moments as the API writes them."""

from __future__ import annotations

from datetime import datetime, timezone


def iso(moment: float) -> str:
    """Unix seconds as 2026-11-24T18:43:02.120000Z."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
