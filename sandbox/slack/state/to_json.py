"""PURE: what the workspace remembers → the shape in which Slack tells it."""

from __future__ import annotations

from typing import Any

from sandbox.slack.state.workspace import Channel, Json, User, Workspace


def channel(workspace: Workspace, it: Channel, me: str, members: bool = False) -> Json:
    """A conversation, as conversations.info and conversations.list tell it."""
    if it.kind == "im":
        return _direct(it, me)
    shape: Json = {
        "id": it.id,
        "name": it.name,
        "name_normalized": it.name,
        "created": it.created,
        "creator": it.creator,
        "context_team_id": workspace.team["id"],
        "is_channel": it.kind == "public_channel",
        "is_group": it.kind == "private_channel",
        "is_im": False,
        "is_mpim": it.kind == "mpim",
        "is_private": it.kind != "public_channel",
        "is_archived": it.is_archived,
        "is_general": it.is_general,
        "is_shared": False,
        "is_ext_shared": False,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "unlinked": 0,
        "is_member": me in it.members,
        "topic": it.topic,
        "purpose": it.purpose,
        "previous_names": it.previous_names,
    }
    if it.marks.get(me):
        shape["last_read"] = it.marks[me]
    if members:
        shape["num_members"] = len(it.members)
    return shape


def _direct(it: Channel, me: str) -> Json:
    others = [member for member in it.members if member != me]
    return {
        "id": it.id,
        "created": it.created,
        "is_im": True,
        "is_private": True,
        "is_archived": False,
        "is_org_shared": False,
        "is_open": me not in it.closed_by,
        "user": others[0] if others else me,
        "priority": 0,
    }


def user(workspace: Workspace, it: User, locale: bool = False) -> Json:
    """A member, as users.info and users.list tell it."""
    shape: Json = {
        "id": it.id,
        "team_id": it.team or workspace.team["id"],
        "name": it.name,
        "deleted": it.deleted,
        "real_name": it.real_name,
        "tz": it.tz,
        "profile": profile(workspace, it),
        "is_bot": it.is_bot,
        "is_app_user": False,
        "updated": it.updated,
    }
    if not it.deleted:
        shape.update(
            is_admin=it.is_admin,
            is_owner=it.is_owner,
            is_primary_owner=it.is_owner,
            is_restricted=it.is_restricted,
            is_ultra_restricted=False,
            is_email_confirmed=bool(it.email),
        )
    if it.team:
        shape["is_stranger"] = True
    if locale:
        shape["locale"] = "en-GB"
    return shape


def profile(workspace: Workspace, it: User) -> Json:
    """The profile of a member; what they set themselves wins over what it begins with."""
    first, _, last = it.real_name.partition(" ")
    shape: Json = {
        "real_name": it.real_name,
        "real_name_normalized": it.real_name,
        "display_name": it.name,
        "display_name_normalized": it.name,
        "first_name": first,
        "last_name": last,
        "title": "",
        "phone": "",
        "skype": "",
        "status_text": "",
        "status_emoji": "",
        "status_expiration": 0,
        "avatar_hash": "g0000000000",
        "team": it.team or workspace.team["id"],
    }
    if it.email:
        shape["email"] = it.email
    if it.bot_id:
        shape.update(bot_id=it.bot_id, api_app_id="A0HARBOUR01")
    shape.update(it.profile)
    return shape


def bot(it: User, app_id: str) -> Json:
    """The bot of an app, as bots.info tells it; `it` is its user."""
    icon = "https://a.slack-edge.com/80588/img/plugins/app/bot_{}.png"
    return {
        "id": it.bot_id,
        "app_id": app_id,
        "user_id": it.id,
        "name": it.real_name,
        "icons": {"image_{}".format(size): icon.format(size) for size in (36, 48, 72)},
        "deleted": it.deleted,
        "updated": it.updated,
    }


def message(it: Json, metadata: bool = True) -> Json:
    """A message as a history tells it; its metadata only where that was asked for."""
    hidden: Any = () if metadata else ("metadata",)
    return {
        key: value for key, value in it.items() if key not in hidden and not key.startswith("_")
    }
