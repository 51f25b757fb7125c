"""PURE: the checkpoint as a JSON document: made of what a workspace remembers, and read again.

    version     2
    alive       Unix seconds: what happened later, in a channel that has no mark, is missing
    watermarks  channel → ts: what is newer than that is missing
    gaps        channel → what is missing before that: "main" and "parents" [[since, until], ...],
                "threads" {thread_ts: [[since, until], ...]}; until null: up to the present
    threads     channel → {thread_ts: ts of its latest message that was dispatched}
    seen        what `Deduplicator.dump` gives, newest first, as much as there is room for

Where all of this is too much, gaps are written more coarsely: a message may come twice, but none is
lost. Version 1 had no gaps, and its watermarks were those of what was dispatched; it is still read.
"""

from __future__ import annotations

import json
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, TypeVar

from st2slack.base.timestamps import seconds
from st2slack.sensor.spans import Missing, Span, Spans

VERSION, READABLE = 2, (1, 2)
SEEN_AT_LEAST = 10_000  # bytes for what was dispatched, however much is missing
LIMIT = 60_000  # bytes of the value
THREADS = 300  # remembered, the latest of them

Thread = Tuple[str, str]  # channel, thread_ts
Saved = Tuple[Dict[str, str], Dict[str, Missing], Dict[Thread, str]]
Mark = TypeVar("Mark")


class SavedCheckpoint(NamedTuple):
    """What could be read of a document. `seen`: for Deduplicator.load."""

    alive: Optional[float]
    watermarks: Dict[str, str]
    gaps: Dict[str, Missing]
    threads: Dict[Thread, str]
    seen: object


def parse(text: str) -> Optional[SavedCheckpoint]:
    """The content of a document; None where it is none, or of an unknown version."""
    try:
        document = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("version") not in READABLE:
        return None
    threads, gaps = document.get("threads"), document.get("gaps")
    return SavedCheckpoint(
        _time(document.get("alive")),
        dict(_pairs(document.get("watermarks"))),
        {
            channel: _missing_from(found)
            for channel, found in (gaps.items() if isinstance(gaps, dict) else ())
            if isinstance(found, dict)
        },
        {
            (channel, thread): ts
            for channel, found in (threads.items() if isinstance(threads, dict) else ())
            for thread, ts in _pairs(found)
        },
        document.get("seen"),
    )


def fitting(
    alive: Optional[float],
    all_marks: Dict[str, str],
    everything: Dict[str, Missing],
    all_threads: Dict[Thread, str],
) -> Dict[str, object]:
    """The document, with room for at least SEEN_AT_LEAST bytes of `seen`."""
    document: Dict[str, object] = {}
    for marks, missing, threads in _shorter_and_shorter(all_marks, everything, all_threads):
        document = {
            "version": VERSION,
            "alive": alive,
            "watermarks": marks,
            "gaps": {channel: _gaps_as_json(each) for channel, each in missing.items()},
            "threads": _threads_as_json(threads),
            "seen": [],
        }
        if len(dumps(document)) <= LIMIT - SEEN_AT_LEAST:
            break
    return document


def _time(value: object) -> Optional[float]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 1e12 else None  # not NaN either


def _pairs(value: object) -> List[Tuple[str, str]]:
    """Key and timestamp of an object of timestamps, those that are some."""
    found = value.items() if isinstance(value, dict) else ()
    return [(key, ts) for key, ts in found if seconds(ts) is not None]


def latest_of(marks: Dict[Mark, str], most: int) -> Dict[Mark, str]:
    """The latest of these, where there are more than `most`."""
    if len(marks) <= most:
        return marks
    latest = sorted(marks.items(), key=lambda each: seconds(each[1]) or 0.0, reverse=True)
    return dict(latest[:most])


def dumps(document: Mapping[str, object]) -> str:
    """The text that is saved."""
    return json.dumps(document, separators=(",", ":"))


def _gaps_as_json(missing: Missing) -> Dict[str, object]:
    """Without empty members."""
    made: Dict[str, object] = {}
    if missing.main:
        made["main"] = [list(span) for span in missing.main]
    if missing.parents:
        made["parents"] = [list(span) for span in missing.parents]
    if missing.threads:
        made["threads"] = {
            thread: [list(span) for span in spans] for thread, spans in missing.threads.items()
        }
    return made


def _missing_from(found: Mapping[str, object]) -> Missing:
    """What can be read of it."""
    threads = found.get("threads")
    return Missing(
        _spans_from(found.get("main")),
        _spans_from(found.get("parents")),
        {
            thread: spans
            for thread, each in (threads.items() if isinstance(threads, dict) else ())
            for spans in [_spans_from(each)]
            if spans and seconds(thread) is not None
        },
    )


def _spans_from(value: object) -> Spans:
    spans = Spans()
    for each in value if isinstance(value, list) else ():
        if not isinstance(each, list) or len(each) != 2:
            continue
        since, until = each
        if seconds(since) is not None and (until is None or seconds(until) is not None):
            spans.add(Span(since, until))
    return spans


def _threads_as_json(threads: Mapping[Thread, str]) -> Dict[str, Dict[str, str]]:
    made: Dict[str, Dict[str, str]] = {}
    for (channel, thread), ts in threads.items():
        made.setdefault(channel, {})[thread] = ts
    return made


def _shorter_and_shorter(
    marks: Dict[str, str], missing: Dict[str, Missing], threads: Dict[Thread, str]
) -> Iterator[Saved]:
    """The content of the document, each time shorter than before."""
    yield marks, missing, threads
    by_size = sorted(missing, key=lambda each: len(missing[each].threads), reverse=True)
    for share in (4, 2, 1):
        coarse = set(by_size[: -(-len(by_size) // share)])
        missing = {
            channel: each.coarser() if channel in coarse else each
            for channel, each in missing.items()
        }
        yield marks, missing, threads
    yield marks, missing, latest_of(threads, THREADS // 4)
    # No gaps at all: all after the first of them is missing.
    lowered = dict(marks)
    for channel, each in missing.items():
        for spans in (each.main, each.parents):
            if spans:
                lowered[channel] = min(lowered.get(channel, spans.since), spans.since)
    yield lowered, {}, latest_of(threads, THREADS // 4)
