"""Acknowledged after the dispatch and never before; commands and interactions on reading."""

import threading

import pytest
from sensing import PATIENCE, D, G, RealTime, Sensing, numbers, until

from sandbox.slack.state import seed
from st2slack.sensor import connection, dispatcher, workspace_sensor
from st2slack.sensor.model import Event


@pytest.fixture(autouse=True)
def _soon(monkeypatch, slack):
    monkeypatch.setattr(connection, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(connection, "POLL_INTERVAL", 0.05)
    monkeypatch.setattr(connection, "DRAIN_IDLE", 0.1)
    monkeypatch.setattr(dispatcher, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(workspace_sensor, "WATCH", 0.02)
    slack.workspace.next_ts = RealTime()


@pytest.fixture
def sensing(slack):
    with Sensing(slack) as sensing:
        yield sensing


class Gate:
    """Dispatches of messages (or of `ref`) wait until it is opened."""

    def __init__(self, sensing, ref="slack.message"):
        self.waiting = threading.Event()
        self._open = threading.Event()
        self._ref = ref
        sensing.before = self._pass

    def _pass(self, ref, payload):
        if ref == self._ref:
            self.waiting.set()
            assert self._open.wait(PATIENCE)

    def open(self):
        self._open.set()


def acknowledged(slack):
    """Event IDs in the order in which they were acknowledged."""
    by_envelope = {each.envelope_id: each.event_id for each in slack.socket.deliveries}
    return [by_envelope.get(each.envelope_id) for each in list(slack.socket.acknowledged)]


def delivered(slack, event_id):
    return [each for each in list(slack.socket.deliveries) if each.event_id == event_id]


def message(slack, text, channel=G, **more):
    """An event of a message that was never posted."""
    ts = slack.workspace.next_ts()
    return {
        "type": "message",
        "channel": channel,
        "channel_type": "channel",
        "user": seed.OWNER,
        "text": text,
        "ts": ts,
        "event_ts": ts,
        **more,
    }


def settled(slack, count=1):
    """At least so many acknowledgements came, and none is missing."""
    assert slack.socket.wait_for(
        lambda: len(slack.socket.acknowledged) >= count and slack.socket.settled(), PATIENCE
    )


# events


def test_not_before_its_dispatch_returned(sensing, slack):
    gate = Gate(sensing)
    first = slack.socket.push_event(message(slack, "m 0"))
    slack.socket.push_event(message(slack, "m 1", D))
    assert gate.waiting.wait(PATIENCE)
    # What is not wanted takes no room, and needs not wait.
    other = slack.socket.push_event({"type": "star_added"})
    until(lambda: acknowledged(slack))
    assert sensing.texts == [] and acknowledged(slack) == [other]
    gate.open()
    settled(slack, 3)
    assert acknowledged(slack)[1] == first and len(acknowledged(slack)) == 3
    assert len(sensing.texts) == 2


def test_each_dispatch_precedes_its_acknowledgement(sensing, slack):
    """By the record of the server, at the moment of each dispatch."""
    early = []
    ids = {}

    def look(ref, payload):
        if ref == "slack.message" and payload["event_id"] in acknowledged(slack):
            early.append(payload["text"])

    sensing.before = look
    for number in range(100):
        ids[slack.socket.push_event(message(slack, "m %d" % number, (G, D)[number % 2]))] = number
    settled(slack, 100)
    assert not early and len(sensing.texts) == 100
    assert set(acknowledged(slack)) == set(ids)


def test_what_is_none_of_ours_is_acknowledged(sensing, slack):
    events = [
        {"type": "star_added", "user": seed.OWNER},
        message(slack, "own", user=seed.BOT, bot_id=seed.BOT_ID),
        message(slack, "notice", subtype="channel_join"),
        message(slack, "direct", "D0SOMEBODY1", channel_type="im"),
        {"type": "no such thing"},
        {},
    ]
    ids = [slack.socket.push_event(event) for event in events]
    settled(slack, len(ids))
    assert sorted(acknowledged(slack)) == sorted(ids)
    assert sensing.texts == []


def test_a_redelivery_is_recognised_and_acknowledged(sensing, slack):
    event = message(slack, "m 0")
    slack.socket.push_event(event, event_id="Ev1")
    sensing.wait_texts(1)
    for attempt in (1, 2, 3):
        slack.socket.push_event(event, event_id="Ev1", retry_attempt=attempt)
    settled(slack, 4)
    assert sensing.texts == ["m 0"] and acknowledged(slack) == ["Ev1"] * 4
    assert sensing.figure("known") == 3


def test_a_redelivery_while_the_first_still_waits(sensing, slack):
    """Slack loses its patience before StackStorm takes the trigger."""
    slack.socket.ack_timeout = 0.1
    slack.socket.retry_after = (0, 0.05, 0.05, 0.05)
    gate = Gate(sensing)
    event_id = slack.socket.push_event(message(slack, "m 0"))
    until(lambda: len(delivered(slack, event_id)) >= 3)
    assert acknowledged(slack) == []
    gate.open()
    until(lambda: event_id in acknowledged(slack))
    slack.socket.push_event(message(slack, "m 1"))
    assert sensing.wait_texts(2) == ["m 0", "m 1"]


def test_a_redelivery_over_another_connection(sensing, slack):
    gate = Gate(sensing)
    event_id = slack.socket.push_event(message(slack, "m 0"))
    assert gate.waiting.wait(PATIENCE)
    old = sensing.link()
    old.cut()
    until(lambda: sensing.links() and sensing.link() is not old)
    until(lambda: len(delivered(slack, event_id)) == 2)
    gate.open()
    settled(slack)
    assert sensing.texts == ["m 0"]


def test_two_messages_in_one_second_are_two(sensing, slack):
    for micro in ("000100", "000200"):
        slack.socket.push_event(message(slack, "same text", ts="1503435956.%s" % micro))
    settled(slack, 2)
    assert sensing.texts == ["same text", "same text"]


def test_an_app_mention_is_not_its_message(slack):
    with Sensing(slack, events=["app_mention"]) as sensing:
        event = message(slack, "<@%s> hello" % seed.BOT)
        slack.socket.push_event(event)
        slack.socket.push_event({**event, "type": "app_mention"})
        settled(slack, 2)
        assert len(sensing.of("slack.message")) == len(sensing.of("slack.event")) == 1


# a dispatch that raises


def test_a_dispatch_that_raises_is_tried_again_in_order(sensing, slack):
    failures = []

    def refuse(ref, payload):
        noticed = sensing.figure("state") == "degraded"
        if ref == "slack.message" and payload["text"] == "m 3" and not (failures[4:] and noticed):
            failures.append(acknowledged(slack))
            raise OSError("the message bus is down")

    sensing.before = refuse
    ids = [slack.socket.push_event(message(slack, "m %d" % number)) for number in range(10)]
    settled(slack, 10)
    assert numbers(sensing.texts) == list(range(10))
    assert acknowledged(slack) == ids
    assert all(ids[3] not in seen for seen in failures)
    assert sensing.figure("dispatch_failures") == len(failures) >= 5
    assert sum("StackStorm does not take" in line for line in sensing.log.of("WARNING")) == 1


def test_until_then_the_checkpoint_has_it_as_missing(sensing, slack):
    down = threading.Event()

    def refuse(ref, payload):
        if ref == "slack.message" and payload["text"] == "m 1":
            down.set()
            raise OSError("down")

    sensing.before = refuse
    first, second = sensing.say("m 0"), sensing.say("m 1")
    assert down.wait(PATIENCE)
    spans = sensing.workspace.ledger.missing()[G].main
    assert second["ts"] in spans and first["ts"] not in spans


def test_on_the_way_out_it_is_left_to_slack(slack):
    """Not dispatched, so not acknowledged; the next one gets it."""
    sensing = Sensing(slack)
    sensing.start()
    down = threading.Event()

    def refuse(ref, payload):
        if ref == "slack.message":
            down.set()
            raise OSError("down")

    sensing.before = refuse
    sensing.say("m 0")
    assert down.wait(PATIENCE)
    sensing.finish()
    assert acknowledged(slack) == []
    with Sensing(slack, store=sensing.store) as following:
        assert following.wait_texts(1) == ["m 0"]
        settled(slack)
        assert following.texts == ["m 0"]


# commands and interactions


@pytest.fixture(params=["command", "interaction"])
def press(request, slack):
    """Somebody does it; the envelope's ID."""
    if request.param == "command":
        return lambda number=0: slack.socket.push_command("do %d" % number)
    payload = {"actions": [{"action_id": "ok", "block_id": "b", "value": "v"}]}
    return lambda number=0: slack.socket.push_interaction(payload)


def answered(slack, envelope_id):
    return any(each.envelope_id == envelope_id for each in list(slack.socket.acknowledged))


def of_people(sensing):
    return sensing.of("slack.command") + sensing.of("slack.interaction")


def test_they_are_acknowledged_at_once_and_do_not_wait_behind_events(sensing, slack, press):
    gate = Gate(sensing)
    for number in range(50):
        slack.socket.push_event(message(slack, "m %d" % number))
    assert gate.waiting.wait(PATIENCE)
    envelope = press()
    until(lambda: answered(slack, envelope))
    until(lambda: of_people(sensing))
    assert sensing.texts == []
    gate.open()
    sensing.wait_texts(50)


def test_they_are_acknowledged_while_stackstorm_takes_none(sensing, slack, press):
    down = []

    def refuse(ref, payload):
        down.append(ref)
        if len(down) < 4:
            raise OSError("down")

    sensing.before = refuse
    envelope = press()
    until(lambda: answered(slack, envelope))
    until(lambda: of_people(sensing))
    assert len(of_people(sensing)) == 1


def test_the_acknowledgement_is_empty(sensing, slack):
    slack.socket.push_interaction({"type": "view_submission", "view": {"id": "V1"}})
    until(lambda: slack.socket.acknowledged)
    assert slack.socket.acknowledged[0].payload is None
    until(lambda: of_people(sensing))


def test_they_are_in_order(sensing, slack):
    for number in range(50):
        slack.socket.push_command("do %d" % number)
    until(lambda: len(of_people(sensing)) == 50)
    assert numbers([each["text"] for each in of_people(sensing)], "do") == list(range(50))


def test_those_acknowledged_are_dispatched_before_the_end(slack, press):
    """Nobody delivers them again."""
    sensing = Sensing(slack)
    sensing.start()
    gate = threading.Event()
    waiting = threading.Event()

    def slowly(ref, payload):
        if ref in ("slack.command", "slack.interaction"):
            waiting.set()
            assert gate.wait(PATIENCE)

    sensing.before = slowly
    envelopes = [press(number) for number in range(5)]
    assert waiting.wait(PATIENCE)
    until(lambda: all(answered(slack, each) for each in envelopes))
    ending = threading.Thread(target=sensing.finish)
    ending.start()
    until(sensing.stop.is_set)
    gate.set()
    ending.join(PATIENCE)
    assert len(of_people(sensing)) == 5


def test_what_comes_while_the_sensor_leaves_is_missing(slack):
    """It is not dispatched: the next process has to fetch it."""
    with Sensing(slack, "rtm") as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        workspace = sensing.workspace
        workspace.queue.close()
        later = {"type": "message", "channel": G, "user": seed.OWNER, "text": "m 1"}
        workspace._receiver.receive_event(Event({**later, "ts": "9999999999.000001"}), None)
        assert "9999999999.000001" in workspace.checkpoint.missing()[G].main
