"""The runs: among faults, with kills and restarts, a burst. Each ends in a Report."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from sandbox.slack import LoopbackSlack
from sandbox.slack.http.rate_limits import TIERS, RateLimits
from sandbox.stackstorm.datastore import Datastore

from .faults import FAULTS, Scene
from .judge import judge
from .plan import Plan, Report
from .process import SensorProcess
from .traffic import Command, Traffic

MOST_WAITING = 4  # faults that were armed and have not struck yet
FAULT_WAITS = 60.0  # seconds that a fault waits for its occasion
NO_PROGRESS = 90.0  # seconds without a dispatch after which what is missing counts as lost
LONGEST = 4 * 3600.0  # seconds that a run with limits may take to catch up
WITHIN = 1.0  # seconds in which a command is acknowledged


class Town:
    """A Slack, its traffic, and the sensor's process."""

    def __init__(self, slack: LoopbackSlack, folder: Path, plan: Plan) -> None:
        self.slack = slack
        self.plan = plan
        if plan.limits:
            slack.limits = RateLimits(TIERS)
        self.traffic = Traffic(slack, plan)
        self.process = SensorProcess(folder, self._config(), plan)

    def _config(self) -> Dict[str, Any]:
        slack, rtm = self.slack, self.plan.transport == "rtm"
        key, token = ("token", slack.bot_token) if rtm else ("app_token", slack.app_token)
        config: Dict[str, Any] = {"api_url": slack.api_url, "action_token": slack.bot_token}
        config["sensor"] = {key: token, "events": ["message_changed"]}
        return config

    def wait_connected(self, timeout: float = 60.0) -> None:
        """RuntimeError where nobody connects."""
        if not self.slack.socket.wait_for(lambda: self.slack.socket.connections, timeout):
            raise RuntimeError("the sensor does not connect; see %s" % self.process.folder)

    def wait_until_caught_up(self) -> None:
        """Until all came; with limits, until the sensor says that nothing is left to be fetched.
        Or until nothing comes any more."""
        ends = time.monotonic() + LONGEST
        count, last, calls = -1, time.monotonic(), -1
        while time.monotonic() < ends and self.process.alive:
            now, made = self.process.count(), len(self.slack.requests)
            if now != count or (self.plan.limits and made != calls):
                count, calls, last = now, made, time.monotonic()
            if self._all_came(now) and (not self.plan.limits or self._is_caught_up()):
                return
            if time.monotonic() - last > NO_PROGRESS or (
                self.plan.limits and self._is_caught_up() and time.monotonic() - last > 30.0
            ):
                return
            time.sleep(0.3)

    def _all_came(self, count: int) -> bool:
        said = self.traffic.said
        if count < len(said):
            return False
        return {each.number for each in said} <= {each.number for each in self.process.messages()}

    def _is_caught_up(self) -> bool:
        status = self.status()
        return status.get("state") == "connected" and not (
            status.get("lines_to_catch_up") or status.get("queue")
        )

    def status(self) -> Dict[str, Any]:
        """What the sensor's status told last."""
        store = Datastore("chaos", self.process.folder / "datastore.json")
        text = store.get_value("slack_sensor.status", local=False)
        return dict(json.loads(text)) if text else {}


@contextlib.contextmanager
def _town(plan: Plan) -> Iterator[Town]:
    """Everything is there, and the sensor is connected; all of it ends."""
    with LoopbackSlack() as slack, tempfile.TemporaryDirectory() as folder:
        town = Town(slack, Path(folder), plan)
        try:
            town.process.start()
            town.wait_connected()
            yield town
        finally:
            town.process.end()


def among_faults(plan: Plan) -> Report:
    """One process, faults all the time: once each, in order."""
    with _town(plan) as town:
        scene = Scene(town.traffic, town.process.folder)
        began = time.monotonic()
        kinds = _talk_among_faults(town, scene)
        waiting = scene.waiting()
        scene.settle()
        ended = time.monotonic()
        town.wait_until_caught_up()
        took = time.monotonic() - began
        alive = town.process.alive
        leaving = town.process.terminate() if alive else 0.0
        limits = ", limits" if plan.limits else ""
        report = _report("among faults, %g/s%s" % (plan.rate, limits), town, [])
        report.figures.update(
            {"seconds": round(took, 1), "faults": sum(kinds.values()), "by kind": dict(kinds)}
        )
        report.figures["seconds to catch up after the end"] = round(took - (ended - began), 1)
        report.figures["of these never struck"] = waiting
        report.figures["seconds to leave"] = round(leaving, 2)
        if not alive:  # it must outlive whatever happens
            report.problems.append("the sensor's process died")
        return report


