"""What a person does on the page, and how the Slack on loopback gets to know it."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping

from sandbox.page import elements, input_text
from sandbox.page.elements import Wrong
from sandbox.page.view_state import SLACKBOT, in_channel
from sandbox.slack import LoopbackSlack
from sandbox.slack.behaviours import modals
from sandbox.slack.sockets import envelopes
from sandbox.slack.state.to_json import message as shape
from sandbox.slack.state.workspace import Channel, Json, Workspace

LONGEST = 40000  # characters of a message
REMEMBERED = 100  # envelopes


class Sent:
    """The envelopes that the page caused, and what became of each: waiting, answered, late (nobody
    acknowledged it in time) or failed (nobody was connected)."""

    def __init__(self, slack: LoopbackSlack) -> None:
        self._slack = slack
        self._status: Dict[str, str] = {}
        self._made: Dict[str, float] = {}
        self._commands: Dict[str, Callable[[str], None]] = {}

    def add(self, envelope_id: str, complain: Callable[[str], None]) -> str:
        """From now on told by `statuses`; `complain` gets Slack's code if it comes to nothing."""
        self._status[envelope_id] = "waiting"
        self._made[envelope_id] = time.monotonic()
        self._commands[envelope_id] = complain
        for old in list(self._status)[:-REMEMBERED]:
            for memory in (self._status, self._made, self._commands):
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
                self._settle(envelope_id, answered, failed)
        return dict(self._status)

    def _settle(self, envelope_id: str, answered: Any, failed: Any) -> None:
        late = time.monotonic() - self._made[envelope_id] >= self._slack.socket.ack_timeout
        if envelope_id in answered:
            self._status[envelope_id] = "answered"
        elif envelope_id in failed:
            self._status[envelope_id] = "failed"
            self._commands[envelope_id]("dispatch_failed")
        elif late:
            self._status[envelope_id] = "late"
            self._commands[envelope_id]("operation_timeout")


