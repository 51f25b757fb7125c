"""files.*: what lies in the workspace. For uploading see uploads.py."""

from __future__ import annotations

from typing import Any, Dict, List

from sandbox.slack.behaviours import chat
from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.paging import by_number
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.behaviours.timestamps import seconds
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.http import file_host
from sandbox.slack.state.workspace import Json

GONE = "tombstone"
# Slack's names for kinds of files, by the beginning of their media type.
KINDS = {
    "images": "image/",
    "pdfs": "application/pdf",
    "zips": "application/zip",
    "snippets": "text/",
    "spaces": "application/vnd.slack-docs",
}


@behaviour("files.list")
def list_files(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Files by channel, user, time and kind, newest first."""
    if args.get("user"):
        ctx.user(args["user"])
    found = [
        file
        for file in ctx.workspace.files.values()
        if file["mode"] != GONE and _matches(file, args)
    ]
    found.sort(key=lambda file: (file["created"], file["id"]), reverse=True)
    items, paging = by_number(found, args.get("page", 1), args.get("count", 100))
    return {"files": [_with_addresses(ctx, file) for file in items], "paging": paging}


def _matches(file: Json, args: Dict[str, Any]) -> bool:
    begin, end = seconds(args.get("ts_from")), seconds(args.get("ts_to"))
    types: List[str] = args.get("types") or ["all"]
    return (
        args.get("user") in (None, file["user"])
        and (
            args.get("channel") is None
            or args["channel"] in file["channels"] + file["groups"] + file["ims"]
        )
        and (begin is None or file["created"] >= begin)
        and (end is None or file["created"] <= end)
        and any(_is_kind(file, kind) for kind in types)
    )


def _is_kind(file: Json, kind: str) -> bool:
    if kind == "all":
        return True
    if kind not in KINDS:
        raise SlackError("unknown_type")
    return str(file["mimetype"]).startswith(KINDS[kind])


@behaviour("files.info")
def info(ctx: Context, args: Dict[str, Any]) -> Answered:
    """One file."""
    return {
        "file": _with_addresses(ctx, _file(ctx, args["file"])),
        "comments": [],
        "response_metadata": {"next_cursor": ""},
    }


@behaviour("files.delete")
def delete(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Delete a file of one's own; an owner any."""
    file = _file(ctx, args["file"])
    if file["user"] != ctx.me and not chat.can_moderate(ctx):
        raise SlackError("cant_delete_file")
    file["mode"] = GONE
    ctx.workspace.emit("file_deleted", file_id=file["id"])
    return {}


@behaviour("files.sharedPublicURL")
def share(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Let everybody with the address read it."""
    file = _file(ctx, args["file"])
    file.update(
        public_url_shared=True,
        permalink_public="https://slack-files.com/{}-{}".format(
            ctx.workspace.team["id"], file["id"]
        ),
    )
    ctx.workspace.emit("file_public", file_id=file["id"])
    return {"file": file}


@behaviour("files.revokePublicURL")
def revoke(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Let only the workspace read it."""
    file = _file(ctx, args["file"])
    file["public_url_shared"] = False
    file.pop("permalink_public", None)
    return {"file": file}


def _with_addresses(ctx: Context, file: Json) -> Json:
    return file_host.with_addresses(ctx.url, ctx.workspace.team["id"], file)


def _file(ctx: Context, file_id: str) -> Json:
    file = ctx.workspace.files.get(file_id)
    if file is None:
        raise SlackError("file_not_found")
    if file["mode"] == GONE:
        raise SlackError(ctx.code_or("file_not_found", "file_deleted"))
    return file
