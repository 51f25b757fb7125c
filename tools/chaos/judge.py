"""PURE: what was said and what was dispatched → what is wrong with it.

A dispatch twice is allowed only after a kill, and only for what had not been saved by then.

Order is promised within a line: a channel's main line, or a thread. Disorder is Slack's own where
it handed the older message over (again) after the newer one, and never before it on one and the
same connection. It is as promised, and the older message is late, where some message of its line
had waited for HELD seconds before: from then on the line goes on, until it has caught up.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

HELD = 30.0  # seconds that a line is held at the most
TOLERANCE = 1.0  # seconds by which our clocks and looks may differ
IN_FLIGHT = 0.05  # seconds from a dispatch until it is remembered and can be saved


class Said(NamedTuple):
    """A message: its number, its line (channel and thread_ts, "" for the main line), and when
    (Slack's timestamp)."""

    number: int
    line: Tuple[str, str]
    ts: str


class Dispatched(NamedTuple):
    """A dispatch of the message `number`, at Unix seconds."""

    number: int
    at: float


class Handed(NamedTuple):
    """Slack put the message on a connection, at Unix seconds."""

    at: float
    connection: int


@dataclass
class Verdict:
    """Numbers of the messages that … ; `allowed`: twice, but only what a kill left unsaved."""

    lost: List[int] = field(default_factory=list)
    twice: List[int] = field(default_factory=list)
    allowed: List[int] = field(default_factory=list)
    disorder: List[Tuple[int, int]] = field(default_factory=list)
    slacks_own: List[Tuple[int, int]] = field(default_factory=list)
    late: List[int] = field(default_factory=list)
    strange: List[int] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether all is as promised."""
        return not (self.lost or self.twice or self.disorder or self.strange)


def judge(
    said: Sequence[Said],
    dispatched: Sequence[Dispatched],
    handed: Mapping[int, Sequence[Handed]],
    unsaved_since: Sequence[Tuple[float, float]] = (),
) -> Verdict:
    """`unsaved_since`: for each kill (when the last save before it began, when it was)."""
    verdict = Verdict()
    times: Dict[int, List[float]] = defaultdict(list)
    for each in dispatched:
        times[each.number].append(each.at)
    numbers = {each.number for each in said}
    verdict.lost = sorted(numbers - set(times))
    verdict.strange = sorted(set(times) - numbers)
    for number, moments in sorted(times.items()):
        for first in moments[:-1]:
            unsaved = any(began - IN_FLIGHT <= first <= killed for began, killed in unsaved_since)
            (verdict.allowed if unsaved else verdict.twice).append(number)
    by_line: Dict[Tuple[str, str], List[Said]] = defaultdict(list)
    for message in sorted(said, key=lambda each: each.ts):
        if message.number in times:
            by_line[message.line].append(message)
    for messages in by_line.values():
        _order(messages, times, handed, verdict)
    return verdict


def _order(
    messages: Sequence[Said],
    times: Mapping[int, Sequence[float]],
    handed: Mapping[int, Sequence[Handed]],
    verdict: Verdict,
) -> None:
    """Compare each message with those that are newer and were dispatched earlier."""
    earliest: List[Tuple[float, int]] = []  # of the newer ones: when, which
    waited = _waited(messages, times, handed)
    for older in reversed(messages):
        when = times[older.number][0]
        overtaken_by = [number for at, number in earliest if at < when]
        if overtaken_by:
            if waited is not None and waited - TOLERANCE <= min(earliest)[0]:
                verdict.late.append(older.number)
                continue
            for number in overtaken_by:
                own = _is_slacks(handed.get(older.number, ()), handed.get(number, ()))
                pair = (older.number, number)
                (verdict.slacks_own if own else verdict.disorder).append(pair)
        earliest.append((when, older.number))
        if len(earliest) > 2000:
            earliest.sort()
            del earliest[1000:]


def _waited(
    messages: Sequence[Said],
    times: Mapping[int, Sequence[float]],
    handed: Mapping[int, Sequence[Handed]],
) -> Optional[float]:
    """When the first message of the line was dispatched that had waited for so long that the line
    was held no more; None where there was none."""
    found = [
        times[each.number][0]
        for each in messages
        if handed.get(each.number)
        and times[each.number][0] - handed[each.number][0].at >= HELD - TOLERANCE
    ]
    return min(found, default=None)


def _is_slacks(older: Sequence[Handed], newer: Sequence[Handed]) -> bool:
    """Whether the older one was handed over after the newer one, and never before it on the same
    connection."""
    again = any(each.at > newer[0].at for each in older) if newer else False
    in_order = any(
        one.connection == other.connection and one.at < other.at for one in older for other in newer
    )
    return again and not in_order
