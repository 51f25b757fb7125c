"""The runs: among faults, with kills, with restarts. Each ends in a Report."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from sandbox.slack import LoopbackSlack
from sandbox.slack.seed import BOT, OWNER
from sandbox.slack.state import Channel, User
from sandbox.stackstorm.datastore import Datastore

from .faults import FAULTS, Scene
from .judge import Handed, Said, Verdict, judge
from .process import WORD, SensorProcess

PEOPLE = 2000  # so many speak that there is always somebody to look up
MOST_WAITING = 4  # faults that were armed and have not struck yet
FAULT_WAITS = 60.0  # seconds that a fault waits for its occasion
NO_PROGRESS = 90.0  # seconds without a dispatch after which what is missing counts as lost


@dataclass(frozen=True)
class Plan:
    """`messages` in `channels`; `faults` or `restarts` spread over them; `pause`: seconds of a
    dispatch; `rate`: messages a second."""

    messages: int
    channels: int = 20
    faults: int = 0
    restarts: int = 0
    transport: str = "socket_mode"
    pause: float = 0.005
    rate: float = 150.0
    seed: int = 1
    eventlet: bool = False
    keep: str = ""


@dataclass
class Report:
    """What came of a run."""

    name: str
    verdict: Verdict
    figures: Dict[str, Any] = field(default_factory=dict)
    problems: List[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether all is as promised."""
        return self.verdict.good and not self.problems


class Town:
    """A Slack, its channels, who speaks there, and the sensor's process."""

    def __init__(self, slack: LoopbackSlack, folder: Path, plan: Plan) -> None:
        self.slack = slack
        self.plan = plan
        self.chance = random.Random(plan.seed)
        self.said: List[Said] = []
        self.handed: Dict[int, List[Handed]] = defaultdict(list)
        self._numbers: Dict[str, int] = {}
        slack.workspace.next_ts = _RealTime()  # type: ignore[method-assign]
        slack.socket.retry_after = (0, 2, 10)  # as Slack, in shorter time
        self._listen()
        self._people = [self._person(number) for number in range(PEOPLE)]
        self._channels = [self._channel(number) for number in range(plan.channels)]
        self.process = SensorProcess(folder, self._config(), plan.pause, plan.eventlet)

    def _person(self, number: int) -> str:
        user = User("U0CHAOS%04d" % number, "p%d" % number, "Person %d" % number)
        return self.slack.workspace.add_user(user).id

    def _channel(self, number: int) -> str:
        channel = Channel("C0CHAOS%04d" % number, "chaos-%d" % number, OWNER)
        channel.members = [OWNER, BOT]
        return self.slack.workspace.add_channel(channel).id

    def _config(self) -> Dict[str, Any]:
        slack, rtm = self.slack, self.plan.transport == "rtm"
        key, token = ("token", slack.bot_token) if rtm else ("app_token", slack.app_token)
        config: Dict[str, Any] = {"api_url": slack.api_url, "action_token": slack.bot_token}
        config["sensor"] = {key: token}
        return config

    def _listen(self) -> None:
        """Note when each message is handed over, and over which connection."""
        record = self.slack.socket.record
        note, push = record.note, self.slack.socket.push_event

        def noting(into: List[Any], what: Any) -> None:
            number = self._numbers.get(getattr(what, "event_id", ""))
            if into is record.deliveries and number is not None:
                self.handed[number].append(Handed(time.time(), what.connection))
            note(into, what)

        def pushing(event: Any, **envelope: Any) -> str:
            text = str(event.get("text", "")).split()
            event_id = "EvChaos%d" % len(self._numbers)
            self._numbers[event_id] = int(text[1]) if text[:1] == [WORD] else -1
            return push(event, **{"event_id": event_id, **envelope})

        record.note = noting  # type: ignore[method-assign]
        self.slack.socket.push_event = pushing  # type: ignore[method-assign]

    def say(self) -> None:
        """One message, somewhere."""
        number = len(self.said)
        channel = self.chance.choice(self._channels)
        text = "%s %d" % (WORD, number)
        posted = self.slack.workspace.say(self.chance.choice(self._people), channel, text)
        self.said.append(Said(number, channel, posted["ts"]))

    def talk(self) -> Iterator[int]:
        """All messages at the plan's rate, in bursts; yields how many there are so far."""
        began = time.monotonic()
        while len(self.said) < self.plan.messages:
            for _ in range(min(self.chance.randrange(1, 40), self.plan.messages - len(self.said))):
                self.say()
            yield len(self.said)
            due = began + len(self.said) / self.plan.rate
            time.sleep(max(0.0, due - time.monotonic()))

    def wait_connected(self, timeout: float = 30.0) -> None:
        """RuntimeError where nobody connects."""
        if not self.slack.socket.wait_for(lambda: self.slack.socket.connections, timeout):
            raise RuntimeError("the sensor does not connect; see %s" % self.process.folder)

    def wait_until_all_came(self) -> None:
        """Or until nothing comes any more."""
        wanted = {each.number for each in self.said}
        count, last = -1, time.monotonic()
        while time.monotonic() - last < NO_PROGRESS:
            now = self.process.count()
            if now != count:
                count, last = now, time.monotonic()
                if now >= len(wanted) and wanted <= {e.number for e in self.process.messages()}:
                    return
            if not self.process.alive:
                return
            time.sleep(0.2)

    def status(self) -> Dict[str, Any]:
        """What the sensor's status told last."""
        store = Datastore("chaos", self.process.folder / "datastore.json")
        text = store.get_value("slack_sensor.status", local=False)
        return dict(json.loads(text)) if text else {}


