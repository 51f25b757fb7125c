"""Timestamps of messages: text, compared exactly. As a float they would lose digits."""

from __future__ import annotations

import re
from typing import Optional, Tuple

from sandbox.slack.checks.slack_error import SlackError

TIMESTAMP = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?\Z")
Moment = Tuple[int, str]


def moment(text: Optional[str], code: str = "bad_timestamp") -> Optional[Moment]:
    """A timestamp as it can be compared; None for none and for `now`; else refused with `code`."""
    if text in (None, "", "now"):
        return None
    found = TIMESTAMP.match(str(text))
    if found is None:
        raise SlackError(code)
    return int(found.group(1)), (found.group(2) or "").ljust(6, "0")


def seconds(text: Optional[str], code: str = "invalid_arguments") -> Optional[int]:
    """The whole seconds of a timestamp, None for none."""
    found = moment(text, code)
    return None if found is None else found[0]
