"""conversations.*: which there are, and what becomes of them."""

from __future__ import annotations

from typing import Any, Dict, List

from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.names import check_name
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state import to_json
from sandbox.slack.state.workspace import Channel, Json

# Kind of conversation → the scope that lists it.
KINDS = {
    "public_channel": "channels:read",
    "private_channel": "groups:read",
    "mpim": "mpim:read",
    "im": "im:read",
}
LONGEST_TOPIC = 250


@behaviour("conversations.list")
def list_conversations(ctx: Context, args: Dict[str, Any]) -> Answered:
    """The conversations of the wanted types that the caller may see."""
    found = [channel for channel in select_conversations(ctx, args) if ctx.sees(channel)]
    items, metadata = ctx.page(found, args)
    return {
        "channels": [to_json.channel(ctx.workspace, item, ctx.me, members=True) for item in items],
        "response_metadata": metadata,
    }


def select_conversations(ctx: Context, args: Dict[str, Any]) -> List[Channel]:
    """All conversations of `types`, archived ones unless they are to be left out."""
    types = args.get("types") or ["public_channel"]
    if not set(types) <= set(KINDS):
        raise SlackError("invalid_types")
    for scope in (KINDS[kind] for kind in types):
        if not ctx.token.has_one_of([scope]):
            provided = ",".join(ctx.token.scopes or ())
            raise SlackError("missing_scope", needed=scope, provided=provided)
    return [
        channel
        for channel in ctx.workspace.channels.values()
        if channel.kind in types and not (channel.is_archived and args.get("exclude_archived"))
    ]


@behaviour("conversations.info")
def info(ctx: Context, args: Dict[str, Any]) -> Answered:
    """One conversation."""
    channel = ctx.channel(args["channel"])
    return {
        "channel": to_json.channel(
            ctx.workspace, channel, ctx.me, args.get("include_num_members", False)
        )
    }


@behaviour("conversations.members")
def members(ctx: Context, args: Dict[str, Any]) -> Answered:
    """The IDs of who is in it."""
    items, metadata = ctx.page(ctx.channel(args["channel"]).members, args)
    return {"members": items, "response_metadata": metadata}


@behaviour("conversations.create")
def create(ctx: Context, args: Dict[str, Any]) -> Answered:
    """A new channel with the caller as its only member."""
    workspace = ctx.workspace
    check_name(workspace, args["name"])
    kind = "private_channel" if args.get("is_private") else "public_channel"
    channel = workspace.add_channel(
        Channel(workspace.next_id("C"), args["name"], ctx.me, kind, workspace.now(), [ctx.me])
    )
    workspace.emit(
        "channel_created",
        channel={
            "id": channel.id,
            "name": channel.name,
            "created": channel.created,
            "creator": channel.creator,
        },
    )
    return _channel(ctx, channel)


