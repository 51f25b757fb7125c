"""What goes wrong on purpose between a client and the API."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import List, Optional


@dataclass
class Fault:
    """For requests that begin with `where` ("PUT /v1/inquiries"), `times` of them.

    `status`: this answer instead, nothing is done unless `done`. `cut`: it is done, and the
    connection is cut before the answer. `slow`: it is done once the event is set.
    """

    where: str
    status: Optional[int] = None
    cut: bool = False
    slow: Optional[threading.Event] = None
    times: Optional[int] = 1
    done: bool = False
    taken: int = 0


class Faults:
    """Those that are to come, in the order in which they were given."""

    def __init__(self) -> None:
        self._faults: List[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Be ready for it."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Nothing goes wrong from now on."""
        with self._lock:
            self._faults.clear()

    def take(self, request: str) -> Optional[Fault]:
        """The one that strikes this request ("PUT /v1/inquiries/5f…")."""
        with self._lock:
            for fault in self._faults:
                if request.startswith(fault.where) and fault.taken != fault.times:
                    fault.taken += 1
                    return fault
        return None
