"""The life of a connection: how often it is tried, what is told, and that nothing stays open."""

import itertools
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sensing import OPENING, PATIENCE, TRANSPORTS, RealTime, Sensing, numbers, until
from slack_sdk.socket_mode.request import SocketModeRequest
from websockets.frames import Opcode
from websockets.protocol import SERVER, Protocol

from sandbox.slack import Fault, SocketFault
from sandbox.slack.sockets.envelopes import disconnect, text_of
from sandbox.slack.sockets.socket_faults import Close, Cut, Eof, Frames
from st2slack.base.errors import Disconnected, RateLimited, SettingsError, SlackApiError
from st2slack.diagnostics import check as checkup
from st2slack.diagnostics.probes import How
from st2slack.sensor import connection
from st2slack.sensor.connection import Backoff
from st2slack.sensor.socket_mode import SocketMode
from st2slack.sensor.websocket import masked_frames
from st2slack.settings.sensor import SensorSettings

FIRST = 0.04  # seconds; at least half of each pause, so five tries take:
FIVE_TRIES = FIRST / 2 * (1 + 2 + 4 + 8)


@pytest.fixture(params=TRANSPORTS)
def transport(request):
    return request.param


@pytest.fixture(autouse=True)
def _soon(monkeypatch, slack):
    monkeypatch.setattr(connection, "FIRST_PAUSE", FIRST)
    monkeypatch.setattr(connection, "CONFIRMED_AFTER", 0.3)
    monkeypatch.setattr(connection, "POLL_INTERVAL", 0.05)
    monkeypatch.setattr(connection, "DRAIN_IDLE", 0.05)
    monkeypatch.setattr(connection, "DRAIN_TIMEOUT", 0.3)
    slack.workspace.next_ts = RealTime()


def opened(slack, transport="socket_mode"):
    return sum(request.method == OPENING[transport] for request in slack.requests)


def read_histories(slack):
    return sum(request.method == "conversations.history" for request in slack.requests)


def leave(transport, reason="warning"):
    return text_of({"type": "goodbye"} if transport == "rtm" else disconnect(reason))


def after(seconds):
    ends = time.monotonic() + seconds
    until(lambda: time.monotonic() >= ends)


# --- the back-off, as figures --------------------------------------------------------------------


@pytest.fixture
def _slowly(monkeypatch):
    monkeypatch.setattr(connection, "FIRST_PAUSE", 0.5)


@pytest.mark.usefixtures("_slowly")
def test_each_failed_try_doubles_the_pause():
    backoff = Backoff(lambda: 1.0)
    pauses = [backoff.fail(Disconnected("x")) for _ in range(9)]
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.usefixtures("_slowly")
def test_half_of_a_pause_is_random():
    assert Backoff(lambda: 0.0).fail(Disconnected("x")) == 0.25


@pytest.mark.usefixtures("_slowly")
def test_a_useless_connection_is_a_failed_try():
    backoff = Backoff(lambda: 1.0)
    assert [(backoff.end(False, 2.0), backoff.pause()) for _ in range(3)] == [
        (False, 0.5),
        (False, 1.0),
        (False, 2.0),
    ]


@pytest.mark.usefixtures("_slowly")
@pytest.mark.parametrize("is_useful, lasted", [(True, 1.0), (False, 60.0), (True, 7200.0)])
def test_a_good_connection_ends_the_row(is_useful, lasted):
    backoff = Backoff(lambda: 1.0)
    for _ in range(5):
        backoff.fail(Disconnected("x"))
    assert backoff.end(is_useful, lasted) and backoff.pause() == 0


@pytest.mark.usefixtures("_slowly")
def test_a_brief_connection_is_no_success_whatever_came():
    """Slack delivers an event again at each new connection: it must not make a storm."""
    backoff = Backoff(lambda: 1.0)
    pauses = []
    for _ in range(6):
        assert backoff.end(True, 0.1)
        pauses.append(backoff.pause())
    assert pauses == [0.5, 1, 2, 4, 4, 4]


@pytest.mark.usefixtures("_slowly")
@pytest.mark.parametrize("asked, pause", [(0, 0.5), (1, 1), (299, 299), (301, 300), (1e9, 300)])
def test_what_is_asked_for_has_an_upper_and_a_lower_end(asked, pause):
    backoff = Backoff(lambda: 1.0)
    assert backoff.fail(Disconnected("x", asked)) == pause
    limited = RateLimited("x", "m", "ratelimited", {}, asked)
    assert Backoff(lambda: 1.0).fail(limited) == pause


