"""A message becomes another one, or goes; whoever listens is told."""

from __future__ import annotations

from typing import Iterable

from sandbox.slack.state.to_json import message as shape
from sandbox.slack.state.workspace import Channel, Json, Workspace

CONTENT = ("text", "blocks", "attachments")


def change(
    workspace: Workspace, channel: Channel, message: Json, parts: Json, without: Iterable[str] = ()
) -> None:
    """Put these parts into a message, and take `without` out before."""
    previous = shape(message)
    for part in without:
        message.pop(part, None)
    message.update(parts)
    if message.get("is_ephemeral"):
        return
    workspace.emit(
        "message",
        subtype="message_changed",
        hidden=True,
        channel=channel.id,
        ts=workspace.next_ts(),
        message=shape(message),
        previous_message=previous,
    )


def remove(workspace: Workspace, channel: Channel, message: Json) -> None:
    """Take a message out of its conversation. A parent leaves a tombstone."""
    if message.get("is_ephemeral"):
        channel.whispers.remove(message)
        return
    previous = shape(message)
    channel.pins[:] = [pin for pin in channel.pins if pin["ts"] != message["ts"]]
    if channel.thread(message["ts"]):
        for part in ("blocks", "attachments", "reactions", "bot_id", "bot_profile"):
            message.pop(part, None)
        message.update(subtype="tombstone", text="This message was deleted.", user="USLACKBOT")
    else:
        channel.messages.remove(message)
        workspace.recount(channel, message)
    workspace.emit(
        "message",
        subtype="message_deleted",
        hidden=True,
        channel=channel.id,
        ts=workspace.next_ts(),
        deleted_ts=message["ts"],
        previous_message=previous,
    )
