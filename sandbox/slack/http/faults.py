"""What goes wrong on purpose: a Fault says when, its action says what.

    slack.faults.append(Fault.rate_limited(30, method="chat.postMessage"))
    slack.faults.append(Fault("conversations.*", times=None, action=Status(503)))

Whether the request was read, recorded in `slack.requests`, and carried out:

    action                                                  read    carried out
    RateLimited, Status, Redirected, Refused                yes     no
    BrokenJson, UnknownCharset, Slow, Drip, HangUp          yes     yes
    CutAfterRead, CutMidway                                 yes     yes
    CutWhileRead (uploads only)                             a part  no
    CutBeforeRead, Handshake                                no      no
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Union

HTML = "<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"


@dataclass(frozen=True)
class Action:
    """What happens to one request, or, where `on_connection` is set, to one connection."""

    on_connection = False


@dataclass(frozen=True)
class RateLimited(Action):
    """429; `retry_after` is sent as Retry-After (seconds, or any text), None leaves it out."""

    retry_after: Union[None, int, float, str] = None


@dataclass(frozen=True)
class Status(Action):
    """Any answer instead of Slack's. `content_type` "" sends none."""

    code: int = 500
    body: Union[str, bytes] = ""
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Redirected(Action):
    """A redirect to `location`."""

    location: str
    status: int = 302


@dataclass(frozen=True)
class Refused(Action):
    """HTTP 200, `ok: false` with this code and what else the answer is to hold."""

    code: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BrokenJson(Action):
    """Slack's answer, but its JSON ends in the middle; the Content-Length agrees with that."""


@dataclass(frozen=True)
class UnknownCharset(Action):
    """Slack's answer, with a charset in its Content-Type that nobody knows."""


@dataclass(frozen=True)
class Slow(Action):
    """Slack's answer, after so many seconds or once the event is set. Ends when the server does."""

    wait: Union[float, threading.Event]


@dataclass(frozen=True)
class Drip(Action):
    """Slack's answer, its body one byte at a time with `pause` seconds between."""

    pause: float = 0.01


@dataclass(frozen=True)
class HangUp(Action):
    """Slack's answer; then the kept-alive connection is closed without having been announced."""


@dataclass(frozen=True)
class CutAfterRead(Action):
    """No answer: the connection is reset (or, with `reset` false, closed) instead."""

    reset: bool = True


@dataclass(frozen=True)
class CutMidway(Action):
    """The head and half of the body of Slack's answer; then the connection is closed."""


@dataclass(frozen=True)
class CutWhileRead(Action):
    """The connection is reset (or closed) after so many bytes of what is being uploaded."""

    after: int
    reset: bool = True


@dataclass(frozen=True)
class CutBeforeRead(Action):
    """The connection is reset as soon as it is accepted (or, with `reset` false, closed)."""

    on_connection = True
    reset: bool = True


@dataclass(frozen=True)
class Handshake(Action):
    """Instead of the TLS handshake, after the client's first bytes: close, reset, garbage, hang.

    `hang` answers nothing until the server stops.
    """

    on_connection = True
    how: str = "close"


