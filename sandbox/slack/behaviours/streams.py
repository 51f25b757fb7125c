"""chat.startStream, appendStream, stopStream: a message that grows while people read it."""

from __future__ import annotations

from typing import Any, Dict, Tuple

from sandbox.slack.behaviours import texts
from sandbox.slack.behaviours.chat import is_own
from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state.to_json import message as shape
from sandbox.slack.state.workspace import Channel, Json

# Names that begin with _ are never told (shapes.message).
STREAMING = "_streaming"


@behaviour("chat.startStream")
def start(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Post what there is so far."""
    channel = texts.target(ctx, args["channel"])
    message = {
        **texts.author(ctx, args),
        "text": _text(args),
        STREAMING: True,
        **texts.thread(channel, args),
    }
    return {"channel": channel.id, "ts": ctx.workspace.post(channel, message)["ts"]}


@behaviour("chat.appendStream")
def append(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Add to its end."""
    channel, message = _streaming(ctx, args)
    message["text"] += _text(args)
    return {"channel": channel.id, "ts": message["ts"]}


@behaviour("chat.stopStream")
def stop(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Add the last piece; from now on it is a message as any other."""
    channel, message = _streaming(ctx, args)
    ending = texts.content(ctx, args)
    ending["text"] = message["text"] + _text(args)
    message.update(ending)
    del message[STREAMING]
    return {"channel": channel.id, "ts": message["ts"], "message": shape(message)}


def _text(args: Dict[str, Any]) -> str:
    """Markdown that was sent as such or as chunks of it; other chunks say nothing in text."""
    chunks = [chunk for chunk in args.get("chunks", []) if isinstance(chunk, dict)]
    pieces = [
        str(chunk.get("text", "")) for chunk in chunks if chunk.get("type") == "markdown_text"
    ]
    return "".join([args.get("markdown_text", "")] + pieces)


def _streaming(ctx: Context, args: Dict[str, Any]) -> Tuple[Channel, Json]:
    channel = ctx.channel(args["channel"])
    message = ctx.message(channel, args["ts"])
    if not is_own(ctx, message):
        raise SlackError("message_not_owned_by_app")
    if not message.get(STREAMING):
        raise SlackError("message_not_in_streaming_state")
    return channel, message
