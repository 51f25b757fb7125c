"""PURE: what is wrong with a text that stands where a token belongs, by its form alone.

Tokens are copied from pages, files and shells, and bring along what stood around them. Slack
answers `invalid_auth` to all of these, which names none of them.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Callable, Tuple

_QUOTES = "\"'`"
_BRACKETS = "[<({"
_NOTHING = frozenset(["none", "null", "nil", "undefined", "false", "true", "n/a", "changeme", "-"])
_TOKEN = r"(?:xox[a-z]|xapp)[.-]"
_ASSIGNED = re.compile(r"(?:export\s+|set\s+)?\$?[A-Za-z_][\w.-]*\s*[=:]\s*[\"']?%s" % _TOKEN)
_SCHEME = re.compile(r"(?:bearer|token|basic)\s+", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{?\w+\}?\Z|%\w+%\Z")
_EXAMPLE = re.compile(r"%s.*(?:your|\.\.\.|\u2026|xxxx)" % _TOKEN, re.IGNORECASE)


def _is_quote(character: str) -> bool:
    """Typewriter's quotes, and those that word processors make of them."""
    curly = not character.isascii() and unicodedata.category(character) in ("Pi", "Pf", "Ps")
    return character in _QUOTES or curly


# In this order: the first that fits tells.
_FAULTS: Tuple[Tuple[Callable[[str], Any], str], ...] = (
    (
        lambda text: text.lower() in _NOTHING,
        "is the word for an empty value, not a token. See what the datastore key holds, and copy "
        "the token again from the app's page.",
    ),
    (
        re.compile(r"(?:https?|wss?)://", re.IGNORECASE).match,
        "is a URL, not a token. The URL of a webhook belongs to `post_message_action.webhook_url`; "
        "the token is on the app's page.",
    ),
    (_ASSIGNED.match, "begins with the name of a variable: store only what follows it."),
    (
        lambda text: _is_quote(text[0]) or _is_quote(text[-1]),
        "has quotes around the token: remove them from the stored value.",
    ),
    (
        lambda text: text[0] in _BRACKETS,
        "has brackets around the token: store the token alone, as text.",
    ),
    (
        _SCHEME.match,
        "begins with the scheme of a header: store only the token that follows it.",
    ),
    (_VARIABLE.match, "is the name of a variable, not its value: store the token itself."),
    (
        lambda text: text[-1] in ",;>)]}" and re.match(_TOKEN, text),
        "has punctuation behind the token: remove it.",
    ),
    (_EXAMPLE.match, "is the example of a token: put in the token from the app's page."),
)


def find_token_fault(text: str) -> str:
    """What is wrong and what to do, as the rest of a sentence; "" where nothing is known to be.

    `text`: not empty. The answer never shows it.
    """
    text = text.strip()
    return next((fault for fits, fault in _FAULTS if text and fits(text)), "")