@behaviour("conversations.rename")
def rename(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Another name; an admin's or the creator's to give."""
    channel = _manageable(ctx, args["channel"])
    check_name(ctx.workspace, args["name"], channel)
    if not (_is_admin(ctx) or channel.creator == ctx.me):
        raise SlackError("not_authorized")
    channel.previous_names.insert(0, channel.name)
    channel.name = args["name"]
    ctx.workspace.emit(
        _event(channel, "rename"),
        channel={
            "id": channel.id,
            "name": channel.name,
            "name_normalized": channel.name,
            "created": channel.created,
        },
    )
    _notice(ctx, channel, "channel_name", old_name=channel.previous_names[0], name=channel.name)
    return _channel(ctx, channel)


@behaviour("conversations.archive")
def archive(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Close a channel; what was said stays."""
    channel = _group(ctx, args["channel"])
    if channel.is_general:
        raise SlackError("cant_archive_general")
    if channel.is_archived:
        raise SlackError("already_archived")
    if ctx.me not in channel.members:
        raise SlackError("not_in_channel")
    channel.is_archived = True
    ctx.workspace.emit(_event(channel, "archive"), channel=channel.id, user=ctx.me)
    return {}


@behaviour("conversations.unarchive")
def unarchive(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Open it again; the caller is in it then."""
    channel = _group(ctx, args["channel"])
    if not channel.is_archived:
        raise SlackError("not_archived")
    channel.is_archived = False
    if ctx.me not in channel.members:
        channel.members.append(ctx.me)
    ctx.workspace.emit(_event(channel, "unarchive"), channel=channel.id, user=ctx.me)
    return {}


@behaviour("conversations.join")
def join(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Become a member of a public channel; twice does no harm."""
    channel = _active_group(ctx, args["channel"])
    if channel.kind != "public_channel":
        raise SlackError("method_not_supported_for_channel_type")
    if ctx.me in channel.members:
        return {**_channel(ctx, channel), "response_metadata": {"warnings": ["already_in_channel"]}}
    _enter(ctx, channel, ctx.me)
    return _channel(ctx, channel)


@behaviour("conversations.leave")
def leave(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Be a member no longer."""
    channel = _active_group(ctx, args["channel"])
    if channel.is_general:
        raise SlackError("cant_leave_general")
    if ctx.me not in channel.members:
        return {"not_in_channel": True}
    if channel.kind == "private_channel" and channel.members == [ctx.me]:
        raise SlackError("last_member")
    _exit(ctx, channel, ctx.me)
    return {}


@behaviour("conversations.invite")
def invite(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Make others members. Without `force` one bad ID refuses all; with it the rest come in."""
    channel = _manageable(ctx, args["channel"])
    if not args["users"]:
        raise SlackError("no_user")
    errors = [
        {"user": user, "ok": False, "error": code}
        for user, code in ((user, _uninvitable(ctx, channel, user)) for user in args["users"])
        if code
    ]
    if errors and (not args.get("force") or len(errors) == len(args["users"])):
        raise SlackError(str(errors[0]["error"]), errors=errors)
    bad = {error["user"] for error in errors}
    for user in args["users"]:
        if user not in bad:
            _enter(ctx, channel, user, inviter=ctx.me)
    return {**_channel(ctx, channel), **({"errors": errors} if errors else {})}


def _uninvitable(ctx: Context, channel: Channel, user_id: str) -> str:
    """Why this user cannot be invited, "" where nothing stands against it."""
    user = ctx.workspace.users.get(user_id)
    if user is None or user.deleted:
        return "user_not_found"
    if user_id == ctx.me:
        return "cant_invite_self"
    return "already_in_channel" if user_id in channel.members else ""


@behaviour("conversations.kick")
def kick(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Take a member out."""
    channel = _manageable(ctx, args["channel"])
    user = ctx.user(args["user"])
    if user.id == ctx.me:
        raise SlackError("cant_kick_self")
    if channel.is_general:
        raise SlackError("cant_kick_from_general")
    if user.id not in channel.members:
        raise SlackError("not_in_channel")
    _exit(ctx, channel, user.id)
    return {"errors": {}}


@behaviour("conversations.setTopic")
def set_topic(ctx: Context, args: Dict[str, Any]) -> Answered:
    """What it is about now; empty text takes it away."""
    channel = _manageable(ctx, args["channel"])
    channel.topic = _topic(ctx, args["topic"])
    _notice(ctx, channel, "channel_topic", topic=args["topic"])
    return _channel(ctx, channel)


@behaviour("conversations.setPurpose")
def set_purpose(ctx: Context, args: Dict[str, Any]) -> Answered:
    """What it is for."""
    channel = _manageable(ctx, args["channel"])
    channel.purpose = _topic(ctx, args["purpose"])
    _notice(ctx, channel, "channel_purpose", purpose=args["purpose"])
    return _channel(ctx, channel)


@behaviour("conversations.mark")
def mark(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Remember how far the caller has read."""
    channel = ctx.joined_channel(args["channel"])
    if channel.message(args["ts"]) is None:
        raise SlackError("invalid_timestamp")
    channel.marks[ctx.me] = args["ts"]
    return {}


def _channel(ctx: Context, channel: Channel) -> Answered:
    return {"channel": to_json.channel(ctx.workspace, channel, ctx.me)}


def _group(ctx: Context, channel_id: str) -> Channel:
    """A channel with members and a name, not a direct message."""
    channel = ctx.channel(channel_id)
    if channel.kind in ("im", "mpim"):
        raise SlackError("method_not_supported_for_channel_type")
    return channel


def _active_group(ctx: Context, channel_id: str) -> Channel:
    channel = _group(ctx, channel_id)
    if channel.is_archived:
        raise SlackError("is_archived")
    return channel


def _manageable(ctx: Context, channel_id: str) -> Channel:
    """A living channel that the caller is in."""
    channel = _active_group(ctx, channel_id)
    if ctx.me not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _is_admin(ctx: Context) -> bool:
    user = ctx.workspace.users.get(ctx.me)
    return user is not None and (user.is_admin or user.is_owner)


def _topic(ctx: Context, text: str) -> Json:
    if len(text) > LONGEST_TOPIC:
        raise SlackError("too_long")
    return {"value": text, "creator": ctx.me, "last_set": ctx.workspace.now()}


def _event(channel: Channel, what: str) -> str:
    """The event's name: channel_WHAT, or group_WHAT where the channel is a private one."""
    begin = "group" if channel.kind == "private_channel" else "channel"
    return "{}_{}".format(begin, what)


def _notice(ctx: Context, channel: Channel, subtype: str, **more: Any) -> None:
    """The line that Slack itself puts into the conversation."""
    text = "<@{}> changed it: {}".format(ctx.me, subtype)
    ctx.workspace.post(channel, {"user": ctx.me, "subtype": subtype, "text": text, **more})


def _enter(ctx: Context, channel: Channel, user: str, inviter: str = "") -> None:
    channel.members.append(user)
    more = {"inviter": inviter} if inviter else {}
    ctx.workspace.emit("member_joined_channel", user=user, channel=channel.id, **more)
    text = "<@{}> has joined the channel".format(user)
    ctx.workspace.post(channel, {"user": user, "subtype": "channel_join", "text": text, **more})


def _exit(ctx: Context, channel: Channel, user: str) -> None:
    channel.members.remove(user)
    ctx.workspace.emit("member_left_channel", user=user, channel=channel.id)
    text = "<@{}> has left the channel".format(user)
    ctx.workspace.post(channel, {"user": user, "subtype": "channel_leave", "text": text})
