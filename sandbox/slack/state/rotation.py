"""Apps with token rotation: refresh tokens, each good for one exchange, and what they bring."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Dict, List, MutableMapping, NamedTuple, Set

from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state.tokens import BOT, CONFIG, USER, Token

CLIENT_ID = "1795420800.1795420801"
CLIENT_SECRET = "loopback-client-secret"
LIFETIME = 43200  # seconds that a token lives
OF_BOT, OF_USER, OF_CONFIG = "xoxe-1-loopback-bot", "xoxe-1-loopback-user", "xoxe-1-loopback-cfg"
_PREFIXES = {"bot": "xoxe.xoxb-", "user": "xoxe.xoxp-", "configuration": "xoxe.xoxp-"}


class Pair(NamedTuple):
    """What an exchange brings: the new access token and the new refresh token."""

    access: str
    refresh: str
    token: Token


class Rotation:
    """The refresh tokens of an app. `refresh_tokens`: text → the access token it renews.

    `issued`: every pair that was given out, in order.
    """

    def __init__(self, tokens: MutableMapping[str, Token]) -> None:
        self._tokens = tokens
        self._lock = threading.Lock()
        self.refresh_tokens: Dict[str, str] = {OF_BOT: BOT, OF_USER: USER, OF_CONFIG: CONFIG}
        self.issued: List[Pair] = []
        self.begun: Set[str] = set()

    def check_client(self, client_id: object, client_secret: object) -> None:
        """SlackError a client that is not the app."""
        if client_id != CLIENT_ID:
            raise SlackError("invalid_client_id")
        if client_secret != CLIENT_SECRET:
            raise SlackError("bad_client_secret")

    def exchange(self, refresh_token: str) -> Pair:
        """Use a refresh token up. The access token before lives on until it expires."""
        with self._lock:
            before = self.refresh_tokens.pop(refresh_token, None)
            if before is None:
                raise SlackError("invalid_refresh_token")
            token = replace(self._tokens[before], state="live")
            number = len(self.issued) + 1
            access = "{}loopback-{}".format(_PREFIXES[token.kind], number)
            pair = Pair(access, "xoxe-1-loopback-{}".format(number), token)
            self._tokens[access] = token
            self.refresh_tokens[pair.refresh] = access
            self.issued.append(pair)
            return pair

    def begin(self, access: str) -> Pair:
        """A token that does not expire for one that does, once."""
        token = self._tokens.get(access)
        if token is None or token.kind not in ("bot", "user") or access.startswith("xoxe"):
            raise SlackError("invalid_token")
        with self._lock:
            if access in self.begun:
                raise SlackError("token_already_exchanged")
            self.begun.add(access)
            self.refresh_tokens[access] = access  # for the moment until it is used up
        return self.exchange(access)

    def expire(self, access: str) -> None:
        """Let an access token's time be over."""
        self._tokens[access] = replace(self._tokens[access], state="expired")
