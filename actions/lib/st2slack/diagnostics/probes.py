"""One credential is tried, by what belongs to its place in the config.

Nothing is changed in Slack, unless a post by webhook is asked for. The Socket Mode connection is
left as soon as Slack has said hello; an event that Slack hands to it in that moment is not
acknowledged, so Slack delivers it again, but a slash command or a button press would be lost.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Mapping, Optional
from urllib.parse import urlsplit

import requests

from st2slack.api.client import Client
from st2slack.base.errors import Disconnected, SettingsError, SlackApiError, SlackError
from st2slack.base.redact import redact
from st2slack.base.urls import host_of
from st2slack.diagnostics.connection import skew_of
from st2slack.diagnostics.features import FEATURES, Feature
from st2slack.diagnostics.report_rows import AGAIN, FAILED, OK, WARNING, Row
from st2slack.diagnostics.token_kinds import BOT, UNKNOWN, kind_of, misplaced
from st2slack.messages import webhook
from st2slack.sensor import frames
from st2slack.sensor.connection import disconnect_error
from st2slack.sensor.rtm import RealTimeMessaging
from st2slack.sensor.socket_mode import SocketMode
from st2slack.sensor.websocket import WebSocket, open_websocket
from st2slack.settings.rotation import read_rotation
from st2slack.settings.sensor import SensorSettings, read_sensor
from st2slack.settings.slack import Credential, Settings

if TYPE_CHECKING:
    from st2slack.stackstorm.client import StackStorm

HELLO = 10.0  # seconds within which Slack says hello
HOOKS = ("hooks.slack.com", "hooks.slack-gov.com")
_POST = {"text": "StackStorm has checked that it can post here."}
_MANIFEST = {"display_information": {"name": "StackStorm"}}


@dataclass(frozen=True)
class How:
    """How it is checked. `post`: use webhooks; `connect`: open Socket Mode connections.

    `http`: as a Client takes it; `now`: Unix seconds; `wire`: opens a WebSocket. `stackstorm`: its
    API, where there is one: it knows which rules are on and what the config was registered with.
    """

    post: bool = False
    connect: bool = True
    http: Any = requests
    now: Callable[[], float] = time.time
    wire: Callable[[str, Settings], WebSocket] = open_websocket
    stackstorm: Optional[StackStorm] = None


class Seen:
    """The last response: its headers tell what no answer does."""

    def __init__(self) -> None:
        self._last: Any = None

    def __call__(self, response: Any) -> None:
        self._last = response

    def skew(self, now: float) -> Optional[float]:
        """See `connection.skew_of`."""
        return skew_of(self._last, now)

    def scopes(self) -> Optional[List[str]]:
        """What the token was granted; None where Slack does not tell.

        Slack tells it in the header X-OAuth-Scopes of every answer, refusals too (docs.slack.dev,
        "Legacy OAuth scopes", Working with scopes).
        """
        text = self._last.headers.get("X-OAuth-Scopes") if self._last is not None else None
        return None if text is None else [each.strip() for each in text.split(",") if each.strip()]


class Trial:
    """`listens`: whether the workspace has a credential for the sensor."""

    def __init__(
        self,
        config: Mapping[str, Any],
        name: str,
        settings: Settings,
        given: Credential,
        how: How,
        listens: bool,
    ) -> None:
        self._config = config
        self._name = name
        self._settings = settings
        self._given = given
        self._how = how
        self._listens = listens
        self._seen = Seen()
        self._client = Client(settings, how.http, on_response=self._seen)

    def rows(self) -> Iterator[Row]:
        """What is found; a refusal is a row, too."""
        wrong = list(self.form())
        if wrong:
            yield from wrong
            return
        try:
            yield from _TRIALS[self._given.belongs](self)
        except SlackError as error:
            yield self._row(FAILED, str(error), self._advice(error))

    def form(self) -> Iterator[Row]:
        """What is wrong with it by its looks alone."""
        if self._given.fault:
            yield self._row(FAILED, self._given.fault, "Mend it, or leave it out.")
        elif self._given.belongs != "webhook":
            wrong, to_do = misplaced(self._given.text, self._given.belongs)
            if wrong:
                yield self._row(FAILED, wrong, to_do)

    def _row(self, state: str, means: str, to_do: str = "", what: str = "") -> Row:
        # Slack's answers are others' words, and others may say anything.
        means = redact(means, [self._given.text])
        means += "" if means.endswith((".", ")")) else "."
        return Row(self._name, what or self._given.place, state, means, to_do)

    def _advice(self, error: SlackError) -> str:
        code = error.code if isinstance(error, SlackApiError) else ""
        if code == "token_expired":
            return "Run slack.refresh_token by a timer; see docs/configuration.md."
        if code in ("invalid_auth", "token_revoked", "account_inactive"):
            return "Put a good token into %s." % self._given.place
        return AGAIN

    # --- tokens ---------------------------------------------------------------------------------

    def identity(self) -> Iterator[Row]:
        """auth.test: who the token acts for."""
        answer = self._client.call("auth.test", token=self._given.text)
        granted = self._seen.scopes()
        told = "Scopes: unknown." if granted is None else "Scopes: %d." % len(granted)
        yield self._row(OK, "%s. %s" % (_who(answer, self._given.text), told))
        yield from self._team(answer)
        yield from self._expiry(answer.get("expires_in"))
        if self._given.belongs == "bot" and kind_of(self._given.text) in (BOT, UNKNOWN):
            yield from self._features(granted)

    def _team(self, answer: Mapping[str, Any]) -> Iterator[Row]:
        wanted, team = self._settings.team_id, answer.get("team_id")
        if wanted and team and wanted != team and not answer.get("is_enterprise_install"):
            means = "It is a token of the workspace %s, but `team_id` is %s." % (team, wanted)
            yield self._row(WARNING, means, "Leave `team_id` out, or use the other token.")

    def _expiry(self, seconds: Optional[float] = None) -> Iterator[Row]:
        """A token that expires needs somebody who renews it."""
        if not seconds and not self._given.text.startswith("xoxe."):
            return
        left = " in %.1f hours" % (float(seconds) / 3600) if seconds else ""
        try:
            read_rotation(self._config, self._name, self._given.place.rpartition(".")[2])
        except SettingsError as error:
            to_do = "Set that, and let a timer run slack.refresh_token."
            yield self._row(WARNING, "It expires%s. %s" % (left, error), to_do)
            return
        means = "It expires%s; slack.refresh_token can renew it." % left
        yield self._row(OK, means, "See that a timer runs it.")

    def _features(self, granted: Optional[List[str]]) -> Iterator[Row]:
        if granted is None:
            means = "Which scopes the token has is unknown: Slack did not tell."
            to_do = "Look at the app's page, OAuth & Permissions."
            yield self._row(WARNING, means, to_do, "features")
            return
        wanted = [each for each in FEATURES if self._listens or not each.sensor]
        whole = [feature.title for feature in wanted if not feature.lacks(granted)]
        if whole:
            means = "Their scopes are there: %s." % "; ".join(whole)
            yield self._row(OK, means, "", "features, %d of %d" % (len(whole), len(wanted)))
        for feature in wanted:
            if feature.lacks(granted):
                yield self._lacking(feature, granted)

    def _lacking(self, feature: Feature, granted: List[str]) -> Row:
        means = "It works in part or not at all; the token lacks %s." % ", ".join(
            feature.lacks(granted)
        )
        to_do = "Where you want it: add that on the app's page and install the app again."
        return self._row(WARNING, means, to_do, "feature: %s" % feature.title)

    def configuration(self) -> Iterator[Row]:
        """apps.manifest.validate changes nothing; whoever refuses the manifest took the token."""
        arguments = {"manifest": _MANIFEST}
        try:
            self._client.call("apps.manifest.validate", arguments, token=self._given.text)
        except SlackApiError as refusal:
            if refusal.code != "invalid_manifest":
                raise
        yield self._row(OK, "Slack takes it for app configurations.")
        yield from self._expiry()

    def socket_mode(self) -> Iterator[Row]:
        """Opened, and closed again."""
        url = SocketMode(SensorSettings(app_token=self._given.text), "").open_url(self._client)
        if not self._how.connect:
            yield self._row(OK, "Slack gives an address for Socket Mode; not connected to it.")
            return
        self._hello(url)
        yield self._row(OK, "Socket Mode: connected, Slack said hello, left again.")

    def _hello(self, url: str) -> None:
        wire = self._how.wire(url, self._settings)
        try:
            frame = _greeting(wire)
        finally:
            wire.close()
        if frame is not None and frame.kind == frames.DISCONNECT:
            means = "Slack takes the connection back (%s): %s."
            raise Disconnected(means % (frame.reason, disconnect_error(frame.reason)))
        if frame is None:
            raise Disconnected("The connection stands, but Slack does not say hello.")

    def classic(self) -> Iterator[Row]:
        """rtm.connect, which only classic apps may call."""
        RealTimeMessaging(SensorSettings(token=self._given.text), "").open_url(self._client)
        if read_sensor(self._config, self._name).app_token:
            means = "Slack takes it for RTM, but it does not count: there is an app level token."
            yield self._row(WARNING, means, "Leave it out.")
            return
        yield self._row(OK, "Slack takes it for RTM (classic app).")

    # --- webhook --------------------------------------------------------------------------------

    def hook(self) -> Iterator[Row]:
        """Its form; whether it works Slack tells only where something is posted."""
        url = webhook.find_url(replace(self._settings, workspace=None), self._given.text)
        if self._how.post:
            webhook.post(self._client, url, _POST)
            yield self._row(OK, "A message was posted through it.")
        elif host_of(url) in HOOKS and urlsplit(url).path.count("/") > 2:
            yield self._row(OK, "It has the form of a webhook; post=true tells whether it works.")
        else:
            means = "It does not look like a webhook of Slack's (https://hooks.slack.com/...)."
            yield self._row(WARNING, means, "Copy it again, or try it with post=true.")


_TRIALS: Mapping[str, Callable[[Trial], Iterator[Row]]] = {
    "bot": Trial.identity,
    "user": Trial.identity,
    "admin": Trial.identity,
    "configuration": Trial.configuration,
    "app": Trial.socket_mode,
    "classic": Trial.classic,
    "webhook": Trial.hook,
}


def _greeting(wire: WebSocket) -> Optional[frames.Frame]:
    """The hello or the `disconnect`, behind whatever else comes first; None where none comes."""
    ends = time.monotonic() + HELLO
    while time.monotonic() < ends:
        try:
            data = wire.read(max(0.0, ends - time.monotonic()))
        except Disconnected:
            return None
        frame = SocketMode(SensorSettings(), "").read(data) if data is not None else None
        if frame is not None and frame.kind in (frames.HELLO, frames.DISCONNECT):
            return frame
    return None


def _who(answer: Mapping[str, Any], token: str) -> str:
    kind = kind_of(token).partition(" (")[0]
    team = "%s (%s)" % (answer.get("team") or "?", answer.get("team_id") or "?")
    if answer.get("is_enterprise_install"):
        team = "the whole organization %s" % (answer.get("enterprise_id") or "")
    return "%s of %s in %s" % (kind[0].upper() + kind[1:], answer.get("user") or "an app", team)