def _talk_among_faults(town: Town, scene: Scene) -> Counter[str]:
    kinds: Counter[str] = Counter()
    every = town.plan.messages / max(1, town.plan.faults)
    for count in town.traffic.talk():
        # One that has no occasion yet is tried again with the next message: nobody falls silent.
        due = sum(kinds.values()) < town.plan.faults and sum(kinds.values()) * every < count
        if due and scene.waiting() < MOST_WAITING:
            _strike(scene, kinds)
    ends = time.monotonic() + FAULT_WAITS
    while sum(kinds.values()) < town.plan.faults and time.monotonic() < ends:
        if not _strike(scene, kinds):
            time.sleep(0.02)
    return kinds


def _strike(scene: Scene, kinds: Counter[str]) -> bool:
    """Let one of the faults happen; False where it has no occasion just now."""
    name = scene.chance.choice(sorted(FAULTS))
    struck = FAULTS[name](scene)
    kinds[name] += struck
    return struck


def with_restarts(plan: Plan) -> Report:
    """The process is killed, or stopped, and started again, in turn."""
    unsaved: List[Tuple[float, float]] = []
    leaving: List[float] = []
    with _town(plan) as town:
        began = time.monotonic()
        every = plan.messages / (plan.restarts + 1)
        done = 0
        for count in town.traffic.talk():
            if done < plan.restarts and count >= (done + 1) * every:
                done += 1
                if done % 2:
                    unsaved.append(_killed(town))
                else:
                    leaving.append(town.process.terminate())
                town.process.start()
        town.wait_until_caught_up()
        took = time.monotonic() - began
        leaving.append(town.process.terminate())
        report = _report("kill -9, SIGTERM and restart", town, unsaved)
        report.figures.update({"seconds": round(took, 1), "restarts": done})
        report.figures["longest time to leave"] = round(max(leaving), 2)
        if max(leaving) > plan.leaves_within:
            report.problems.append(
                "it took %.1f s to leave; %g are promised" % (max(leaving), plan.leaves_within)
            )
        spans = [killed - since for since, killed in unsaved if since]
        if spans:
            report.figures["longest time not saved at a kill"] = round(max(spans), 2)
        return report


def in_a_burst(plan: Plan) -> Report:
    """All messages at once, and no fault."""
    with _town(plan) as town:
        began = time.monotonic()
        town.traffic.burst(plan.messages)
        told = time.monotonic() - began
        town.wait_until_caught_up()
        took = time.monotonic() - began
        reconnects = town.status().get("reconnects", 0)
        leaving = town.process.terminate()
        report = _report("a burst of %d" % plan.messages, town, [])
        report.figures.update(
            {
                "seconds": round(took, 1),
                "seconds until all was read": round(told, 1),
                "seconds to leave": round(leaving, 2),
            }
        )
        if reconnects:
            report.problems.append("the connection was given up")
        return report


def _killed(town: Town) -> Tuple[float, float]:
    killed = town.process.kill()
    since = max((each["began"] for each in town.process.saves()), default=0.0)
    return since, killed


