"""What is posted to a response_url, or comes with the acknowledgement of a command.

A response_url takes five posts within 30 minutes:
https://docs.slack.dev/interactivity/handling-user-interaction, "Message responses". How it refuses
what comes after that is not documented: the two codes tell tests which of the bounds it was.
"""

from __future__ import annotations

import contextlib
from typing import Any, Optional

from sandbox.slack.http import http_request, webhooks
from sandbox.slack.http.responses import Response
from sandbox.slack.state import message_changes
from sandbox.slack.state.seed import BOT, BOT_ID
from sandbox.slack.state.tokens import APP_ID
from sandbox.slack.state.workspace import Answerable, Channel, Json, Workspace

MOST_USES = 5


def answer(workspace: Workspace, request: http_request.Request) -> Response:
    """Do what came, or say why not. A URL that was never given out is taken, and nothing done."""
    with workspace.lock:
        place = workspace.response_urls.get(request.path)
        if place is None:
            return Response(b"ok", "text/plain")
        try:
            _check(workspace, place)
            _do(workspace, place, webhooks.payload(request))
        except webhooks.Rejected as rejected:
            status, code = rejected.args
            return Response.of_json({"ok": False, "error": code}, status)
        place.uses += 1
    return Response(b"ok", "text/plain")


def acknowledged(workspace: Workspace, place: Answerable, message: Any) -> None:
    """A command was acknowledged with these words (None: with none)."""
    # An acknowledgement has no answer that could say what was wrong with it.
    with contextlib.suppress(webhooks.Rejected), workspace.lock:
        if isinstance(message, dict) and message:
            _do(workspace, place, message)


def _check(workspace: Workspace, place: Answerable) -> None:
    if place.uses >= MOST_USES:
        raise webhooks.Rejected(404, "used_url")
    if workspace.clock() > place.until:
        raise webhooks.Rejected(404, "expired_url")


def _do(workspace: Workspace, place: Answerable, message: Json) -> None:
    channel = workspace.channels.get(place.channel)
    if channel is None:
        raise webhooks.Rejected(404, "channel_not_found")
    original = _original(channel, place)
    if message.get("delete_original") is True:
        if original is not None:
            message_changes.remove(workspace, channel, original)
        return
    parts, has_content = webhooks.content(message)
    if not has_content:
        raise webhooks.Rejected(400, "no_text")
    if message.get("replace_original") is True and original is not None:
        message_changes.change(workspace, channel, original, parts, message_changes.CONTENT)
        return
    _post(workspace, channel, place, message, parts)


def _original(channel: Channel, place: Answerable) -> Optional[Json]:
    """The message that was acted on, while it is there."""
    own_whispers = [each for each in channel.whispers if each["_to"] == place.user]
    return channel.message(place.message_ts) or next(
        (each for each in own_whispers if each["ts"] == place.message_ts), None
    )


def _post(
    workspace: Workspace, channel: Channel, place: Answerable, message: Json, parts: Json
) -> None:
    """A new message: for the one who acted, unless it is to be `in_channel`."""
    posted = {"user": BOT, "bot_id": BOT_ID, "app_id": APP_ID, **parts}
    thread_ts = str(message.get("thread_ts") or place.thread_ts)
    if thread_ts:
        posted["thread_ts"] = thread_ts
    if message.get("response_type") == "in_channel":
        workspace.post(channel, posted)
    else:
        workspace.whisper(channel, place.user, posted)
