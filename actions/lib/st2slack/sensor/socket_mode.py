"""Socket Mode: how a URL is obtained, what a frame means, how it is acknowledged."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as _quoted
from typing import Optional, Union

from st2slack.api.client import Client
from st2slack.base.json_access import JsonObject, get_list, get_object, get_text
from st2slack.sensor import frames
from st2slack.sensor.frames import Frame
from st2slack.sensor.json_safe import is_plain
from st2slack.sensor.model import Event
from st2slack.settings.sensor import SensorSettings


class SocketMode:
    """The transport of apps that are not classic."""

    name = "socket_mode"

    def __init__(self, sensor: SensorSettings, workspace: str) -> None:
        self._token = sensor.app_token
        self._workspace = workspace

    def open_url(self, client: Client, token: Optional[str] = None) -> str:
        """A URL to connect to; it works once. Raises a SlackError."""
        answer = client.call("apps.connections.open", token=token or self._token)
        return get_text(answer, "url")

    def read(self, text: Union[str, bytes]) -> Frame:
        """What the frame means."""
        if isinstance(text, bytes):
            return frames.BINARY
        value = frames.parse(text)
        if isinstance(value, Frame):
            return value
        kind = value.get("type")
        if kind == "hello":
            return Frame(frames.HELLO)
        if kind == "disconnect":
            return Frame(frames.DISCONNECT, reason=get_text(value, "reason") or "disconnect")
        return self._envelope(kind, value, is_plain(text))

    def _envelope(self, kind: object, value: JsonObject, is_storable: bool) -> Frame:
        envelope_id, payload = get_text(value, "envelope_id"), get_object(value, "payload")
        # Without a type it is no envelope, but an acknowledgement that comes back.
        is_envelope = envelope_id and kind and isinstance(kind, str)
        answer = _answer(envelope_id, kind, payload) if is_envelope else None
        if kind == "events_api":
            return Frame(frames.EVENT, answer, self._event(payload, is_storable))
        if kind == "slash_commands":
            return Frame(frames.COMMAND, answer, payload=payload)
        if kind == "interactive":
            return Frame(frames.INTERACTION, answer, payload=payload)
        # An unknown type is acknowledged: otherwise Slack would deliver it again and again.
        return Frame(frames.OTHER, answer, reason="type %s" % str(kind)[:40])

    def _event(self, payload: JsonObject, is_storable: bool) -> Event:
        return Event(
            get_object(payload, "event"),
            get_text(payload, "event_id") or None,
            _installed_team(payload),
            self._workspace,
            self.name,
            is_storable,
            get_text(payload, "team_id"),
        )

    @staticmethod
    def ping(number: int) -> Optional[str]:
        """None: a ping of the WebSocket itself is answered."""
        return None


def _answer(envelope_id: str, kind: object, payload: JsonObject) -> str:
    """The text that acknowledges an envelope. A menu that asks for its options gets none: a rule
    would answer too late, and without an answer the person is shown an error.
    """
    if kind == "interactive" and _is_options_request(payload):
        return '{"envelope_id": %s, "payload": {"options": []}}' % _quoted(envelope_id)
    return '{"envelope_id": %s}' % _quoted(envelope_id)


def _is_options_request(payload: JsonObject) -> bool:
    """Whether a menu asks for its options; that of an old attachment has a name, and no actions."""
    kind = payload.get("type")
    old = kind == "interactive_message" and "actions" not in payload and "name" in payload
    return old or kind in ("block_suggestion", "dialog_suggestion")


def _installed_team(payload: JsonObject) -> str:
    """The workspace that the app is installed in. `team_id` of the payload may be that of another
    organization in a channel of Slack Connect
    (https://docs.slack.dev/apis/events-api#authorizations).
    """
    for each in get_list(payload, "authorizations"):
        team = get_text(each, "team_id") if isinstance(each, dict) else ""
        if team:
            return team
    return get_text(payload, "context_team_id") or get_text(payload, "team_id")