@pytest.mark.usefixtures("_slowly")
def test_too_many_connections_are_tried_again_soon_before_it_slows_down():
    backoff = Backoff(lambda: 1.0)
    error = Disconnected("x", reason="too_many_websockets")
    pauses = [backoff.fail(error) for _ in range(7)]
    assert pauses == [0.5, 1, 2, 4, 8, 60, 60] and backoff.is_permanent(error)
    backoff.end(True, 5)
    assert backoff.fail(error) == 0.5 and not backoff.is_permanent(error)


@pytest.mark.usefixtures("_slowly")
@pytest.mark.parametrize(
    "error",
    [
        Disconnected("x", reason="link_disabled"),
        SettingsError("x"),
        SlackApiError("x", "m", "invalid_auth", {}),
    ],
)
def test_what_is_permanent_slows_down_at_once(error):
    backoff = Backoff(lambda: 1.0)
    assert backoff.fail(error) == 60 and backoff.is_permanent(error)


# --- connections that end at once ----------------------------------------------------------------


ENDS = {
    "close 1000": [Close(1000)],
    "close 1008": [Close(1008, "policy")],
    "close 1011": [Close(1011)],
    "reset": [Cut()],
    "end of stream": [Eof()],
    "junk, then close": ["this is {no JSON", '{"type": "pong"}', "[]", "7", b"x", Close(1000)],
    "reconnect_url, then close": ['{"type": "reconnect_url", "url": "x"}', Close(1000)],
}


@pytest.mark.parametrize("name", sorted(ENDS))
def test_one_that_ends_after_hello_is_not_opened_in_a_storm(monkeypatch, slack, transport, name):
    monkeypatch.setattr(connection, "CONFIRMED_AFTER", 1000)  # however slow this machine is
    if transport == "socket_mode" and name.startswith("reconnect_url"):
        slack.socket.faults.append(SocketFault.close(times=None))
    slack.socket.faults.append(SocketFault(action=Frames(tuple(ENDS[name])), times=None))
    sensing = Sensing(slack, transport)
    began = time.monotonic()
    sensing.start(connected=False)
    try:
        until(lambda: opened(slack, transport) >= 5)
        assert time.monotonic() - began >= FIVE_TRIES
        assert sensing.states == ["connected", "lost"]
        assert len(sensing.log.of("WARNING")) == 1
        slack.socket.faults.clear()
        monkeypatch.setattr(connection, "CONFIRMED_AFTER", 0.1)
        until(lambda: sensing.states[:3] == ["connected", "lost", "connected"])
        until(sensing.links)
        assert len(sensing.links()) == 1
    finally:
        sensing.finish()


def test_what_is_caught_up_is_not_asked_for_at_each_of_them(monkeypatch, slack, transport):
    monkeypatch.setattr(connection, "CONFIRMED_AFTER", 1000)
    with Sensing(slack, transport) as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        # What is not acknowledged is delivered again, and the next connection is of use.
        until(lambda: transport == "rtm" or slack.socket.acknowledged)
        # The connection after a good one is trusted at once, so it is caught up. Nothing comes over
        # it: those after it have to prove themselves first.
        sensing.link().cut()
        until(lambda: "caught_up" in sensing.states)
        until(sensing.links)
        before, tries = read_histories(slack), opened(slack, transport)
        slack.socket.faults.append(SocketFault.close(times=None))
        sensing.link().cut()
        until(lambda: opened(slack, transport) >= tries + 4)
        assert read_histories(slack) == before
        slack.socket.faults.clear()
        until(sensing.links)
        sensing.say("m 1")
        assert numbers(sensing.wait_texts(2)) == [0, 1]
        until(lambda: sensing.states.count("caught_up") == 2)


