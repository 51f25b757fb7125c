"""What a person does on the page, and how the Slack on loopback gets to know it."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping

from sandbox.page import elements, input_text
from sandbox.page.elements import BadRequest
from sandbox.page.view_state import SLACKBOT, in_channel
from sandbox.slack import LoopbackSlack
from sandbox.slack.behaviours import modals
from sandbox.slack.sockets import envelopes
from sandbox.slack.state.to_json import message as shape
from sandbox.slack.state.workspace import Channel, Json, Workspace

LONGEST = 40000  # characters of a message
REMEMBERED = 100  # envelopes


class PageEnvelopes:
    """The envelopes that the page caused, and what became of each: waiting, answered, late (nobody
    acknowledged it in time) or failed (nobody was connected)."""

    def __init__(self, slack: LoopbackSlack) -> None:
        self._slack = slack
        self._status: Dict[str, str] = {}
        self._created: Dict[str, float] = {}
        self._commands: Dict[str, Callable[[str], None]] = {}

    def add(self, envelope_id: str, complain: Callable[[str], None]) -> str:
        """From now on told by `statuses`; `complain` gets Slack's code if it comes to nothing."""
        self._status[envelope_id] = "waiting"
        self._created[envelope_id] = time.monotonic()
        self._commands[envelope_id] = complain
        for old in list(self._status)[:-REMEMBERED]:
            for memory in (self._status, self._created, self._commands):
                memory.pop(old, None)
        return envelope_id

    def statuses(self) -> Dict[str, str]:
        """envelope_id → status, now."""
        waiting = [each for each, status in self._status.items() if status == "waiting"]
        if waiting:
            record = self._slack.socket.record
            answered = {each.envelope_id for each in list(record.acknowledged)}
            failed = set(record.failed)
            for envelope_id in waiting:
                self._update_status(envelope_id, answered, failed)
        return dict(self._status)

    def _update_status(self, envelope_id: str, answered: Any, failed: Any) -> None:
        late = time.monotonic() - self._created[envelope_id] >= self._slack.socket.ack_timeout
        if envelope_id in answered:
            self._status[envelope_id] = "answered"
        elif envelope_id in failed:
            self._status[envelope_id] = "failed"
            self._commands[envelope_id]("dispatch_failed")
        elif late:
            self._status[envelope_id] = "late"
            self._commands[envelope_id]("operation_timeout")


