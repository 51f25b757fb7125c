"""Incoming webhooks: the URL is the credential, the answer is plain text.

Errors and their HTTP status are those that Slack documents. A webhook of an app posts
to its own channel under its own name; one of the old custom integration honours what it is told.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from sandbox.slack.behaviours import texts
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.http import http_request
from sandbox.slack.http.responses import Response
from sandbox.slack.state.seed import BOT, DEPLOYS
from sandbox.slack.state.to_json import message as shape
from sandbox.slack.state.workspace import Channel, Workspace

APP_PATH = "/services/T0123456789/B0HARBOUR01/loopbackappsecret"
LEGACY_PATH = "/services/T0123456789/B0HARBOUR02/loopbackoldsecret"


@dataclass
class Webhook:
    """`legacy`: made as a custom integration. `state`: "" or the code that it answers with."""

    channel: str = DEPLOYS
    legacy: bool = False
    state: str = ""


class Rejected(Exception):
    """An answer other than `ok`: (HTTP status, code)."""


def default_webhooks() -> Dict[str, Webhook]:
    """The webhooks that every loopback Slack has: path → webhook."""
    return {APP_PATH: Webhook(), LEGACY_PATH: Webhook(legacy=True)}


def answer(
    workspace: Workspace, webhooks: Dict[str, Webhook], request: http_request.Request
) -> Response:
    """Post what came, or say why not."""
    try:
        with workspace.lock:
            _post(workspace, _find(webhooks, request.path), payload(request))
    except Rejected as rejected:
        status, code = rejected.args
        return Response(code.encode(), "text/html", status)
    return Response(b"ok", "text/html")


def _find(webhooks: Dict[str, Webhook], path: str) -> Webhook:
    webhook = webhooks.get(path)
    if webhook is None:
        is_known_team = any(path.split("/")[:4] == each.split("/")[:4] for each in webhooks)
        raise Rejected(403, "invalid_token") if is_known_team else Rejected(404, "no_team")
    if webhook.state:
        statuses = {"action_prohibited": 403, "channel_is_archived": 410, "team_disabled": 403}
        raise Rejected(statuses.get(webhook.state, 404), webhook.state)
    return webhook


def payload(request: http_request.Request) -> Dict[str, Any]:
    """The message: a JSON body, or JSON text in the form field `payload`."""
    message = request.json
    if message is None and request.form:
        try:
            message = json.loads(dict(request.form)["payload"])
        except (KeyError, ValueError):
            message = None
    if not isinstance(message, dict):
        raise Rejected(400, "invalid_payload")
    return message


def _post(workspace: Workspace, webhook: Webhook, message: Dict[str, Any]) -> None:
    channel = _channel(workspace, webhook, message)
    parts, has_content = content(message)
    if not has_content:
        raise Rejected(400, "no_text")
    parts.update(user=BOT, bot_id="B0HARBOUR01", subtype="bot_message")
    if webhook.legacy:
        for key in ("username", "icon_emoji", "icon_url"):
            if message.get(key):
                parts[key] = message[key]
    if message.get("thread_ts"):
        parent = channel.message(str(message["thread_ts"]))
        if parent is None:
            raise Rejected(400, "invalid_payload")
        parts["thread_ts"] = parent.get("thread_ts", parent["ts"])
    shape(workspace.post(channel, parts))


def _channel(workspace: Workspace, webhook: Webhook, message: Dict[str, Any]) -> Channel:
    channel_name: Optional[str] = message.get("channel") if webhook.legacy else None
    named = workspace.channel_named(channel_name) if channel_name else None
    channel = named or workspace.channels.get(channel_name or webhook.channel)
    if channel is None:
        raise Rejected(404, "channel_not_found")
    if channel.is_archived:
        raise Rejected(410, "channel_is_archived")
    return channel


def content(message: Dict[str, Any]) -> Tuple[Dict[str, Any], bool]:
    """(the parts of a message, checked; whether they say something)."""
    parts: Dict[str, Any] = {"text": str(message.get("text") or "")}
    try:
        if message.get("blocks"):
            parts["blocks"] = texts.blocks(message["blocks"])
        if message.get("attachments"):
            parts["attachments"] = texts.attachments(message["attachments"])
    except SlackError as refusal:
        code = refusal.answer()["error"]
        raise Rejected(400, code if code == "too_many_attachments" else "invalid_payload") from None
    return parts, bool(parts["text"] or len(parts) > 1)
