"""The judge of `python -m tools.outages` can say no; the run itself needs a whole StackStorm."""

from tools.outages.judge import Run, judge


def run(service="rabbitmq"):
    posted = {"outage x m%d" % number: 100.0 + number for number in range(4)}
    return Run(service, 50.0, posted=posted, broke=102.5, back=150.0)


def came(*arrivals, again=False):
    """(number, at) of each message that the bus had."""
    return [
        {"at": at, "ref": "slack.message", "payload": {"text": "outage x m%d" % n}, "again": again}
        for n, at in arrivals
    ]


ALL = came((0, 100.0), (1, 101.0), (2, 102.0), (3, 155.0))


def test_all_once():
    state = {"at": 156.0, "ref": "slack.sensor_state", "again": False}
    state["payload"] = {"state": "degraded", "reason": "StackStorm does not take triggers"}
    found = judge(run(), [*ALL, state])
    assert not found["bad"] and found["lost"] == found["twice"] == []
    assert found["sensor_state"] == ["degraded (StackStorm does not take triggers)"]
    assert found["seconds late: median, worst"] == "0.00, 52.0"
    assert found["seconds from the service's return until the queue was empty"] == 5.0


def test_one_is_lost():
    found = judge(run(), ALL[:3])
    assert found["bad"] and found["lost"] == ["outage x m3"]
    assert judge(run(), [])["bad"]


def test_twice_only_from_the_last_second_before_the_bus_broke():
    assert not judge(run(), ALL + came((2, 152.0)))["bad"]
    assert judge(run(), ALL + came((2, 152.0)))["twice"] == ["outage x m2"]
    assert judge(run(), ALL + came((1, 152.0)))["bad"]
    assert judge(run(), ALL + came((3, 156.0)))["bad"], "published after the outage"
    assert judge(run("mongowire"), ALL + came((2, 152.0)))["bad"], "the bus did not break"


def test_what_the_bus_hands_over_again_was_published_once():
    found = judge(run(), ALL + came((1, 152.0), again=True))
    assert not found["bad"] and found["handed over again by the bus to the consumer"] == 1
