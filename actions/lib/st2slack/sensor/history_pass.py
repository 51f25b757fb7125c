"""PURE: what the pages of a channel's history tell, while it is read from the newest page back.

One pass serves two ends. What the main line lacks is in the first pages; it is handed over as soon
as these are read. Which threads may lack replies is told by their parents, which stand further
back: a parent tells when it was last replied to.

Memory is bounded: of a gap that is larger than `room` only the oldest messages are kept, with the
timestamps at which the pages of the others begin (`edges`), so that they can be read again from
there, slice by slice.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Set

from st2slack.base.timestamps import seconds
from st2slack.sensor.spans import Spans

Message = Mapping[str, Any]
MOST_PAGES = 250


class Slice(NamedTuple):
    """Messages, oldest first. `through`: the newest of them where there are more; else None."""

    messages: List[Message]
    through: Optional[str]


class HistoryPass:
    """`main`, `parents`: what the main line lacks, and of when replies may lack. `oldest`,
    `latest`: bounds of what is read, both left out. `cursor`: of the page to read next."""

    def __init__(self, main: Spans, parents: Spans, oldest: str, latest: str, room: int) -> None:
        self.main = main
        self.parents = parents
        self.oldest = oldest
        self.latest = latest
        self.cursor = ""
        self.is_done = False
        self.has_main = not main
        self.edges: List[str] = []
        self.threads: Dict[str, Spans] = {}
        self.single_replies: Dict[str, str] = {}
        self._room = room
        self._kept: List[List[Message]] = []
        self._mentioned: Dict[str, Spans] = {}
        self._cursors: Set[str] = set()
        self._pages = 0

    def accept(self, page: Iterable[Any], next_cursor: str) -> None:
        """Take in a page."""
        messages = [each for each in page if is_message(each)]
        self._keep([each for each in messages if _is_there(each) and each["ts"] in self.main])
        for message in messages:
            self._look_for_thread(message)
        self._pages += 1
        is_last = not next_cursor or next_cursor in self._cursors or self._pages >= MOST_PAGES
        self._cursors.add(next_cursor)
        self.cursor = next_cursor
        passed = bool(self.main and messages) and (
            min(each["ts"] for each in messages) <= self.main.since
        )
        self.has_main = self.has_main or passed or is_last
        self.is_done = is_last or (self.has_main and not self.parents)
        if self.is_done:  # their parents are further back than anything that is read
            for thread, spans in self._mentioned.items():
                self.threads.setdefault(thread, spans)

    def take_main(self) -> Slice:
        """What the main line lacks, once `has_main` is true; or the oldest part of that."""
        messages = sorted(
            (message for page in self._kept for message in page), key=lambda each: str(each["ts"])
        )
        self._kept = []
        self.edges.sort()
        return Slice(messages, messages[-1]["ts"] if self.edges and messages else None)

    def take_threads(self) -> Dict[str, Spans]:
        """thread_ts → when it may lack replies, of the threads found since it was last asked."""
        threads, self.threads = self.threads, {}
        return threads

    def _keep(self, messages: List[Message]) -> None:
        if not messages:
            return
        self._kept.append(messages)
        count = sum(map(len, self._kept))
        while count > self._room and len(self._kept) > 1:
            newest = self._kept.pop(0)
            count -= len(newest)
            self.edges.append(min(str(each["ts"]) for each in newest))

    def _look_for_thread(self, message: Message) -> None:
        ts, thread = message["ts"], message.get("thread_ts")
        if not self.parents or not isinstance(thread, str) or seconds(thread) is None:
            return
        if thread != ts:  # a reply that was also sent to the channel
            spans = self.parents.of_thread(thread, ts)
            if spans:
                self._mentioned.setdefault(thread, spans)
            return
        self._mentioned.pop(ts, None)
        latest, count = message.get("latest_reply"), message.get("reply_count")
        known = latest if isinstance(latest, str) and seconds(latest) is not None else None
        if known is None and not count:
            return
        spans = self.parents.of_thread(ts, known)
        if spans:
            self.threads[ts] = spans
            if known is not None and count == 1:
                self.single_replies[ts] = known


def is_message(value: Any) -> bool:
    """Whether it has a timestamp."""
    return isinstance(value, dict) and seconds(value.get("ts")) is not None


def _is_there(message: Message) -> bool:
    """Not the remains of one that was deleted."""
    return message.get("subtype") != "tombstone"
