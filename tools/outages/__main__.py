"""Messages in Slack while a service of StackStorm is away: what arrives at the message bus.

    ST2BED=… PYTHONPATH=.:actions:actions/lib python -m tools.outages --tools FOLDER [SERVICE …]

ST2BED is the folder of a whole StackStorm on this machine, which nobody else uses meanwhile; FOLDER
has the scripts that start and stop it (up.sh, down.sh, reload.sh). The pack is installed there and
its sensor listens to a Slack on loopback. Exits 1 where something was lost, or came twice that was
published earlier than a second before the bus broke.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List

from sandbox.slack import LoopbackSlack
from sandbox.slack.state.seed import DEPLOYS, GENERAL, INCIDENTS, OWNER
from tools.real_time import RealTime

from .judge import Run, judge, text_of
from .stackstorm import StackStorm

AWAY = {"mongowire": 15.0, "rabbitmq": 50.0, "st2api": 15.0}  # seconds
BUS = "amqp://guest:guest@127.0.0.1:5672/"
QUEUE = "slack.outages"
BROKEN_BY_THE_BUS = ("st2api", "st2timersengine")  # StackStorm's own; they do not recover
PATIENCE = 180.0  # seconds without anything new, until what is missing counts as lost


@contextmanager
def consumer(folder: Path, stackstorm: StackStorm) -> Iterator[Path]:
    """The file into which it writes what the bus has."""
    path = folder / "bus.jsonl"
    path.touch()
    command = [
        str(stackstorm.folder / "venv/bin/python"),
        str(Path(__file__).parent / "consumer.py"),
    ]
    process = subprocess.Popen(
        [*command, BUS, QUEUE, str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield path
    finally:
        process.kill()
        process.wait()


def lines(path: Path) -> List[Dict[str, Any]]:
    """The whole lines of the consumer's file."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def outage(run: Run, stackstorm: StackStorm) -> None:
    """Stop the service in the middle, start it again."""
    time.sleep(run.before)
    run.broke = time.time()
    stackstorm.stop(run.service)
    time.sleep(max(0.0, run.broke + run.seconds - time.time()))
    stackstorm.start(run.service)
    run.back = time.time()


def talk(run: Run, slack: LoopbackSlack, stackstorm: StackStorm, word: str) -> None:
    """Messages all the time, and a command each second."""
    breaking = threading.Thread(target=outage, args=(run, stackstorm))
    breaking.start()
    began = time.monotonic()
    number = 0
    while not run.back or time.time() < run.back + run.after:
        channel = (GENERAL, DEPLOYS, INCIDENTS)[number % 3]
        text = "outage %s m%d" % (word, number)
        slack.workspace.say(OWNER, channel, text)
        run.posted[text] = time.time()
        if number % int(run.rate) == 0:
            text = "outage %s c%d" % (word, number)
            slack.socket.push_command(text)
            run.posted[text] = time.time()
        number += 1
        time.sleep(max(0.0, began + number / run.rate - time.monotonic()))
    breaking.join()


def wait_for_all(run: Run, path: Path) -> None:
    """Or until nothing comes any more."""
    count, last = -1, time.monotonic()
    while time.monotonic() - last < PATIENCE:
        found = lines(path)
        if {text_of(each) for each in found} >= set(run.posted):
            time.sleep(3.0)  # for what might come twice
            return
        if len(found) != count:
            count, last = len(found), time.monotonic()
        time.sleep(0.5)


def one(run: Run, slack: LoopbackSlack, stackstorm: StackStorm) -> bool:
    """Whether nothing was lost."""
    word = "%s%d" % (run.service, time.time())
    before = stackstorm.sensor_processes()
    instances = stackstorm.trigger_instances("slack.message")
    with tempfile.TemporaryDirectory() as folder, consumer(Path(folder), stackstorm) as path:
        talk(run, slack, stackstorm, word)
        wait_for_all(run, path)
        figures = judge(run, lines(path))
    bad = figures.pop("bad") or stackstorm.sensor_processes() != before
    head = "%s away for %.0f s, %.0f messages/s" % (run.service, run.back - run.broke, run.rate)
    print("%s  %s" % ("FAIL" if bad else "ok  ", head))
    for name, value in figures.items():
        shown = "%d %s" % (len(value), value[:5]) if name in ("lost", "twice") and value else value
        print("        %-58s %s" % (name, shown if shown != [] else 0))
    same = "the same" if stackstorm.sensor_processes() == before else "another one"
    print("        %-58s %s" % ("the sensor's process before and after", same))
    if run.service == "rabbitmq":
        stackstorm.restart(*BROKEN_BY_THE_BUS)
    time.sleep(20.0)  # a heartbeat, after StackStorm's API is back
    after = stackstorm.trigger_instances("slack.message")
    messages = sum(text.split()[-1].startswith("m") for text in run.posted)
    print(
        "        %-58s %d of %d"
        % ("behind the bus: StackStorm's trigger instances", after - instances, messages)
    )
    status = stackstorm.run("slack.sensor_status")
    result = (status.get("result") or {}).get("result")
    state = result.get("state") if isinstance(result, dict) else "unknown"  # it failed
    print(
        "        %-58s %s, state %s" % ("slack.sensor_status", status["status"], state),
        flush=True,
    )
    return not bad


def main() -> int:
    """0 where nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m tools.outages", description=__doc__)
    parser.add_argument("services", nargs="*", default=list(AWAY), metavar="SERVICE")
    parser.add_argument("--tools", required=True, type=Path)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, help="how long each is away; else its own time")
    asked = parser.parse_args()
    if not os.environ.get("ST2BED"):
        parser.error("ST2BED is not set")
    stackstorm = StackStorm(Path(os.environ["ST2BED"]), asked.tools)
    with LoopbackSlack() as slack, tempfile.TemporaryDirectory() as folder:
        slack.workspace.next_ts = RealTime()  # type: ignore[method-assign]
        config = {
            "api_url": slack.api_url,
            "action_token": slack.bot_token,
            "sensor": {"app_token": slack.app_token},
        }
        stackstorm.install(config, Path(folder) / "slack")
        stackstorm.restart("st2sensorcontainer")
        if not slack.socket.wait_for(lambda: slack.socket.connections, 60.0):
            raise RuntimeError("the sensor does not connect; see $ST2BED/logs")
        runs = [Run(each, asked.seconds or AWAY[each], rate=asked.rate) for each in asked.services]
        failed = [run.service for run in runs if not one(run, slack, stackstorm)]
        return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
