"""The clients with which the sensor of one workspace calls Slack; renews their tokens."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Callable, Optional

from st2slack.api.client import Client, Timing
from st2slack.api.single_attempt import SingleAttemptClient
from st2slack.base.errors import SlackApiError
from st2slack.sensor.transport import Transport
from st2slack.settings.sensor import SensorSettings
from st2slack.settings.slack import Settings
from st2slack.settings.values import check_token

OPENING = (
    10.0  # seconds for all tries of one opening; the connection manager backs off between them
)
LOOK_UP = 2.0  # seconds for a look-up, after which the trigger goes out with IDs only


class SlackClients:
    """`opening` asks for the URL of a connection, `lookup` for names, `history` for messages.

    `lookup` and `history` do not wait and do not try again: a look-up can do without its answer,
    and the catch-up waits where the end of the sensor can interrupt it. `read_secret` reads an
    encrypted key of the datastore.
    """

    def __init__(
        self,
        settings: Settings,
        sensor: SensorSettings,
        read_secret: Callable[[str], Optional[str]],
        stop: threading.Event,
    ) -> None:
        self._settings = settings
        self._sensor = sensor
        self._read_secret = read_secret
        self._stop = stop
        self.opening = Client(
            replace(settings, max_wait=OPENING), timing=Timing(sleep=self._wait_for_stop)
        )
        self.lookup = SingleAttemptClient(self._with_lookup_token(LOOK_UP))
        self.history = SingleAttemptClient(self._with_lookup_token(OPENING))

    def open_url(self, transport: Transport) -> str:
        """Get the URL of a new connection; with the renewed token where the old one has expired."""
        try:
            return transport.open_url(self.opening)
        except SlackApiError as error:
            token = self._read_token(self._sensor.token_key)
            if error.code != "token_expired" or token is None:
                raise
            return transport.open_url(self.opening, token)

    def renew_lookup_token(self) -> None:
        """Use the token that the datastore holds now, where one is configured."""
        token = self._read_token(self._sensor.action_token_key)
        if token is not None:
            for client in (self.lookup, self.history):
                client.settings = client.settings.with_bot_token(token)

    def _read_token(self, key: Optional[str]) -> Optional[str]:
        """The token that the datastore holds now; None without a key or a value."""
        text = self._read_secret(key) if key else None
        return check_token(text, "The datastore key %s" % key) if text else None

    def _with_lookup_token(self, max_wait: float) -> Settings:
        """A classic app has one token for everything."""
        token = self._settings.token_for(("bot",)) or self._sensor.token
        settings = self._settings.with_bot_token(token) if token else self._settings
        return replace(settings, max_wait=max_wait)

    def _wait_for_stop(self, seconds: float) -> None:
        self._stop.wait(seconds)
