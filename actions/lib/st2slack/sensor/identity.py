"""Who the app is in a workspace, and the messages that wait until that is known.

`auth.test` tells it, and with it messages of the app itself are told from those of other apps.
Until it has succeeded, messages of bots are held here and not acknowledged; it is asked again every
few seconds. Messages of people go on meanwhile, so a bot's message may come after younger ones.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, List

from st2slack.api.client import Client
from st2slack.base.errors import RateLimited, SlackError
from st2slack.sensor.json_safe import storable
from st2slack.sensor.model import Identity

RETRY = 5.0  # seconds between two calls of auth.test
LONGEST_RETRY = 60.0  # seconds of a Retry-After that are honoured
ROOM = 1000  # messages that can wait

_FIELDS = ("team_id", "user_id", "bot_id", "app_id", "team", "user", "url")


class IdentityLookup:
    """Asks who the app is until Slack tells it; thread-safe.

    `client`: tries once (a SingleAttemptClient). `renew_token` is called where the token has
    expired. When the identity is known, `use` gets it first, then `release` each item that was
    held, in order.
    """

    def __init__(
        self,
        client: Client,
        log: Any,
        renew_token: Callable[[], None],
        use: Callable[[Identity], None],
        release: Callable[[Any], None],
    ) -> None:
        self._client = client
        self._log = log
        self._renew_token = renew_token
        self._use = use
        self._release = release
        self._asking = threading.Lock()
        self._lock = threading.Lock()  # of what follows
        self._held: List[Any] = []
        self._releasing: List[Any] = []
        self._is_known = False
        self._is_full = False
        self._retry_in = RETRY
        self._last_failure = ""

    @property
    def is_known(self) -> bool:
        """Whether auth.test has succeeded."""
        return self._is_known

    @property
    def waiting(self) -> int:
        """How many items are held."""
        return len(self._held)

    @property
    def held(self) -> List[Any]:
        """The items that are held, or about to be released."""
        with self._lock:
            return [*self._releasing, *self._held]

    def run(self, stop: threading.Event) -> None:
        """Ask every few seconds until it is known or `stop` is set."""
        while not self._is_known and not stop.wait(self._retry_in):
            self.ask()

    def ask(self) -> None:
        """Call auth.test once unless the identity is known. A failure is logged, not raised."""
        with self._asking:
            if self._is_known:
                return
            try:
                answer = self._client.call("auth.test")
            except SlackError as error:
                self._failed(error)
                return
            identity = Identity(*(str(storable(answer.get(key) or "")) for key in _FIELDS))
            if not identity.is_known:
                self._warn("auth.test names no user")
                return
            self._use(identity)
            with self._lock:
                self._is_known = True
                self._releasing, self._held = self._held, []
            for each in self._releasing:
                self._release(each)
            self._releasing = []

    def hold(self, item: Any) -> bool:
        """Keep `item` until the identity is known; False if it is already, or there is no room."""
        with self._lock:
            if self._is_known or len(self._held) >= ROOM:
                self._say_full()
                return False
            self._held.append(item)
            return True

    def _failed(self, error: SlackError) -> None:
        if getattr(error, "code", "") == "token_expired":
            self._renew_token()
        asked = error.retry_after if isinstance(error, RateLimited) else None
        self._retry_in = min(LONGEST_RETRY, max(RETRY, asked or 0.0))
        self._warn(str(error))

    def _warn(self, failure: str) -> None:
        if failure != self._last_failure:
            self._last_failure = failure
            self._log.warning(
                "Slack: who the app is could not be asked (%s). Messages of bots wait until "
                "auth.test succeeds; it is asked again every few seconds.",
                failure,
            )

    def _say_full(self) -> None:
        if not self._is_known and not self._is_full:
            self._is_full = True
            self._log.warning(
                "Slack: %d messages of bots wait until auth.test succeeds; there is no room for "
                "more. By Socket Mode Slack delivers the others again, by RTM they are lost.",
                ROOM,
            )