def test_a_message_over_a_doubtful_connection_comes_behind_what_was_missed(
    monkeypatch, slack, transport
):
    monkeypatch.setattr(connection, "CONFIRMED_AFTER", 1000)
    with Sensing(slack, transport) as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        sensing.link().cut()
        for _ in range(3):
            slack.socket.faults.append(SocketFault.close())
        sensing.say("m 1")
        until(lambda: len(slack.socket.faults) == 3 and all(f.used for f in slack.socket.faults))
        sensing.say("m 2")
        # The first, three that end at once, and the one that stays.
        until(lambda: [link.number for link in sensing.links()] == [5])
        sensing.say("m 3")
        assert numbers(sensing.wait_texts(4)) == [0, 1, 2, 3]
        until(lambda: sensing.states[-1] == "caught_up")
        assert "connected" in sensing.states[2:]


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "unheard_of"])
def test_one_that_is_to_be_left_after_hello_is_not_replaced_in_a_storm(
    monkeypatch, slack, transport, reason
):
    # The old one hands over all that it holds.
    monkeypatch.setattr(connection, "DRAIN_TIMEOUT", PATIENCE)
    slack.socket.faults.append(SocketFault.frames(leave(transport, reason), times=None))
    began = time.monotonic()
    with Sensing(slack, transport) as sensing:
        until(lambda: opened(slack, transport) >= 5)
        assert time.monotonic() - began >= FIVE_TRIES
        assert sensing.states == ["connected"]
        slack.socket.push_event({"type": "x"})
        sensing.say("m 0")
        assert sensing.wait_texts(1) == ["m 0"]
        assert len(sensing.links()) <= 2


def test_one_that_was_of_use_is_replaced_at_once(monkeypatch, slack, transport):
    monkeypatch.setattr(connection, "FIRST_PAUSE", 1000)
    monkeypatch.setattr(connection, "SHORT", 0)
    with Sensing(slack, transport) as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        old = sensing.link()
        slack.socket.disconnect("warning")
        until(lambda: sensing.links() and old not in sensing.links())


# --- disconnect before hello ---------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["too_many_websockets", "warning", "refresh_requested", "x"])
def test_one_that_is_to_be_left_before_hello_is_closed(monkeypatch, slack, transport, reason):
    fault = SocketFault.frames(leave(transport, reason), hello=False, times=3)
    slack.socket.faults.append(fault)
    with Sensing(slack, transport) as sensing:
        until(lambda: fault.used == 3 and sensing.figure("state") == "connected")
        until(lambda: [link.number for link in sensing.links()] == [4])
        for number in range(6):
            if transport == "socket_mode":
                slack.socket.push_command("do %d" % number)
            sensing.say("m %d" % number)
        assert numbers(sensing.wait_texts(6)) == list(range(6))
        if transport == "socket_mode":
            until(lambda: len(sensing.of("slack.command")) == 6)
        assert sensing.states == ["lost", "connected"]


def test_nothing_stays_open_whatever_ends_the_opening(monkeypatch, slack, transport):
    monkeypatch.setattr(connection, "HELLO_TIMEOUT", 0.3)
    spoilt = [
        SocketFault.no_hello(),
        SocketFault.frames("not JSON", hello=False),
        SocketFault.frames(leave(transport), hello=False),
        SocketFault.frames(Close(1008), hello=False),
        SocketFault.frames(Eof(), hello=False),
    ]
    for fault in spoilt:
        slack.socket.faults.append(fault)
    with Sensing(slack, transport) as sensing:
        until(lambda: all(fault.used for fault in spoilt))
        until(lambda: [link.number for link in sensing.links()] == [len(spoilt) + 1])
        sensing.say("m 0")
        assert sensing.wait_texts(1)


def test_leaving_while_no_hello_comes(slack, transport):
    slack.socket.faults.append(SocketFault.no_hello())
    sensing = Sensing(slack, transport)
    sensing.start(connected=False)
    until(sensing.links)
    sensing.finish()
    assert sensing.states == []
    until(lambda: not sensing.links())


def test_a_fault_of_ours_leaves_no_connection_open(monkeypatch, slack):
    with Sensing(slack) as sensing:
        failing = itertools.chain([True], itertools.repeat(False))
        watch = connection.Connection.check

        def broken(link, now):
            if next(failing):
                raise ZeroDivisionError
            watch(link, now)

        old = sensing.link()
        monkeypatch.setattr(connection.Connection, "check", broken)
        until(lambda: sensing.links() and old not in sensing.links())
        sensing.say("m 0")
        assert sensing.wait_texts(1) and len(sensing.links()) == 1


