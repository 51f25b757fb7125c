"""A client that tries once and never waits, for callers with a clock of their own.

A look-up can do without its answer, so it must not be held up by a `Retry-After`; the catch-up
waits where the sensor's end can interrupt it.
"""

from __future__ import annotations

from typing import Any, Callable

from st2slack.api.client import Client
from st2slack.api.methods import Method
from st2slack.api.request import Request


class SingleAttemptClient(Client):
    """Made like a Client. Its one try takes `max_wait` seconds at the most."""

    def call_with_retries(
        self, request: Request, method: Method, send_once: Callable[[Request, Method, float], Any]
    ) -> Any:
        """The one try; what it raises comes through as it is."""
        return send_once(request, method, self.settings.max_wait)
