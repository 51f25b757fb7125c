"""What goes wrong, at random: each fault is a function of the scene."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from sandbox.slack import Fault, SocketFault
from sandbox.slack.http.faults import FaultList
from sandbox.slack.sockets.socket_faults import GARBAGE, Wire, oversized
from sandbox.stackstorm.sensor.host_service import NO_BUS, NO_DATABASE, NO_DATASTORE

from .traffic import Traffic

OPENING = {"rtm": "rtm.connect", "socket_mode": "apps.connections.open"}


class Scene:
    """Where faults happen. `timers` undo what lasts for a while."""

    def __init__(self, traffic: Traffic, folder: Path) -> None:
        self.traffic = traffic
        self.slack = traffic.slack
        self.folder = folder
        self.opening = OPENING[traffic.plan.transport]
        self.chance = traffic.chance
        self.timers: List[threading.Timer] = []
        self.armed: List[Tuple[str, Fault]] = []

    def link(self) -> Any:
        """One of the live connections, None where there is none."""
        links = self.slack.socket.connections
        living = [link for link in links if not link.frozen]
        return self.chance.choice(living) if living else None

    def arm(self, name: str, fault: Fault, among: FaultList) -> None:
        """It strikes when its time comes."""
        self.armed.append((name, fault))
        among.append(fault)

    def waiting(self) -> int:
        """How many of those that were armed have not struck."""
        return sum(not fault.used for _, fault in self.armed)

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


def _on_link(name: str, *args: Any, dies: bool = True) -> Callable[[Scene], bool]:
    def fault(scene: Scene) -> bool:
        link = scene.link()
        if link is not None:
            if dies:
                scene.traffic.link_dies(link.number)
            getattr(link, name)(*args)
        return link is not None

    return fault


def _raw(item: Any, dies: bool = False) -> Callable[[Scene], bool]:
    return _on_link("send_raw", item, dies=dies)


def _oversized(scene: Scene) -> bool:
    return _raw(oversized(), dies=True)(scene)


def _leave(reason: str) -> Callable[[Scene], bool]:
    def fault(scene: Scene) -> bool:
        after, link = scene.chance.choice((None, 0.2, 1.0, 3.0)), scene.link()
        if link is not None:
            scene.slack.socket.disconnect(reason, after, link)
        return link is not None

    return fault


def _after_opening(name: str, make: Callable[[Scene], Fault]) -> Callable[[Scene], bool]:
    """The next opening or handshake is spoiled, and the connection cut so that there is one."""

    def fault(scene: Scene) -> bool:
        made = make(scene)
        api = made.method == scene.opening
        scene.arm(name, made, scene.slack.faults if api else scene.slack.socket.faults)
        link = scene.link()
        if link is not None:
            scene.traffic.link_dies(link.number)
            link.cut()
        return True

    return fault


def _opening(name: str, make: Callable[[Scene], Fault]) -> Tuple[str, Callable[[Scene], bool]]:
    return name, _after_opening(name, make)


def _api(
    name: str, make: Callable[..., Fault], method: str, *args: Any
) -> Tuple[str, Callable[[Scene], bool]]:
    def fault(scene: Scene) -> bool:
        scene.arm(name, make(*args, method=method), scene.slack.faults)
        return True

    return name, fault


def _file(name: str, longest: float) -> Callable[[Scene], bool]:
    def fault(scene: Scene) -> bool:
        scene.file_for(name, scene.chance.uniform(0.1, longest))
        return True

    return fault


def _half_open(scene: Scene) -> bool:
    """The connection carries nothing more, and ends much later."""
    link = scene.link()
    if link is not None:
        scene.traffic.link_dies(link.number)
        link.freeze()
        scene.later(scene.chance.uniform(*scene.traffic.plan.half_open), link.cut)
    return link is not None


# Each says whether it could happen at all.
FAULTS: Dict[str, Callable[[Scene], bool]] = {
    "cut": _on_link("cut"),
    "eof": _on_link("eof"),
    "half-open": _half_open,
    "close": _on_link("close", 1011),
    "garbage": _raw(Wire(GARBAGE), dies=True),
    "binary frame": _raw(b"\x00\xff"),
    "not JSON": _raw("{no JSON"),
    "oversized": _oversized,
    "disconnect: warning": _leave("warning"),
    "disconnect: refresh": _leave("refresh_requested"),
    "disconnect: link_disabled": _leave("link_disabled"),
    "dispatch fails": _file(NO_BUS, 1.0),
    "look-up fails": _file(NO_DATABASE, 1.0),
    "datastore fails": _file(NO_DATASTORE, 3.0),
}
FAULTS.update(
    [
        _opening("opening: 429", lambda s: Fault.rate_limited(1, method=s.opening)),
        _opening("opening: 500", lambda s: Fault.status(500, method=s.opening, times=2)),
        _opening("opening: refused", lambda s: Fault.refuse("invalid_auth", method=s.opening)),
        _opening("handshake: 502", lambda s: SocketFault.status(502)),
        _opening("handshake: half", lambda s: SocketFault.half_handshake()),
        _opening("handshake: no hello", lambda s: SocketFault.no_hello()),
        _opening("cut after some", lambda s: SocketFault.cut(at=s.chance.randrange(1, 30))),
        _opening("eof after some", lambda s: SocketFault.eof(at=s.chance.randrange(1, 30))),
        _api("slow users.info", Fault.slow, "users.info", 3.0),
        _api("slow history", Fault.slow, "conversations.history", 0.5),
        _api("429 users.info", Fault.rate_limited, "users.info", 1),
        _api("429 history", Fault.rate_limited, "conversations.history", 1),
        _api("500 history", Fault.status, "conversations.history", 500),
        _api("429 conversations", Fault.rate_limited, "users.conversations", 1),
    ]
)
