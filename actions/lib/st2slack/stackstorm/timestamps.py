"""PURE: timestamps of StackStorm's API: UTC, in ISO 8601, e.g. 2026-03-01T10:20:30.123456Z."""

from __future__ import annotations

import calendar
import re

from st2slack.base.json_access import as_text

_TIMESTAMP = re.compile(r"(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)(\.\d+)?")


def unix_seconds(timestamp: object) -> float:
    """The Unix seconds of a timestamp; 0.0 for anything else."""
    match = _TIMESTAMP.match(as_text(timestamp))
    if not match:
        return 0.0
    year, month, day, hour, minute, second = (int(match[number]) for number in range(1, 7))
    whole = calendar.timegm((year, month, day, hour, minute, second, 0, 0, 0))
    return whole + float(match[7] or 0)
