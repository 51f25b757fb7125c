"""What was posted while the sensor was away, fetched on return.

`plan` (pure) says which channels to ask from when; `Backfill` asks. A channel is fetched whole
before any of it is handed over: so what was handed over has no holes, and a fetch that is broken
off leaves the watermark where it was.

Replies do not stand in a channel's history, but a parent tells there when it was last replied to.
So the history is read back beyond the gap, for parents within `sensor.backfill_max_age`, and only
threads with news are asked for; of older parents those that the sensor remembers.

This machine's clock is not Slack's. Nothing depends on the two agreeing to less than `SKEW`: the
end of the window is left open (what is live as well is recognised), and what was covered counts
as far as the latest message that was found.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import (
    Any,
    Callable,
    Deque,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Set,
    Tuple,
)

from st2slack.errors import RateLimited, Refusal, SlackError
from st2slack.events.memory import seconds
from st2slack.events.model import Event
from st2slack.settings.sensor import SensorSettings
from st2slack.web.call import Client
from st2slack.web.retry import wait_before_next

HISTORY, REPLIES, MINE = "conversations.history", "conversations.replies", "users.conversations"
PER_MINUTE = 50  # calls of one method in tier 3, to which these three belong
PAGE = 200  # messages; what Slack recommends
MOST_PAGES = 250  # of one list: 50,000 messages, and 50 minutes of Slack's limit
PAGES_BEYOND = 2  # pages of history before the gap that are looked through for parents
MOST_THREADS = 20  # remembered threads of a channel that are asked for beside those with news
MOST_CONVERSATIONS = 1000
AGAIN = 60.0  # seconds in which a channel is not asked again for what it was asked for
SKEW = 60.0  # seconds by which the clocks may differ
DAY = 86400.0
PATIENCE = 300.0  # seconds of back-off that one call is worth while Slack does not answer
UNTOLD_PAUSE = 30.0  # seconds: 429 without a Retry-After

TYPES = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}
# Refusals that concern the one channel, and those that concern the one thread.
_OF_CHANNEL = frozenset(
    ["not_in_channel", "channel_not_found", "is_archived", "channel_is_limited_access"]
)
_OF_THREAD = frozenset(["thread_not_found", "message_not_found"])

Message = Mapping[str, Any]


class Gap(NamedTuple):
    """A channel, and the Unix seconds since when it was not listened to. `channel_type` as events
    have it (channel, group, im, mpim), "" where it is not known."""

    channel: str
    since: float
    channel_type: str = ""


class Plan(NamedTuple):
    """What to fetch, in this order. `left_out`: a line about what is not, "" for nothing."""

    gaps: List[Gap]
    left_out: str = ""


def plan(
    watermarks: Mapping[str, str],
    alive: Optional[float],
    now: float,
    settings: SensorSettings,
    known_channels: Optional[Iterable[Mapping[str, Any]]] = None,
) -> Plan:
    """PURE: where to fetch what was missed, the channel with the latest activity first.

    `watermarks`, `alive`: as in Memory. `known_channels`: what the app is in, as
    users.conversations tells it; those without a watermark are asked from `alive` on.
    """
    if settings.backfill_max_age <= 0:
        return Plan([])
    earliest = now - settings.backfill_max_age
    known = {each["id"]: each for each in known_channels or () if isinstance(each.get("id"), str)}
    marks = [(seconds(ts), channel) for channel, ts in watermarks.items()]
    starts = [(mark, channel) for mark, channel in marks if mark is not None]
    starts.sort(reverse=True)
    if alive is not None:
        starts += [(alive - SKEW, channel) for channel in known if channel not in watermarks]
    wanted = [
        Gap(channel, max(since, earliest), _type(known.get(channel)))
        for since, channel in starts
        if _is_wanted(channel, known.get(channel), settings)
    ]
    most = int(settings.backfill_max_channels)
    return Plan(wanted[:most], _left_out(len(wanted) - most, alive, earliest, settings))


def _left_out(
    beyond: int, alive: Optional[float], earliest: float, settings: SensorSettings
) -> str:
    said = []
    if beyond > 0:
        said.append(
            "%d channels beyond the %d of `sensor.backfill_max_channels` are not looked at"
            % (beyond, settings.backfill_max_channels)
        )
    if alive is not None and alive < earliest:
        said.append(
            "the sensor was away for longer than the %g s of `sensor.backfill_max_age`, and what "
            "is older than that is not fetched" % settings.backfill_max_age
        )
    return "Of what was missed, %s." % "; ".join(said) if said else ""


def _is_wanted(channel: str, known: Optional[Mapping[str, Any]], settings: SensorSettings) -> bool:
    """Whether a message there could be wanted. Of a channel whose name is unknown: perhaps."""
    if known is not None and known.get("is_archived"):
        return False
    if known is not None and _kind(known) not in settings.channel_types:
        return False
    names = {each.lstrip("#") for each in settings.channels}
    return not names or channel in names or known is None or known.get("name") in names


def _kind(known: Mapping[str, Any]) -> str:
    if known.get("is_im"):
        return "im"
    if known.get("is_mpim"):
        return "mpim"
    return "private_channel" if known.get("is_private") else "public_channel"


def _type(known: Optional[Mapping[str, Any]]) -> str:
    return TYPES[_kind(known)] if known is not None else ""


class Budget:
    """How many calls of each method may be made in a minute; thread-safe. `clock` in seconds."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, per_minute: int = PER_MINUTE
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._per_minute = per_minute
        self._calls: Dict[str, Deque[float]] = {}
        self._held: Dict[str, float] = {}

    def take(self, method: str) -> float:
        """0 where the method may be called now (and that is counted), else seconds to wait."""
        with self._lock:
            now = self._clock()
            calls = self._calls.setdefault(method, deque(maxlen=self._per_minute))
            wait = self._held.get(method, now) - now
            if len(calls) == self._per_minute:
                wait = max(wait, calls[0] + 60.0 - now)
            if wait > 0:
                return wait
            calls.append(now)
            return 0.0

    def hold(self, method: str, wait: float) -> None:
        """Slack asked to wait so many seconds before the method is called again."""
        with self._lock:
            until = self._clock() + wait
            self._held[method] = max(until, self._held.get(method, until))


