"""The sensor: how fast from socket to dispatch, how late, and what a million messages cost.

The service does nothing, so what is measured is ours. Beside it, in the same run and from the same
server, stands `websockets` alone doing what nobody can do without: read a frame, parse it,
acknowledge it. For information: reading alone, and slack_sdk's own SocketModeClient.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional

from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from websockets.sync.client import connect

from tools.bench.firehose import Firehose
from tools.bench.result import Figure, Result, Row
from tools.bench.sensing import Counter, sensed

# So many that looking up 25 names at the beginning hardly counts.
FRAMES, ROUNDS = 20_000, 7
SDK_FRAMES, SDK_PATIENCE = 500, 30.0  # a burst of 1,000 it does not survive (tried)
RATE, PACED, WARM = 200.0, 1_100, 100  # messages a second, messages, of which not counted
SETTLED = 20_000  # messages after which queue and caches have their size
DEFAULT_MESSAGES = 300_000
PATIENCE = 600.0
PROMISED = 0.35 if sys.version_info >= (3, 10) else 0.0  # websockets 13.1 is another story


def throughput() -> List[Row]:
    """Frames from socket to dispatch, as a ratio to `websockets` alone."""
    with Firehose() as hose:
        ours, alone, read = _medians(
            lambda: _ours(hose.url(FRAMES)),
            lambda: _alone(hose.url(FRAMES), acknowledge=True),
            lambda: _alone(hose.url(FRAMES), acknowledge=False),
        )
        sdk = _sdk(hose.url(SDK_FRAMES))
    what = "%d frames to dispatch (%.0f/s)" % (FRAMES, FRAMES / ours)
    against = "websockets alone (%.0f/s)" % (FRAMES / alone)
    rows: List[Row] = [Result("sensor", what, ours, against, alone, PROMISED, at_most=False)]
    rows.append(Figure("", "websockets, reading only", FRAMES / read, "frames/s"))
    if sdk is None:
        told = "slack_sdk's SocketModeClient: of %d frames not all within" % SDK_FRAMES
        return [*rows, Figure("", told, SDK_PATIENCE, "s")]
    return [*rows, Figure("", "slack_sdk's SocketModeClient", SDK_FRAMES / sdk, "frames/s")]


def _medians(*works: Callable[[], float]) -> List[float]:
    """Of the seconds that each work tells; they take turns."""
    taken = [[work() for work in works] for _ in range(ROUNDS)]
    return [statistics.median(each) for each in zip(*taken)]


def latency() -> List[Row]:
    """From the server's write to the dispatch; what `websockets` itself takes is in it."""
    with Firehose() as hose:
        url = hose.url(PACED, RATE)
        ours, alone = _late(url), _late_alone(url)
    what = "write to dispatch, %g messages/s, %s"
    return [
        Figure("latency", what % (RATE, "p50"), _percentile(ours, 50), "ms", 2.0),
        Figure("", what % (RATE, "p99"), _percentile(ours, 99), "ms", 20.0),
        Figure("", "websockets alone, p50", _percentile(alone, 50), "ms"),
        Figure("", "websockets alone, p99", _percentile(alone, 99), "ms"),
    ]


def memory(messages: int = DEFAULT_MESSAGES) -> Optional[List[Row]]:
    """Growth of the process while so many messages pass. None where /proc tells nothing."""
    if _resident() is None:
        return None
    with Firehose() as hose:
        growth = _growth(hose.url(messages), messages)
    return [Figure("memory", "growth over %d messages" % messages, growth, "MB", 10.0)]


def _ours(url: str) -> float:
    """Seconds from the first dispatch to the last."""
    counter = Counter(FRAMES)
    moments: List[float] = []

    def dispatch(ref: str, payload: Dict[str, Any], trace_tag: str) -> None:
        if ref == "slack.message" and not moments:
            moments.append(time.perf_counter())
        counter(ref, payload, trace_tag)

    with sensed(url, dispatch):
        _wait(counter.done)
        return time.perf_counter() - moments[0]


def _alone(url: str, acknowledge: bool) -> float:
    """Seconds from the first frame to the last."""
    with connect(url, compression=None, close_timeout=0.1) as socket:
        socket.recv()  # hello
        socket.recv()
        begun = time.perf_counter()
        for _ in range(FRAMES - 1):
            text = socket.recv()
            if acknowledge:
                envelope_id = json.loads(text).get("envelope_id")
                socket.send(json.dumps({"envelope_id": envelope_id}))
        return time.perf_counter() - begun


def _sdk(url: str) -> Optional[float]:
    """Seconds from the first frame to the last of slack_sdk's own client; None if it never came."""
    done, moments = threading.Event(), []

    def listen(client: Any, request: Any) -> None:
        moments.append(time.perf_counter())
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        if len(moments) >= SDK_FRAMES:
            done.set()

    client = SocketModeClient(app_token="xapp-bench", auto_reconnect_enabled=False)
    client.logger.disabled = True
    client.socket_mode_request_listeners.append(listen)
    client.wss_uri = url
    try:
        client.connect()
        return time.perf_counter() - moments[0] if done.wait(SDK_PATIENCE) else None
    finally:
        client.close()


def _late(url: str) -> List[float]:
    counter, late = Counter(PACED), []

    def dispatch(ref: str, payload: Dict[str, Any], trace_tag: str) -> None:
        if ref == "slack.message":
            late.append(time.monotonic() - float(payload["text"]))
        counter(ref, payload, trace_tag)

    with sensed(url, dispatch):
        _wait(counter.done)
    return late[WARM:]


def _late_alone(url: str) -> List[float]:
    late = []
    with connect(url, compression=None, close_timeout=0.1) as socket:
        socket.recv()  # hello
        for _ in range(PACED):
            event = json.loads(socket.recv())["payload"]["event"]
            late.append(time.monotonic() - float(event["text"]))
    return late[WARM:]


def _growth(url: str, messages: int) -> float:
    """MB between the time when all has its size and the end."""
    counter = Counter(messages)
    before: List[Optional[int]] = []

    def dispatch(ref: str, payload: Dict[str, Any], trace_tag: str) -> None:
        counter(ref, payload, trace_tag)
        if counter.count == min(SETTLED, messages // 2) and not before:
            before.append(_resident())

    with sensed(url, dispatch):
        _wait(counter.done)
        gc.collect()
        after = _resident()
    return ((after or 0) - (before[0] or 0)) / 1e6


def _resident() -> Optional[int]:
    """Bytes of this process in memory."""
    try:
        with open("/proc/self/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
    except (OSError, StopIteration):
        return None


def _wait(done: threading.Event) -> None:
    if not done.wait(PATIENCE):
        raise RuntimeError("the sensor did not dispatch everything within %g s" % PATIENCE)


def _percentile(seconds: List[float], percent: int) -> float:
    """In milliseconds."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000


MEASURES: Dict[str, Callable[..., Optional[List[Row]]]] = {
    "sensor": throughput,
    "latency": latency,
    "memory": memory,
}
