"""The datastore, for several threads: a write of one does not undo that of another."""

from __future__ import annotations

import threading
from typing import Any, Callable, Optional

from sandbox.stackstorm.datastore import SYSTEM, Datastore


class Store(Datastore):
    """Keys of the system scope by their whole names, in memory."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__("", clock=clock)
        self._lock = threading.Lock()

    def set_value(
        self,
        name: str,
        value: Any,
        ttl: Optional[float] = None,
        local: bool = False,
        scope: str = SYSTEM,
        encrypt: bool = False,
    ) -> bool:
        """Keep str(value)."""
        with self._lock:
            return super().set_value(name, value, ttl, local, scope, encrypt)

    def delete_value(self, name: str, local: bool = False, scope: str = SYSTEM) -> bool:
        """Whether the key was there."""
        with self._lock:
            return super().delete_value(name, local, scope)