class _RealTime:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> str:
        with self._lock:
            self._last = max(time.time_ns() // 1000, self._last + 1)
            return "%d.%06d" % divmod(self._last, 1_000_000)


def among_faults(plan: Plan) -> Report:
    """One process, faults all the time: once each, in order."""
    with LoopbackSlack() as slack, tempfile.TemporaryDirectory() as folder:
        town = Town(slack, Path(folder), plan)
        scene = Scene(slack, Path(folder), plan.transport, town.chance)
        try:
            town.process.start()
            town.wait_connected()
            began = time.monotonic()
            kinds = _talk_among_faults(town, scene)
            waiting = scene.waiting()
            scene.settle()
            town.wait_until_all_came()
            took = time.monotonic() - began
            alive = town.process.alive
            leaving = town.process.terminate() if alive else 0.0
            report = _report("among faults", town, [])
        finally:
            town.process.end()
        report.figures.update(
            {"seconds": round(took, 1), "faults": sum(kinds.values()), "by kind": dict(kinds)}
        )
        report.figures["of these never struck"] = waiting
        report.figures["seconds to leave"] = round(leaving, 2)
        if not alive:  # it must outlive whatever happens
            report.problems.append("the sensor's process died")
        return report


def _talk_among_faults(town: Town, scene: Scene) -> Counter[str]:
    kinds: Counter[str] = Counter()
    every = town.plan.messages / max(1, town.plan.faults)
    names = sorted(FAULTS)
    for count in town.talk():
        while sum(kinds.values()) < town.plan.faults and sum(kinds.values()) * every < count:
            name = town.chance.choice(names)
            if not _strikes(name, scene):
                break
            kinds[name] += 1
    return kinds


def _strikes(name: str, scene: Scene) -> bool:
    """Let a fault happen, as soon as it can; whether it did.

    One that needs a connection waits for it, and those that are armed do not pile up: else most of
    them would meet a sensor that is just away, and nothing would be tried.
    """
    ends = time.monotonic() + FAULT_WAITS
    while time.monotonic() < ends:
        if scene.waiting() < MOST_WAITING and FAULTS[name](scene):
            return True
        time.sleep(0.02)
    return False


def with_restarts(plan: Plan, kill: bool) -> Report:
    """The process is killed, or stopped, and started again, again and again."""
    name = "kill -9 and restart" if kill else "SIGTERM and restart"
    with LoopbackSlack() as slack, tempfile.TemporaryDirectory() as folder:
        town = Town(slack, Path(folder), plan)
        unsaved: List[Tuple[float, float]] = []
        leaving: List[float] = []
        try:
            town.process.start()
            town.wait_connected()
            began = time.monotonic()
            every = plan.messages / (plan.restarts + 1)
            done = 0
            for count in town.talk():
                if done < plan.restarts and count >= (done + 1) * every:
                    done += 1
                    if kill:
                        unsaved.append(_killed(town))
                    else:
                        leaving.append(town.process.terminate())
                    town.process.start()
            town.wait_until_all_came()
            took = time.monotonic() - began
            leaving.append(town.process.terminate())
            report = _report(name, town, unsaved)
        finally:
            town.process.end()
        report.figures.update({"seconds": round(took, 1), "restarts": done})
        report.figures["longest time to leave"] = round(max(leaving), 2)
        if max(leaving) > 3:
            report.problems.append("it took %.1f s to leave; 3 are promised" % max(leaving))
        spans = [killed - since for since, killed in unsaved if since]
        if spans:
            report.figures["longest time not saved at a kill"] = round(max(spans), 2)
        return report


def _killed(town: Town) -> Tuple[float, float]:
    killed = town.process.kill()
    since = max((each["began"] for each in town.process.saves()), default=0.0)
    return since, killed


def _report(name: str, town: Town, unsaved: List[Tuple[float, float]]) -> Report:
    dispatched = town.process.messages()
    verdict = judge(town.said, dispatched, town.handed, unsaved)
    saves = town.process.saves()
    gaps = [later["began"] - each["began"] for each, later in zip(saves, saves[1:])]
    status = town.status()
    report = Report("%s, %s" % (name, town.plan.transport), verdict)
    report.figures.update(
        {
            "messages": len(town.said),
            "dispatches": len(dispatched),
            "lost": len(verdict.lost),
            "twice": len(verdict.twice),
            "twice, as a kill may leave it": len(verdict.allowed),
            "disorder": len(verdict.disorder),
            "disorder of Slack's own": len(verdict.slacks_own),
            "deliveries by Slack": sum(map(len, town.handed.values())),
            "reconnects of the last process": status.get("reconnects", 0),
            "known again": status.get("known", 0),
            "caught up": status.get("caught_up", 0),
            "largest value in the datastore": max((each["bytes"] for each in saves), default=0),
            "writes": len(saves),
            "tracebacks": town.process.errors(),
        }
    )
    if town.plan.keep and not verdict.good:
        _keep(town, report)
    if town.process.errors():
        report.problems.append("its log has tracebacks: " + _first_traceback(town))
    if any(each["bytes"] >= 64 * 1024 for each in saves):
        report.problems.append("a value in the datastore has 64 KiB or more")
    if gaps and not unsaved and sum(gap < 0.9 for gap in gaps) > 2 * (1 + town.plan.restarts):
        report.problems.append("it writes more often than once a second")
    return report


def _keep(town: Town, report: Report) -> None:
    """For whoever looks for the reason: the sensor's files, and what Slack did."""
    folder = Path(town.plan.keep) / report.name.replace(" ", "_").replace(",", "")
    shutil.copytree(town.process.folder, folder, dirs_exist_ok=True)
    verdict = report.verdict
    wrong = {*verdict.lost, *verdict.twice, *(each for pair in verdict.disorder for each in pair)}
    lines = [
        {"said": town.said[number], "handed": town.handed.get(number)} for number in sorted(wrong)
    ]
    text = "\n".join(map(json.dumps, lines))
    (folder / "wrong.jsonl").write_text(text, encoding="utf-8")


def _first_traceback(town: Town) -> str:
    text = (town.process.folder / "log").read_text(encoding="utf-8", errors="replace")
    return text[text.find("Traceback") - 200 :][:2000]
