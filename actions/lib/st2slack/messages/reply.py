"""Answers a user in the conversation where they asked: to them alone, or visible to everybody.

A bot can show a message to one person only where it is a member. A slash command also works where
it is not: there the answer goes to its `response_url`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Mapping, Optional

from st2slack.api.client import Client
from st2slack.base.errors import SlackApiError
from st2slack.base.json_access import JsonObject, as_object, get_text
from st2slack.base.mrkdwn import escape
from st2slack.base.text_length import shorten
from st2slack.messages import response_url

MAX_QUOTE = 300  # units (text_length.py) of a quoted text
Block = Mapping[str, object]

# The app or the user is not in the conversation, or the app is not allowed to post there.
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
    """The requester and their conversation: IDs from Slack's envelope. `thread_ts` and
    `response_url` are "" if there is none.
    """

    channel: str
    user: str
    thread_ts: str = ""
    response_url: str = field(default="", repr=False)


def answer_privately(
    client: Client, to: Addressee, text: str, blocks: Optional[List[Block]] = None
) -> None:
    """Show the answer to the requester alone. Raises if neither way works."""
    content = _content(text, blocks)
    message = {"channel": to.channel, "user": to.user, **content, **_thread(to)}
    try:
        client.call("chat.postEphemeral", message)
    except SlackApiError as refusal:
        if refusal.code not in NOT_THERE or not to.response_url:
            raise
        _respond(client, to, "ephemeral", content)


def answer_openly(
    client: Client, to: Addressee, text: str, blocks: Optional[List[Block]] = None
) -> Optional[str]:
    """Post the answer in the conversation. The timestamp of the message, None if it went to the
    response_url, which answers none.
    """
    content = _content(text, blocks)
    try:
        message = {"channel": to.channel, "unfurl_links": False, **content, **_thread(to)}
        answer = as_object(client.call("chat.postMessage", message))
    except SlackApiError as refusal:
        if refusal.code not in NOT_THERE or not to.response_url:
            raise
        _respond(client, to, "in_channel", content)
        return None
    return get_text(answer, "ts")


def in_code(text: str) -> str:
    """A user's text in a message: on one line, as code, without references."""
    line = " ".join(text.replace("`", "'").split())
    return "`%s`" % escape(shorten(line, MAX_QUOTE + 3)) if line else ""


def _content(text: str, blocks: Optional[List[Block]]) -> JsonObject:
    return {"text": text, **({"blocks": list(blocks)} if blocks else {})}


def _thread(to: Addressee) -> JsonObject:
    return {"thread_ts": to.thread_ts} if to.thread_ts else {}


def _respond(client: Client, to: Addressee, kind: str, content: JsonObject) -> None:
    message = {"response_type": kind, "replace_original": False, **content}
    response_url.post(client, to.response_url, message)
