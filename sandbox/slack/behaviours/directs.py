"""conversations.open and close: direct messages, with one other or with several."""

from __future__ import annotations

from typing import Any, Dict, Tuple

from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state import to_json
from sandbox.slack.state.workspace import Channel

MOST_OTHERS = 8


@behaviour("conversations.open")
def open_direct(ctx: Context, args: Dict[str, Any]) -> Answered:
    """The direct message with these users, made where there was none; or that of this ID."""
    channel, existed = _find_or_open(ctx, args)
    already = existed and ctx.me not in channel.closed_by
    channel.closed_by[:] = [user for user in channel.closed_by if user != ctx.me]
    channel_json = to_json.channel(ctx.workspace, channel, ctx.me)
    answer: Answered = {"channel": channel_json if args.get("return_im") else {"id": channel.id}}
    return {**answer, "no_op": True, "already_open": True} if already else answer


@behaviour("conversations.close")
def close(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Take a direct message out of the caller's list; what was said stays."""
    channel = _direct(ctx, args["channel"])
    if ctx.me in channel.closed_by:
        return {"no_op": True, "already_closed": True}
    channel.closed_by.append(ctx.me)
    return {}


def _find_or_open(ctx: Context, args: Dict[str, Any]) -> Tuple[Channel, bool]:
    """The direct message, and whether it was there before."""
    if args.get("channel"):
        return _direct(ctx, args["channel"]), True
    users = ctx.users(args["users"])
    if any(user.deleted for user in users):
        raise SlackError("user_disabled")
    if len(users) > MOST_OTHERS:
        raise SlackError("too_many_users")
    people = [ctx.me] + [user.id for user in users]
    existing = ctx.workspace.direct(people, create=False)
    if existing is None and args.get("prevent_creation"):
        raise SlackError("channel_not_found")
    channel = existing or ctx.workspace.direct(people)
    assert channel is not None
    return channel, existing is not None


def _direct(ctx: Context, channel_id: str) -> Channel:
    channel = ctx.channel(channel_id)
    if channel.kind not in ("im", "mpim"):
        raise SlackError("method_not_supported_for_channel_type")
    return channel
