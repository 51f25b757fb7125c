"""PURE: recognizes an event that was dispatched already. Time is an argument, in Unix seconds.

An event is known by each of its keys: Slack's own `event_id`, which a redelivery keeps, and where
and when it happened, which a copy fetched from the history has too. Keys are kept as 64-bit hashes:
the newest in a dictionary, older ones in sorted arrays of 8 bytes a key, so that hours of a busy
workspace fit into a few megabytes. What is forgotten is forgotten array by array, by age alone,
unless the bound on memory is reached (`forgotten_early` counts that). Nothing is forgotten that was
dispatched after the beginning of the oldest span of time that is still to be fetched: `protect`.
"""

from __future__ import annotations

import math
import re
from array import array
from bisect import bisect_left
from collections import deque
from hashlib import blake2b
from typing import Any, Deque, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from st2slack.sensor.model import MESSAGE, Event

Key = Tuple[str, ...]

BLOCK_SIZE = 32_768  # keys in the dictionary before they become an array (some 3 MB, then 256 KiB)
RECENT = 8_192  # events that a dump can hold
_64_BITS = (1 << 64) - 1
_DUMPED = re.compile(r"(?:[0-9a-f]{16})+\Z")


class SortedBlock:
    """An immutable sorted array of keys. `newest`: when its last key was added."""

    def __init__(self, keys: Iterable[int], newest: float) -> None:
        self._keys = array("Q", sorted(keys))
        self.newest = newest

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: int) -> bool:
        at = bisect_left(self._keys, key)
        return at < len(self._keys) and self._keys[at] == key


