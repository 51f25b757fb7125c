"""One suite over both transports: connecting, losing, replacing, surviving. Real sockets."""

import itertools
import json
import logging
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensing import OPENING, PATIENCE, TRANSPORTS, D, G, RealTime, Sensing, numbers, until

from sandbox.slack import Fault, SocketFault, Token
from sandbox.slack.sockets.socket_faults import GARBAGE, Close, Wire, oversized
from sandbox.slack.state import seed
from st2slack.base.errors import Disconnected
from st2slack.sensor import connection, event_filter, identity, slack_clients, workspace_sensor


@pytest.fixture(params=TRANSPORTS)
def transport(request):
    return request.param


@pytest.fixture(autouse=True)
def _soon(monkeypatch, slack):
    """The same waits, but shorter; timestamps of now."""
    monkeypatch.setattr(connection, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(connection, "POLL_INTERVAL", 0.05)
    monkeypatch.setattr(connection, "DRAIN_IDLE", 0.05)
    monkeypatch.setattr(connection, "DRAIN_TIMEOUT", 0.3)
    slack.workspace.next_ts = RealTime()


@pytest.fixture
def sensing(slack, transport):
    """A sensed workspace that is connected."""
    with Sensing(slack, transport) as sensing:
        yield sensing


# connecting


def test_connected_at_once_and_without_lists(slack, transport):
    with Sensing(slack, transport) as sensing:
        until(lambda: sensing.states == ["connected"])
        said = sensing.log.of("INFO")
        assert any("connected to Harbour Works as harbourbot by %s" % transport in s for s in said)
    asked = {request.method for request in slack.requests}
    assert not asked & {"users.list", "conversations.list"}


def test_a_message_becomes_a_trigger(sensing):
    posted = sensing.say("hello")
    assert sensing.wait_texts(1) == ["hello"]
    payload = sensing.of("slack.message")[0]
    assert payload["timestamp_raw"] == posted["ts"]
    assert payload["team"] == seed.TEAM and payload["workspace"] == ""
    assert payload["user"]["name"] == "mara" and payload["channel"]["name"] == "general"


def test_order_within_channels(sensing):
    for number in range(300):
        sensing.say("m %d" % number, (G, D)[number % 2])
    sensing.wait_texts(300)
    for channel, offset in ((G, 0), (D, 1)):
        texts = [p["text"] for p in sensing.of("slack.message") if p["channel"]["id"] == channel]
        assert numbers(texts) == list(range(offset, 300, 2))


def test_what_is_posted_by_the_app_itself_is_ignored(sensing):
    sensing.say("own", user=seed.BOT, bot_id=seed.BOT_ID)
    sensing.say("other's")
    assert sensing.wait_texts(1) == ["other's"]
    assert sensing.workspace.document()["ignored"] == {"own message": 1}


# losing


@pytest.mark.parametrize("how", ["cut", "eof", "close", "freeze", "garbage"])
def test_a_lost_connection_is_renewed_and_nothing_is_lost(monkeypatch, slack, transport, how):
    monkeypatch.setattr(connection, "PING_AFTER", 0.3)
    monkeypatch.setattr(connection, "PONG_TIMEOUT", 0.3)
    slack.socket.ack_timeout = 0.5
    with Sensing(slack, transport) as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        old = sensing.link()
        end = {"garbage": lambda: old.send_raw(Wire(GARBAGE))}.get(how) or getattr(old, how)
        end()
        for number in range(1, 6):
            sensing.say("m %d" % number)
        assert numbers(sensing.wait_texts(6)) == [0, 1, 2, 3, 4, 5]
        until(lambda: sensing.links() and sensing.link() is not old)
        sensing.say("m 6")
        assert numbers(sensing.wait_texts(7)) == list(range(7))
        assert sensing.states[:3] == ["connected", "lost", "connected"]
        assert sensing.figure("reconnects") == 1


def test_what_a_dead_connection_swallowed_is_fetched_when_the_next_one_is_lost(monkeypatch, slack):
    """Slack takes a connection that fell silent for alive, and hands it every other message. What
    it tries again can be lost with the next connection, and then comes much later, or never."""
    monkeypatch.setattr(connection, "PING_AFTER", 0.2)
    monkeypatch.setattr(connection, "PONG_TIMEOUT", 0.2)
    slack.socket.ack_timeout = 1000  # Slack tries nothing again in this test
    with Sensing(slack, "socket_mode") as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        silent = sensing.link()
        silent.freeze()
        until(lambda: len(sensing.links()) == 2 and "caught_up" in sensing.states)
        for number in range(1, 9):
            sensing.say("m %d" % number)
        until(lambda: len(sensing.texts) == 5)  # half of them
        (other,) = [link for link in sensing.links() if link is not silent]
        other.cut()
        assert sorted(numbers(sensing.wait_texts(9))) == list(range(9))


def test_what_a_dead_connection_swallowed_is_fetched_after_a_kill(monkeypatch, slack):
    """Newer messages of the channel were dispatched, and Slack does not deliver again."""
    monkeypatch.setattr(connection, "PING_AFTER", 0.2)
    monkeypatch.setattr(connection, "PONG_TIMEOUT", 0.2)
    slack.socket.ack_timeout, slack.socket.retry_after = 1000, ()
    store = {}
    with Sensing(slack, "socket_mode", store) as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        silent = sensing.link()
        silent.freeze()
        until(lambda: len(sensing.links()) == 2 and "caught_up" in sensing.states)
        for number in range(1, 9):
            sensing.say("m %d" % number)
        until(lambda: len(sensing.texts) == 5)  # half of them
        until(lambda: len(sensing.workspace.queue) == 0)
        sensing.workspace.checkpoint.save(time.time())
        left = dict(store)  # the datastore as a kill leaves it
        came = set(numbers(sensing.texts))
    with Sensing(slack, "socket_mode", left) as following:
        assert numbers(following.wait_texts(4)) == sorted(set(range(9)) - came)


def test_a_half_open_connection_is_noticed(monkeypatch, sensing):
    monkeypatch.setattr(connection, "PING_AFTER", 0.2)
    monkeypatch.setattr(connection, "PONG_TIMEOUT", 0.2)
    old = sensing.link()
    old.freeze()
    until(lambda: "lost" in sensing.states)
    lost = sensing.of("slack.sensor_state")[1]
    assert "not even an answer to a ping" in lost["reason"]
    until(lambda: any(link is not old for link in sensing.links()))


def test_a_quiet_connection_is_asked_and_kept(monkeypatch, sensing):
    monkeypatch.setattr(connection, "PING_AFTER", 0.1)
    monkeypatch.setattr(connection, "PONG_TIMEOUT", 3)
    pings = count_pings(monkeypatch)
    until(lambda: len(pings) >= 2)
    assert sensing.states == ["connected"] and len(sensing.links()) == 1


def count_pings(monkeypatch):
    pings = []
    ping = connection.Connection._ping

    def counted(link, now):
        pings.append(now)
        ping(link, now)

    monkeypatch.setattr(connection.Connection, "_ping", counted)
    return pings


def test_a_healthy_connection_whose_reader_is_busy_is_not_killed(monkeypatch, sensing):
    """StackStorm does not take triggers for a while, and more comes than there is room for."""
    monkeypatch.setattr(connection, "PING_AFTER", 0.1)
    monkeypatch.setattr(connection, "PONG_TIMEOUT", 0.1)
    sensing.workspace.queue.capacity = 20
    gate, waiting = threading.Event(), threading.Event()

    def wait(ref, payload):
        waiting.set()
        assert gate.wait(PATIENCE)

    sensing.before = wait
    for number in range(200):
        sensing.say("m %d" % number)
    assert waiting.wait(PATIENCE)
    until(lambda: sensing.figure("overflowed") == 180)
    watched = count_watches(monkeypatch)
    until(lambda: len(watched) >= 8)  # for longer than QUIET and ANSWER
    gate.set()
    assert numbers(sensing.wait_texts(200)) == list(range(200))
    assert "lost" not in sensing.states and len(sensing.links()) == 1


def count_watches(monkeypatch):
    watched = []
    watch = connection.Connection.check

    def counted(link, now):
        watched.append(now)
        watch(link, now)

    monkeypatch.setattr(connection.Connection, "check", counted)
    return watched


# replacing


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
def test_the_new_connection_is_up_before_the_old_one_is_left(sensing, slack, reason):
    old = sensing.link()
    for number in range(100):
        sensing.say("m %d" % number)
    slack.socket.disconnect(reason)
    for number in range(100, 200):
        sensing.say("m %d" % number)
    until(lambda: any(link is not old for link in sensing.links()))
    until(lambda: old not in sensing.links())
    for number in range(200, 300):
        sensing.say("m %d" % number)
    assert numbers(sensing.wait_texts(300)) == list(range(300))
    assert sensing.states == ["connected"] and sensing.figure("reconnects") == 1


def test_both_were_up_for_a_moment(monkeypatch, sensing, slack):
    counts = []
    record = slack.socket.record

    def watch():
        while not done.is_set():
            with record.changed:
                record.changed.wait(0.05)
                counts.append(len(slack.socket._connections))

    for name in ("DRAIN_IDLE", "DRAIN_TIMEOUT"):  # the old one stays until this test has seen both
        monkeypatch.setattr(connection, name, PATIENCE)
    done = threading.Event()
    watcher = threading.Thread(target=watch)
    watcher.start()
    old = sensing.link()
    slack.socket.disconnect("warning")
    until(lambda: max(counts, default=0) == 2)
    monkeypatch.setattr(connection, "DRAIN_IDLE", 0.05)
    until(lambda: old not in sensing.links())
    done.set()
    watcher.join()
    assert max(counts) == 2 and min(counts) == 1


def test_in_order_while_slack_uses_both(monkeypatch, sensing, slack):
    """It hands over to the one and the other in turn, as long as the old one is there."""
    old = sensing.link()
    # The old one stays until all of them have been said.
    for name in ("DRAIN_IDLE", "DRAIN_TIMEOUT"):
        monkeypatch.setattr(connection, name, PATIENCE)
    slack.socket.disconnect("warning")
    until(lambda: len(sensing.links()) == 2)
    for number in range(100):
        sensing.say("m %d" % number)
        slack.socket.wait_for(lambda: False, 0.002)  # a pause, so that both are idle in between
    assert old in sensing.links()
    monkeypatch.setattr(connection, "DRAIN_IDLE", 0.05)
    until(lambda: old not in sensing.links())
    for number in range(100, 120):
        sensing.say("m %d" % number)
    assert numbers(sensing.wait_texts(120)) == list(range(120))


def test_what_the_old_one_had_not_handed_over_is_fetched(monkeypatch, slack, transport):
    """The reader is slow, the old connection is left with frames unread, Slack does not repeat."""
    monkeypatch.setattr(connection, "DRAIN_TIMEOUT", 0.2)
    slack.socket.retry_after = ()
    with Sensing(slack, transport) as sensing:
        wire = sensing.workspace._manager.connection._websocket
        read, gate, reading = wire.read, threading.Event(), threading.Event()

        def read_slowly(timeout):
            reading.set()
            gate.wait(0.05)
            return read(timeout)

        wire.read = read_slowly
        assert reading.wait(PATIENCE)
        for number in range(200):
            sensing.say("m %d" % number)
        old = sensing.link()
        # Its goodbye would stand behind what is unread: say it as if it had been read.
        sensing.workspace._manager.connection.disconnect_reason = "warning"
        until(lambda: any(link is not old for link in sensing.links()))
        until(lambda: old not in sensing.links())
        for number in range(200, 210):
            sensing.say("m %d" % number)
        assert numbers(sensing.wait_texts(210)) == list(range(210))
        assert sensing.states[0] == "connected" and "lost" not in sensing.states


def test_replacing_obeys_retry_after(sensing, slack, transport):
    """The old connection is used as long as no new one can be had; Slack is not pestered."""
    slack.faults.append(Fault.rate_limited(30, method=OPENING[transport], times=None))
    before = opened(slack, transport)
    slack.socket.disconnect("warning")
    until(lambda: opened(slack, transport) == before + 1)
    sensing.say("m 0")
    sensing.wait_texts(1)
    ends = time.monotonic() + 0.6  # time enough for many tries at FIRST
    until(lambda: time.monotonic() > ends)
    assert opened(slack, transport) == before + 1


def opened(slack, transport):
    return sum(request.method == OPENING[transport] for request in slack.requests)


def test_replacing_in_vain_backs_off(monkeypatch, sensing, slack, transport):
    monkeypatch.setattr(connection, "FIRST_PAUSE", 0.1)
    slack.faults.append(Fault.refuse("invalid_auth", method=OPENING[transport], times=None))
    before = opened(slack, transport)
    slack.socket.disconnect("warning")
    until(lambda: opened(slack, transport) > before)
    ends = time.monotonic() + 0.6
    until(lambda: time.monotonic() > ends)
    assert opened(slack, transport) == before + 1, "in vain: once a minute"
    sensing.say("m 0")
    assert sensing.wait_texts(1)


# refusals: it keeps living, and tells once per state


REFUSALS = ["invalid_auth", "account_inactive"]


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_does_not_end_it(monkeypatch, slack, transport, code):
    monkeypatch.setattr(connection, "PERMANENT_PAUSE", 0.05)
    slack.faults.append(Fault.refuse(code, method=OPENING[transport], times=3))
    sensing = Sensing(slack, transport)
    try:
        sensing.start()
        until(lambda: sensing.states == ["degraded", "connected"])
        assert len(sensing.log.of("WARNING")) == 1 and code in sensing.log.of("WARNING")[0]
    finally:
        sensing.finish()


def test_in_vain_means_slowly_but_at_least_once_a_minute():
    assert connection.PERMANENT_PAUSE <= 60


def test_revoked_while_connected(monkeypatch, slack, transport):
    monkeypatch.setattr(connection, "PERMANENT_PAUSE", 0.05)
    with Sensing(slack, transport) as sensing:
        token = slack.app_token if transport == "socket_mode" else slack.bot_token
        good = slack.tokens[token]
        slack.tokens[token] = Token(good.kind, good.user, state="revoked", bot_id=good.bot_id)
        before = opened(slack, transport)
        sensing.link().cut()
        until(lambda: sensing.states[:3] == ["connected", "lost", "degraded"])
        until(lambda: opened(slack, transport) >= before + 4)
        slack.tokens[token] = good
        sensing.wait_connected()
        until(lambda: "connected" in sensing.states[3:])
        assert sensing.states.count("degraded") == 1
        assert sum("token_revoked" in line for line in sensing.log.of("WARNING")) == 1


def test_link_disabled(monkeypatch, slack):
    monkeypatch.setattr(connection, "PERMANENT_PAUSE", 0.2)
    with Sensing(slack) as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        # An acknowledgement that meets a closed socket takes away what was not read from it.
        until(lambda: slack.socket.acknowledged)
        old = sensing.link()
        slack.socket.disconnect("link_disabled", close_after=0)
        until(lambda: "degraded" in sensing.states)
        sensing.say("m 1")
        until(lambda: sensing.states[:3] == ["connected", "degraded", "connected"])
        assert sensing.link() is not old
        assert numbers(sensing.wait_texts(2)) == [0, 1]
        assert sum("Socket Mode was switched off" in s for s in sensing.log.of("WARNING")) == 1


def test_too_many_connections(monkeypatch, slack):
    monkeypatch.setattr(connection, "PERMANENT_PAUSE", 0.05)
    slack.socket.most = 0
    sensing = Sensing(slack)
    try:
        sensing.start(connected=False)
        until(lambda: opened(slack, "socket_mode") >= 3)
        assert sum("too_many_websockets" in s for s in sensing.log.of("WARNING")) == 1
        slack.socket.most = 10
        sensing.wait_connected()
    finally:
        sensing.finish()


def test_rtm_for_a_new_app_says_what_to_do(slack):
    slack.rtm_allowed = False
    sensing = Sensing(slack, "rtm")
    try:
        sensing.start(connected=False)
        until(lambda: "degraded" in sensing.states)
        assert "Switch Socket Mode on" in sensing.of("slack.sensor_state")[0]["reason"]
    finally:
        sensing.finish()


def test_an_expired_token_is_read_afresh(slack, transport):
    token, good = (
        (slack.app_token, "xapp-fresh")
        if transport == "socket_mode"
        else (slack.bot_token, "xoxb-fresh")
    )
    known = slack.tokens[token]
    slack.tokens[good] = known
    slack.tokens[token] = Token(known.kind, known.user, state="expired", bot_id=known.bot_id)
    slack.tokens["xoxb-other"] = Token("bot", seed.BOT, bot_id=seed.BOT_ID)
    store = {"slack.token": good}
    config = {"action_token": "xoxb-other"}
    sensing = Sensing(slack, transport, store, config, token_key="slack.token")
    try:
        sensing.start()
        sensing.say("m 0")
        assert sensing.wait_texts(1)
    finally:
        sensing.finish()


# opening that goes wrong


@pytest.mark.parametrize("status", [500, 503])
def test_trouble_at_opening(monkeypatch, slack, transport, status):
    monkeypatch.setattr(
        slack_clients, "OPENING", 0.2
    )  # so ConnectionManager itself has to try again
    slack.faults.append(Fault.status(status, method=OPENING[transport], times=3))
    with Sensing(slack, transport) as sensing:
        sensing.say("m 0")
        assert sensing.wait_texts(1)


def test_retry_after_at_opening_is_obeyed(slack, transport):
    slack.faults.append(Fault.rate_limited(1, method=OPENING[transport]))
    began = time.monotonic()
    with Sensing(slack, transport):
        assert time.monotonic() - began >= 1
        assert opened(slack, transport) == 2


def test_a_long_retry_after_is_waited_for_and_can_be_interrupted(slack, transport):
    slack.faults.append(Fault.rate_limited(600, method=OPENING[transport], times=None))
    sensing = Sensing(slack, transport)
    sensing.start(connected=False)
    until(lambda: sensing.states == ["lost"])
    sensing.finish()
    assert opened(slack, transport) == 1


HANDSHAKES = {
    "status": SocketFault.status(502),
    "unauthorized": SocketFault.status(401),
    "html": SocketFault.html(),
    "half": SocketFault.half_handshake(),
    "cut": SocketFault.cut_after_read(),
    "closed": SocketFault.cut_after_read(reset=False),
    "close at once": SocketFault.close(1011),
    "cut at once": SocketFault.cut(),
    "eof at once": SocketFault.eof(),
}


@pytest.mark.parametrize("name", sorted(HANDSHAKES))
def test_faults_of_the_handshake(slack, transport, name):
    fault = HANDSHAKES[name]
    for _ in range(3):
        slack.socket.faults.append(type(fault)(action=fault.action))
    with Sensing(slack, transport) as sensing:
        until(lambda: slack.socket.faults.take(transport) is None)
        until(lambda: sensing.figure("state") == "connected" and sensing.links())
        sensing.say("m 0")
        assert sensing.wait_texts(1) == ["m 0"]


def test_a_hanging_handshake(monkeypatch, slack, transport):
    shorten_opening(monkeypatch, 0.3)
    slack.socket.faults.append(SocketFault.hang_handshake())
    with Sensing(slack, transport) as sensing:
        sensing.say("m 0")
        assert sensing.wait_texts(1)


def shorten_opening(monkeypatch, timeout):
    original = workspace_sensor.open_websocket
    monkeypatch.setattr(
        workspace_sensor, "open_websocket", lambda url, settings: original(url, settings, timeout)
    )


def test_no_hello(monkeypatch, slack, transport):
    monkeypatch.setattr(connection, "HELLO_TIMEOUT", 0.3)
    slack.socket.faults.append(SocketFault.no_hello())
    with Sensing(slack, transport) as sensing:
        sensing.say("m 0")
        assert sensing.wait_texts(1)


def test_what_comes_before_a_hello_waits_for_what_was_missed(monkeypatch, slack, transport):
    monkeypatch.setattr(connection, "HELLO_TIMEOUT", 0.3)
    with Sensing(slack, transport) as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        slack.faults.append(Fault.status(500, method=OPENING[transport]))
        slack.socket.faults.append(SocketFault.no_hello())
        old = sensing.link()
        old.cut()
        sensing.say("m 1")  # nobody is there
        until(lambda: sensing.links() and sensing.link() is not old)
        silent = sensing.link()
        sensing.say("m 2")  # over the connection that says no hello
        until(lambda: silent not in sensing.links())
        sensing.say("m 3")
        assert numbers(sensing.wait_texts(4)) == [0, 1, 2, 3]


@pytest.mark.parametrize("url", ["", "wss://[::1", "wss://x:99999/", "ws://x"])
def test_an_address_that_is_none(monkeypatch, slack, transport, url):
    """Odd answers are told once, and tried again."""
    monkeypatch.setattr(connection, "LONGEST_PAUSE", 0.05)
    slack.faults.append(
        Fault.status(
            200,
            json.dumps({"ok": True, "url": url}),
            "application/json",
            method=OPENING[transport],
            times=4,
        )
    )
    with Sensing(slack, transport) as sensing:
        until(lambda: sensing.states == ["lost", "connected"])
        assert not sensing.log.of("ERROR")


# frames


FRAMES = {
    "binary": b"\x00\x01\xfe\xff",
    "empty": "",
    "not JSON": "this is {no JSON",
    "no object": '["a list"]',
    "a number": "7",
    "null": "null",
    "unknown type": '{"type": "loopback_unknown"}',
    "no type": "{}",
    "deep": "[" * 100_000,
    "deep object": '{"type":"message","x":' * 20_000,
    "long number": '{"type":"message","ts":%s}' % ("9" * 10_000),
    "type is an object": '{"type": {}}',
    "envelope without payload": '{"envelope_id": "x", "type": "events_api"}',
    "envelope with a list": '{"envelope_id": 7, "type": "events_api", "payload": []}',
    "event is text": '{"envelope_id": "y", "type": "events_api", "payload": {"event": "x"}}',
    "command without anything": '{"envelope_id": "z", "type": "slash_commands", "payload": {}}',
    "interaction with nonsense": (
        '{"envelope_id": "z", "type": "interactive", "payload": {"actions": 7, "view": "x"}}'
    ),
    "surrogates": (
        '{"envelope_id":"\\ud800","type":"events_api","payload":{"event_id":"\\ud800","event":'
        '{"type":"message","channel":"\\ud800","user":"\\udfff","text":"\\ud800",'
        '"ts":"1.\\ud800"}}}'
    ),
    "RTM surrogates": (
        '{"type":"message","channel":"\\ud800","user":"\\udfff","text":"x","ts":"\\ud800"}'
    ),
    "NaN": '{"type": "message", "channel": "C1", "user": "U1", "text": NaN, "ts": Infinity}',
    "odd reason": '{"type": "disconnect", "reason": {}}',
}


@pytest.mark.parametrize("name", sorted(FRAMES))
def test_odd_frames(sensing, name):
    sensing.slack.socket.send_raw(FRAMES[name])
    sensing.say("after")
    until(lambda: "after" in sensing.texts)
    assert not sensing.log.of("ERROR"), sensing.log.of("ERROR")[0]


def test_an_oversized_frame(sensing):
    old = sensing.link()
    sensing.say("m 0")
    old.send_raw(oversized())
    sensing.say("m 1")
    until(lambda: sensing.figure("reconnects") == 1)
    assert sorted(numbers(sensing.wait_texts(2))) == [0, 1]
    assert len(sensing.log.of("WARNING")) == 1
    sensing.say("m 2")
    sensing.wait_texts(3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
IDS = st.sampled_from([G, D, seed.OWNER, "C1", "U1", "", "\ud800"]) | JSON
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["message", "reaction_added", "user_change", "channel_rename"])
        | JSON,
        "subtype": st.sampled_from(["file_share", "message_changed", "channel_topic"]) | JSON,
        "channel": IDS | st.fixed_dictionaries({"id": IDS}),
        "user": IDS | st.fixed_dictionaries({"id": IDS}),
        "ts": st.sampled_from(["1503435956.000247", "x"]) | JSON,
        "event_ts": JSON,
        "thread_ts": JSON,
        "text": st.text() | JSON,
        "item": JSON,
        "message": JSON,
        "blocks": JSON,
        "files": JSON,
        "bot_profile": JSON,
        "channel_type": st.sampled_from(["channel", "im"]) | JSON,
    },
)
FRAME = st.one_of(
    JSON,
    EVENTS,
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["events_api", "slash_commands", "interactive"]) | JSON,
            "envelope_id": st.text(max_size=5) | JSON,
            "payload": st.fixed_dictionaries({"event": EVENTS, "event_id": JSON})
            | st.fixed_dictionaries({"actions": JSON, "view": JSON, "user": JSON, "type": JSON})
            | JSON,
        }
    ),
)