def test_link_disabled_before_hello_says_what_to_do(slack):
    fault = SocketFault.disconnect("link_disabled", hello=False, times=None)
    slack.socket.faults.append(fault)
    sensing = Sensing(slack)
    sensing.start(connected=False)
    try:
        until(lambda: sensing.states == ["degraded"])
        assert "switch it on again" in sensing.of("slack.sensor_state")[0]["reason"]
        after(0.7)
        assert fault.used == 1 and not sensing.links()
    finally:
        sensing.finish()


@pytest.mark.parametrize("hello", [True, False])
def test_too_many_in_an_ordinary_rotation(monkeypatch, slack, hello):
    """The new connection is refused twice, the old one serves until one is to be had."""
    monkeypatch.setattr(connection, "FIRST_PAUSE", 0.05)
    with Sensing(slack) as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        for _ in range(2):
            slack.socket.faults.append(SocketFault.disconnect("too_many_websockets", hello=hello))
        slack.socket.disconnect("warning")
        until(lambda: sensing.links() and sensing.link().number == 4)
        until(lambda: len(sensing.links()) == 1)
        slack.socket.push_command("hello")
        until(lambda: sensing.of("slack.command"))
        sensing.say("m 1")
        assert sensing.wait_texts(2) == ["m 0", "m 1"]
        assert "degraded" not in sensing.states


# --- how long one is asked to wait ---------------------------------------------------------------


@pytest.mark.parametrize("asked", ["3600", "100000", "299.5", "1e9"])
def test_a_gateway_that_asks_to_wait_long(monkeypatch, slack, asked):
    monkeypatch.setattr(connection, "LONGEST_RETRY_AFTER", 0.4)
    slack.socket.faults.append(SocketFault.status(503, headers={"Retry-After": asked}))
    with Sensing(slack, "socket_mode") as sensing:
        until(lambda: sensing.states == ["lost", "connected"])
        why = sensing.of("slack.sensor_state")[0]["reason"]
        assert "asked to wait" in why and "the next try is at 20" in why and why.endswith("UTC)")


@pytest.mark.parametrize("asked", ["0", "-1", "soon", "nan", "inf", "\u00b3", ""])
def test_a_gateway_that_asks_nonsense(monkeypatch, slack, asked):
    monkeypatch.setattr(connection, "FIRST_PAUSE", 0.2)
    headers = {"Retry-After": asked} if asked.isascii() else {}
    slack.socket.faults.append(SocketFault.status(503, headers=headers, times=None))
    sensing = Sensing(slack)
    sensing.start(connected=False)
    try:
        after(0.7)
        assert 2 <= opened(slack) <= 4
        slack.socket.faults.clear()
        sensing.wait_connected()
    finally:
        sensing.finish()


def test_why_tells_until_when_though_the_state_is_the_same(slack):
    """The connection is lost, and only then somebody asks to wait."""
    with Sensing(slack) as sensing:
        slack.socket.faults.append(SocketFault.status(503, headers={"Retry-After": "3600"}))
        sensing.link().cut()
        until(lambda: "asked to wait 3600 s" in sensing.figure("reason"))
        assert sensing.states == ["connected", "lost"]
        assert any("asked to wait 3600 s" in line for line in sensing.log.of("INFO"))


def test_why_tells_it_too_where_the_old_connection_ends_meanwhile(monkeypatch, slack):
    monkeypatch.setattr(connection, "SHORT", 0)
    with Sensing(slack) as sensing:
        sensing.say("m 0")
        sensing.wait_texts(1)
        slack.socket.faults.append(SocketFault.status(503, headers={"Retry-After": "3600"}))
        before = opened(slack)
        slack.socket.disconnect("warning")
        until(lambda: opened(slack) == before + 1)
        until(lambda: sensing.workspace._manager._retry_after_note)
        sensing.link().close()
        until(lambda: "lost" in sensing.states)
        assert "asked to wait 3600 s" in sensing.of("slack.sensor_state")[-1]["reason"]


def test_opening_that_is_rate_limited_for_long(monkeypatch, slack, transport):
    monkeypatch.setattr(connection, "LONGEST_RETRY_AFTER", 0.3)
    slack.faults.append(Fault.rate_limited(3600, method=OPENING[transport]))
    with Sensing(slack, transport) as sensing:
        until(lambda: sensing.states == ["lost", "connected"])
        assert "the next try is at" in sensing.of("slack.sensor_state")[0]["reason"]