class Deduplicator:
    """Remembers what was dispatched for at least `keep_for` seconds.

    `at_least`: so many of the newest keys are kept however old they are. `at_most`: so many keys
    are kept however young they are; an event has one or two. `forgotten_early`: how many keys that
    bound has cost.
    """

    def __init__(self, keep_for: float, at_least: int = 1000, at_most: int = 2_000_000) -> None:
        self._keep_for = keep_for
        self._at_least = at_least
        self._at_most = max(at_most, 2)
        self._room = max(1, min(BLOCK_SIZE, self._at_most // 4))
        self._block_seconds = max(keep_for / 8, 1.0)
        self._newest: Dict[int, None] = {}
        self._began = self._last = 0.0
        self._older: Deque[SortedBlock] = deque()
        self._recent: Deque[Tuple[float, int]] = deque(maxlen=RECENT)
        self._protected = math.inf
        self.forgotten_early = 0

    def __len__(self) -> int:
        return len(self._newest) + sum(map(len, self._older))

    @staticmethod
    def keys(event: Event, ref: str) -> Tuple[Key, ...]:
        """The keys of `event` when it becomes the trigger `ref`; () where nothing names it."""
        found: List[Key] = []
        location = _location(event, ref)
        if location:
            found.append(location)
        if event.event_id:
            found.append(("id", event.event_id))
        return tuple(found)

    def known(self, event: Event, ref: str) -> bool:
        """Whether it was dispatched already, under any of its keys."""
        return self.has(self.hashes(event, ref))

    def add(self, event: Event, ref: str, now: float) -> None:
        """Remember that it was dispatched just now."""
        self.remember(self.hashes(event, ref), now)

    def has(self, hashes: Sequence[int]) -> bool:
        """The same as `known`, of an event whose hashes were made already."""
        return any(map(self._has, hashes))

    def remember(self, hashes: Sequence[int], now: float) -> None:
        """The same as `add`, of an event whose hashes were made already."""
        self._remember(hashes, now)
        if hashes:
            self._recent.append((now, hashes[0]))

    def protect(self, since: Optional[float]) -> None:
        """Forget nothing that was dispatched after this moment; None: by age alone."""
        self._protected = math.inf if since is None else since

    def forget(self, now: float) -> None:
        """Let go of what is older than `keep_for`, and not protected."""
        if self._newest and self._is_old(self._last, now):
            self._older.append(SortedBlock(self._newest, self._last))
            self._newest = {}
        kept = len(self)
        while self._older and self._is_old(self._older[0].newest, now):
            kept -= len(self._older[0])
            if kept < self._at_least:
                return
            self._older.popleft()

    def dump(self, limit_bytes: int) -> List[List[Any]]:
        """The newest events as `[[Unix second, "16 hex digits each"], …]`, newest first.

        As JSON it is no longer than `limit_bytes`. One key an event: where and when it happened, or
        its `event_id` where that is not known.
        """
        groups: List[List[Any]] = []
        left = limit_bytes - len("[]")
        for at, key in reversed(self._recent):
            second = int(at)
            same = bool(groups) and groups[-1][0] == second
            left -= 16 if same else len('[%d, ""], ' % second) + 16
            if left < 0:
                break
            if not same:
                groups.append([second, []])
            groups[-1][1].append("%016x" % key)
        return [[second, "".join(keys)] for second, keys in groups]

    def load(self, dumped: Any, now: float) -> None:
        """Remember what a dump tells. What cannot be read is left out, the rest is taken."""
        for second, hashes in sorted(_readable(dumped), key=lambda each: each[0]):
            at = min(float(second), now)
            if now - at <= self._keep_for:
                self._remember(hashes, at)
                self._recent.extend((at, key) for key in reversed(hashes))

    def hashes(self, event: Event, ref: str) -> Tuple[int, ...]:
        """The keys of an event as they are kept: 64 bits each."""
        keys = self.keys(event, ref)
        # Only the first is ever dumped, so the other may hash as this process does.
        if len(keys) == 2:
            return _hash(keys[0]), hash(keys[1]) & _64_BITS
        return tuple(map(_hash, keys))

    def _is_old(self, newest: float, now: float) -> bool:
        return now - newest > self._keep_for and newest < self._protected

    def _has(self, key: int) -> bool:
        return key in self._newest or any(key in each for each in self._older)

    def _remember(self, hashes: Sequence[int], now: float) -> None:
        if self._newest and (
            len(self._newest) >= self._room or now - self._began > self._block_seconds
        ):
            self._seal(now)
        if not self._newest:
            self._began = self._last = now
        self._last = max(self._last, now)
        for key in hashes:
            self._newest[key] = None

    def _seal(self, now: float) -> None:
        """The dictionary becomes an array; what is too old or too much goes."""
        self._older.append(SortedBlock(self._newest, self._last))
        self._newest = {}
        self.forget(now)
        while len(self) + self._room > self._at_most and self._older:
            if self._older[0].newest >= self._protected:
                return
            self.forgotten_early += len(self._older.popleft())


def _location(event: Event, ref: str) -> Key:
    """Where and when it happened; () where it does not say when.

    A message is named by channel and `ts` alone: its copy in the history may lack the subtype
    (file_share), and has no event_ts. Other events have more that tells two of them apart.
    """
    body = event.body
    kind = _text(body, "type")
    if ref == MESSAGE:
        return ("at", ref, kind, event.channel, event.order) if event.order else ()
    ts, event_ts = _text(body, "ts"), _text(body, "event_ts")
    if not ts and not event_ts:
        return ()
    return ("at", ref, kind, _text(body, "subtype"), event.channel, ts, event_ts, *_details(body))


def _details(body: Mapping[str, Any]) -> Iterator[str]:
    """What tells apart two events of one type, place and moment."""
    yield _id(body.get("user")) or _text(body, "user_id")
    yield _text(body, "reaction")
    yield _text(body, "file_id")
    for nested in ("item", "message", "previous_message"):
        value = body.get(nested)
        inner = value if isinstance(value, Mapping) else {}
        yield _text(inner, "ts") or _text(inner, "file")


def _id(value: Any) -> str:
    if isinstance(value, Mapping):
        return _text(value, "id")
    return value if isinstance(value, str) else ""


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""


def _hash(key: Key) -> int:
    """The same in every process, unlike hash()."""
    text = "\x1f".join(key).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def _readable(dumped: Any) -> Iterator[Tuple[float, List[int]]]:
    """(Unix second, hashes) of each group that can be read."""
    for group in dumped if isinstance(dumped, list) else ():
        if not isinstance(group, list) or len(group) != 2:
            continue
        at, text = group
        usable = isinstance(at, int) and not isinstance(at, bool) and abs(at) < 1 << 53
        if usable and isinstance(text, str) and _DUMPED.match(text):
            yield at, [int(text[i : i + 16], 16) for i in range(0, len(text), 16)]
