"""Which call the catch-up makes next.

First for lines that are held while live messages wait, the one that waits longest; then for the
channels with the latest activity. Every fourth call of a method is for the oldest gap, so that none
starves.
"""

from __future__ import annotations

from collections import Counter
from typing import Dict, List, Mapping, NamedTuple

from st2slack.sensor.backfill import HISTORY, MINE, REPLIES
from st2slack.sensor.checkpoint import Checkpoint
from st2slack.sensor.event_queue import EventQueue, LineKey
from st2slack.sensor.gap_ledger import GapLedger

FOR_OLDEST = 4  # one call of so many is for the oldest gap


class Task(NamedTuple):
    """A call to make. `since`: where the gap begins that it is for; `activity`: the latest message
    of its channel."""

    method: str
    channel: str = ""
    thread: str = ""
    since: str = ""
    activity: str = ""


class CallSchedule:
    """Looks at what is missing, and at what waits for it."""

    def __init__(self, ledger: GapLedger, queue: EventQueue, checkpoint: Checkpoint) -> None:
        self._ledger = ledger
        self._queue = queue
        self._checkpoint = checkpoint
        self._made: Counter[str] = Counter()

    def tasks(self) -> List[Task]:
        """All calls that there are to make, each of its kind once."""
        marks = self._checkpoint.watermarks
        with self._ledger.lock:
            tasks = [Task(MINE)] if self._ledger.unknown_since is not None else []
            for channel, found in self._ledger.channels.items():
                activity = marks.get(channel, "")
                if found.needs_history:
                    spans = found.main_missing or found.parents_missing
                    since = spans.since if spans else ""
                    tasks.append(Task(HISTORY, channel, "", since, activity))
                for thread, spans in found.threads.items():
                    tasks.append(Task(REPLIES, channel, thread, spans.since, activity))
        return tasks

    def is_readability_unknown(self, task: Task) -> bool:
        """Whether messages of the channel wait for their acknowledgement until that is known."""
        return (
            task.method == HISTORY
            and self._ledger.is_readable(task.channel) is None
            and self._queue.dropped((task.channel, "")) is not None
        )

    def take(self, tasks: List[Task]) -> Task:
        """One of these; it is counted as made."""
        task = self._choose(tasks)
        self._made[task.method] += 1
        return task

    def _choose(self, tasks: List[Task]) -> Task:
        for_oldest = [
            each for each in tasks if self._made[each.method] % FOR_OLDEST == FOR_OLDEST - 1
        ]
        if for_oldest:
            return min(for_oldest, key=lambda each: each.since)
        waiting = self._queue.waiting_since()
        threads: Dict[str, float] = {}
        for (channel, thread), since in waiting.items():
            if thread:
                threads[channel] = min(since, threads.get(channel, since))
        held = [(since, each) for each in tasks for since in _waits(each, waiting, threads)]
        if held:
            return min(held, key=lambda pair: pair[0])[1]
        return max(tasks, key=lambda each: (each.method == MINE, each.activity, each.since))


def _waits(
    task: Task, waiting: Mapping[LineKey, float], threads: Mapping[str, float]
) -> List[float]:
    """Since when live messages wait for what the task brings; none where none do."""
    if task.method == MINE:
        return []
    found = [waiting.get((task.channel, task.thread))]
    if task.method == HISTORY:  # all threads of a channel wait for their parents
        found.append(threads.get(task.channel))
    return [each for each in found if each is not None]
