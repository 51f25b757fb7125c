"""What a run consists of, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List

from .judge import Verdict


@dataclass(frozen=True)
class Plan:
    """`messages` in `channels`; `faults` and `restarts` spread over them; `pause`: seconds of a
    dispatch; `rate`: messages a second; `replies`: which share of them are in threads; `limits`:
    whether Slack limits its Web API, and the sensor keeps that; `half_open`: seconds that a
    connection is half open, the shortest and the longest; `commands`: a second; `leaves_within`:
    seconds from SIGTERM to the end."""

    messages: int
    channels: int = 20
    faults: int = 0
    restarts: int = 0
    transport: str = "socket_mode"
    pause: float = 0.004
    rate: float = 70.0
    replies: float = 0.15
    limits: bool = False
    half_open: Any = (5.0, 30.0)
    commands: float = 2.0
    leaves_within: float = 3.0
    seed: int = 1
    eventlet: bool = False
    keep: str = ""


@dataclass
class Report:
    """What came of a run."""

    name: str
    verdict: Verdict
    figures: Dict[str, Any] = field(default_factory=dict)
    problems: List[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether all is as promised."""
        return self.verdict.good and not self.problems
