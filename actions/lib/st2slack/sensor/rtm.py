"""RTM, for those who still have a classic app: events come as they are, nothing is acknowledged."""

from __future__ import annotations

import json
from typing import Optional, Union

from st2slack.api.client import Client
from st2slack.base.errors import SlackApiError
from st2slack.base.json_access import get_object, get_text
from st2slack.sensor import frames
from st2slack.sensor.frames import Frame
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

    def __init__(self, sensor: SensorSettings, workspace: str) -> None:
        self._token = sensor.token
        self._workspace = workspace
        self._team = ""

    def open_url(self, client: Client, token: Optional[str] = None) -> str:
        """A URL to connect to. Raises a SlackError, with advice where the app is not classic."""
        try:
            answer = client.call("rtm.connect", token=token or self._token)
        except SlackApiError as refusal:
            if refusal.code in _NOT_CLASSIC:
                refusal.add(_ADVICE)
            raise
        self._team = get_text(get_object(answer, "team"), "id")
        return get_text(answer, "url")

    def read(self, text: Union[str, bytes]) -> Frame:
        """What the frame means."""
        value = frames.BINARY if isinstance(text, bytes) else frames.parse(text)
        if isinstance(value, Frame):
            return value
        kind = value.get("type")
        if kind == "hello":
            return Frame(frames.HELLO)
        if kind == "goodbye":
            return Frame(frames.DISCONNECT, reason="goodbye")
        if kind == "error":
            error = get_object(value, "error")
            return Frame(frames.OTHER, reason="error %s" % get_text(error, "msg")[:80])
        if not isinstance(kind, str) or kind in ("pong", "reconnect_url") or "reply_to" in value:
            return Frame(frames.OTHER, reason="no event")
        # `team` of a message is its author's: another one with Slack Connect.
        team = self._team or get_text(value, "team")
        event = Event(value, None, team, self._workspace, self.name, is_plain(str(text)))
        return Frame(frames.EVENT, event=event)

    @staticmethod
    def ping(number: int) -> Optional[str]:
        """RTM has a ping of its own, answered by a frame."""
        return json.dumps({"id": number, "type": "ping"})
