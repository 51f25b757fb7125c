"""What one run of the sweeper did: the result of slack.sweep_questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List

from st2slack.base.json_access import JsonObject


@dataclass
class SweepReport:
    """`started`: executions; `canceled`: IDs of executions; `faults`: what could not be done, and
    why; `stuck`: workflows that do not continue though all their questions are answered.
    """

    open: int = 0
    started: List[JsonObject] = field(default_factory=list)
    canceled: List[str] = field(default_factory=list)
    faults: List[str] = field(default_factory=list)
    stuck: List[JsonObject] = field(default_factory=list)

    def to_json(self) -> JsonObject:
        """The result; `stuck` only if there are any."""
        result: JsonObject = {
            "open": self.open,
            "started": self.started,
            "canceled": self.canceled,
            "faults": self.faults,
        }
        return {**result, "stuck": self.stuck} if self.stuck else result