class _Stopped(Exception):
    """The sensor ends."""


class _TooLong(Exception):
    """Slack wants to be waited for longer than it is worth."""


@dataclass(frozen=True)
class _Asked:
    """What a channel was asked for: from `since` to `until`, surely read up to `covered`."""

    since: float
    until: float
    covered: float
    at: float


class Backfill:
    """Fetches what one workspace's channels hold.

    `client`: tries once and does not wait itself (a OneTry). `now`: Unix seconds. `warn` takes a
    line, once per channel or scope. `wait(seconds)` waits and says whether the sensor ends
    meanwhile. `budget` is shared by all that calls these methods with the same token. `failed`
    counts gaps that could not be fetched.
    """

    def __init__(
        self,
        client: Client,
        settings: SensorSettings,
        now: Callable[[], float],
        warn: Callable[[str], None],
        budget: Optional[Budget] = None,
        wait: Optional[Callable[[float], bool]] = None,
        team: str = "",
        workspace: str = "",
    ) -> None:
        self._client = client
        self._settings = settings
        self._now = now
        self._warn = warn
        self._budget = budget or Budget()
        self._wait = wait or _sleep
        self._team = team
        self._workspace = workspace or client.settings.workspace or ""
        self._asked: Dict[str, _Asked] = {}
        self._told: Set[Tuple[str, str]] = set()
        self.failed = 0
        self._longest_wait = math.inf

    def conversations(self, patience: float = math.inf) -> Optional[List[Dict[str, Any]]]:
        """What the app is in, of the wanted types, up to 1000; empty where Slack does not tell.

        One call for each 200, and one more for each type where the token may not see some.
        None where that would take a wait of more than `patience` seconds.
        """
        types = self._settings.channel_types
        self._longest_wait = patience
        try:
            return self._conversations(",".join(types))
        except _Stopped:
            return []
        except _TooLong:
            return None
        except SlackError as error:
            self._refused(error, "", "Channels with no message dispatched yet are left out of")
            scope = getattr(error, "code", "") == "missing_scope"
            return self._by_type(types) if scope and len(types) > 1 else []
        finally:
            self._longest_wait = math.inf

    def _by_type(self, types: Iterable[str]) -> List[Dict[str, Any]]:
        found: List[Dict[str, Any]] = []
        for each in types:
            try:
                found += self._conversations(each)
            except (_Stopped, _TooLong):
                break
            except SlackError as error:
                self._refused(error, "", "Channels of type %s are left out of" % each)
        return found

    def _conversations(self, types: str) -> List[Dict[str, Any]]:
        found: List[Dict[str, Any]] = []
        arguments = {"types": types, "exclude_archived": True, "limit": PAGE}
        for page in self._pages(MINE, arguments, "channels"):
            found += [dict(each) for each in page]
            if len(found) >= MOST_CONVERSATIONS:
                break
        return found

    def fetch(self, gap: Gap, until: float, threads: Iterable[str] = ()) -> Iterator[Event]:
        """What was posted in the channel since, oldest first; nothing where it cannot be had.

        `until`: Unix seconds, the moment the catch-up began. `threads`: thread_ts of threads that
        the sensor remembers. What was handed over to its end is not asked for again within a
        minute, so it has to be kept.
        """
        since = self._not_asked_yet(gap, until)
        if since is None:
            return
        try:
            messages = self._collect(gap.channel, since, until, threads)
        except _Stopped:
            return
        except SlackError as error:
            self.failed += 1
            self._refused(error, gap.channel, "Nothing could be fetched from %s in" % gap.channel)
            if isinstance(error, Refusal):
                self._remember(gap, until, gap.since)
            return
        self._told = {key for key in self._told if key[1] != gap.channel}
        for message in messages:
            yield self._event(gap, message)
        latest = _at(messages[-1]) if messages else since
        self._remember(gap, until, max(latest, until - SKEW))

    def _not_asked_yet(self, gap: Gap, until: float) -> Optional[float]:
        """From when to ask; None where all of it was asked for just now."""
        asked = self._asked.get(gap.channel)
        if asked is None or gap.since < asked.since or self._now() - asked.at >= AGAIN:
            return gap.since
        return None if until <= asked.until else max(gap.since, asked.covered)

    def _remember(self, gap: Gap, until: float, covered: float) -> None:
        now = self._now()
        self._asked = {key: it for key, it in self._asked.items() if now - it.at < AGAIN}
        self._asked[gap.channel] = _Asked(gap.since, until, covered, now)

    def _collect(
        self, channel: str, since: float, until: float, threads: Iterable[str]
    ) -> List[Message]:
        """All messages after `since`, those in threads too, oldest first."""
        latest = max(since, until) + DAY
        history = list(self._history(channel, since, until, latest))
        found = {message["ts"]: message for message in history if _at(message) > since}
        for thread in self._with_news(channel, history, since, threads):
            for message in self._replies(channel, thread, since, latest):
                if _at(message) > since:
                    found.setdefault(message["ts"], message)
        return sorted(found.values(), key=_at)

    def _history(
        self, channel: str, since: float, until: float, latest: float
    ) -> Iterator[Message]:
        """The channel's messages after `since`, and those before it that may be parents."""
        arguments = {
            "channel": channel,
            "oldest": _ts(min(since, until - self._settings.backfill_max_age)),
            "latest": _ts(latest),
            "limit": PAGE,
        }
        beyond, before = 0, math.inf
        for page in self._pages(HISTORY, arguments):
            messages = _messages(page)
            yield from messages
            if not messages:
                continue
            moments = [_at(message) for message in messages]
            # Slack goes from the latest page to the oldest; one that does not is read to its end.
            goes_back = max(moments) < before
            beyond = beyond + 1 if goes_back and max(moments) <= since else 0
            before = min(moments)
            if beyond >= PAGES_BEYOND:
                return

    def _with_news(
        self, channel: str, history: Iterable[Message], since: float, threads: Iterable[str]
    ) -> List[str]:
        """thread_ts of the threads that have, or may have, replies after `since`."""
        told: Dict[str, bool] = {}
        for message in history:
            thread = message.get("thread_ts")
            if not isinstance(thread, str) or thread == message["ts"]:
                told[message["ts"]] = bool(thread) and _has_news(message, since)
            elif _at(message) > since:  # one that was also sent to the channel
                told.setdefault(thread, True)
        older = [each for each in dict.fromkeys(threads) if each not in told and seconds(each)]
        older.sort(key=lambda each: seconds(each) or 0.0, reverse=True)
        if len(older) > MOST_THREADS:
            self._warn(
                "%d older threads of %s are not looked at for replies that were missed."
                % (len(older) - MOST_THREADS, channel)
            )
        return [each for each, news in told.items() if news] + older[:MOST_THREADS]

    def _replies(self, channel: str, thread: str, since: float, latest: float) -> List[Message]:
        arguments = {
            "channel": channel,
            "ts": thread,
            "oldest": _ts(since),
            "latest": _ts(latest),
            "limit": PAGE,
        }
        try:
            return [
                message for page in self._pages(REPLIES, arguments) for message in _messages(page)
            ]
        except Refusal as refusal:
            if refusal.code not in _OF_THREAD:  # those were deleted meanwhile
                self._refused(refusal, channel, "A thread of %s is left out of" % channel)
            return []

    def _pages(
        self, method: str, arguments: Mapping[str, Any], items: str = "messages"
    ) -> Iterator[List[Mapping[str, Any]]]:
        seen: Set[str] = set()
        place: Dict[str, str] = {}
        for _ in range(MOST_PAGES):
            answer = self._call(method, {**arguments, **place})
            page = answer.get(items)
            yield (
                [each for each in page if isinstance(each, dict)] if isinstance(page, list) else []
            )
            metadata = answer.get("response_metadata")
            cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
            if not cursor:
                return
            if not isinstance(cursor, str) or cursor in seen:
                self._warn(
                    "The pages of %s of %s lead nowhere after page %d; what lies beyond it is left "
                    "out." % (method, arguments.get("channel", "the app"), len(seen) + 1)
                )
                return
            seen.add(cursor)
            place = {"cursor": cursor}
        self._warn(
            "%s of %s has more than %d pages; what lies beyond them is left out."
            % (method, arguments.get("channel", "the app"), MOST_PAGES)
        )

    def _call(self, method: str, arguments: Mapping[str, Any]) -> Any:
        """Call when it is the method's turn; again while that may help. Raises _Stopped."""
        tries, left = 0, PATIENCE
        while True:
            self._await_turn(method)
            try:
                return self._client.call(method, arguments)
            except RateLimited as limited:
                asked = limited.retry_after
                self._budget.hold(method, UNTOLD_PAUSE if asked is None else max(1.0, asked))
            except SlackError as error:
                tries += 1
                pause = wait_before_next(error, tries, False, left, random.random())
                if pause is None:
                    raise
                left -= pause
                self._pause(pause)

    def _await_turn(self, method: str) -> None:
        pause = self._budget.take(method)
        while pause > 0:
            self._pause(pause)
            pause = self._budget.take(method)

    def _pause(self, pause: float) -> None:
        if pause > self._longest_wait:
            raise _TooLong
        if self._wait(pause):
            raise _Stopped

    def _refused(self, error: SlackError, channel: str, what: str) -> None:
        """Tell the operator: once for a scope, once for a channel, once for anything else."""
        key = (type(error).__name__, channel)
        if isinstance(error, Refusal):
            of_channel = error.code in _OF_CHANNEL
            key = (error.code, channel if of_channel else str(error.answer.get("needed") or ""))
        if key not in self._told:
            self._told.add(key)
            self._warn("%s the catch-up: %s" % (what, error))

    def _event(self, gap: Gap, message: Message) -> Event:
        """The message as the event that would have told of it."""
        body = {
            "type": "message",
            **message,
            "channel": gap.channel,
            "event_ts": message["ts"],
            **({"channel_type": gap.channel_type} if gap.channel_type else {}),
        }
        return Event(body, None, self._team, self._workspace, "backfill")


def _at(message: Message) -> float:
    """When it was posted, in Unix seconds."""
    return seconds(message.get("ts")) or 0.0


def _messages(page: Iterable[Message]) -> List[Message]:
    """Those that have a timestamp and are not the remains of a deleted one."""
    return [
        message
        for message in page
        if seconds(message.get("ts")) is not None and message.get("subtype") != "tombstone"
    ]


def _has_news(parent: Message, since: float) -> bool:
    latest = seconds(parent.get("latest_reply"))
    return latest > since if latest is not None else bool(parent.get("reply_count"))


def _ts(moment: float) -> str:
    """Unix seconds as Slack writes them. Six decimals of now are exact in a float."""
    return "%.6f" % max(0.0, moment)


def _sleep(pause: float) -> bool:
    time.sleep(pause)
    return False