def test_any_json_as_a_frame(slack, transport):
    """After each frame a message has to come through, on the same connection."""
    with Sensing(slack, transport, events=["reaction_added"]) as sensing:
        link = sensing.link()
        count = itertools.count()

        @settings(max_examples=150)
        @given(FRAME)
        def survive(frame):
            if isinstance(frame, dict) and frame.get("type") in ("disconnect", "goodbye"):
                return
            link.send_raw(json.dumps(frame))
            text = "after %d" % next(count)
            sensing.say(text)
            until(lambda: text in sensing.texts[-5:])
            assert not sensing.log.of("ERROR"), sensing.log.of("ERROR")[0]
            assert sensing.links() == [link]

        survive()
        until(lambda: sensing.states == ["connected"])


# names


def test_slow_look_ups_delay_nothing_beyond_the_budget(monkeypatch, slack, transport):
    monkeypatch.setattr(slack_clients, "LOOK_UP", 0.4)
    sensing = Sensing(slack, transport)
    try:
        sensing.start()
        gate = threading.Event()
        for method in ("users.info", "conversations.info"):
            slack.faults.append(Fault.slow(gate, method=method, times=None))
        many = int(2 * PATIENCE / 0.4)  # a budget for each of them would be twice the patience
        for number in range(many):
            sensing.say("m %d" % number)
        sensing.wait_texts(many)
        gate.set()
        first = sensing.of("slack.message")[0]
        assert first["user"]["id"] == seed.OWNER and first["channel"]["id"] == G
        assert not first["user"]["name"] and not first["channel"]["name"]
    finally:
        sensing.finish()