def test_the_longest_wait_is_five_minutes():
    assert connection.LONGEST_RETRY_AFTER == 300


# --- acknowledgements that come back -------------------------------------------------------------


def test_an_echo_is_not_acknowledged(slack):
    slack.socket.echoes = True
    with Sensing(slack) as sensing:
        sensing.say("m 0")
        slack.socket.push_command("hello")
        slack.socket.push_interaction({"actions": []})
        sensing.wait_texts(1)
        until(lambda: sensing.of("slack.command") and sensing.of("slack.interaction"))
        until(lambda: sensing.workspace.document()["ignored"].get("type None") == 3)
        assert len(slack.socket.acknowledged) == 3 and slack.socket.settled()


ID = st.sampled_from(["e-1", ""]) | st.none() | st.integers() | st.lists(st.text(), max_size=1)
TYPE = ID | st.sampled_from(["events_api", "slash_commands", "interactive", "new_type", "hello"])


@given(
    st.fixed_dictionaries(
        {},
        optional={"type": TYPE, "envelope_id": ID, "payload": st.just({}) | st.none()},
    )
)
def test_only_what_slack_sdk_takes_for_a_request_is_acknowledged(frame):
    answer = SocketMode(SensorSettings(), "").read(text_of(frame)).answer
    if answer is None:
        return
    request = SocketModeRequest.from_dict({**frame, "payload": {}})
    assert request is not None and request.type and request.envelope_id
    assert answer == '{"envelope_id": "%s"}' % request.envelope_id


@pytest.mark.parametrize("kind", ["events_api", "slash_commands", "interactive", "new_type"])
def test_envelopes_are_acknowledged(kind):
    frame = {"type": kind, "envelope_id": "e-1", "payload": {}}
    assert SocketMode(SensorSettings(), "").read(text_of(frame)).answer == '{"envelope_id": "e-1"}'


# --- slack.check ---------------------------------------------------------------------------------


def checked(config):
    (row,) = [r for r in checkup.look(config, None, How()) if r.what == "sensor.app_token"]
    return row


def test_check_waits_for_the_hello_behind_other_frames(slack, config):
    hello = text_of({"type": "hello", "num_connections": 1})
    slack.socket.faults.append(SocketFault.frames('{"type": "x"}', hello, hello=False))
    assert checked(config).state == "ok"
    assert slack.socket.wait_for(lambda: not slack.socket.connections, PATIENCE)


@pytest.mark.parametrize(
    "reason, advice",
    [("link_disabled", "switch it on again"), ("too_many_websockets", "10 are allowed")],
)
def test_check_says_why_it_was_sent_away(slack, config, reason, advice):
    slack.socket.faults.append(SocketFault.disconnect(reason, hello=False))
    row = checked(config)
    assert row.state == "failed" and reason in row.means and advice in row.means
    assert slack.socket.wait_for(lambda: not slack.socket.connections, PATIENCE)


class Listener:
    """Keeps the states that it is told."""

    def __init__(self, states):
        self._states = states

    def on_state(self, state, reason):
        self._states.append(state)


def test_the_reader_tells_of_a_connection_only_while_it_lives():
    """What is handed over late, by a connection that was given up, proves nothing."""
    told = []
    link = connection.Connection(None, None, None, threading.Event(), time.monotonic)
    backoff = connection.Backoff(lambda: 0.5)
    manager = connection.ConnectionManager(
        lambda: link, Listener(told), threading.Event(), threading.Event(), backoff
    )
    link.end_reason = "nothing was heard"
    manager._confirm(link)
    assert told == []
    link.end_reason = ""
    manager._confirm(link)
    assert told == ["connected"]


def test_frames_that_are_written_together_are_read_one_by_one():
    """Each length has a header of its own (RFC 6455); a server of websockets reads them."""
    texts = ["", "x", "\u2713" * 40, "a" * 125, "b" * 126, "c" * 65535, "d" * 65536]
    server = Protocol(SERVER)
    server.receive_data(masked_frames(texts))
    received = server.events_received()
    assert [bytes(each.data).decode() for each in received] == texts
    assert {each.opcode for each in received} == {Opcode.TEXT}
