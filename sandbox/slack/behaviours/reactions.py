"""reactions.*: what people think of a message."""

from __future__ import annotations

from typing import Any, Dict, List

from sandbox.slack.behaviours import chat
from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.paging import by_number
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.behaviours.timestamps import moment
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state import emoji
from sandbox.slack.state.to_json import message as shape
from sandbox.slack.state.workspace import Json


@behaviour("reactions.add")
def add(ctx: Context, args: Dict[str, Any]) -> Answered:
    """React to a message; each user once with each emoji."""
    message = _message(ctx, args, must_be_active=True)
    name = _name(ctx, args)
    reaction = _find(message, name)
    if reaction is None:
        reaction = {"name": name, "users": [], "count": 0}
        message.setdefault("reactions", []).append(reaction)
    if ctx.me in reaction["users"]:
        raise SlackError("already_reacted")
    reaction["users"].append(ctx.me)
    _changed(ctx, "reaction_added", args, message, reaction)
    return {}


@behaviour("reactions.remove")
def remove(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Take one's own reaction back."""
    target = _file(ctx, args) if "file" in args else _message(ctx, args)
    reaction = _find(target, _name(ctx, args))
    if reaction is None or ctx.me not in reaction["users"]:
        raise SlackError("no_reaction")
    reaction["users"].remove(ctx.me)
    if not reaction["users"]:
        target["reactions"].remove(reaction)
    if not target["reactions"]:
        del target["reactions"]
    _changed(ctx, "reaction_removed", args, target, reaction)
    return {}


@behaviour("reactions.get")
def get(ctx: Context, args: Dict[str, Any]) -> Answered:
    """The item with its reactions."""
    if "file" in args:
        return {"type": "file", "file": _file(ctx, args)}
    if "file_comment" in args:
        raise SlackError("file_comment_not_found")
    channel = ctx.channel(args["channel"])
    return _item(ctx, channel.id, _message(ctx, args))


@behaviour("reactions.list")
def list_reactions(ctx: Context, args: Dict[str, Any]) -> Answered:
    """What a user reacted to, newest first; by cursor, or by page where no limit is given."""
    user = ctx.user(args.get("user") or ctx.me)
    found = [
        _item(ctx, channel.id, message)
        for channel in ctx.workspace.channels.values()
        if ctx.sees(channel)
        for message in channel.messages
        if _reacted(message, user.id)
    ]
    found.sort(key=lambda item: item["message"]["ts"], reverse=True)
    if args.get("cursor") or args.get("limit"):
        items, metadata = ctx.page(found, args)
        return {"items": items, "response_metadata": metadata}
    items, paging = by_number(found, args.get("page", 1), args.get("count", 100))
    return {"items": items, "paging": paging, "response_metadata": {"next_cursor": ""}}


def _message(ctx: Context, args: Dict[str, Any], must_be_active: bool = False) -> Json:
    channel = (
        ctx.active_channel(args["channel"]) if must_be_active else ctx.channel(args["channel"])
    )
    moment(args["timestamp"], "bad_timestamp")
    return ctx.message(channel, args["timestamp"])


def _file(ctx: Context, args: Dict[str, Any]) -> Json:
    file = ctx.workspace.files.get(args["file"])
    if file is None:
        raise SlackError("file_not_found")
    return file


def _name(ctx: Context, args: Dict[str, Any]) -> str:
    """The name of an emoji that there is."""
    if not emoji.is_known(args["name"], ctx.workspace.custom_emoji):
        raise SlackError("invalid_name")
    return str(args["name"])


def _find(target: Json, name: str) -> Any:
    reactions: List[Json] = target.get("reactions", [])
    return next((reaction for reaction in reactions if reaction["name"] == name), None)


def _reacted(message: Json, user: str) -> bool:
    return any(user in reaction["users"] for reaction in message.get("reactions", []))


def _item(ctx: Context, channel_id: str, message: Json) -> Json:
    channel = ctx.workspace.channels[channel_id]
    message_json = {**shape(message), "permalink": chat.permalink(ctx, channel, message)}
    return {"type": "message", "channel": channel_id, "message": message_json}


def _changed(ctx: Context, kind: str, args: Dict[str, Any], target: Json, reaction: Json) -> None:
    reaction["count"] = len(reaction["users"])
    item = (
        {"type": "file", "file": target["id"]}
        if "file" in args
        else {"type": "message", "channel": args["channel"], "ts": target["ts"]}
    )
    ctx.workspace.emit(
        kind, user=ctx.me, reaction=reaction["name"], item_user=target.get("user", ""), item=item
    )
