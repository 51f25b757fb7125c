"""A short run of chaos (the whole one: `python -m chaos`), and that its judge can say no."""

import pytest

from chaos.judge import Dispatched, Handed, Said, judge
from chaos.runs import Plan, among_faults, with_restarts

SMALL = {"channels": 5, "pause": 0.002, "rate": 400.0}


def told(report):
    return "%s: %s %s %s" % (report.name, report.figures, report.verdict, report.problems)


@pytest.mark.parametrize("transport", ["socket_mode", "rtm"])
def test_among_faults(transport):
    report = among_faults(Plan(1000, faults=8, transport=transport, seed=7, **SMALL))
    assert report.good, told(report)
    assert report.figures["dispatches"] == 1000 and report.figures["faults"] == 8


def test_killed_and_started_again():
    report = with_restarts(Plan(500, restarts=2, transport="rtm", **SMALL), kill=True)
    assert report.good, told(report)


def test_stopped_and_started_again():
    report = with_restarts(Plan(500, restarts=2, **SMALL), kill=False)
    assert report.good, told(report)
    assert report.figures["dispatches"] == 500


# the judge

SAID = [Said(0, "C1", "1.0"), Said(1, "C2", "2.0"), Said(2, "C1", "3.0")]


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
