"""The real sensors/slack_sensor.py in a process of its own: signals, restarts, faults.

Its StackStorm is sandbox/stackstorm/sensor/host_service.py: dispatches and datastore are files, so
that nothing depends on how the process ends.
"""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sensing import INC, PATIENCE, TRANSPORTS, D, G, RealTime, numbers, until

from sandbox.slack import Fault, SocketFault
from sandbox.slack.state import seed
from sandbox.stackstorm.sensor.host_service import NO_BUS, NO_DATABASE, NO_DATASTORE, read_lines

ROOT = Path(__file__).resolve().parents[1]
SLACK_SENSOR = ROOT / "sensors/slack_sensor.py"
# What hangs in these tests does so for longer than anybody waits: a process that leaves has not
# waited for it.
HANGS = 10 * PATIENCE


@pytest.fixture(autouse=True)
def real_time(slack):
    slack.workspace.next_ts = RealTime()


class Process:
    """The sensor in a process. `start`, `terminate`, `kill`, as often as one likes."""

    def __init__(self, slack, folder, config, *options):
        self.slack = slack
        self.folder = folder
        self._options = options
        self._process = None
        (folder / "config.json").write_text(json.dumps(config))

    def start(self, connected=True):
        before = len(self.states)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "sandbox.stackstorm.sensor.host",
                    str(self.folder),
                    *self._options,
                ],
                cwd=str(self.folder),
                env=environment,
                stdout=log,
                stderr=log,
            )
        if connected:
            until(lambda: "connected" in self.states[before:] or self._process.poll() is not None)
            assert self._process.poll() is None, self.log
        return self

    def terminate(self):
        """Send SIGTERM and wait until it has left in order."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(PATIENCE)
        assert code == 0, self.log

    def kill(self):
        self._process.kill()
        self._process.wait(PATIENCE)

    def end(self):
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def running(self):
        return self._process.poll() is None

    @property
    def log(self):
        return (self.folder / "log").read_text()

    def of(self, ref):
        return [
            line["payload"]
            for line in read_lines(self.folder / "dispatched.jsonl")
            if line["ref"] == ref
        ]

    @property
    def states(self):
        return [each["state"] for each in self.of("slack.sensor_state")]

    @property
    def texts(self):
        return [each["text"] for each in self.of("slack.message")]

    def saves(self):
        return read_lines(self.folder / "saves.jsonl")

    def say(self, *numbers_of_messages, channel=G):
        for number in numbers_of_messages:
            self.slack.workspace.say(seed.OWNER, channel, "m %d" % number)

    def wait_for(self, *expected):
        until(lambda: set(expected) <= set(numbers(self.texts)))


def config_of(slack, transport="socket_mode", **sensor):
    key, token = (
        ("app_token", slack.app_token) if transport == "socket_mode" else ("token", slack.bot_token)
    )
    return {
        "api_url": slack.api_url,
        "action_token": slack.bot_token,
        "sensor": {key: token, **sensor},
    }


@pytest.fixture(params=TRANSPORTS)
def transport(request):
    return request.param


@pytest.fixture
def kind():
    """Options of the host: test_sensor_eventlet.py has others."""
    return ()


@pytest.fixture
def make(slack, tmp_path):
    """A process of the sensor; all end with the test."""
    with contextlib.ExitStack() as stack:

        def made(config, *options):
            process = Process(slack, tmp_path, config, *options)
            stack.callback(process.end)
            return process

        yield made


# signals and restarts


def test_stopped_and_started_again_nothing_is_lost_and_nothing_twice(slack, make, transport, kind):
    process = make(config_of(slack, transport), *kind).start()
    process.say(0, 1, 2)
    process.wait_for(0, 1, 2)
    process.terminate()
    process.say(3, 4)
    process.start()
    process.say(5)
    process.wait_for(*range(6))
    process.terminate()
    assert numbers(process.texts) == list(range(6))
    assert "Traceback" not in process.log


def test_stopped_in_the_middle_of_a_stream(slack, make, kind):
    """Each is dispatched once, whichever of the two processes it was."""
    process = make(config_of(slack), "--pause", "0.002", *kind).start()
    slack.socket.ack_timeout = 0.5
    for begin in (0, 200):
        process.say(*range(begin, begin + 200))
        until(lambda begin=begin: len(process.texts) > begin + 50)
        process.terminate()
        process.start()
    process.wait_for(*range(400))
    process.terminate()
    assert sorted(numbers(process.texts)) == list(range(400))


def test_killed_and_started_again_nothing_is_lost(slack, make, transport, kind):
    process = make(config_of(slack, transport), "--pause", "0.002", *kind).start()
    slack.socket.ack_timeout = 0.5
    process.say(*range(100))
    until(lambda: len(process.texts) > 20)
    process.kill()
    killed = time.time()
    process.say(*range(100, 110))
    process.start()
    process.wait_for(*range(110))
    process.terminate()
    # The status is saved too, but says nothing of what was dispatched.
    saves = [s for s in process.saves() if ".status" not in s["key"]]
    saved = max([s["began"] for s in saves if s["at"] <= killed], default=0)
    first, twice = {}, []
    for line in read_lines(process.folder / "dispatched.jsonl"):
        if line["ref"] == "slack.message":
            number = int(line["payload"]["text"].split()[1])
            if number in first:
                twice.append(number)
            first.setdefault(number, line["at"])
    # Only what was not saved yet: the last one before it was still being dispatched.
    before = [number for number in first if first[number] < saved]
    assert not set(twice) & set(before[:-1])


def test_connected_after_few_calls(slack, make, kind):
    """How long it takes is the machine's affair; nothing is asked that could wait."""
    make(config_of(slack), *kind).start()
    before = list(itertools.takewhile(lambda r: not r.path.startswith("/link/"), slack.requests))
    assert sorted(request.method for request in before) == ["apps.connections.open", "auth.test"]