class Deeds:
    """Each public method is one deed: what the browser sent → what it is answered. Wrong where it
    cannot be done."""

    def __init__(self, slack: LoopbackSlack) -> None:
        self._slack = slack
        self.sent = Sent(slack)

    @property
    def _workspace(self) -> Workspace:
        return self._slack.workspace

    def say(self, me: str, asked: Mapping[str, Any]) -> Json:
        """Post a message, or send a slash command."""
        channel, text = self._joined(me, asked), str(asked.get("text") or "")
        thread_ts = str(asked.get("thread_ts") or "")
        if not text.strip() or len(text) > LONGEST:
            raise Wrong("A message has 1 to {} characters.".format(LONGEST))
        command = input_text.command(text)
        if command is not None:
            return self._command(me, channel, thread_ts, *command)
        known = input_text.as_slack_has_it(text, self._names())
        if thread_ts and channel.message(thread_ts) is None:
            raise Wrong("That thread is not there any more.")
        more = {"thread_ts": thread_ts} if thread_ts else {}
        message = self._workspace.say(me, channel, known, **more)
        channel.marks[me] = message["ts"]
        return {"ts": message["ts"]}

    def _command(self, me: str, channel: Channel, thread_ts: str, name: str, text: str) -> Json:
        if thread_ts:
            raise Wrong("Slack takes no slash commands in threads.")
        envelope_id = self._slack.socket.push_command(text, name, me, channel.id)

        def complain(code: str) -> None:
            words = "{} failed with the error `{}`".format(name, code)
            self._workspace.whisper(channel, me, {"user": SLACKBOT, "text": words})

        return {"envelope_id": self.sent.add(envelope_id, complain)}

    def press(self, me: str, asked: Mapping[str, Any]) -> Json:
        """Use an element of a message or of a modal."""
        given = _mapping(asked.get("values"))
        if asked.get("view"):
            return self._press_in_view(me, asked, given)
        channel = self._joined(me, asked)
        message = self._message(me, channel, str(asked.get("ts")))
        payload = {
            "container": _container(channel, message),
            "channel": {"id": channel.id, "name": envelopes.name_of(channel)},
            **({} if message.get("is_ephemeral") else {"message": shape(message)}),
            **self._acted(message, asked, given),
        }
        return self._interact(me, payload)

    def _press_in_view(self, me: str, asked: Mapping[str, Any], given: elements.Given) -> Json:
        view = self._view(me, asked)
        acted = self._acted(view, asked, given)
        view["state"] = acted["state"]
        container = {"type": "view", "view_id": view["id"]}
        return self._interact(me, {"container": container, "view": modals.told(view), **acted})

    def _acted(self, container: Json, asked: Mapping[str, Any], given: elements.Given) -> Json:
        block, element = elements.find(
            container, str(asked.get("block_id")), str(asked.get("action_id"))
        )
        ts = self._workspace.next_ts()
        return {
            "type": "block_actions",
            "state": elements.state(container, given),
            "actions": [elements.action(block, element, asked.get("value"), ts)],
        }

    def submit(self, me: str, asked: Mapping[str, Any]) -> Json:
        """Send a modal off; `errors` where its inputs are not complete, and nothing is sent."""
        view = self._view(me, asked)
        view["state"] = elements.state(view, _mapping(asked.get("values")))
        errors = elements.complaints(view, view["state"]["values"])
        view["_errors"] = errors
        if errors:
            return {"errors": errors}
        payload = {"type": "view_submission", "view": modals.told(view), "response_urls": []}
        return self._interact(me, payload)

    def close(self, me: str, asked: Mapping[str, Any]) -> Json:
        """Close a modal, or (`all`) the whole pile; the app is told where it wants to be."""
        view = self._view(me, asked)
        whole = bool(view["clear_on_close"] or asked.get("all"))
        modals.close(self._workspace, view["id"], whole)
        if not view["notify_on_close"]:
            return {}
        payload = {"type": "view_closed", "view": modals.told(view), "is_cleared": whole}
        return self._interact(me, payload)

    def open(self, me: str, asked: Mapping[str, Any]) -> Json:
        """Open the direct message with somebody."""
        other = str(asked.get("user"))
        if other not in self._workspace.users or self._workspace.users[other].deleted:
            raise Wrong("There is nobody of that name.")
        channel = self._workspace.direct([me, other])
        assert channel is not None
        return {"channel": channel.id}

    def join(self, me: str, asked: Mapping[str, Any]) -> Json:
        """Become a member of a public channel."""
        channel = self._workspace.channels.get(str(asked.get("channel")))
        if channel is None or channel.kind != "public_channel" or channel.is_archived:
            raise Wrong("That channel cannot be joined.")
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

    def read(self, me: str, asked: Mapping[str, Any]) -> Json:
        """Count everything in a conversation as read."""
        channel = self._joined(me, asked, living=False)
        own = [message["ts"] for message in channel.messages if in_channel(message)]
        if own:
            channel.marks[me] = own[-1]
        return {}

    def _interact(self, me: str, payload: Json) -> Json:
        envelope_id = self._slack.socket.push_interaction(payload, me)
        return {"envelope_id": self.sent.add(envelope_id, lambda code: None)}

    def _joined(self, me: str, asked: Mapping[str, Any], living: bool = True) -> Channel:
        channel = self._workspace.channels.get(str(asked.get("channel")))
        if channel is None or me not in channel.members:
            raise Wrong("You are not in that conversation.")
        if living and channel.is_archived:
            raise Wrong("The channel is archived.")
        return channel

    def _message(self, me: str, channel: Channel, ts: str) -> Json:
        whispers = [each for each in channel.whispers if each["_to"] == me]
        found = channel.message(ts) or next((each for each in whispers if each["ts"] == ts), None)
        if found is None:
            raise Wrong("That message is not there any more.")
        return found

    def _view(self, me: str, asked: Mapping[str, Any]) -> Json:
        for view in modals.of(self._workspace, me):
            if view["id"] == asked.get("view"):
                return view
        raise Wrong("That window is not there any more.")

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
