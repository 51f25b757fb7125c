"""Uploading: announced by files.getUploadURLExternal, there by files.completeUploadExternal."""

from __future__ import annotations

import mimetypes
from typing import Any, Dict, List, Tuple

from sandbox.slack.behaviours import texts
from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.http import file_host
from sandbox.slack.state.workspace import Channel, Json, Upload

MOST_CHANNELS = 100
SNIPPET_TYPES = ("text", "python", "javascript", "json", "yaml", "csv", "shell", "sql", "markdown")


@behaviour("files.getUploadURLExternal")
def get_url(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Announce a file; its bytes go to the URL."""
    if args.get("snippet_type") and args["snippet_type"] not in SNIPPET_TYPES:
        raise SlackError("unknown_snippet_type")
    file_id = ctx.workspace.next_id("F")
    upload = Upload(
        file_id,
        "ticket-of-" + file_id,
        args["filename"],
        args["length"],
        ctx.me,
        args.get("snippet_type", ""),
        args.get("alt_txt", ""),
    )
    ctx.workspace.uploads[file_id] = upload
    return {"upload_url": file_host.upload_url(ctx.url, upload), "file_id": file_id}


@behaviour("files.completeUploadExternal")
def complete(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Make the files, and share them where that was asked for. All is checked before."""
    uploads = [_upload(ctx, each) for each in args["files"]]
    if not uploads:
        raise SlackError.explained("invalid_arguments", ["no files [json-pointer:/files]"])
    channels = _channels(ctx, args)
    message = {**texts.author(ctx, args), "text": args.get("initial_comment", ""), "upload": False}
    if args.get("blocks") and not args.get("initial_comment"):
        message["blocks"] = texts.blocks(args["blocks"])
    ties = [texts.thread(channel, args) for channel in channels]
    files = [_make_file(ctx, upload, title, channels) for upload, title in uploads]
    for channel, tie in zip(channels, ties):
        ctx.workspace.post(channel, {**message, **tie, "files": files})
    return {"files": files}


def _upload(ctx: Context, entry: Any) -> Tuple[Upload, str]:
    """The upload of this ID, its bytes there and its file not made yet; and its title."""
    upload = ctx.workspace.uploads.get(str(entry.get("id"))) if isinstance(entry, dict) else None
    if upload is None or upload.received is None or upload.user != ctx.me:
        raise SlackError("file_not_found")
    return upload, entry.get("title") or upload.name


def _channels(ctx: Context, args: Dict[str, Any]) -> List[Channel]:
    ids = [args["channel_id"]] if args.get("channel_id") else []
    ids += [each for each in args.get("channels") or () if each not in ids]
    if len(ids) > MOST_CHANNELS:
        raise SlackError("channels_limit_exceeded")
    channels = [ctx.joined_channel(each) for each in ids]
    if any(channel.is_archived for channel in channels):
        raise SlackError("posting_to_channel_denied")
    return channels


def _make_file(ctx: Context, upload: Upload, title: str, channels: List[Channel]) -> Json:
    """The file of an upload, from now on in the workspace."""
    workspace = ctx.workspace
    kinds = {"private_channel": "groups", "im": "ims", "mpim": "groups"}
    file: Json = {
        "id": upload.id,
        "created": workspace.now(),
        "timestamp": workspace.now(),
        "name": upload.name,
        "title": title,
        "mimetype": mimetypes.guess_type(upload.name)[0] or "application/octet-stream",
        "filetype": upload.snippet_type or upload.name.rpartition(".")[2] or "binary",
        "size": upload.length,
        "user": upload.user,
        "is_public": any(channel.kind == "public_channel" for channel in channels),
        "is_external": False,
        "mode": "snippet" if upload.snippet_type else "hosted",
        "alt_txt": upload.alt_txt,
        "channels": [],
        "groups": [],
        "ims": [],
        "public_url_shared": False,
        "permalink": "https://harbour-works.slack.com/files/{}/{}".format(upload.user, upload.id),
    }
    for channel in channels:
        file[kinds.get(channel.kind, "channels")].append(channel.id)
    workspace.files[upload.id] = file
    if len(upload.content) == upload.length:
        workspace.contents[upload.id] = upload.content
    del workspace.uploads[upload.id]
    return file_host.with_addresses(ctx.url, workspace.team["id"], file)
