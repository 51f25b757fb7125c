"""What the server answers to the frames of an RTM client."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from sandbox.slack.state.workspace import Json, Workspace

HELLO = {"type": "hello", "fast_reconnect": False, "region": "loopback", "host_id": "loopback-1"}
NO_TEXT = {"code": 2, "msg": "message text is missing"}
NO_CHANNEL = {"code": -1, "msg": "channel_not_found"}


def answer(workspace: Workspace, user: str, frame: Mapping[str, Any]) -> Optional[Json]:
    """The reply, None for frames that get none (typing, presence). A message is posted; every
    connection is told of it, the sender's too."""
    if frame.get("type") == "ping":
        message = {key: value for key, value in frame.items() if key not in ("type", "id")}
        return {**message, "type": "pong", "reply_to": frame.get("id")}
    if frame.get("type") == "message":
        return {"reply_to": frame.get("id"), **_post(workspace, user, frame)}
    return None


def _post(workspace: Workspace, user: str, frame: Mapping[str, Any]) -> Json:
    text = frame.get("text")
    if not isinstance(text, str) or not text:
        return {"ok": False, "error": NO_TEXT}
    with workspace.lock:
        channel = workspace.channels.get(str(frame.get("channel")))
        if channel is None or user not in channel.members:
            return {"ok": False, "error": NO_CHANNEL}
        parts: Json = {"user": user, "text": text}
        bot = workspace.users[user].bot_id
        parts.update({"bot_id": bot} if bot else {})
        if frame.get("thread_ts"):
            parts["thread_ts"] = str(frame["thread_ts"])
        posted = workspace.post(channel, parts)
    return {"ok": True, "ts": posted["ts"], "text": text}
