"""PURE: the spans of time of which a line may lack messages.

A line is a channel's main line (what its history holds) or one thread. Timestamps are Slack's text,
with six decimals: those of this age compare as text.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, NamedTuple, Optional

MOST = 8  # spans of one line; beyond, the two that are closest to each other become one


class Span(NamedTuple):
    """What came after `since`, up to and with `until`; None: up to the present."""

    since: str
    until: Optional[str] = None


class Spans:
    """The spans of one line: sorted, and without overlap."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans: List[Span] = []
        for span in spans:
            self.add(span)

    def __bool__(self) -> bool:
        return bool(self._spans)

    def __iter__(self) -> Any:
        return iter(self._spans)

    def __contains__(self, ts: str) -> bool:
        return any(
            span.since < ts and (span.until is None or ts <= span.until) for span in self._spans
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spans) and self._spans == other._spans

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Spans(%r)" % self._spans

    @property
    def since(self) -> str:
        """Where the oldest one begins; there must be one."""
        return self._spans[0].since

    @property
    def until(self) -> Optional[str]:
        """Where the newest one ends; None where that is the present."""
        return self._spans[-1].until

    def add(self, span: Span) -> None:
        """Add a span; those that touch become one."""
        if span.until is not None and span.until <= span.since:
            return
        joined: List[Span] = []
        for each in sorted([*self._spans, span], key=lambda one: one.since):
            last = joined[-1] if joined else None
            if last is None or (last.until is not None and last.until < each.since):
                joined.append(each)
            else:
                joined[-1] = Span(last.since, _later(last.until, each.until))
        while len(joined) > MOST:
            _join_closest(joined)
        self._spans = joined

    def update(self, other: Spans) -> None:
        """Add all spans of another line's."""
        for span in other:
            self.add(span)

    def end(self, until: str) -> None:
        """Let a span that has no end yet end there."""
        spans, self._spans = self._spans, []
        for span in spans:
            end = max(until, span.since) if span.until is None else span.until
            self.add(Span(span.since, end))

    def cut(self, through: str) -> None:
        """Take away everything up to and with `through`."""
        spans, self._spans = self._spans, []
        for span in spans:
            self.add(Span(max(span.since, through), span.until))

    def head(self, through: str) -> Spans:
        """What is up to and with `through`."""
        return Spans(
            Span(span.since, through if span.until is None else min(span.until, through))
            for span in self._spans
            if span.since < through
        )

    def of_thread(self, parent: str, latest_reply: Optional[str]) -> Spans:
        """Those in which a thread may have a reply: they begin before its latest one (None: that is
        not known), and do not end before its parent."""
        return Spans(
            span
            for span in self._spans
            if (latest_reply is None or span.since < latest_reply)
            and (span.until is None or span.until >= parent)
        )

    def copy(self) -> Spans:
        """Another one of the same spans."""
        return Spans(self._spans)


def just_before(ts: str) -> str:
    """The timestamp that is a microsecond earlier; `ts` itself where it is not one of Slack's."""
    whole, _, part = ts.partition(".")
    if not (whole.isdigit() and (part.isdigit() or not part)) or len(part) > 6:
        return ts
    moment = int(whole) * 1_000_000 + int(part.ljust(6, "0"))
    return "%d.%06d" % divmod(max(0, moment - 1), 1_000_000)


def _later(one: Optional[str], other: Optional[str]) -> Optional[str]:
    return None if one is None or other is None else max(one, other)


def _join_closest(spans: List[Span]) -> None:
    def distance(at: int) -> float:
        return float(spans[at + 1].since) - float(spans[at].until or 0)

    at = min(range(len(spans) - 1), key=distance)
    spans[at : at + 2] = [Span(spans[at].since, spans[at + 1].until)]


class Missing(NamedTuple):
    """What a channel lacks. `main`: of its history. `parents`: of threads that are not known yet,
    until its parents are read. `threads`: thread_ts → of that thread."""

    main: Spans
    parents: Spans
    threads: Dict[str, Spans]

    def coarser(self) -> Missing:
        """The same and more, in fewer words: all threads are looked for again."""
        parents = self.parents.copy()
        for spans in self.threads.values():
            parents.update(spans)
        return Missing(_hull(self.main), _hull(parents), {})


def _hull(spans: Spans) -> Spans:
    return Spans([Span(spans.since, spans.until)] if spans else ())
