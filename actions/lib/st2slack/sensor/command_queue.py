"""What does not wait behind events: commands, interactions, and how the connection is.

A command is acknowledged as soon as it is in here, for people wait for it, and nobody delivers it
again; so what finds no room is not acknowledged. Of states only the latest few matter: older ones
that nobody took yet make way. Nobody who puts something in waits.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Deque, Optional

from st2slack.sensor.model import Trigger

CAPACITY = 1_000
STATES = 8


class CommandQueue:
    """Thread-safe."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self._filled = threading.Condition()
        self._commands: Deque[Trigger] = deque()
        self._states: Deque[Trigger] = deque(maxlen=STATES)

    def __len__(self) -> int:
        return len(self._commands) + len(self._states)

    def put(self, trigger: Trigger) -> bool:
        """Add a command or an interaction; False where there is no room."""
        with self._filled:
            if len(self._commands) >= self.capacity:
                return False
            self._commands.append(trigger)
            self._filled.notify_all()
            return True

    def put_state(self, trigger: Trigger) -> None:
        """Add a state of the connection."""
        with self._filled:
            self._states.append(trigger)
            self._filled.notify_all()

    def get(self, timeout: float) -> Optional[Trigger]:
        """The next one; None after `timeout` seconds."""
        with self._filled:
            if not (self._states or self._commands):
                self._filled.wait(timeout)
            if self._states:
                return self._states.popleft()
            return self._commands.popleft() if self._commands else None

    def wake(self) -> None:
        """Whoever waits looks again."""
        with self._filled:
            self._filled.notify_all()
