"""pins.*: messages that stay at hand."""

from __future__ import annotations

from typing import Any, Dict, Optional

from sandbox.slack.behaviours import chat
from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.behaviours.timestamps import moment
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state.to_json import message as shape
from sandbox.slack.state.workspace import Channel, Json


@behaviour("pins.add")
def add(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Pin a message."""
    channel = ctx.joined_channel(args["channel"])
    moment(args["timestamp"], "bad_timestamp")
    message = ctx.message(channel, args["timestamp"])
    if _pin(channel, message["ts"]) is not None:
        raise SlackError("already_pinned")
    channel.pins.append({"ts": message["ts"], "by": ctx.me, "created": ctx.workspace.now()})
    message["pinned_to"] = [channel.id]
    _tell(ctx, "pin_added", channel, message)
    return {}


@behaviour("pins.remove")
def remove(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Pin it no longer."""
    channel = ctx.channel(args["channel"])
    if not args.get("timestamp"):
        raise SlackError("no_item_specified")
    moment(args["timestamp"], "bad_timestamp")
    message = ctx.message(channel, args["timestamp"])
    pin = _pin(channel, message["ts"])
    if pin is None:
        raise SlackError("no_pin")
    channel.pins.remove(pin)
    message.pop("pinned_to", None)
    _tell(ctx, "pin_removed", channel, message)
    return {}


@behaviour("pins.list")
def list_pins(ctx: Context, args: Dict[str, Any]) -> Answered:
    """What is pinned, newest pin first."""
    channel = ctx.channel(args["channel"])
    items = [_item(ctx, channel, pin) for pin in reversed(channel.pins)]
    return {"items": items, "count": len(items)}


def _pin(channel: Channel, ts: str) -> Optional[Json]:
    return next((pin for pin in channel.pins if pin["ts"] == ts), None)


def _item(ctx: Context, channel: Channel, pin: Json) -> Json:
    message = channel.message(pin["ts"])
    assert message is not None
    message_json = {**shape(message), "permalink": chat.permalink(ctx, channel, message)}
    return {
        "type": "message",
        "channel": channel.id,
        "created": pin["created"],
        "created_by": pin["by"],
        "message": message_json,
    }


def _tell(ctx: Context, kind: str, channel: Channel, message: Json) -> None:
    ctx.workspace.emit(
        kind,
        user=ctx.me,
        channel_id=channel.id,
        pin_count=len(channel.pins),
        item={"type": "message", "channel": channel.id, "message": shape(message)},
    )
