"""A sensor whose triggers StackStorm does not take: degraded, and what it tells of it."""

import json
import threading

import pytest
from sensing import RealTime, Sensing, numbers, until

from st2slack.base.errors import PayloadRejected, SlackError
from st2slack.sensor import dispatcher, status, workspace_sensor
from st2slack.sensor.dispatcher import Problem
from st2slack.sensor.model import Trigger

TRIGGER = Trigger("slack.event", {}, "tag")


def stop_at_once():
    """One try."""
    stop = threading.Event()
    stop.set()
    return stop


@pytest.fixture(autouse=True)
def _soon(monkeypatch, slack):
    monkeypatch.setattr(dispatcher, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(workspace_sensor, "WATCH", 0.02)
    slack.workspace.next_ts = RealTime()


@pytest.fixture
def sensing(slack):
    with Sensing(slack) as sensing:
        until(lambda: "caught_up" in sensing.states or "connected" in sensing.states)
        yield sensing


class Away:
    """StackStorm takes no triggers, until `back`."""

    def __init__(self, sensing, error=None):
        self.error = error or ConnectionError("ECONNREFUSED")
        self._sensing = sensing
        sensing.before = self._refuse

    def _refuse(self, ref, payload):
        raise self.error

    def back(self):
        self._sensing.before = lambda ref, payload: None


def kept(sensing):
    return json.loads(sensing.store["slack_sensor.status"])


def read(sensing):
    found = json.dumps(kept(sensing))
    return status.read(sensing.config, None, lambda key: found, kept(sensing)["heartbeat"])


def test_it_is_degraded_with_why_in_status_log_and_state(sensing):
    away = Away(sensing)
    sensing.say("m 0")
    until(lambda: sensing.figure("state") == "degraded")
    document = sensing.workspace.document()
    why = "StackStorm does not take triggers (ConnectionError: ECONNREFUSED)"
    assert document["reason"] == why and document["connection"] == "connected"
    until(lambda: kept(sensing)["state"] == "degraded")
    with pytest.raises(SlackError, match="is connected but cannot dispatch, for") as caught:
        read(sensing)
    assert why in str(caught.value)
    assert any(why in line for line in sensing.log.of("WARNING"))
    before = len(sensing.states)
    away.back()
    sensing.wait_texts(1)
    until(lambda: sensing.states[before:] == ["degraded", "connected"])
    degraded, again = sensing.of("slack.sensor_state")[before:]
    assert degraded["reason"] == why and degraded["since"] == document["since"]
    assert (
        again["reason"] == "StackStorm takes triggers again" and again["since"] > degraded["since"]
    )
    until(lambda: kept(sensing)["state"] == "connected")
    assert read(sensing)["reason"] == ""


def test_an_outage_is_told_once(sensing):
    away = Away(sensing)
    sensing.say("m 0")
    until(lambda: sensing.figure("dispatch_failures") >= 10)
    away.error = OSError("another reason")
    until(lambda: "another reason" in sensing.workspace.document()["reason"])
    away.back()
    sensing.wait_texts(1)
    until(lambda: sensing.states[1:] == ["degraded", "connected"])


def test_an_idle_sensor_knows_it_by_its_state_trigger(slack):
    """No message comes: what the sensor tells of its connection cannot be dispatched either."""
    sensing = Sensing(slack)
    away = Away(sensing)
    sensing.start(connected=False)
    try:
        until(lambda: sensing.figure("state") == "degraded")
        assert sensing.states == []
        away.back()
        until(lambda: {"connected", "degraded"} <= set(sensing.states))
    finally:
        sensing.finish()


def test_while_it_is_not_connected_both_are_told():
    kept_status = status.Status("", "rtm")
    kept_status.set(state="lost", reason="EOF", since=1.0)
    assert kept_status.set_problem(Problem("StackStorm does not answer", 2.0))
    document = kept_status.document(3.0)
    assert (document["state"], document["since"]) == ("lost", 1.0)
    assert document["reason"] == "EOF; StackStorm does not answer"
    assert not kept_status.set_problem(Problem("for another reason", 2.0)), "no change"
    assert kept_status.set_problem(None)
    assert kept_status.document(3.0)["reason"] == "EOF"


def test_a_full_queue_of_commands_does_not_stop_the_heartbeat(sensing, monkeypatch):
    monkeypatch.setattr(workspace_sensor, "HEARTBEAT", 0.05)
    away = Away(sensing)
    sensing.workspace.commands.capacity = 1
    for number in range(5):
        sensing.slack.socket.push_command("do %d" % number)
    until(lambda: sensing.figure("state") == "degraded")
    beat = kept(sensing)["heartbeat"]
    until(lambda: kept(sensing)["heartbeat"] > beat + 0.2)
    away.back()
    until(lambda: sensing.figure("commands_refused") >= 3)
    taken = 5 - sensing.figure("commands_refused")
    assert len(sensing.slack.socket.acknowledged) == taken
    until(lambda: len(sensing.of("slack.command")) == taken)
    until(lambda: sensing.states[-2:] == ["degraded", "connected"])


def test_a_payload_that_is_rejected_for_good_is_counted_and_acknowledged(sensing, slack):
    def reject(ref, payload):
        if ref == "slack.message" and payload["text"] in ("m 1", "m 3"):
            raise PayloadRejected("user.id does not satisfy `type: string`")

    sensing.before = reject
    for number in range(5):
        sensing.say("m %d" % number)
    until(lambda: len(list(slack.socket.acknowledged)) >= 5)
    assert numbers(sensing.texts) == [0, 2, 4]
    assert sensing.figure("rejected") == 2 and sensing.figure("dispatch_failures") == 0
    assert sensing.figure("state") == "connected"
    rejections = [line for line in sensing.log.of("ERROR") if "rejects a payload" in line]
    assert len(rejections) == 1 and "slack.message: user.id does not satisfy" in rejections[0]


def test_two_workspaces_share_what_is_known(slack):
    """One finds out that StackStorm is away: the other is degraded without a try of its own."""
    sensing = Sensing(slack)
    config = {**sensing.config, "workspaces": [{"name": "b", "app_token": slack.app_token}]}
    stop = threading.Event()
    other = workspace_sensor.WorkspaceSensor(config, "b", sensing.services, stop)
    with sensing:
        other.start()
        until(lambda: sensing.states.count("connected") == 2)
        away = Away(sensing)
        sensing.services.dispatcher.dispatch(TRIGGER, stop_at_once(), lambda: None)
        until(lambda: other.document()["state"] == sensing.figure("state") == "degraded")
        away.back()
        sensing.services.dispatcher.dispatch(TRIGGER, stop_at_once(), lambda: None)
        until(lambda: other.document()["state"] == sensing.figure("state") == "connected")
        stop.set()
        other.finish(2.0)


def test_it_is_told_while_the_datastore_hangs(sensing, monkeypatch):
    """The API of a StackStorm without its message bus keeps a writer waiting."""
    hanging, released = threading.Event(), threading.Event()

    def hang(document):
        hanging.set()
        return released.wait(60)

    monkeypatch.setattr(sensing.workspace.checkpoint, "save_status", hang)
    monkeypatch.setattr(sensing.workspace, "_next_beat", 0.0)
    assert hanging.wait(60)
    away = Away(sensing)
    sensing.say("m 0")
    until(lambda: any("degraded: StackStorm does" in line for line in sensing.log.of("WARNING")))
    assert not released.is_set()
    released.set()
    away.back()
    sensing.wait_texts(1)
