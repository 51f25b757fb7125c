"""What one channel lacks, and how far it was read."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from st2slack.sensor.history_pass import HistoryPass
from st2slack.sensor.spans import Missing, Spans


class ChannelGaps:
    """What one channel lacks. `main` and `parents` without what `reading` is about; `edges`: where
    the slices of a large gap begin. `readable`: whether its history can be read; None: not known.
    """

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.kind = ""
        self.main = Spans()
        self.parents = Spans()
        self.threads: Dict[str, Spans] = {}
        self.edges: List[str] = []
        self.reading: Optional[HistoryPass] = None
        self.readable: Optional[bool] = None
        self.refused_at: Optional[float] = None
        self.cursors: Dict[str, Tuple[str, str]] = {}  # thread_ts → oldest, cursor

    @property
    def main_missing(self) -> Spans:
        """All that the main line lacks."""
        spans = self.main.copy()
        if self.reading is not None:
            spans.update(self.reading.main)
        return spans

    @property
    def parents_missing(self) -> Spans:
        """Of when threads may lack replies that are not known yet."""
        spans = self.parents.copy()
        if self.reading is not None:
            spans.update(self.reading.parents)
        return spans

    @property
    def needs_history(self) -> bool:
        """Whether its history is to be read."""
        return bool(self.main or self.parents or self.reading is not None)

    def missing(self) -> Missing:
        """A copy of all of it."""
        threads = {thread: spans.copy() for thread, spans in self.threads.items()}
        return Missing(self.main_missing, self.parents_missing, threads)

    def end(self, until: str) -> None:
        """What has no end yet ends there: from then on everything comes live."""
        for spans in (self.main, self.parents, *self.threads.values()):
            spans.end(until)
