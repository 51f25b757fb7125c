"""What goes wrong, at random: each fault is a function of the scene."""

from __future__ import annotations

import contextlib
import random
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List

from sandbox.slack import Fault, LoopbackSlack, SocketFault
from sandbox.slack.socket_faults import GARBAGE, Wire, oversized
from sandbox.stackstorm.sensor_service import NO_BUS, NO_DATASTORE

OPENING = {"rtm": "rtm.connect", "socket_mode": "apps.connections.open"}


class Scene:
    """Where faults happen. `timers` undo what lasts for a while."""

    def __init__(
        self, slack: LoopbackSlack, folder: Path, transport: str, chance: random.Random
    ) -> None:
        self.slack = slack
        self.folder = folder
        self.opening = OPENING[transport]
        self.chance = chance
        self.timers: List[threading.Timer] = []

    def link(self) -> Any:
        """One of the live connections, None where there is none."""
        links = self.slack.socket.connections
        return self.chance.choice(links) if links else None

    def file_for(self, name: str, seconds: float) -> None:
        """Let the file be there for so long."""
        (self.folder / name).touch()
        self.later(seconds, (self.folder / name).unlink)

    def later(self, seconds: float, work: Callable[[], Any]) -> None:
        """Do it then."""

        def safely() -> None:
            with contextlib.suppress(FileNotFoundError):
                work()

        timer = threading.Timer(seconds, safely)
        timer.daemon = True
        timer.start()
        self.timers.append(timer)

    def settle(self) -> None:
        """Nothing goes wrong any more."""
        for timer in self.timers:
            timer.join()
        self.slack.faults.clear()
        self.slack.socket.faults.clear()


def _on_link(name: str, *args: Any) -> Callable[[Scene], None]:
    def fault(scene: Scene) -> None:
        link = scene.link()
        if link is not None:
            getattr(link, name)(*args)

    return fault


def _raw(item: Any) -> Callable[[Scene], None]:
    return _on_link("send_raw", item)


def _oversized(scene: Scene) -> None:
    link = scene.link()
    if link is not None:
        link.send_raw(oversized())


def _leave(reason: str) -> Callable[[Scene], None]:
    def fault(scene: Scene) -> None:
        after = scene.chance.choice((None, 0.2, 1.0, 3.0))
        scene.slack.socket.disconnect(reason, after, scene.link())

    return fault


def _after_opening(make: Callable[[Scene], Fault], also: bool = True) -> Callable[[Scene], None]:
    """The next opening or handshake is spoiled, and the connection cut so that there is one."""

    def fault(scene: Scene) -> None:
        made = make(scene)
        api = made.method == scene.opening
        (scene.slack.faults if api else scene.slack.socket.faults).append(made)
        link = scene.link()
        if link is not None:
            link.cut()

    return fault


def _api(make: Callable[..., Fault], method: str, *args: Any) -> Callable[[Scene], None]:
    def fault(scene: Scene) -> None:
        scene.slack.faults.append(make(*args, method=method))

    return fault


FAULTS: Dict[str, Callable[[Scene], None]] = {
    "cut": _on_link("cut"),
    "eof": _on_link("eof"),
    "freeze": _on_link("freeze"),
    "close": _on_link("close", 1011),
    "garbage": _raw(Wire(GARBAGE)),
    "binary frame": _raw(b"\x00\xff"),
    "not JSON": _raw("{no JSON"),
    "oversized": _oversized,
    "disconnect: warning": _leave("warning"),
    "disconnect: refresh": _leave("refresh_requested"),
    "disconnect: link_disabled": _leave("link_disabled"),
    "opening: 429": _after_opening(lambda s: Fault.rate_limited(1, method=s.opening)),
    "opening: 500": _after_opening(lambda s: Fault.status(500, method=s.opening, times=2)),
    "opening: refused": _after_opening(lambda s: Fault.refuse("invalid_auth", method=s.opening)),
    "handshake: 502": _after_opening(lambda s: SocketFault.status(502)),
    "handshake: half": _after_opening(lambda s: SocketFault.half_handshake()),
    "handshake: no hello": _after_opening(lambda s: SocketFault.no_hello()),
    "cut after some": _after_opening(lambda s: SocketFault.cut(at=s.chance.randrange(1, 30))),
    "eof after some": _after_opening(lambda s: SocketFault.eof(at=s.chance.randrange(1, 30))),
    "dispatch fails": lambda s: s.file_for(NO_BUS, s.chance.uniform(0.1, 1.0)),
    "datastore fails": lambda s: s.file_for(NO_DATASTORE, s.chance.uniform(0.1, 3.0)),
    "slow users.info": _api(Fault.slow, "users.info", 3.0),
    "slow history": _api(Fault.slow, "conversations.history", 0.5),
    "429 users.info": _api(Fault.rate_limited, "users.info", 1),
    "429 conversations.info": _api(Fault.rate_limited, "conversations.info", 1),
    "429 history": _api(Fault.rate_limited, "conversations.history", 1),
    "500 history": _api(Fault.status, "conversations.history", 500),
}
