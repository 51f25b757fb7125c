"""What happened while the sensor was away: fetched on return, in order, once. Real sockets."""

import json
import threading
import time

import pytest
from sensing import INC, OPENING, PATIENCE, TRANSPORTS, D, G, RealTime, Sensing, numbers, until

from sandbox.slack import Fault
from sandbox.slack.state import seed
from st2slack.sensor import backfill, connection, event_queue, gap_reader


@pytest.fixture(params=TRANSPORTS)
def transport(request):
    return request.param


@pytest.fixture(autouse=True)
def _soon(monkeypatch, slack):
    monkeypatch.setattr(connection, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(connection, "POLL_INTERVAL", 0.05)
    monkeypatch.setattr(connection, "DRAIN_IDLE", 0.1)
    slack.workspace.next_ts = RealTime()
    # Slack forgets what nobody was there to take: what comes back comes from the history.
    slack.socket.window = 0.0


def calls(slack, method):
    return [each for each in list(slack.requests) if each.method == method]


def of_channel(sensing, channel):
    return numbers(
        [p["text"] for p in sensing.of("slack.message") if p["channel"]["id"] == channel]
    )


def caught_up(sensing, times=1):
    until(lambda: sensing.states.count("caught_up") >= times)


def run_once(slack, transport, store, *texts):
    """A sensor that hears these and is stopped in order."""
    with Sensing(slack, transport, store) as sensing:
        for text in texts:
            sensing.say(text)
        assert sensing.wait_texts(len(texts)) == list(texts)


# restarts


def test_after_a_clean_stop_nothing_is_lost_and_nothing_comes_twice(slack, transport):
    store = {}
    run_once(slack, transport, store, "m 0", "m 1", "m 2")
    for number in range(3, 8):
        slack.workspace.say(seed.OWNER, (G, D)[number % 2], "m %d" % number)
    with Sensing(slack, transport, store) as sensing:
        caught_up(sensing)
        sensing.say("m 8")
        sensing.wait_texts(6)
        until(lambda: len(sensing.workspace.queue) == 0)
        assert of_channel(sensing, G) == [4, 6, 8]
        assert of_channel(sensing, D) == [3, 5, 7]


def test_a_new_sensor_fetches_nothing_from_before_its_time(slack, transport):
    for number in range(3):
        slack.workspace.say(seed.OWNER, G, "old %d" % number)
    with Sensing(slack, transport) as sensing:
        sensing.say("m 0")
        assert sensing.wait_texts(1) == ["m 0"]
        assert not calls(slack, "conversations.history")


def test_lost_at_once_after_the_very_first_connection(slack, transport):
    """It has remembered nothing yet, and yet it must fetch."""
    with Sensing(slack, transport) as sensing:
        sensing.link().cut()
        for number in range(5):
            sensing.say("m %d" % number)
        assert numbers(sensing.wait_texts(5)) == list(range(5))


def test_killed_before_anything_was_dispatched(slack, transport):
    """What was saved at that moment is all that the next one has."""
    store = {}
    with Sensing(slack, transport, store) as sensing:
        until(lambda: '"alive":1' in store.get("slack_sensor.memory", ""))
        left = dict(store)
        until(lambda: sensing.states == ["connected"])
    slack.workspace.say(seed.OWNER, G, "m 0")
    with Sensing(slack, transport, left) as sensing:
        assert sensing.wait_texts(1) == ["m 0"]


def test_after_a_kill_only_what_was_not_saved_comes_twice(slack, transport):
    store = {}
    with Sensing(slack, transport, store) as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        until(lambda: G in store.get("slack_sensor.memory", ""))
        left = dict(store)  # the datastore as a kill leaves it
        sensing.say("m 1")
        sensing.wait_texts(2)
    slack.workspace.say(seed.OWNER, G, "m 2")
    with Sensing(slack, transport, left) as sensing:
        sensing.wait_texts(2)
        assert numbers(sensing.texts) == [1, 2]


def test_what_is_read_while_the_sensor_stops_is_fetched_by_the_next(slack, transport):
    """It raises the mark of its channel, and Slack does not deliver it again."""
    slack.socket.retry_after = ()
    store = {}
    with Sensing(slack, transport, store) as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        sensing.workspace.queue.close()
        marks = sensing.workspace.checkpoint.watermarks
        sensing.say("m 1")
        until(lambda: sensing.workspace.checkpoint.watermarks != marks)
    with Sensing(slack, transport, store) as sensing:
        assert sensing.wait_texts(1) == ["m 1"]


def test_killed_while_a_bots_message_waits_for_the_apps_identity(slack, transport):
    """Newer messages of its channel were dispatched meanwhile."""
    slack.socket.retry_after = ()
    store = {}
    slack.faults.append(Fault.status(500, method="auth.test", times=None))
    with Sensing(slack, transport, store) as sensing:
        sensing.say("m 0", user="U0OTHERBOT1", bot_id="B0OTHER001", app_id="A0OTHER001")
        sensing.say("m 1")
        assert sensing.wait_texts(1) == ["m 1"]
        sensing.workspace.checkpoint.save(time.time())
        left = dict(store)  # the datastore as a kill leaves it
    slack.faults.clear()
    with Sensing(slack, transport, left) as sensing:
        assert sensing.wait_texts(1) == ["m 0"]


def test_off_means_off(slack, transport):
    store = {}
    with Sensing(slack, transport, store, backfill_max_age=0) as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
    slack.workspace.say(seed.OWNER, G, "m 1")
    with Sensing(slack, transport, store, backfill_max_age=0) as sensing:
        sensing.say("m 2")
        until(lambda: "m 2" in sensing.texts)
        assert not calls(slack, "conversations.history")


def test_what_is_older_than_the_bound_is_left_out_and_said(slack, transport):
    store = {}
    run_once(slack, transport, store, "m 0")
    document = json.loads(store["slack_sensor.memory"])
    document["alive"] -= 7200
    document["watermarks"] = {G: "%.6f" % (time.time() - 7200)}
    document["seen"] = []
    store["slack_sensor.memory"] = json.dumps(document)
    slack.workspace.channels[G].messages[-1]["ts"] = "%.6f" % (time.time() - 5400)
    slack.workspace.say(seed.OWNER, G, "m 1")
    with Sensing(slack, transport, store) as sensing:
        caught_up(sensing)
        assert numbers(sensing.wait_texts(1)) == [1]
        assert sum("backfill_max_age" in line for line in sensing.log.of("WARNING")) == 1


# order


def test_missed_ones_come_before_new_ones_of_their_channel(slack, transport):
    """And other channels do not wait for them."""
    store = {}
    run_once(slack, transport, store, "m 0")
    for number in range(1, 6):
        slack.workspace.say(seed.OWNER, G, "m %d" % number)
    gate = threading.Event()
    slack.faults.append(Fault.slow(gate, method="conversations.history"))
    with Sensing(slack, transport, store) as sensing:
        until(lambda: calls(slack, "conversations.history"))
        sensing.say("m 6")
        slack.workspace.say(seed.OWNER, G, "m 7")
        until(lambda: len(sensing.workspace.queue) >= 2)
        assert sensing.texts == []
        gate.set()
        sensing.wait_texts(7)
        assert of_channel(sensing, G) == [1, 2, 3, 4, 5, 6, 7]


def test_many_pages(monkeypatch, slack, transport):
    monkeypatch.setattr(backfill, "PAGE", 100)
    monkeypatch.setattr(gap_reader, "PAGE", 100)
    store = {}
    run_once(slack, transport, store, "m 0")
    for number in range(1, 450):
        slack.workspace.say(seed.OWNER, G, "m %d" % number)
    with Sensing(slack, transport, store) as sensing:
        assert numbers(sensing.wait_texts(449)) == list(range(1, 450))
        assert len(calls(slack, "conversations.history")) >= 5


def test_the_channel_with_the_latest_activity_comes_first(slack, transport):
    store = {}
    with Sensing(slack, transport, store) as sensing:
        for number, channel in enumerate((INC, D, G)):
            sensing.say("m %d" % number, channel)
        sensing.wait_texts(3)
    for channel in (INC, G, D):
        slack.workspace.say(seed.OWNER, channel, "away 1")
    with Sensing(slack, transport, store) as sensing:
        sensing.wait_texts(3)
        asked = [each.args["channel"] for each in calls(slack, "conversations.history")]
        assert asked[:3] == [G, D, INC]


def test_replies_in_threads(slack, transport):
    store = {}
    with Sensing(slack, transport, store) as sensing:
        parent = sensing.say("parent")["ts"]
        sensing.say("m 0", thread_ts=parent)
        sensing.wait_texts(2)
    slack.workspace.say(seed.TOMASZ, G, "m 1", thread_ts=parent)
    slack.workspace.say(seed.TOMASZ, G, "m 2")
    slack.workspace.say(seed.TOMASZ, G, "m 3", thread_ts=parent)
    with Sensing(slack, transport, store) as sensing:
        sensing.wait_texts(3)
        found = [(p["text"], p["thread_ts"]) for p in sensing.of("slack.message")]
        assert sorted(found) == [("m 1", parent), ("m 2", None), ("m 3", parent)]
        assert found.index(("m 1", parent)) < found.index(("m 3", parent))


# connections that come and go


def test_lost_again_while_it_is_caught_up(slack, transport):
    """What is missed the second time is older than what comes live, and not passed over."""
    store = {}
    with Sensing(slack, transport, store) as sensing:
        for channel in (D, G):
            sensing.say("m 0", channel)
        sensing.wait_texts(2)
    slack.workspace.say(seed.OWNER, G, "m 1")
    gate = threading.Event()
    # The catch-up has done the first channel and hangs in the second.
    slack.faults.append(Fault.slow(gate, method="conversations.history", after=1))
    with Sensing(slack, transport, store) as sensing:
        until(lambda: len(calls(slack, "conversations.history")) == 2)
        sensing.wait_texts(1)
        slack.faults.append(Fault.status(500, method=OPENING[transport]))
        old = sensing.link()
        old.cut()
        until(lambda: sensing.figure("state") == "lost")
        sensing.say("m 2")
        until(lambda: sensing.figure("state") == "connected" and sensing.links())
        sensing.say("m 3")
        gate.set()
        sensing.wait_texts(3)
        assert of_channel(sensing, G) == [1, 2, 3]


def test_a_connection_that_flaps(slack, transport):
    with Sensing(slack, transport) as sensing:
        count = 0
        for flap in range(1, 8):
            for _ in range(5):
                sensing.say("m %d" % count)
                count += 1
            old = sensing.link()
            old.cut()
            sensing.say("m %d" % count)
            count += 1
            until(lambda old=old: sensing.links() and sensing.link() is not old)
            until(lambda flap=flap: sensing.states.count("connected") > flap)
        sensing.wait_texts(count)
        assert numbers(sensing.texts) == list(range(count))
        assert len(calls(slack, "conversations.history")) < 50


def test_slacks_limit_for_history_delays_only_what_has_to_wait(slack, transport):
    store = {}
    run_once(slack, transport, store, "m 0")
    slack.workspace.say(seed.OWNER, G, "m 1")
    slack.faults.append(Fault.rate_limited(1, method="conversations.history"))
    with Sensing(slack, transport, store) as sensing:
        assert numbers(sensing.wait_texts(1)) == [1]
        assert len(calls(slack, "conversations.history")) >= 2


def test_when_conversations_cannot_be_listed_nothing_waits_for_it(slack, transport):
    """users.conversations is to be asked again in ten minutes: no reason to be deaf."""
    store = {}
    run_once(slack, transport, store, "m 0")
    slack.workspace.say(seed.OWNER, G, "m 1")
    slack.faults.append(Fault.rate_limited(10 * PATIENCE, method="users.conversations", times=None))
    with Sensing(slack, transport, store) as sensing:
        sensing.say("m 2")
        assert numbers(sensing.wait_texts(2)) == [1, 2]


@pytest.mark.parametrize("code", ["missing_scope", "not_in_channel", "channel_not_found"])
def test_a_refusal_of_history_is_said_once_and_does_no_harm(slack, transport, code):
    store = {}
    run_once(slack, transport, store, "m 0")
    slack.faults.append(Fault.refuse(code, "conversations.history", times=None))
    with Sensing(slack, transport, store) as sensing:
        sensing.say("m 1")
        sensing.wait_texts(1)
        caught_up(sensing)
        count = len([line for line in sensing.log.of("WARNING") if code in line])
        assert 1 <= count <= (1 if code == "missing_scope" else 4)
        assert "m 1" in sensing.texts


def test_history_that_fails_for_a_while(slack, transport):
    store = {}
    run_once(slack, transport, store, "m 0")
    slack.workspace.say(seed.OWNER, G, "m 1")
    slack.faults.append(Fault.status(500, method="conversations.history"))
    slack.faults.append(Fault.cut_after_read(method="users.conversations"))
    with Sensing(slack, transport, store) as sensing:
        sensing.say("m 2")
        assert numbers(sensing.wait_texts(2)) == [1, 2]


def test_a_fault_of_ours_in_the_catch_up_leaves_nobody_waiting(monkeypatch, slack, transport):
    store = {}
    run_once(slack, transport, store, "m 0")
    monkeypatch.setattr(backfill.Backfill, "history", lambda *args: 1 / 0)
    monkeypatch.setattr(event_queue, "MOST_HELD", 0.2)
    with Sensing(slack, transport, store) as sensing:
        until(lambda: sensing.log.of("ERROR"))
        sensing.say("m 1")
        until(lambda: "m 1" in sensing.texts)
        sensing.link().cut()
        until(lambda: sensing.states.count("connected") == 2)
        sensing.say("m 2")
        until(lambda: "m 2" in sensing.texts)


# the datastore


def test_a_datastore_that_fails_stops_nothing(slack, transport):
    sensing = Sensing(slack, transport)
    sensing.write_fails = OSError("no API")
    try:
        sensing.start()
        sensing.say("m 0")
        sensing.wait_texts(1)
        sensing.link().cut()
        until(lambda: "lost" in sensing.states)
        sensing.say("m 1")
        assert numbers(sensing.wait_texts(2)) == [0, 1]
        assert sum("datastore" in line for line in sensing.log.of("WARNING")) == 1
    finally:
        sensing.finish()


def test_a_datastore_that_is_not_up_yet(slack, transport):
    """StackStorm's sensor may start before its API: get_value then tells None, without a word."""
    store = {}
    run_once(slack, transport, store, "m 0")
    slack.workspace.say(seed.OWNER, G, "m 1")
    sensing = Sensing(slack, transport, store)
    sensing.services.read = lambda key: None if sensing.write_fails else store.get(key)
    sensing.workspace.checkpoint._read = sensing.services.read
    sensing.write_fails = OSError("no API")
    try:
        sensing.start()
        sensing.say("m 2")
        sensing.wait_texts(1)
        sensing.write_fails = None
        sensing.wait_texts(2)
        assert sorted(numbers(sensing.texts)) == [1, 2]
    finally:
        sensing.finish()


def test_it_is_written_at_most_once_a_second_and_stays_small(slack):
    """By count: when one of the writes begins depends on the machine too."""
    writes, began = [], time.monotonic()

    class Recording(Sensing):
        def _write(self, key, text):
            writes.append((time.monotonic(), key, len(text.encode())))
            super()._write(key, text)

    with Recording(slack) as sensing:
        for number in range(1000):
            sensing.say("m %d" % number, (G, D, INC)[number % 3])
        sensing.wait_texts(1000, 2 * PATIENCE)
    memory = [each for each in writes if each[1] == "slack_sensor.memory"]
    # The first is written at once, the last on the way out.
    assert 2 <= len(memory) <= time.monotonic() - began + 2
    assert max(size for _, _, size in writes) < 64 * 1024


def test_a_fault_while_the_status_is_kept_does_not_end_it(slack):
    """As where the datastore key of a token holds something that is none."""
    store = {"slack.token": "not a token at all"}
    slack.faults.append(Fault.refuse("token_expired", "users.info", times=None))
    config = {"action_token_key": "slack.token"}
    with Sensing(slack, store=store, config=config) as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        until(lambda: sensing.log.of("ERROR") or sensing.log.of("WARNING"))
        sensing.say("m 1")
        sensing.wait_texts(2)
        assert sensing._ticker.is_alive()
        assert not any("not a token at all" in line for line in sensing.log.lines)
