"""What a benchmark found."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Callable, List, Optional, Sequence, Tuple, Union


@dataclass(frozen=True)
class Result:
    """`measured` and `base` in seconds (medians); the ratio is at most or at least `promised`."""

    name: str
    what: str
    measured: float
    against: str
    base: float
    promised: float
    at_most: bool = True

    @property
    def ratio(self) -> float:
        """Measured to base; the other way round where more is better."""
        return self.measured / self.base if self.at_most else self.base / self.measured

    @property
    def kept(self) -> bool:
        """Whether the promise holds."""
        return self.ratio <= self.promised if self.at_most else self.ratio >= self.promised

    def row(self) -> Tuple[str, ...]:
        """For the table."""
        return (
            self.name,
            "%s: %.1f ms" % (self.what, self.measured * 1000),
            "%s: %.1f ms" % (self.against, self.base * 1000),
            "%.2f" % self.ratio,
            "%s %.2f" % ("≤" if self.at_most else "≥", self.promised),
            "yes" if self.kept else "NO",
        )


@dataclass(frozen=True)
class Figure:
    """A figure that stands for itself; below `promised`, where something was promised."""

    name: str
    what: str
    measured: float
    unit: str
    promised: Optional[float] = None

    @property
    def kept(self) -> bool:
        """Whether the promise holds."""
        return self.promised is None or self.measured < self.promised

    def row(self) -> Tuple[str, ...]:
        """For the table."""
        digits = 0 if self.measured >= 100 else 2
        told = "%s: %.*f %s" % (self.what, digits, self.measured, self.unit)
        if self.promised is None:
            return (self.name, told, "", "", "", "")
        promised = "< %g %s" % (self.promised, self.unit)
        return (self.name, told, "", "", promised, "yes" if self.kept else "NO")


Row = Union[Result, Figure]


def interleaved(rounds: int, *works: Callable[[], object]) -> Sequence[float]:
    """Median seconds of each work; they take turns, so that a busy minute hits all alike."""
    taken: List[List[float]] = [[] for _ in works]
    for _ in range(rounds):
        for place, work in enumerate(works):
            begun = time.perf_counter()
            work()
            taken[place].append(time.perf_counter() - begun)
    return [statistics.median(each) for each in taken]
