"""chat.*: posting, changing and deleting messages, now or later."""

from __future__ import annotations

from typing import Any, Dict, Tuple

from sandbox.slack.behaviours import texts
from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.behaviours.timestamps import seconds
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state import message_changes
from sandbox.slack.state.to_json import message as shape
from sandbox.slack.state.workspace import Channel, Json

FARTHEST = 120 * 86400  # seconds ahead that a message may be scheduled


@behaviour("chat.postMessage")
def post_message(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Post; the message can be read in the history from now on."""
    channel = texts.target(ctx, args["channel"])
    message = {**texts.author(ctx, args), **texts.content(ctx, args), **texts.thread(channel, args)}
    posted = ctx.workspace.post(channel, message)
    return {"channel": channel.id, "ts": posted["ts"], "message": shape(posted)}


@behaviour("chat.meMessage")
def me_message(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Post in the third person."""
    channel = texts.target(ctx, args["channel"])
    if not args["text"]:
        raise SlackError("no_text")
    message = {**texts.author(ctx, args), **texts.content(ctx, args), "subtype": "me_message"}
    return {"channel": channel.id, "ts": ctx.workspace.post(channel, message)["ts"]}


@behaviour("chat.postEphemeral")
def post_ephemeral(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Show to one member only; no history has it."""
    channel = texts.target(ctx, args["channel"])
    if args["user"] not in channel.members:
        raise SlackError("user_not_in_channel")
    message = {**texts.author(ctx, args), **texts.content(ctx, args)}
    if args.get("thread_ts"):
        message["thread_ts"] = args["thread_ts"]
    return {"message_ts": ctx.workspace.whisper(channel, args["user"], message)["ts"]}


@behaviour("chat.update")
def update(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Change a message of one's own. New text takes the old blocks and attachments along."""
    channel = ctx.channel(args["channel"])
    message = ctx.message(channel, args["ts"])
    if not is_own(ctx, message):
        raise SlackError("cant_update_message")
    changed = texts.content(ctx, args)
    leave: Tuple[str, ...] = ("blocks", "attachments")
    if "text" not in args and "markdown_text" not in args:
        leave = ()
        changed.pop("text")
    changed["edited"] = {"user": ctx.me, "ts": ctx.workspace.next_ts()}
    message_changes.change(ctx.workspace, channel, message, changed, leave)
    return {
        "channel": channel.id,
        "ts": message["ts"],
        "text": message["text"],
        "message": shape(message),
    }


@behaviour("chat.delete")
def delete(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Delete a message: a bot its own, an owner any. A parent leaves a tombstone."""
    channel = ctx.channel(args["channel"])
    message = ctx.message(channel, args["ts"])
    if not (is_own(ctx, message) or can_moderate(ctx)):
        raise SlackError("cant_delete_message")
    message_changes.remove(ctx.workspace, channel, message)
    return {"channel": channel.id, "ts": message["ts"]}


def is_own(ctx: Context, message: Json) -> bool:
    """True for a message that the caller posted."""
    return bool(ctx.me) and message.get("user") == ctx.me


def can_moderate(ctx: Context) -> bool:
    """True for a user token of an admin or owner."""
    user = ctx.workspace.users.get(ctx.me)
    return not ctx.acts_as_bot and user is not None and (user.is_admin or user.is_owner)


@behaviour("chat.getPermalink")
def get_permalink(ctx: Context, args: Dict[str, Any]) -> Answered:
    """The address of a message; that of a reply names its thread too."""
    channel = ctx.channel(args["channel"])
    message = ctx.message(channel, args["message_ts"])
    return {"channel": channel.id, "permalink": permalink(ctx, channel, message)}


def permalink(ctx: Context, channel: Channel, message: Json) -> str:
    """https://DOMAIN.slack.com/archives/CHANNEL/pTS, with the thread for a reply."""
    address = "https://{}.slack.com/archives/{}/p{}".format(
        ctx.workspace.team["domain"], channel.id, message["ts"].replace(".", "")
    )
    parent = message.get("thread_ts", message["ts"])
    if parent == message["ts"]:
        return address
    return "{}?thread_ts={}&cid={}".format(address, parent, channel.id)


@behaviour("chat.scheduleMessage")
def schedule_message(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Keep a message for later. It stays in the list: nothing posts it here."""
    channel = texts.target(ctx, args["channel"])
    now = ctx.workspace.clock()
    if args["post_at"] <= now:
        raise SlackError("time_in_past")
    if args["post_at"] > now + FARTHEST:
        raise SlackError("time_too_far")
    message = {
        "type": "delayed_message",
        **texts.author(ctx, args),
        **texts.content(ctx, args),
        **texts.thread(channel, args),
    }
    scheduled = ctx.workspace.next_id("Q")
    ctx.workspace.scheduled[scheduled] = {
        "id": scheduled,
        "channel_id": channel.id,
        "post_at": args["post_at"],
        "date_created": ctx.workspace.now(),
        "text": message["text"],
    }
    return {
        "channel": channel.id,
        "scheduled_message_id": scheduled,
        "post_at": args["post_at"],
        "message": message,
    }


@behaviour("chat.scheduledMessages.list")
def scheduled_messages(ctx: Context, args: Dict[str, Any]) -> Answered:
    """What waits, soonest first; `oldest` and `latest` bound when it is to be posted."""
    if args.get("channel") and args["channel"] not in ctx.workspace.channels:
        raise SlackError("invalid_channel")
    oldest, latest = (seconds(args.get(name)) for name in ("oldest", "latest"))
    found = [
        item
        for item in ctx.workspace.scheduled.values()
        if args.get("channel") in (None, item["channel_id"])
        and (oldest is None or item["post_at"] >= oldest)
        and (latest is None or item["post_at"] <= latest)
    ]
    found.sort(key=lambda item: (item["post_at"], item["id"]))
    items, metadata = ctx.page(found, args)
    return {"scheduled_messages": items, "response_metadata": metadata}


@behaviour("chat.deleteScheduledMessage")
def delete_scheduled(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Forget a message that waits in this conversation."""
    channel = ctx.channel(args["channel"])
    waiting = ctx.workspace.scheduled.get(args["scheduled_message_id"])
    if waiting is None or waiting["channel_id"] != channel.id:
        raise SlackError("invalid_scheduled_message_id")
    del ctx.workspace.scheduled[waiting["id"]]
    return {}