@dataclass
class Fault:
    """When an action applies: to `times` requests (None: all), after `after` that also matched.

    `method`: name of a method, a regular expression for the whole name (text or compiled), or
    None or "*" for all. A fault of a connection matches any connection: no method is known yet.
    The makers take `method`, `times` and `after` as keywords. `used` counts how often it applied.
    """

    method: Union[None, str, re.Pattern[str]] = None
    times: Optional[int] = 1
    after: int = 0
    action: Action = field(default_factory=Status)
    used: int = field(default=0, init=False)
    matched: int = field(default=0, init=False)

    def matches(self, method: Optional[str]) -> bool:
        """True where the fault may apply to this method; None asks for a connection."""
        if self.action.on_connection or method is None:
            return self.action.on_connection and method is None
        if self.method in (None, "*", method):
            return True
        return re.fullmatch(self.method, method) is not None

    def take(self) -> bool:
        """Count a match; True where it is this fault's turn."""
        self.matched += 1
        if self.matched <= self.after or (self.times is not None and self.used >= self.times):
            return False
        self.used += 1
        return True

    @classmethod
    def rate_limited(cls, retry_after: Union[None, int, float, str] = None, **match: Any) -> Fault:
        """See RateLimited."""
        return cls(action=RateLimited(retry_after), **match)

    @classmethod
    def status(
        cls,
        code: int = 500,
        body: Union[str, bytes] = "",
        content_type: str = "text/plain",
        headers: Optional[Dict[str, str]] = None,
        **match: Any,
    ) -> Fault:
        """See Status."""
        return cls(action=Status(code, body, content_type, headers or {}), **match)

    @classmethod
    def html(cls, status: int = 502, **match: Any) -> Fault:
        """A page as a proxy or a load balancer sends it."""
        return cls.status(status, HTML, "text/html", **match)

    @classmethod
    def empty(cls, status: int = 200, **match: Any) -> Fault:
        """An answer without a body."""
        return cls.status(status, b"", "application/json", **match)

    @classmethod
    def broken_json(cls, **match: Any) -> Fault:
        """See BrokenJson."""
        return cls(action=BrokenJson(), **match)

    @classmethod
    def unknown_charset(cls, **match: Any) -> Fault:
        """See UnknownCharset."""
        return cls(action=UnknownCharset(), **match)

    @classmethod
    def redirect(cls, location: str, status: int = 302, **match: Any) -> Fault:
        """See Redirected."""
        return cls(action=Redirected(location, status), **match)

    @classmethod
    def slow(cls, wait: Union[float, threading.Event], **match: Any) -> Fault:
        """See Slow."""
        return cls(action=Slow(wait), **match)

    @classmethod
    def drip(cls, pause: float = 0.01, **match: Any) -> Fault:
        """See Drip."""
        return cls(action=Drip(pause), **match)

    @classmethod
    def hang_up(cls, **match: Any) -> Fault:
        """See HangUp."""
        return cls(action=HangUp(), **match)

    @classmethod
    def cut_after_read(cls, reset: bool = True, **match: Any) -> Fault:
        """See CutAfterRead."""
        return cls(action=CutAfterRead(reset), **match)

    @classmethod
    def cut_midway(cls, **match: Any) -> Fault:
        """See CutMidway."""
        return cls(action=CutMidway(), **match)

    @classmethod
    def cut_while_read(cls, bytes_read: int, reset: bool = True, **match: Any) -> Fault:
        """See CutWhileRead."""
        return cls(action=CutWhileRead(bytes_read, reset), **match)

    @classmethod
    def cut_before_read(cls, reset: bool = True, **match: Any) -> Fault:
        """See CutBeforeRead."""
        return cls(action=CutBeforeRead(reset), **match)

    @classmethod
    def handshake(cls, how: str = "close", **match: Any) -> Fault:
        """See Handshake."""
        return cls(action=Handshake(how), **match)

    @classmethod
    def refuse(
        cls,
        code: str,
        method: Union[None, str, re.Pattern[str]] = None,
        times: Optional[int] = 1,
        after: int = 0,
        **extra: Any,
    ) -> Fault:
        """See Refused; `extra` is what else the answer holds."""
        return cls(method, times, after, Refused(code, extra))


class FaultList:
    """The faults of a server; any thread may change them. The first that matches applies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: List[Fault] = []

    def append(self, fault: Fault) -> None:
        """Add a fault behind the others."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Nothing goes wrong from now on."""
        with self._lock:
            self._faults.clear()

    def __iter__(self) -> Iterator[Fault]:
        with self._lock:
            return iter(list(self._faults))

    def __len__(self) -> int:
        return len(self._faults)

    def take(self, method: Optional[str]) -> Optional[Action]:
        """What is to go wrong with a request to this method, or (None) with a connection."""
        with self._lock:
            for fault in self._faults:
                if fault.matches(method) and fault.take():
                    return fault.action
        return None