@pytest.mark.parametrize("fault", ["429", "500", "refused", "cut"])
def test_look_ups_in_vain_delay_nothing_and_lose_nothing(slack, transport, fault):
    makers = {
        "429": lambda method: Fault.rate_limited(10 * PATIENCE, method=method, times=None),
        "500": lambda method: Fault.status(500, method=method, times=None),
        "refused": lambda method: Fault.refuse("missing_scope", method, times=None),
        "cut": lambda method: Fault.cut_after_read(method=method, times=None),
    }
    for method in ("users.info", "conversations.info"):
        slack.faults.append(makers[fault](method))
    with Sensing(slack, transport) as sensing:
        for number in range(50):
            sensing.say("m %d" % number)
        assert numbers(sensing.wait_texts(50)) == list(range(50))
        asked = [r.method for r in slack.requests if r.method in ("users.info",)]
        assert len(asked) <= 3


# who the app is

OTHER_APP = {"user": seed.PRIYA, "bot_id": "B0OTHER0001"}


@pytest.fixture
def asked_often(monkeypatch):
    monkeypatch.setattr(identity, "RETRY", 0.02)


def without_identity(slack):
    """auth.test fails from now on; returns how to let it succeed again."""
    slack.faults.append(Fault.status(500, method="auth.test", times=None))
    return slack.faults.clear


