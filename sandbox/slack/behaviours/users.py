"""users.*: who is here, what they tell of themselves, and whether they are there."""

from __future__ import annotations

from typing import Any, Dict

from sandbox.slack.behaviours import conversations
from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state import to_json
from sandbox.slack.state.workspace import User

LONGEST_STATUS = 100
PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8")
SIZES = (24, 32, 48, 72, 192, 512)


@behaviour("users.list")
def list_users(ctx: Context, args: Dict[str, Any]) -> Answered:
    """All members, the deactivated ones too; all at once where no limit is given."""
    items, metadata = ctx.page(list(ctx.workspace.users.values()), args, size=1000)
    locale = args.get("include_locale", False)
    return {
        "members": [to_json.user(ctx.workspace, item, locale) for item in items],
        "cache_ts": ctx.workspace.now(),
        "response_metadata": metadata,
    }


@behaviour("users.info")
def info(ctx: Context, args: Dict[str, Any]) -> Answered:
    """One member."""
    user = ctx.user(args["user"])
    return {"user": to_json.user(ctx.workspace, user, args.get("include_locale", False))}


@behaviour("users.lookupByEmail")
def lookup_by_email(ctx: Context, args: Dict[str, Any]) -> Answered:
    """The active member of this address."""
    email = args["email"].strip().lower()
    for user in ctx.workspace.users.values():
        if user.email.lower() == email and email and not user.deleted:
            return {"user": to_json.user(ctx.workspace, user)}
    raise SlackError("users_not_found")


@behaviour("users.identity")
def identity(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Who the token's user is."""
    user = ctx.workspace.users[ctx.me]
    return {
        "user": {"id": user.id, "name": user.real_name, "email": user.email},
        "team": {"id": ctx.workspace.team["id"]},
    }


@behaviour("users.conversations")
def conversations_of(ctx: Context, args: Dict[str, Any]) -> Answered:
    """What a member is in, as far as the caller sees it."""
    user = ctx.user(args.get("user") or ctx.me)
    found = [
        channel
        for channel in conversations.select_conversations(ctx, args)
        if user.id in channel.members and ctx.sees(channel)
    ]
    items, metadata = ctx.page(found, args)
    return {
        "channels": [to_json.channel(ctx.workspace, item, ctx.me) for item in items],
        "response_metadata": metadata,
    }


@behaviour("users.profile.get")
def get_profile(ctx: Context, args: Dict[str, Any]) -> Answered:
    """The profile of a member, the caller's own by default."""
    user = ctx.user(args.get("user") or ctx.me)
    return {"profile": to_json.profile(ctx.workspace, user)}


@behaviour("users.profile.set")
def set_profile(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Change one's own profile, all members of `profile` or `name` alone; an admin any."""
    user = ctx.user(args.get("user") or ctx.me)
    caller = ctx.user(ctx.me)
    if user is not caller and not (caller.is_admin or caller.is_owner):
        raise SlackError("not_admin")
    changes = args.get("profile") or {args.get("name", ""): args.get("value", "")}
    if len(str(changes.get("status_text", ""))) > LONGEST_STATUS:
        raise SlackError("too_long")
    user.profile.update(changes)
    user.real_name = str(user.profile.get("real_name", user.real_name))
    user.email = str(user.profile.get("email", user.email))
    return _changed(ctx, user)


@behaviour("users.setPhoto")
def set_photo(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Another picture; only what begins as a picture does is one."""
    _, data = args["image"]
    if not data.startswith(PICTURES):
        raise SlackError("bad_image")
    user = ctx.user(ctx.me)
    photo_id = ctx.workspace.next_id("P")
    for size in SIZES:
        user.profile["image_{}".format(size)] = "https://avatars.example/{}_{}.png".format(
            photo_id, size
        )
    return {"profile": _changed(ctx, user)["profile"]}


@behaviour("users.deletePhoto")
def delete_photo(ctx: Context, args: Dict[str, Any]) -> Answered:
    """No picture of one's own any more."""
    user = ctx.user(ctx.me)
    for size in SIZES:
        user.profile.pop("image_{}".format(size), None)
    _changed(ctx, user)
    return {}


@behaviour("users.getPresence")
def get_presence(ctx: Context, args: Dict[str, Any]) -> Answered:
    """active or away; for oneself also why."""
    user = ctx.user(args.get("user") or ctx.me)
    if user.id != ctx.me:
        return {"presence": user.presence}
    away = user.presence == "away"
    return {
        "presence": user.presence,
        "online": not away,
        "auto_away": False,
        "manual_away": away,
        "connection_count": 0 if away else 1,
        "last_activity": ctx.workspace.now(),
    }


@behaviour("users.setPresence")
def set_presence(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Be away, or let Slack tell (`auto`)."""
    if args["presence"] not in ("auto", "away"):
        raise SlackError("invalid_presence")
    user = ctx.user(ctx.me)
    user.presence = "away" if args["presence"] == "away" else "active"
    return {}


@behaviour("users.admin.invite")
def invite(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Ask somebody in; an administrator may, and nobody twice."""
    caller = ctx.workspace.users.get(ctx.me)
    if caller is None or ctx.acts_as_bot or not (caller.is_admin or caller.is_owner):
        raise SlackError("not_allowed")
    email = args["email"].lower()
    if "@" not in email:
        raise SlackError("invalid_email")
    by_email = {user.email.lower(): user for user in ctx.workspace.users.values() if user.email}
    if email in by_email:
        raise SlackError("user_disabled" if by_email[email].deleted else "already_in_team")
    if email in ctx.workspace.invited:
        raise SlackError("already_invited")
    for channel in args.get("channels", ()):
        ctx.channel(channel)
    ctx.workspace.invited.append(email)
    return {}


def _changed(ctx: Context, user: User) -> Answered:
    user.updated = ctx.workspace.now()
    ctx.workspace.emit("user_change", user=to_json.user(ctx.workspace, user))
    return {"profile": to_json.profile(ctx.workspace, user), "username": user.name}
