"""bookmarks.*: the links at the top of a conversation."""

from __future__ import annotations

from typing import Any, Dict

from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state.workspace import Channel, Json

MOST = 100
SCHEMES = ("http://", "https://", "mailto:")


@behaviour("bookmarks.add")
def add(ctx: Context, args: Dict[str, Any]) -> Answered:
    """A new link, behind the others."""
    channel = ctx.joined_channel(args["channel_id"])
    if args["type"] == "link":
        _check_link(args.get("link", ""))
    if len(channel.bookmarks) >= MOST:
        raise SlackError("too_many_bookmarks")
    now = ctx.workspace.now()
    bookmark: Json = {
        "id": ctx.workspace.next_id("Bk"),
        "channel_id": channel.id,
        "title": args["title"],
        "link": args.get("link", ""),
        "emoji": args.get("emoji", ""),
        "icon_url": None,
        "type": args["type"],
        "entity_id": args.get("entity_id"),
        "date_created": now,
        "date_updated": 0,
        "rank": "{:03d}".format(len(channel.bookmarks)),
        "last_updated_by_user_id": ctx.me,
        "last_updated_by_team_id": ctx.workspace.team["id"],
        "shortcut_id": None,
        "app_id": ctx.token.app_id if ctx.acts_as_bot else None,
    }
    channel.bookmarks.append(bookmark)
    return {"bookmark": bookmark}


@behaviour("bookmarks.edit")
def edit(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Another title, link or emoji."""
    bookmark = _bookmark(ctx.joined_channel(args["channel_id"]), args)
    if "link" in args:
        _check_link(args["link"])
    bookmark.update({key: args[key] for key in ("title", "link", "emoji") if key in args})
    bookmark.update(date_updated=ctx.workspace.now(), last_updated_by_user_id=ctx.me)
    return {"bookmark": bookmark}


@behaviour("bookmarks.list")
def list_bookmarks(ctx: Context, args: Dict[str, Any]) -> Answered:
    """The links in their order."""
    return {"bookmarks": list(ctx.channel(args["channel_id"]).bookmarks)}


@behaviour("bookmarks.remove")
def remove(ctx: Context, args: Dict[str, Any]) -> Answered:
    """One link less."""
    channel = ctx.joined_channel(args["channel_id"])
    channel.bookmarks.remove(_bookmark(channel, args))
    return {}


def _check_link(link: str) -> None:
    if not link.startswith(SCHEMES):
        raise SlackError("invalid_link")


def _bookmark(channel: Channel, args: Dict[str, Any]) -> Json:
    for bookmark in channel.bookmarks:
        if bookmark["id"] == args["bookmark_id"]:
            return bookmark
    raise SlackError("not_found")