def asked(slack):
    return sum(request.method == "auth.test" for request in slack.requests)


def test_bots_wait_until_it_is_known_who_the_app_is(slack, transport, asked_often):
    known_again = without_identity(slack)
    with Sensing(slack, transport) as sensing:
        sensing.say("own", user=seed.BOT, bot_id=seed.BOT_ID)
        for number in range(3):
            sensing.say("m %d" % number, **OTHER_APP)
        sensing.say("people's")
        assert sensing.wait_texts(1) == ["people's"]
        until(lambda: sensing.figure("waiting_for_identity") == 4)
        if transport == "socket_mode":
            until(lambda: len(slack.socket.acknowledged) == 1)
        until(lambda: asked(slack) >= 3)
        known_again()
        assert sensing.wait_texts(4)[1:] == ["m 0", "m 1", "m 2"]
        until(lambda: sensing.workspace.document()["ignored"] == {"own message": 1})
        assert sensing.figure("waiting_for_identity") == 0
        if transport == "socket_mode":
            until(lambda: len(slack.socket.acknowledged) == 5 and slack.socket.settled())
        # From then on nothing waits, and nothing is asked.
        count = asked(slack)
        sensing.say("m 3", **OTHER_APP)
        assert sensing.wait_texts(5)[4] == "m 3"
        assert asked(slack) == count
        assert len(sensing.log.of("WARNING")) == 1


