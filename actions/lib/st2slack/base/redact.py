"""PURE: what never leaves. Takes secrets out of text that people will read.

Known values are replaced wherever they stand; beyond them everything that looks like a credential
of Slack's: tokens, webhook URLs, upload URLs, socket URLs with a ticket, Authorization values, and
the user information of a URL (a proxy's password).
"""

from __future__ import annotations

import re
from typing import Iterable
from urllib.parse import quote, quote_plus

MASK = "********"  # as StackStorm writes it
SHORTEST = 4  # characters of a value that is masked: a shorter one is no secret, but in every word

_SHAPES = (
    # xoxb-…, xoxp-…, xapp-…, xoxe-1-…, and rotated ones: xoxe.xoxb-…
    (re.compile(r"\bx(?:ox[a-z]|app)(?:\.xox[a-z])?-[\w-]+"), MASK),
    # https://hooks.slack.com/services/T…/B…/…, as a whole URL or as the path that urllib3 logs
    (re.compile(r"/(services|workflows|triggers)/[TE]\w+/[^\s\"'<>]+"), r"/\1/" + MASK),
    # https://hooks.slack.com/commands/T…/…/…, a response_url: whoever has it can answer
    (re.compile(r"/(commands|actions)/([TE][A-Z0-9]{6,})/[^\s\"'<>]+"), r"/\1/" + MASK),
    # https://files.slack.com/upload/v1/…: who has it can send a file
    (re.compile(r"/upload/(v\d+)/[^\s\"'<>]+"), r"/upload/\1/" + MASK),
    (re.compile(r"\b(wss?://[^\s/\"'<>]+)[^\s\"'<>]+"), r"\1/" + MASK),
    (re.compile(r"\b(Bearer|Basic)\s+(?!Information\b)[^\s\"'<>,]+", re.IGNORECASE), r"\1 " + MASK),
    (re.compile(r"(://)[^/@\s\"'<>]+@"), r"\1" + MASK + "@"),
)


def mask_tokens(text: str) -> str:
    """`text` without tokens, webhook URLs and upload URLs; other text stays as it is."""
    for shape, mask in _SHAPES[:4]:
        text = shape.sub(mask, text)
    return text


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without any of `secrets` and without anything that looks like a credential."""
    # Longest first: a secret that holds another one must not leave a tail behind.
    for secret in sorted(
        {each for each in secrets if len(each) >= SHORTEST}, key=len, reverse=True
    ):
        for form in (secret, quote(secret, safe=""), quote_plus(secret)):
            text = text.replace(form, MASK)
    for shape, mask in _SHAPES:
        text = shape.sub(mask, text)
    return text