# SIGTERM, whatever happens just now


def test_sigterm_while_the_connection_is_half_open(slack, make, kind):
    process = make(config_of(slack), *kind).start()
    slack.socket.connections[0].freeze()
    process.terminate()


def test_sigterm_while_opening_hangs(slack, make, kind):
    process = make(config_of(slack), *kind)
    slack.socket.faults.append(SocketFault.hang_handshake())
    process.start(connected=False)
    until(lambda: any(request.path.startswith("/link/") for request in list(slack.requests)))
    process.terminate()


def test_sigterm_while_several_workspaces_hang(slack, make, kind):
    """None of them waits for another."""
    config = config_of(slack)
    config["workspaces"] = [
        {"name": "w%d" % number, "app_token": slack.app_token, "action_token": slack.bot_token}
        for number in range(4)
    ]
    slack.faults.append(Fault.slow(HANGS, method="apps.connections.open", times=None))
    process = make(config, *kind).start(connected=False)
    opened = "apps.connections.open"
    until(lambda: sum(r.method == opened for r in list(slack.requests)) >= 5)
    process.terminate()


def test_sigterm_while_a_dispatch_blocks(slack, make, kind):
    """The message bus is down: it blocks."""
    process = make(config_of(slack), *kind, "--pause", str(HANGS))
    process.start(connected=False)
    until(lambda: slack.socket.connections)
    process.say(0)
    until(lambda: any(each.event_id for each in list(slack.socket.deliveries)))
    process.terminate()
    assert process.texts == [] and not slack.socket.acknowledged


def test_sigterm_while_stackstorm_takes_no_triggers(slack, make, kind):
    process = make(config_of(slack), *kind).start()
    (process.folder / NO_BUS).touch()
    process.say(0, 1)
    until(lambda: "does not take triggers" in process.log)
    process.terminate()
    (process.folder / NO_BUS).unlink()
    process.start()
    process.wait_for(0, 1)
    assert numbers(process.texts) == [0, 1]


@pytest.mark.parametrize("away", [NO_DATABASE, NO_BUS])
def test_an_outage_of_stackstorms_own_services_loses_nothing(slack, make, transport, kind, away):
    """It goes on in the same process: a dispatch that is dropped, connections that stay closed."""
    process = make(config_of(slack, transport), "--hurry", *kind).start()
    process.say(0)
    process.wait_for(0)
    (process.folder / away).touch()
    process.say(*range(1, 20))
    until(lambda: "degraded: StackStorm does not take triggers" in process.log)
    (process.folder / away).unlink()
    process.say(*range(20, 30))
    process.wait_for(*range(30))
    until(lambda: process.states[1:] == ["degraded", "connected"])
    degraded, again = process.of("slack.sensor_state")[1:]
    assert "StackStorm does not take triggers (" in degraded["reason"]
    assert again["reason"] == "StackStorm takes triggers again"
    process.terminate()
    assert numbers(process.texts) == list(range(30))
    assert "Traceback" not in process.log