def _report(name: str, town: Town, unsaved: List[Tuple[float, float]]) -> Report:
    traffic = town.traffic
    dispatched = town.process.messages()
    verdict = judge(traffic.said, dispatched, traffic.handed, unsaved)
    saves = town.process.saves()
    gaps = [later["began"] - each["began"] for each, later in zip(saves, saves[1:])]
    status = town.status()
    report = Report("%s, %s" % (name, town.plan.transport), verdict)
    report.figures.update(
        {
            "messages": len(traffic.said),
            "of these in threads": sum(bool(each.line[1]) for each in traffic.said),
            "dispatches": len(dispatched),
            "lost": len(verdict.lost),
            "twice": len(verdict.twice),
            "twice, as a kill may leave it": len(verdict.allowed),
            "disorder": len(verdict.disorder),
            "disorder of Slack's own": len(verdict.slacks_own),
            "overtaken, but late as promised": len(verdict.late),
            **_lateness(town),
            **_promptness(traffic.commands(), report),
            "deliveries by Slack": sum(map(len, traffic.handed.values())),
            "calls": _calls(town),
            "of the last process": {
                key: status.get(key, 0)
                for key in ("reconnects", "known", "caught_up", "late", "lines_late", "overflowed")
            },
            "peak memory (MB)": round(town.process.peak / 1e6, 1),
            "largest value in the datastore": max((each["bytes"] for each in saves), default=0),
            "writes": len(saves),
            "tracebacks": town.process.errors(),
        }
    )
    if town.plan.keep and (not verdict.good or report.problems):
        _keep(town, report)
    if town.process.errors():
        report.problems.append("its log has tracebacks: " + _first_traceback(town))
    if any(each["bytes"] >= 64 * 1024 for each in saves):
        report.problems.append("a value in the datastore has 64 KiB or more")
    if gaps and not unsaved and sum(gap < 0.9 for gap in gaps) > 2 * (1 + town.plan.restarts):
        report.problems.append(
            "it writes more often than once a second: seconds between two writes %s"
            % sorted(round(gap, 2) for gap in gaps)[:20]
        )
    limits = town.slack.limits
    if limits is not None and any(limits.refused[each] for each in OURS):
        report.problems.append("it asked more than Slack allows: %s" % dict(limits.refused))
    return report


OURS = ("conversations.history", "conversations.replies", "users.conversations")


def _lateness(town: Town) -> Dict[str, Any]:
    """Seconds from when a message was said to its dispatch."""
    said = {each.number: float(each.ts) for each in town.traffic.said}
    first: Dict[int, float] = {}
    for each in town.process.messages():
        first.setdefault(each.number, each.at)
    late = sorted(at - said[number] for number, at in first.items() if number in said)
    return {
        "seconds late, %s" % name: round(_quantile(late, share), 2)
        for name, share in (("half", 0.5), ("90 %", 0.9), ("99 %", 0.99), ("most", 1.0))
    }


def _promptness(commands: Sequence[Command], report: Report) -> Dict[str, Any]:
    """Seconds from when a command was handed over to its acknowledgement."""
    if not commands:
        return {}
    took = sorted(
        each.acknowledged - each.handed for each in commands if each.acknowledged is not None
    )
    missing = len(commands) - len(took)
    if missing or (took and took[-1] > WITHIN):
        late = [
            each
            for each in commands
            if each.acknowledged is None or each.acknowledged - each.handed > WITHIN
        ]
        report.problems.append(
            "commands that were not acknowledged within a second: %s" % late[:20]
        )
    return {
        "commands": len(commands),
        "commands without acknowledgement": missing,
        "acknowledged within, 99 %": round(_quantile(took, 0.99), 3),
        "acknowledged within, most": round(_quantile(took, 1.0), 3),
    }


def _quantile(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def _calls(town: Town) -> Dict[str, int]:
    made = Counter(each.method for each in list(town.slack.requests))
    return {name: made[name] for name in (*OURS, "users.info") if made[name]}


def _keep(town: Town, report: Report) -> None:
    """For whoever looks for the reason: the sensor's files, and what Slack did."""
    name = report.name.replace(" ", "_").replace(",", "").replace("/", "_")
    folder = Path(town.plan.keep) / ("seed_%d" % town.plan.seed) / name
    shutil.copytree(town.process.folder, folder, dirs_exist_ok=True)
    verdict = report.verdict
    wrong = {*verdict.lost, *verdict.twice, *(each for pair in verdict.disorder for each in pair)}
    lines = [town.traffic.record_of(said) for said in town.traffic.said if said.number in wrong]
    text = "\n".join(map(json.dumps, lines))
    (folder / "wrong.jsonl").write_text(text, encoding="utf-8")


def _first_traceback(town: Town) -> str:
    text = (town.process.folder / "log").read_text(encoding="utf-8", errors="replace")
    return text[text.find("Traceback") - 200 :][:2000]
