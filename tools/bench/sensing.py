"""The sensor's own parts, fed by a firehose, with a service that does nothing."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import Any, Callable, Dict, Iterator

from sandbox.slack import LoopbackSlack
from sandbox.slack.state.workspace import Channel, User, Workspace
from st2slack.sensor.workspace_sensor import Services, WorkspaceSensor
from tools.bench.firehose import CHANNELS, TEAM, USERS

Dispatch = Callable[[str, Dict[str, Any], str], None]


class Fed(WorkspaceSensor):
    """A workspace whose socket is the firehose; all else is as it is."""

    url = ""

    def _url(self) -> str:
        return self.url


@contextlib.contextmanager
def sensed(url: str, dispatch: Dispatch) -> Iterator[Fed]:
    """A sensed workspace that reads from `url`. Names are looked up at a Slack on loopback."""
    with LoopbackSlack(workspace=_workspace()) as slack:
        config = {
            "api_url": slack.api_url,
            "action_token": slack.bot_token,
            "sensor": {"app_token": slack.app_token},
        }
        store: Dict[str, str] = {}
        log = logging.getLogger("bench")
        log.addHandler(logging.NullHandler())
        log.propagate = False
        stop = threading.Event()
        services = Services(dispatch, store.get, store.__setitem__, log)
        fed = Fed(config, "", services, stop)
        fed.url = url
        fed.start()
        ticking = threading.Thread(target=_tick, args=(fed, stop), daemon=True)
        ticking.start()
        try:
            yield fed
        finally:
            stop.set()
            ticking.join()
            fed.finish(2.0)


def _tick(fed: Fed, stop: threading.Event) -> None:
    """As the sensor's own loop does it."""
    while not stop.wait(1.0):
        fed.tick()


def _workspace() -> Workspace:
    made = Workspace(TEAM, "Bench", "bench")
    people = ["U0BENCH%04d" % number for number in range(USERS)]
    for user in people:
        made.add_user(User(user, user.lower(), user))
    made.add_user(User("U0HARBOUR06", "bot", "Bot", is_bot=True, bot_id="B0HARBOUR01"))
    for number in range(CHANNELS):
        channel = "C0BENCH%04d" % number
        made.add_channel(Channel(channel, channel.lower(), people[0], members=people))
    return made


class Counter:
    """Counts dispatches; `done` is set at `wanted`."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.count = 0
        self.done = threading.Event()

    def __call__(self, ref: str, payload: Dict[str, Any], trace_tag: str) -> None:
        if ref != "slack.message":
            return
        self.count += 1
        if self.count >= self.wanted:
            self.done.set()
