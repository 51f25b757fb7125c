"""Answering somebody where they asked: to them alone, or for all to see.

A bot can show a message to one person only where it is a member. A slash command works where it is
not: there its `response_url` is the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional

from st2slack.api.client import Client
from st2slack.base.errors import Refusal
from st2slack.base.mrkdwn import escape
from st2slack.base.text_length import shorten
from st2slack.messages import response_url

SHOWN = 300  # units (text_length.py) of somebody's text
Block = Mapping[str, Any]

# What Slack answers where the app, or the person, is not in the conversation, or may not post
# there.
NOT_THERE = (
    "channel_not_found",
    "not_in_channel",
    "user_not_in_channel",
    "is_archived",
    "restricted_action",
    "missing_scope",
)


@dataclass(frozen=True)
class Addressee:
    """Who asked, and where: IDs from Slack's envelope. `thread_ts`, `response_url`: "" for none."""

    channel: str
    user: str
    thread_ts: str = ""
    response_url: str = field(default="", repr=False)


def answer_privately(
    client: Client, to: Addressee, text: str, blocks: Optional[List[Block]] = None
) -> None:
    """Show it to who asked, and to nobody else. Raises where neither way is open."""
    content = _content(text, blocks)
    message = {"channel": to.channel, "user": to.user, **content, **_thread(to)}
    try:
        client.call("chat.postEphemeral", message)
    except Refusal as refusal:
        if refusal.code not in NOT_THERE or not to.response_url:
            raise
        _respond(client, to, "ephemeral", content)


def answer_openly(
    client: Client, to: Addressee, text: str, blocks: Optional[List[Block]] = None
) -> Optional[str]:
    """Post it where it was asked: the timestamp of the message, None where only the response_url
    was open, which tells none.
    """
    content = _content(text, blocks)
    try:
        message = {"channel": to.channel, "unfurl_links": False, **content, **_thread(to)}
        answer = client.call("chat.postMessage", message)
    except Refusal as refusal:
        if refusal.code not in NOT_THERE or not to.response_url:
            raise
        _respond(client, to, "in_channel", content)
        return None
    return str(answer["ts"])


def in_code(text: str) -> str:
    """Somebody's text in a message: on one line, and nothing in it works."""
    line = " ".join(text.replace("`", "'").split())
    return "`%s`" % escape(shorten(line, SHOWN + 3)) if line else ""


def _content(text: str, blocks: Optional[List[Block]]) -> Dict[str, Any]:
    return {"text": text, **({"blocks": list(blocks)} if blocks else {})}


def _thread(to: Addressee) -> Dict[str, str]:
    return {"thread_ts": to.thread_ts} if to.thread_ts else {}


def _respond(client: Client, to: Addressee, kind: str, content: Mapping[str, Any]) -> None:
    message = {"response_type": kind, "replace_original": False, **content}
    response_url.post(client, to.response_url, message)
