"""RTM, for those who still have a classic app: events come as they are, nothing is acknowledged."""

from __future__ import annotations

import json
from typing import Any, Optional

from st2slack.api.client import Client
from st2slack.base.errors import Refusal
from st2slack.sensor import frames
from st2slack.sensor.frames import Frame, as_mapping, as_text
from st2slack.sensor.json_safe import is_plain
from st2slack.sensor.model import Event
from st2slack.settings.sensor import SensorSettings

# With these Slack refuses RTM to every app that is not classic.
_NOT_CLASSIC = ("not_allowed_token_type", "missing_scope", "method_deprecated", "unknown_method")
_ADVICE = (
    " RTM works for classic apps only. Switch Socket Mode on for the app, make an app level token "
    "(Basic Information, App-Level Tokens, scope connections:write) and set it as "
    "`sensor.app_token`."
)


class RealTimeMessaging:
    """The transport of classic apps."""

    name = "rtm"
    says_hello = True

    def __init__(self, sensor: SensorSettings, workspace: str) -> None:
        self._token = sensor.token
        self._workspace = workspace
        self._team = ""

    def open_url(self, client: Client, token: Optional[str] = None) -> str:
        """A URL to connect to. Raises a SlackError, with advice where the app is not classic."""
        try:
            answer = client.call("rtm.connect", token=token or self._token)
        except Refusal as refusal:
            if refusal.code in _NOT_CLASSIC:
                refusal.add(_ADVICE)
            raise
        self._team = as_text(as_mapping(answer.get("team")).get("id"))
        return as_text(answer.get("url"))

    def read(self, text: Any) -> Frame:
        """What the frame means."""
        value = frames.parse(text)
        if isinstance(value, Frame):
            return value
        kind = value.get("type")
        if kind == "hello":
            return Frame(frames.HELLO)
        if kind == "goodbye":
            return Frame(frames.LEAVE, reason="goodbye")
        if kind == "error":
            error = as_mapping(value.get("error"))
            return Frame(frames.OTHER, reason="error %s" % as_text(error.get("msg"))[:80])
        if not isinstance(kind, str) or kind in ("pong", "reconnect_url") or "reply_to" in value:
            return Frame(frames.OTHER, reason="no event")
        # `team` of a message is its author's: another one with Slack Connect.
        team = self._team or as_text(value.get("team"))
        event = Event(value, None, team, self._workspace, self.name, is_plain(text))
        return Frame(frames.EVENT, event=event)

    @staticmethod
    def ping(number: int) -> Optional[str]:
        """RTM has a ping of its own, answered by a frame."""
        return json.dumps({"id": number, "type": "ping"})
