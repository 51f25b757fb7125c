"""Who asks: a token of its own for each execution, one for people, one for sensors."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Dict, Optional

from sandbox.stackstorm.server.api_error import ApiError

# The user that StackStorm's own services act as.
SYSTEM_USER = "stanley"


@dataclass(frozen=True)
class Caller:
    """Whose token it is; `execution` is the ID of the execution it was made for, if any."""

    user: str
    execution: Optional[str] = None


class Tokens:
    """The tokens that are good at the moment."""

    def __init__(self) -> None:
        self._good: Dict[str, Caller] = {}

    def issue(self, user: str, execution: Optional[str] = None) -> str:
        """A new token."""
        token = secrets.token_hex(16)
        self._good[token] = Caller(user, execution)
        return token

    def revoke(self, token: str) -> None:
        """From now on it is answered with 401, as an expired one is."""
        self._good.pop(token, None)

    def revoke_of(self, execution: str) -> None:
        """The tokens of an execution that has ended."""
        for token in [each for each, who in self._good.items() if who.execution == execution]:
            self.revoke(token)

    def caller(self, token: Optional[str]) -> Caller:
        """Whose it is; ApiError 401."""
        if not token:
            raise ApiError(401, "Unauthorized - One of Token or API key required.")
        found = self._good.get(token)
        if found is None:
            raise ApiError(401, "Unauthorized - Unable to find the token, or it has expired.")
        return found
