"""The addresses of sockets that were given out: each opens one connection, and not for long."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Callable, Dict, Optional

SOCKET_MODE = "socket_mode"
RTM = "rtm"


@dataclass(frozen=True)
class Ticket:
    """What a URL opens: `kind` of connection, for whom; `created` in the clock's seconds."""

    text: str
    kind: str
    app_id: str
    user: str
    created: float


class Tickets:
    """The open tickets of a server; any thread may use it.

    `rtm_allowed` false: `rtm.connect` refuses, as for every app that is not a classic one.
    `lifetime` in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.rtm_allowed = True
        self.lifetime = 30.0
        self._clock = clock
        self._lock = threading.Lock()
        self._made = 0
        self._open: Dict[str, Ticket] = {}

    def make(self, kind: str, app_id: str, user: str = "") -> Ticket:
        """A new ticket."""
        with self._lock:
            self._made += 1
            text = "loopback-{}-{}".format(kind.replace("_", "-"), self._made)
            ticket = Ticket(text, kind, app_id, user, self._clock())
            self._open[text] = ticket
            return ticket

    def take(self, kind: str, text: str) -> Optional[Ticket]:
        """Use a ticket up; None where it is unknown, used, too old or of the other kind."""
        with self._lock:
            ticket = self._open.pop(text, None)
        if ticket is None or ticket.kind != kind:
            return None
        return ticket if self._clock() - ticket.created <= self.lifetime else None
