"""A short run of chaos (the whole one: `python -m tools.chaos`), and that its judge can say no."""

import json

import pytest
import requests
from websockets.sync.client import connect

from sandbox.slack import SocketFault
from tools.chaos import runs
from tools.chaos.judge import HELD, Dispatched, Handed, Said, judge
from tools.chaos.plan import Plan
from tools.chaos.runs import among_faults, in_a_burst, with_restarts
from tools.chaos.traffic import Traffic

SMALL = {"channels": 5, "pause": 0.002, "rate": 250.0, "half_open": (0.5, 2.0), "seed": 7}


def told(report):
    return "%s: %s %s %s" % (report.name, report.figures, report.verdict, report.problems)


@pytest.mark.parametrize("transport", ["socket_mode", "rtm"])
def test_among_faults(transport):
    report = among_faults(Plan(800, faults=8, transport=transport, **SMALL))
    assert report.verdict.good and not report.figures["tracebacks"], told(report)
    assert report.figures["dispatches"] == 800
    assert report.figures["faults"] == 8
    assert report.figures.get("commands without acknowledgement", 0) == 0


def test_with_slacks_limits():
    report = among_faults(Plan(200, faults=2, transport="rtm", limits=True, **SMALL))
    assert report.verdict.good and not report.figures["tracebacks"], told(report)
    assert report.figures["dispatches"] == 200


def test_killed_and_stopped_and_started_again():
    report = with_restarts(Plan(500, restarts=2, transport="rtm", leaves_within=60.0, **SMALL))
    assert report.good, told(report)


@pytest.mark.parametrize("seed", [3, 4])
def test_what_is_kept_of_a_run_that_failed_explains_it(tmp_path, monkeypatch, seed):
    """A folder for each seed, with the log of each process and what Slack did with the message."""

    def losing(said, dispatched, handed, unsaved):
        return judge(said, [each for each in dispatched if each.number != 5], handed, unsaved)

    monkeypatch.setattr(runs, "judge", losing)
    plan = {**SMALL, "seed": seed, "leaves_within": 60.0, "keep": str(tmp_path)}
    report = with_restarts(Plan(60, restarts=2, **plan))
    assert report.verdict.lost == [5]
    folder = tmp_path / ("seed_%d" % seed) / "kill_-9_SIGTERM_and_restart_socket_mode"
    assert (folder / "log").read_text().count("--- process ") == 3
    assert (folder / "datastore_3.json").exists()
    (lost,) = map(json.loads, (folder / "wrong.jsonl").read_text().splitlines())
    assert lost["said"]["number"] == 5 and not lost["given_up"]
    assert lost["deliveries"] and lost["acknowledged"]
    assert lost["acknowledged"][-1]["envelope_id"] in [
        each["envelope_id"] for each in lost["deliveries"]
    ]


def test_a_burst_that_is_more_than_there_is_room_for():
    report = in_a_burst(Plan(4200, channels=5, pause=0.001))
    assert report.verdict.good, told(report)
    assert report.figures["of the last process"]["overflowed"] > 0
    assert report.figures["of the last process"]["reconnects"] == 0


@pytest.mark.parametrize(("fault", "counted"), [(SocketFault.no_hello(), 0), (None, 1)])
def test_a_command_on_a_connection_without_hello_is_not_counted(slack, fault, counted):
    traffic = Traffic(slack, Plan(1, channels=1))
    if fault:
        slack.socket.faults.append(fault)
    answer = requests.post(
        slack.api_url + "apps.connections.open",
        headers={"Authorization": "Bearer " + slack.app_token},
        timeout=5,
    )
    with connect(answer.json()["url"], open_timeout=5, close_timeout=0.2) as client:
        assert fault or json.loads(client.recv(timeout=5))["type"] == "hello"
        slack.socket.push_command("do 0")
        assert json.loads(client.recv(timeout=5))["type"] == "slash_commands"
        assert len(traffic.commands()) == counted
        slack.stop()


# the judge

C1, C2 = ("C1", ""), ("C2", "")
SAID = [Said(0, C1, "1.0"), Said(1, C2, "2.0"), Said(2, C1, "3.0")]


def dispatches(*numbers):
    return [Dispatched(number, float(at)) for at, number in enumerate(numbers)]


def test_it_takes_what_is_right():
    assert judge(SAID, dispatches(0, 1, 2), {}).good
    assert judge(SAID, dispatches(1, 0, 2), {}).good, "channels do not depend on each other"


def test_it_sees_what_is_lost_and_what_is_strange():
    assert judge(SAID, dispatches(0, 1), {}).lost == [2]
    assert judge(SAID, dispatches(0, 1, 2, 9), {}).strange == [9]


def test_it_sees_what_comes_twice_unless_a_kill_left_it_unsaved():
    assert judge(SAID, dispatches(0, 1, 2, 1), {}).twice == [1]
    after_kill = judge(SAID, dispatches(0, 1, 2, 1), {}, [(0.5, 2.5)])
    assert after_kill.good and after_kill.allowed == [1]
    assert judge(SAID, dispatches(0, 1, 2, 0), {}, [(0.5, 2.5)]).twice == [0]


def test_it_sees_disorder_unless_it_was_slacks():
    assert judge(SAID, dispatches(2, 1, 0), {}).disorder == [(0, 2)]
    handed = {0: [Handed(-1.0, 1), Handed(1.5, 2)], 2: [Handed(-0.5, 2)]}
    assert judge(SAID, dispatches(2, 1, 0), handed).slacks_own == [(0, 2)]
    same = {0: [Handed(-1.0, 2), Handed(1.5, 2)], 2: [Handed(-0.5, 2)]}
    assert judge(SAID, dispatches(2, 1, 0), same).disorder == [(0, 2)]


def test_a_thread_is_a_line_of_its_own():
    said = [
        Said(0, ("C1", "1.0"), "1.5"),
        Said(1, ("C1", ""), "2.0"),
        Said(2, ("C1", "1.0"), "3.0"),
    ]
    assert judge(said, dispatches(1, 0, 2), {}).good
    assert judge(said, dispatches(1, 2, 0), {}).disorder == [(0, 2)]


def test_what_is_late_as_promised_is_no_disorder():
    late = [Dispatched(2, HELD), Dispatched(1, 0.0), Dispatched(0, HELD + 5)]
    handed = {2: [Handed(0.0, 1)]}
    verdict = judge(SAID, late, handed)
    assert verdict.good and verdict.late == [0]
    early = [Dispatched(2, HELD - 9), Dispatched(1, 0.0), Dispatched(0, HELD + 5)]
    assert judge(SAID, early, handed).disorder == [(0, 2)]
