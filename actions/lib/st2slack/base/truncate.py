"""PURE: shortens texts to Slack's limits and completes their markup. No I/O, no clock."""

from __future__ import annotations

import re
from typing import Callable, Match

from st2slack.base.mrkdwn import Grammar, TokenKind, escape, tokens
from st2slack.base.text_length import text_length

MAX_TOKEN = 1000  # characters of a reference that is never cut in two
URL = re.compile(r"https?://[^\s<>|\"'`]+[^\s<>|\"'`.,;:!?)\]}]")


def truncate_text(text: str, limit: int, encode: Callable[[str], str] = escape) -> str:
    """As much of plain `text` as fits into `limit`, each character counted as `encode` sends it.

    It ends with a complete line if that costs little.
    """
    used = 0
    for at, each in enumerate(text):
        used += text_length(encode(each))
        if used > limit:
            line = text.rfind("\n", 0, at)
            return text[: line if line > at * 0.7 else at]
    return text


def truncate_markup(markup: str, limit: int) -> str:
    """As much of Slack markup as fits, without cutting a reference or an entity."""
    text = truncate_text(markup, limit, str)
    if text == markup:
        return text
    opened, entity = text.rfind("<"), text.rfind("&")
    if opened >= max(0, len(text) - MAX_TOKEN) and ">" not in text[opened:]:
        return text[:opened]
    if entity >= max(0, len(text) - len("&amp")) and ";" not in text[entity:]:
        return text[:entity]
    return text


def link_urls(text: str) -> str:
    """Slack markup with its bare URLs marked as links: with `verbatim`, Slack does not do it."""
    return "".join(
        URL.sub(_link, token.raw) if token.kind is TokenKind.TEXT else token.raw
        for token in tokens(text, Grammar.REFERENCES_AND_CODE)
    )


def _link(url: Match[str]) -> str:
    return "<%s>" % url[0]


def close_code_block(text: str) -> str:
    """`text` with its last code block closed, for text that was cut."""
    return text + "\n```" if text.count("```") % 2 else text