class PageActions:
    """What a person does: each public method takes the browser's JSON and returns the response.

    BadRequest where the action is not possible."""

    def __init__(self, slack: LoopbackSlack) -> None:
        self._slack = slack
        self.envelopes_sent = PageEnvelopes(slack)

    @property
    def _workspace(self) -> Workspace:
        return self._slack.workspace

    def say(self, me: str, request: Mapping[str, Any]) -> Json:
        """Post a message, or send a slash command."""
        channel, text = self._member_channel(me, request), str(request.get("text") or "")
        thread_ts = str(request.get("thread_ts") or "")
        if not text.strip() or len(text) > LONGEST:
            raise BadRequest("A message has 1 to {} characters.".format(LONGEST))
        command = input_text.command(text)
        if command is not None:
            return self._command(me, channel, thread_ts, *command)
        text_json = input_text.as_slack_has_it(text, self._names())
        if thread_ts and channel.message(thread_ts) is None:
            raise BadRequest("That thread is not there any more.")
        more = {"thread_ts": thread_ts} if thread_ts else {}
        message = self._workspace.say(me, channel, text_json, **more)
        channel.marks[me] = message["ts"]
        return {"ts": message["ts"]}

    def _command(self, me: str, channel: Channel, thread_ts: str, name: str, text: str) -> Json:
        if thread_ts:
            raise BadRequest("Slack takes no slash commands in threads.")
        envelope_id = self._slack.socket.push_command(text, name, me, channel.id)

        def complain(code: str) -> None:
            words = "{} failed with the error `{}`".format(name, code)
            self._workspace.whisper(channel, me, {"user": SLACKBOT, "text": words})

        return {"envelope_id": self.envelopes_sent.add(envelope_id, complain)}

    def press(self, me: str, request: Mapping[str, Any]) -> Json:
        """Use an element of a message or of a modal."""
        values = _mapping(request.get("values"))
        if request.get("view"):
            return self._press_in_view(me, request, values)
        channel = self._member_channel(me, request)
        message = self._message(me, channel, str(request.get("ts")))
        payload = {
            "container": _container(channel, message),
            "channel": {"id": channel.id, "name": envelopes.name_of(channel)},
            **({} if message.get("is_ephemeral") else {"message": shape(message)}),
            **self._action_payload(message, request, values),
        }
        return self._interact(me, payload)

    def _press_in_view(self, me: str, request: Mapping[str, Any], values: elements.Given) -> Json:
        view = self._view(me, request)
        action_payload = self._action_payload(view, request, values)
        view["state"] = action_payload["state"]
        container = {"type": "view", "view_id": view["id"]}
        return self._interact(
            me, {"container": container, "view": modals.to_json(view), **action_payload}
        )

    def _action_payload(
        self, container: Json, request: Mapping[str, Any], values: elements.Given
    ) -> Json:
        block, element = elements.find(
            container, str(request.get("block_id")), str(request.get("action_id"))
        )
        ts = self._workspace.next_ts()
        return {
            "type": "block_actions",
            "state": elements.state(container, values),
            "actions": [elements.action(block, element, request.get("value"), ts)],
        }

    def submit(self, me: str, request: Mapping[str, Any]) -> Json:
        """Send a modal off; `errors` where its inputs are not complete, and nothing is sent."""
        view = self._view(me, request)
        view["state"] = elements.state(view, _mapping(request.get("values")))
        errors = elements.complaints(view, view["state"]["values"])
        view["_errors"] = errors
        if errors:
            return {"errors": errors}
        payload = {"type": "view_submission", "view": modals.to_json(view), "response_urls": []}
        return self._interact(me, payload)

    def close(self, me: str, request: Mapping[str, Any]) -> Json:
        """Close a modal, or (`all`) the whole pile; the app is told where it wants to be."""
        view = self._view(me, request)
        whole = bool(view["clear_on_close"] or request.get("all"))
        modals.close(self._workspace, view["id"], whole)
        if not view["notify_on_close"]:
            return {}
        payload = {"type": "view_closed", "view": modals.to_json(view), "is_cleared": whole}
        return self._interact(me, payload)

    def open(self, me: str, request: Mapping[str, Any]) -> Json:
        """Open the direct message with somebody."""
        other = str(request.get("user"))
        if other not in self._workspace.users or self._workspace.users[other].deleted:
            raise BadRequest("There is nobody of that name.")
        channel = self._workspace.direct([me, other])
        assert channel is not None
        return {"channel": channel.id}

    def join(self, me: str, request: Mapping[str, Any]) -> Json:
        """Become a member of a public channel."""
        channel = self._workspace.channels.get(str(request.get("channel")))
        if channel is None or channel.kind != "public_channel" or channel.is_archived:
            raise BadRequest("That channel cannot be joined.")
        if me not in channel.members:
            channel.members.append(me)
            self._workspace.emit(
                "member_joined_channel",
                user=me,
                channel=channel.id,
                channel_type="C",
                team=self._workspace.team["id"],
            )
        return {}

    def read(self, me: str, request: Mapping[str, Any]) -> Json:
        """Count everything in a conversation as read."""
        channel = self._member_channel(me, request, must_be_active=False)
        timestamps = [message["ts"] for message in channel.messages if in_channel(message)]
        if timestamps:
            channel.marks[me] = timestamps[-1]
        return {}

    def _interact(self, me: str, payload: Json) -> Json:
        envelope_id = self._slack.socket.push_interaction(payload, me)
        return {"envelope_id": self.envelopes_sent.add(envelope_id, lambda code: None)}

    def _member_channel(
        self, me: str, request: Mapping[str, Any], must_be_active: bool = True
    ) -> Channel:
        channel = self._workspace.channels.get(str(request.get("channel")))
        if channel is None or me not in channel.members:
            raise BadRequest("You are not in that conversation.")
        if must_be_active and channel.is_archived:
            raise BadRequest("The channel is archived.")
        return channel

    def _message(self, me: str, channel: Channel, ts: str) -> Json:
        whispers = [each for each in channel.whispers if each["_to"] == me]
        found = channel.message(ts) or next((each for each in whispers if each["ts"] == ts), None)
        if found is None:
            raise BadRequest("That message is not there any more.")
        return found

    def _view(self, me: str, request: Mapping[str, Any]) -> Json:
        for view in modals.of(self._workspace, me):
            if view["id"] == request.get("view"):
                return view
        raise BadRequest("That window is not there any more.")

    def _names(self) -> Dict[str, str]:
        """What may be typed for whom: @mara, @on-call, #general."""
        workspace = self._workspace
        names = {"@" + each.name: "<@{}>".format(each.id) for each in workspace.users.values()}
        for group in workspace.usergroups.values():
            handle = "@" + str(group.get("handle"))
            names[handle] = "<!subteam^{}>".format(group["id"])
        public = [each for each in workspace.channels.values() if each.kind == "public_channel"]
        names.update({"#" + each.name: "<#{}|{}>".format(each.id, each.name) for each in public})
        return names


def _container(channel: Channel, message: Json) -> Json:
    """Where an element is that was used."""
    container: Json = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel.id,
        "is_ephemeral": bool(message.get("is_ephemeral")),
    }
    if message.get("thread_ts"):
        container["thread_ts"] = message["thread_ts"]
    return container


def _mapping(value: Any) -> Dict[str, Dict[str, Any]]:
    """What was typed and chosen, by block and element, whatever was sent."""
    found = value if isinstance(value, dict) else {}
    return {key: inner for key, inner in found.items() if isinstance(inner, dict)}


def people(workspace: Workspace) -> List[str]:
    """IDs of those whom one can be: living people, no bots."""
    return [user.id for user in workspace.users.values() if not (user.is_bot or user.deleted)]
