"""PURE: the length of a text as it counts against a limit of Slack's.

Slack's documentation limits "characters" and does not say which. The one place that tells (limits
of RTM messages: 4,000 characters of four bytes each make 16 kB) means code points; that block texts
and messages are counted in UTF-16, as JavaScript counts, is reported and not documented. So the
larger count is taken: a text that fits in UTF-16 fits in code points, too. Only an emoji or another
character beyond U+FFFF makes a difference: two units, one code point.
"""

from __future__ import annotations


def text_length(text: str) -> int:
    """How many UTF-16 code units a text has."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shorten(text: str, limit: int) -> str:
    """Plain `text`, in at most `limit` units; `...` at its end where something is missing."""
    if text_length(text) <= limit:
        return text
    room = max(0, limit - len("..."))
    units = text.encode("utf-16-le", "surrogatepass")[: 2 * room]
    # "ignore": half of a character at the cut is left out.
    return units.decode("utf-16-le", "ignore") + "..."