def test_sigterm_while_the_catch_up_waits(slack, make, kind):
    process = make(config_of(slack), *kind).start()
    process.say(0)
    process.wait_for(0)
    process.terminate()
    process.say(1)
    slack.faults.append(Fault.rate_limited(HANGS, method="conversations.history"))
    process.start()
    until(lambda: any(r.method == "conversations.history" for r in list(slack.requests)))
    process.terminate()
    slack.faults.clear()
    process.start()
    process.wait_for(0, 1)
    assert numbers(process.texts) == [0, 1]


def test_the_handler_takes_no_lock(monkeypatch):
    """It interrupts the main thread anywhere, so also where that holds the event's own lock."""
    import importlib.util
    import threading

    spec = importlib.util.spec_from_file_location("slack_sensor_of_test", SLACK_SENSOR)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handlers = []
    monkeypatch.setattr(module.signal, "signal", lambda number, handler: handlers.append(handler))

    class Service:
        def get_logger(self, name):
            import logging

            return logging.getLogger(name)

    sensor = module.SlackSensor(Service(), config={})
    running = threading.Thread(target=sensor.run)
    running.start()
    until(lambda: handlers)
    with sensor._stop._cond:
        calling = threading.Thread(target=handlers[0], args=(signal.SIGTERM, None))
        calling.start()
        calling.join(PATIENCE)
        returned = not calling.is_alive()
    calling.join(PATIENCE)
    running.join(PATIENCE)
    assert returned and not running.is_alive()


# faults


def test_faults_do_not_end_it(slack, make, transport, kind):
    process = make(config_of(slack, transport), *kind).start()
    slack.socket.ack_timeout = 0.5
    number = 0
    for fault in ("cut", "eof", "close"):
        process.say(number)
        number += 1
        getattr(slack.socket.connections[-1], fault)()
        process.say(number)
        number += 1
        process.wait_for(*range(number))
        until(lambda: slack.socket.connections)
    slack.socket.disconnect("warning")
    process.say(number)
    process.wait_for(*range(number + 1))
    assert numbers(process.texts) == list(range(number + 1))
    assert process.running and "Traceback" not in process.log


def test_a_datastore_that_is_down_at_first(slack, make, kind):
    process = make(config_of(slack, "rtm"), *kind).start()
    process.say(0)
    process.wait_for(0)
    process.terminate()
    process.say(1)
    (process.folder / NO_DATASTORE).touch()
    process.start()
    process.say(2)
    process.wait_for(0, 2)
    (process.folder / NO_DATASTORE).unlink()
    process.wait_for(0, 1, 2)
    process.terminate()
    assert sorted(numbers(process.texts)) == [0, 1, 2]


def test_several_workspaces(slack, make, kind):
    config = config_of(slack, "rtm")
    config["workspaces"] = [
        {"name": "second", "token": slack.bot_token, "action_token": slack.bot_token}
    ]
    process = make(config, *kind).start()
    until(lambda: len(slack.socket.connections) == 2)
    for number, channel in enumerate((G, D, INC)):
        process.say(number, channel=channel)
    until(lambda: len(process.texts) == 6)
    by_name = {}
    for payload in process.of("slack.message"):
        by_name.setdefault(payload["workspace"], set()).add(payload["text"])
    assert by_name == {name: {"m 0", "m 1", "m 2"} for name in ("", "second")}
    process.terminate()


def test_nothing_secret_in_log_or_datastore(slack, make, kind):
    process = make(config_of(slack), *kind).start()
    slack.faults.append(Fault.refuse("invalid_auth", "apps.connections.open"))
    process.say(0)
    process.wait_for(0)
    slack.socket.connections[0].cut()
    until(lambda: "invalid_auth" in process.log)
    process.terminate()
    told = process.log + (process.folder / "datastore.json").read_text()
    assert slack.app_token not in told and slack.bot_token not in told and "ticket=" not in told
