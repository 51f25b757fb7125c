"""What the sensor's tests share: a workspace sensed over real sockets, and what came of it."""

import contextlib
import json
import logging
import threading
import time

from sandbox.slack.state import seed
from st2slack.sensor.workspace_sensor import Services, WorkspaceSensor

PATIENCE = 60  # seconds; a test that waits so long has failed
TRANSPORTS = ("rtm", "socket_mode")
OPENING = {"rtm": "rtm.connect", "socket_mode": "apps.connections.open"}
G, D, INC = seed.GENERAL, seed.DEPLOYS, seed.INCIDENTS


class RealTime:
    """Timestamps of this moment, each later than all before: what is missed is fetched by them."""

    def __init__(self):
        self._last = 0
        self._lock = threading.Lock()

    def __call__(self):
        with self._lock:
            self._last = max(time.time_ns() // 1000, self._last + 1)
            return "%d.%06d" % divmod(self._last, 1_000_000)


class Kept(logging.Handler):
    """Log lines, formatted as they would be written."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append("%s %s" % (record.levelname, self.format(record)))

    def of(self, level):
        return [line for line in list(self.lines) if line.startswith(level)]


class Sensing:
    """A sensed workspace, its host, and what was dispatched: `(ref, payload, tag)`.

    `before` is called with each trigger before it counts as dispatched: it may raise or wait.
    """

    def __init__(self, slack, transport="socket_mode", store=None, config=None, **sensor):
        self.slack = slack
        self.transport = transport
        self.store = {} if store is None else store
        self.dispatched = []
        self.before = lambda ref, payload: None
        self.write_fails = None
        key, token = (
            ("app_token", slack.app_token)
            if transport == "socket_mode"
            else ("token", slack.bot_token)
        )
        self.config = {
            "api_url": slack.api_url,
            "action_token": slack.bot_token,
            "sensor": {key: token, **sensor},
            **(config or {}),
        }
        self.log = Kept()
        logger = logging.Logger("sensing")
        logger.addHandler(self.log)
        self.stop = threading.Event()
        self.services = Services(
            self._dispatch, self.store.get, self._write, logger, self.store.get
        )
        self.workspace = WorkspaceSensor(self.config, "", self.services, self.stop)
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self._finished = False

    def _dispatch(self, ref, payload, tag):
        self.before(ref, payload)
        self.dispatched.append((ref, json.loads(json.dumps(payload)), tag))

    def _write(self, key, text):
        if self.write_fails is not None:
            raise self.write_fails
        self.store[key] = text

    def _tick(self):
        while not self.stop.wait(0.02):
            self.workspace.tick()

    # --- life ---

    def start(self, connected=True):
        self.workspace.start()
        self._ticker.start()
        if connected:
            self.wait_connected()
        return self

    def finish(self):
        """As on SIGTERM."""
        if not self._finished:
            self._finished = True
            self.stop.set()
            self.workspace.finish(2.0)
            self._ticker.join(PATIENCE)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc_info):
        self.finish()

    # --- what came of it ---

    def of(self, ref):
        return [payload for each, payload, _ in list(self.dispatched) if each == ref]

    @property
    def texts(self):
        """The texts of the messages that were dispatched, in order."""
        return [payload["text"] for payload in self.of("slack.message")]

    @property
    def states(self):
        return [payload["state"] for payload in self.of("slack.sensor_state")]

    def figure(self, name):
        return self.workspace.document().get(name, 0)

    def wait_connected(self):
        until(lambda: self.workspace.document()["state"] == "connected")
        until(self.links)

    def wait_texts(self, count, timeout=PATIENCE):
        until(lambda: len(self.texts) >= count, timeout)
        return self.texts

    def links(self):
        """The live connections, as Slack sees them."""
        return self.slack.socket.connections

    def link(self):
        return self.links()[-1]

    # --- what happens ---

    def say(self, text, channel=G, user=seed.OWNER, **more):
        return self.slack.workspace.say(user, channel, text, **more)


def until(predicate, timeout=PATIENCE):
    """Wait until it holds; AssertionError where it does not in time."""
    ends = time.monotonic() + timeout
    while not predicate():
        assert time.monotonic() < ends, "waited in vain for %s" % predicate
        time.sleep(0.002)


@contextlib.contextmanager
def real_time(slack):
    """The workspace's timestamps are those of now."""
    slack.workspace.next_ts = RealTime()
    yield slack


def numbers(texts, word="m"):
    """The numbers of "m 0", "m 1" … in the order in which they came."""
    return [int(text.split()[1]) for text in texts if text.split()[0] == word]