def test_what_waits_for_the_identity_comes_once(slack, asked_often):
    """Slack delivers again what is not acknowledged, while the first copy is held."""
    slack.socket.ack_timeout = 0.05
    slack.socket.retry_after = (0.0, 0.05, 60.0)
    known_again = without_identity(slack)
    with Sensing(slack) as sensing:
        sensing.say("m 0", **OTHER_APP)
        until(lambda: sensing.figure("waiting_for_identity") >= 2)
        known_again()
        until(lambda: sensing.figure("known") >= 1)
        assert sensing.texts == ["m 0"]


def test_there_is_room_for_some_only(monkeypatch, slack, transport, asked_often):
    monkeypatch.setattr(identity, "ROOM", 2)
    slack.socket.ack_timeout = 0.05
    slack.socket.retry_after = (0.0, 0.5, 5.0)
    known_again = without_identity(slack)
    with Sensing(slack, transport) as sensing:
        for number in range(4):
            sensing.say("m %d" % number, **OTHER_APP)
        until(lambda: any("no room" in line for line in sensing.log.of("WARNING")))
        until(
            lambda: (
                sensing.workspace.document()["ignored"].get(event_filter.IDENTITY_UNKNOWN, 0) >= 2
            )
        )
        assert sensing.figure("waiting_for_identity") == 2 and sensing.texts == []
        known_again()
        if transport == "socket_mode":
            assert sorted(numbers(sensing.wait_texts(4))) == [0, 1, 2, 3]
        else:
            assert numbers(sensing.wait_texts(2)) == [0, 1]
            assert sensing.workspace.document()["ignored"] == {event_filter.IDENTITY_UNKNOWN: 2}


