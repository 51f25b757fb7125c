"""PURE: Slack's timestamps: text, Unix seconds with six decimals."""

from __future__ import annotations

import re
from typing import Any, Optional

TIMESTAMP = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


def seconds(ts: Any) -> Optional[float]:
    """A timestamp as Unix seconds; None for anything else.

    A float tells two of them apart for another century.
    """
    return float(ts) if isinstance(ts, str) and TIMESTAMP.fullmatch(ts) else None


def timestamp(moment: float) -> str:
    """Unix seconds as Slack writes them. Six decimals of now are exact in a float."""
    return "%.6f" % max(0.0, moment)
