"""usergroups.*: handles that stand for several people."""

from __future__ import annotations

from typing import Any, Dict

from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state.workspace import Json

LONGEST_NAME = 256


@behaviour("usergroups.create")
def create(ctx: Context, args: Dict[str, Any]) -> Answered:
    """A new group, with nobody in it yet."""
    _check_caller(ctx)
    if not args["name"]:
        raise SlackError("missing_subteam_name")
    handle = args.get("handle") or args["name"].lower().replace(" ", "-")
    _check_unique(ctx, args["name"], handle)
    workspace, now = ctx.workspace, ctx.workspace.now()
    group: Json = {
        "id": workspace.next_id("S"),
        "team_id": workspace.team["id"],
        "is_usergroup": True,
        "is_external": False,
        "name": args["name"],
        "handle": handle,
        "description": args.get("description", ""),
        "date_create": now,
        "date_update": now,
        "date_delete": 0,
        "auto_type": None,
        "created_by": ctx.me,
        "updated_by": ctx.me,
        "deleted_by": None,
        "prefs": {"channels": _channels(ctx, args), "groups": []},
        "users": [],
        "user_count": 0,
    }
    workspace.usergroups[group["id"]] = group
    workspace.emit("subteam_created", subteam=group)
    return {"usergroup": _group_json(group, args)}


@behaviour("usergroups.update")
def update(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Another name, handle, description, or other default channels."""
    _check_caller(ctx)
    group = _group(ctx, args)
    _check_unique(ctx, args.get("name", ""), args.get("handle", ""), group)
    group.update({key: args[key] for key in ("name", "handle", "description") if key in args})
    if "channels" in args:
        group["prefs"]["channels"] = _channels(ctx, args)
    return _changed(ctx, group, args)


@behaviour("usergroups.enable", "usergroups.disable")
def switch(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Let the handle stand for people, or not; the members stay."""
    _check_caller(ctx)
    group = _group(ctx, args)
    disable = ctx.call.method.name == "usergroups.disable"
    group["date_delete"] = ctx.workspace.now() if disable else 0
    group["deleted_by"] = ctx.me if disable else None
    return _changed(ctx, group, args)


@behaviour("usergroups.list")
def list_groups(ctx: Context, args: Dict[str, Any]) -> Answered:
    """The groups; disabled ones only where they are asked for."""
    return {
        "usergroups": [
            _group_json(group, args, args.get("include_users", False))
            for group in ctx.workspace.usergroups.values()
            if args.get("include_disabled") or not group["date_delete"]
        ]
    }


@behaviour("usergroups.users.list")
def list_users(ctx: Context, args: Dict[str, Any]) -> Answered:
    """The IDs of who is in it."""
    group = _group(ctx, args)
    if group["date_delete"] and not args.get("include_disabled"):
        raise SlackError("no_such_subteam")
    return {"users": list(group["users"])}


@behaviour("usergroups.users.update")
def update_users(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Put these in the place of all who were in it."""
    _check_caller(ctx)
    group = _group(ctx, args)
    if not args["users"]:
        raise SlackError("no_users_provided")
    ctx.users(args["users"], "invalid_users")
    group["users"] = list(dict.fromkeys(args["users"]))
    group["user_count"] = len(group["users"])
    return _changed(ctx, group, args, users=True)


def _check_caller(ctx: Context) -> None:
    """A guest may not manage groups."""
    if ctx.user(ctx.me).is_restricted:
        raise SlackError("permission_denied")


def _group(ctx: Context, args: Dict[str, Any]) -> Json:
    group = ctx.workspace.usergroups.get(args["usergroup"])
    if group is None:
        raise SlackError("no_such_subteam")
    return group


def _check_unique(ctx: Context, name: str, handle: str, group: Any = None) -> None:
    if len(name) > LONGEST_NAME:
        raise SlackError("name_too_long")
    for other in ctx.workspace.usergroups.values():
        if other is not group and name and other["name"] == name:
            raise SlackError("name_already_exists")
        if other is not group and handle and other["handle"] == handle:
            raise SlackError("handle_already_exists")


def _channels(ctx: Context, args: Dict[str, Any]) -> Any:
    channels = args.get("channels", [])
    if not set(channels) <= set(ctx.workspace.channels):
        raise SlackError("invalid_channel_provided")
    return channels


def _changed(ctx: Context, group: Json, args: Dict[str, Any], users: bool = False) -> Answered:
    group.update(date_update=ctx.workspace.now(), updated_by=ctx.me)
    ctx.workspace.emit("subteam_updated", subteam=group)
    return {"usergroup": _group_json(group, args, users)}


def _group_json(group: Json, args: Dict[str, Any], users: bool = False) -> Json:
    """The group as Slack tells it: members and their number only where they were asked for."""
    hidden = set() if users else {"users"}
    if not args.get("include_count"):
        hidden.add("user_count")
    return {key: value for key, value in group.items() if key not in hidden}