def test_an_expired_token_is_renewed_before_it_is_asked_again(slack, transport, asked_often):
    config = {"action_token": "xoxb-loopback-expired", "action_token_key": "bot"}
    with Sensing(slack, transport, {"bot": slack.bot_token}, config) as sensing:
        sensing.say("own", user=seed.BOT, bot_id=seed.BOT_ID)
        sensing.say("m 0", **OTHER_APP)
        assert sensing.wait_texts(1) == ["m 0"]


# secrets


def test_nothing_secret_is_logged(slack, transport):
    """Not even where StackStorm logs everything."""
    everything = logging.getLogger()
    kept = logging.Handler()
    lines = []
    kept.emit = lambda record: lines.append(kept.format(record))
    before = everything.level
    everything.addHandler(kept)
    everything.setLevel(logging.DEBUG)
    tickets = []
    make = slack.tickets.make

    def noted(*args, **more):
        ticket = make(*args, **more)
        tickets.append(ticket.text)
        return ticket

    slack.tickets.make = noted
    try:
        slack.socket.faults.append(SocketFault.status(401))
        with Sensing(slack, transport, store := {}) as sensing:
            sensing.say("m 0")
            sensing.wait_texts(1)
            sensing.link().cut()
            until(lambda: "lost" in sensing.states)
            sensing.wait_connected()
            sensing.link().send_raw(Close(1000, "see wss://slack.example/link/?ticket=canary"))
            until(lambda: sensing.states.count("lost") == 2 or len(tickets) > 3)
    finally:
        everything.removeHandler(kept)
        everything.setLevel(before)
    told = "\n".join([*lines, *sensing.log.lines, json.dumps(sensing.dispatched), *store.values()])
    assert tickets and "connected" in told
    for secret in (slack.bot_token, slack.app_token, "canary", *tickets):
        assert secret not in told


