"""PURE: texts made to fit into what Slack takes. No I/O, no clock."""

from __future__ import annotations

import re
from typing import Callable, Iterator

from st2slack.base.mrkdwn import escape
from st2slack.base.text_length import text_length

MAX_TOKEN = 1000  # characters of a link that is not cut in two
URL = re.compile(r"https?://[^\s<>|\"'`]+[^\s<>|\"'`.,;:!?)\]}]")
_TOKENS_AND_CODE = re.compile(r"<[^<>]*>|```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)


def truncate_text(text: str, limit: int, encode: Callable[[str], str] = escape) -> str:
    """As much of plain `text` as fits into `limit`, each character counted as `encode` sends it.

    It ends with a line where one ends near.
    """
    used = 0
    for at, each in enumerate(text):
        used += text_length(encode(each))
        if used > limit:
            line = text.rfind("\n", 0, at)
            return text[: line if line > at * 0.7 else at]
    return text


def truncate_markup(markup: str, limit: int) -> str:
    """As much of Slack markup as fits, cut within none of its forms and entities."""
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
    """Slack markup with its bare URLs marked as links: `verbatim` keeps Slack from looking."""

    def pieces() -> Iterator[str]:
        end = 0
        for form in _TOKENS_AND_CODE.finditer(text):
            yield URL.sub(lambda url: "<%s>" % url[0], text[end : form.start()])
            yield form[0]
            end = form.end()
        yield URL.sub(lambda url: "<%s>" % url[0], text[end:])

    return "".join(pieces())


def close_code_block(text: str) -> str:
    """Cut markup whose code block is closed."""
    return text + "\n```" if text.count("```") % 2 else text
