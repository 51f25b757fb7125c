"""What one person sees of the workspace, as the browser is told it."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from sandbox.slack.behaviours import modals
from sandbox.slack.http.file_host import content_of
from sandbox.slack.state.workspace import Channel, Json, User, Workspace, without_private_keys

MOST = 1000  # messages of a conversation
PREVIEW = 600  # characters of a text file
PREVIEWED = 64 * 1024  # a larger file has no preview
SLACKBOT = "USLACKBOT"


class ViewState:
    """The workspace as `me` sees it. `started_at`: what was said until then counts as read."""

    def __init__(self, workspace: Workspace, me: str, started_at: str) -> None:
        self._workspace = workspace
        self._me = me
        self._started_at = started_at

    def everything(self, channel_id: str, thread_ts: str, count: int) -> Json:
        """All that the page shows at a time; `channel` is None where there is none to be seen."""
        channel = self._workspace.channels.get(channel_id)
        if channel is not None and not self.sees(channel):
            channel = None
        return {
            "team": self._workspace.team,
            "me": self._me,
            "people": [_person(user) for user in self._workspace.users.values()],
            "groups": [_group(each) for each in self._workspace.usergroups.values()],
            "channels": [
                self._channel_json(each)
                for each in self._workspace.channels.values()
                if self.sees(each)
            ],
            "channel": channel and self._conversation(channel, min(count, MOST)),
            "thread": channel and self._thread(channel, thread_ts),
            "views": [self._view(view) for view in modals.of(self._workspace, self._me)],
        }

    def sees(self, channel: Channel) -> bool:
        """A private conversation is there only for its members."""
        return channel.kind == "public_channel" or self._me in channel.members

    def _channel_json(self, channel: Channel) -> Json:
        member = self._me in channel.members
        return {
            "id": channel.id,
            "name": channel.name,
            "kind": channel.kind,
            "members": channel.members,
            "is_archived": channel.is_archived,
            "is_member": member,
            "unread": self._unread(channel) if member else 0,
        }

    def _unread(self, channel: Channel) -> int:
        """How many messages came since this person looked; replies in threads do not count."""
        mark = channel.marks.get(self._me) or self._started_at
        count = 0
        for message in reversed(channel.messages):
            if message["ts"] <= mark:
                break
            count += in_channel(message) and message.get("user") != self._me
        return count

    def _conversation(self, channel: Channel, count: int) -> Json:
        in_conversation = [message for message in channel.messages if in_channel(message)]
        content = in_conversation[-count:] if count else []
        visible = content + [
            message for message in self._whispers(channel) if not message.get("thread_ts")
        ]
        return {
            **self._channel_json(channel),
            "topic": channel.topic.get("value", ""),
            "purpose": channel.purpose.get("value", ""),
            "earlier": len(in_conversation) - len(content),
            "messages": [
                self._message(each) for each in sorted(visible, key=lambda each: each["ts"])
            ],
        }

    def _thread(self, channel: Channel, thread_ts: str) -> Optional[Json]:
        parent = channel.message(thread_ts) if thread_ts else None
        if parent is None:
            return None
        replies = channel.thread(thread_ts) + [
            each for each in self._whispers(channel) if each.get("thread_ts") == thread_ts
        ]
        replies.sort(key=lambda each: each["ts"])
        return {"ts": thread_ts, "messages": [self._message(each) for each in [parent, *replies]]}

    def _whispers(self, channel: Channel) -> List[Json]:
        return [each for each in channel.whispers if each["_to"] == self._me]

    def _message(self, message: Json) -> Json:
        files = [self._file(file) for file in message.get("files") or [] if isinstance(file, dict)]
        return {**without_private_keys(message), **({"files": files} if files else {})}

    def _file(self, file: Json) -> Json:
        """Name, kind and size; of a text its beginning. No address: they want a token."""
        file_json = {
            key: file.get(key) for key in ("id", "name", "title", "mimetype", "size", "mode")
        }
        content = self._workspace.files.get(str(file.get("id")))
        if content is not None and _is_text(content):
            file_json["preview"] = content_of(self._workspace, content)[: PREVIEW * 4].decode(
                "utf-8", "replace"
            )[:PREVIEW]
        return file_json

    @staticmethod
    def _view(view: Json) -> Json:
        return {**modals.to_json(view), "errors": view.get("_errors") or {}}


def in_channel(message: Json) -> bool:
    """True for what stands in the conversation itself: no reply, but for those sent there too."""
    thread_ts = message.get("thread_ts")
    broadcast = message.get("subtype") == "thread_broadcast"
    return not thread_ts or thread_ts == message["ts"] or broadcast


def _is_text(file: Json) -> bool:
    return str(file.get("mimetype")).startswith("text/") and file.get("size", 0) <= PREVIEWED


def _person(user: User) -> Json:
    return {
        "id": user.id,
        "name": user.name,
        "real_name": user.real_name,
        "title": user.profile.get("title", ""),
        "is_bot": user.is_bot,
        "deleted": user.deleted,
        "away": user.presence == "away",
    }


def _group(group: Dict[str, Any]) -> Json:
    return {"id": group["id"], "handle": group.get("handle", "")}