# an acknowledgement that cannot be sent


def test_a_connection_that_takes_nothing_is_noticed_though_events_wait(monkeypatch, slack):
    """Half-open, and what can be sent fills up: acknowledgements hang, and nothing else does."""
    monkeypatch.setattr(connection, "PONG_TIMEOUT", 0.3)
    with Sensing(slack) as sensing:
        clog(sensing)
        for number in range(20):
            sensing.say("m %d" % number)
        assert numbers(sensing.wait_texts(20)) == list(range(20))
        until(lambda: sensing.states[:3] == ["connected", "lost", "connected"])


def test_a_clogged_connection_is_left_at_once(slack):
    with Sensing(slack) as sensing:
        sent = clog(sensing)
        sensing.say("m 0")
        assert sent.wait(PATIENCE)
        until(lambda: sensing.texts)
        began = time.monotonic()
        slack.socket.disconnect("warning")
        sensing.say("m 1")
        sensing.wait_texts(2)
        sensing.finish()
        assert time.monotonic() - began < 4


def clog(sensing):
    """Sending hangs until the socket is cut; the event is set once somebody tries."""
    wire = sensing.workspace._manager.connection._websocket
    tried, over = threading.Event(), threading.Event()
    abort, close = wire.abort, wire.close

    def hang(text):
        tried.set()
        over.wait(PATIENCE)
        raise Disconnected("the connection broke")

    def abort_it():
        over.set()
        abort()

    def close_it():
        over.wait(PATIENCE)  # CLOSE waits behind what is being sent
        close()

    wire.send = wire.send_all = hang
    wire.abort, wire.close = abort_it, close_it
    return tried
