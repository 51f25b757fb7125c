"""RTM and Socket Mode of the loopback Slack, as a plain WebSocket client sees them."""

import concurrent.futures
import contextlib
import json
import socket
import ssl
import threading
import time

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect

from sandbox.slack import Fault, LoopbackSlack, SocketFault, Token
from sandbox.slack.sockets.socket_faults import GARBAGE, Wire
from sandbox.slack.state import seed

G, D, INC = seed.GENERAL, seed.DEPLOYS, seed.INCIDENTS
PATIENCE = 60
KINDS = ["socket_mode", "rtm"]
METHODS = {"socket_mode": "apps.connections.open", "rtm": "rtm.connect"}


def api(slack, method, token=None, **arguments):
    """A call of the Web API; what it answers."""
    return requests.post(
        slack.api_url + method,
        data=arguments,
        headers={"Authorization": "Bearer " + (token or slack.bot_token)},
        timeout=PATIENCE,
        verify=slack.ca_pem or True,
    ).json()


def address(slack, kind="socket_mode"):
    """The address of a new socket."""
    token = slack.app_token if kind == "socket_mode" else slack.bot_token
    return api(slack, METHODS[kind], token)["url"]


def opened(slack, kind="socket_mode", **options):
    """A client's connection, not yet entered."""
    options = {"close_timeout": 0.2, "open_timeout": PATIENCE, "compression": None, **options}
    return connect(address(slack, kind), **options)


@pytest.fixture
def join(slack):
    """Open connections; each has read its hello unless told otherwise."""
    with contextlib.ExitStack() as stack:

        def joined(kind="socket_mode", hello=True, **options):
            ws = stack.enter_context(opened(slack, kind, **options))
            assert not hello or read(ws)["type"] == "hello"
            return ws

        yield joined
        slack.stop()  # before the clients leave: none of them waits for an answer


def read(ws):
    """The next frame, parsed."""
    return json.loads(ws.recv(timeout=PATIENCE))


def read_event(ws):
    """The event in the next envelope, acknowledged."""
    frame = read(ws)
    acknowledge(ws, frame)
    return frame["payload"]["event"]


def acknowledge(ws, frame, **more):
    ws.send(json.dumps({"envelope_id": frame["envelope_id"], **more}))


def silent(ws):
    """True where nothing lies ready to be read."""
    try:
        ws.recv(timeout=0.05)
    except TimeoutError:
        return True
    return False


def ended(ws):
    """The error with which the connection ended: `rcvd` and `sent` are the CLOSE frames."""
    with pytest.raises(ConnectionClosed) as caught:
        for _ in range(100):
            ws.recv(timeout=PATIENCE)
    return caught.value


def end_of(ws):
    """The code of the CLOSE that came, None where none came."""
    came = ended(ws).rcvd
    return came and came.code


def live(slack, count):
    """Wait until so many connections are live."""
    return slack.socket.wait_for(lambda: len(slack.socket.connections) == count, PATIENCE)


# addresses


def test_addresses_have_slacks_form(slack):
    found = api(slack, "apps.connections.open", slack.app_token)
    root = "ws" + slack.url[len("http") :]
    assert found["ok"] and found["url"].startswith(root + "link/?ticket=")
    assert found["url"].endswith("&app_id=A0HARBOUR01")
    found = api(slack, "rtm.connect")
    assert found["url"].startswith(root + "websocket/")
    assert found["self"] == {"id": seed.BOT, "name": "harbourbot"}
    assert found["team"] == {
        "id": seed.TEAM,
        "name": "Harbour Works",
        "domain": "harbour-works",
    }


def test_who_may_open_what(slack):
    assert api(slack, "apps.connections.open")["error"] == "not_allowed_token_type"
    assert api(slack, "rtm.connect", slack.app_token)["error"] == "not_allowed_token_type"
    slack.rtm_allowed = False
    assert api(slack, "rtm.connect")["error"] == "not_allowed_token_type"
    slack.faults.append(Fault.refuse("account_inactive", "apps.connections.open"))
    assert api(slack, "apps.connections.open", slack.app_token)["error"] == "account_inactive"
    slack.tokens["xapp-old"] = Token("app", state="expired")
    assert api(slack, "apps.connections.open", "xapp-old")["error"] == "token_expired"


@pytest.mark.parametrize("kind", KINDS)
def test_a_ticket_works_once_and_not_for_long(slack, kind):
    url = address(slack, kind)
    with connect(url, close_timeout=0.2):
        assert status_of(url) == 401
    slack.tickets.lifetime = -1
    assert status_of(address(slack, kind)) == 401


def status_of(url):
    """The HTTP status with which an upgrade is refused."""
    with pytest.raises(InvalidStatus) as caught, connect(url, close_timeout=0.2):
        pass
    return caught.value.response.status_code


def test_debug_reconnects_is_accepted(slack):
    with connect(address(slack) + "&debug_reconnects=true", close_timeout=0.2) as ws:
        assert read(ws)["debug_info"]["approximate_connection_time"] == 360


# Socket Mode


def test_hello_counts_the_connections(slack, join):
    for number in (1, 2, 3):
        hello = read(join(hello=False))
        assert hello["num_connections"] == number
        assert hello["connection_info"] == {"app_id": "A0HARBOUR01"}
    assert [link.number for link in slack.socket.connections] == [1, 2, 3]
    assert {link.kind for link in slack.socket.connections} == {"socket_mode"}


def test_a_message_posted_by_an_action_arrives_as_an_event(slack, join):
    ws = join()
    posted = api(slack, "chat.postMessage", channel=G, text="Tide & time", blocks="[]")
    frame = read(ws)
    payload, event = frame["payload"], frame["payload"]["event"]
    assert (frame["type"], frame["accepts_response_payload"]) == ("events_api", False)
    assert (frame["retry_attempt"], frame["retry_reason"]) == (0, "")
    assert (payload["type"], payload["team_id"]) == ("event_callback", seed.TEAM)
    assert payload["api_app_id"] == "A0HARBOUR01" and payload["event_id"].startswith("Ev")
    assert payload["authorizations"][0]["user_id"] == seed.BOT
    assert abs(payload["event_time"] - time.time()) < 60
    assert event["type"] == "message" and "subtype" not in event and "client_msg_id" not in event
    assert (event["channel"], event["channel_type"], event["team"]) == (G, "channel", seed.TEAM)
    assert (event["user"], event["bot_id"]) == (seed.BOT, seed.BOT_ID)
    assert event["app_id"] == "A0HARBOUR01" and event["text"] == "Tide & time"
    assert event["ts"] == event["event_ts"] == posted["ts"]


def test_what_a_person_says(slack, join):
    ws = join()
    said = slack.workspace.say(seed.TOMASZ, "#ops-incidents", "one")
    event = read_event(ws)
    assert (event["user"], event["channel"], event["channel_type"]) == (seed.TOMASZ, INC, "group")
    assert event["client_msg_id"] and "bot_id" not in event
    slack.workspace.say(seed.OWNER, INC, "two", thread_ts=said["ts"])
    event = read_event(ws)
    assert (event["thread_ts"], event["parent_user_id"]) == (said["ts"], seed.TOMASZ)
    more = {"subtype": "thread_broadcast", "files": [{"id": 1}]}
    slack.workspace.say(seed.OWNER, INC, "three", thread_ts=said["ts"], **more)
    event = read_event(ws)
    assert event["root"]["text"] == "one" and event["files"] == [{"id": 1}]
    direct = slack.workspace.direct([seed.OWNER, seed.BOT])
    slack.workspace.say(seed.OWNER, direct, "four")
    assert read_event(ws)["channel_type"] == "im"
    history = api(slack, "conversations.replies", channel=INC, ts=said["ts"])["messages"]
    assert [message["text"] for message in history] == ["one", "two", "three"]
    with pytest.raises(KeyError):
        slack.workspace.say(seed.OWNER, "#nowhere", "x")


@pytest.mark.parametrize(
    "method, arguments, expected",
    [
        ("reactions.add", {"channel": D, "name": "ship"}, "reaction_added"),
        ("pins.add", {"channel": D}, "pin_added"),
        ("conversations.setTopic", {"channel": D, "topic": "x"}, "message"),
        ("conversations.invite", {"channel": D, "users": seed.LEA}, "member_joined_channel"),
        ("conversations.kick", {"channel": D, "user": seed.PRIYA}, "member_left_channel"),
        ("conversations.create", {"name": "new"}, "channel_created"),
        ("conversations.archive", {"channel": D}, "channel_archive"),
        ("conversations.archive", {"channel": INC}, "group_archive"),
        ("users.profile.set", {"name": "title", "value": "x"}, "user_change"),
    ],
)
def test_what_happens_in_the_workspace_becomes_events(slack, join, method, arguments, expected):
    ws = join()
    arguments = {"timestamp": slack.workspace.channels[D].messages[-1]["ts"], **arguments}
    assert api(slack, method, slack.user_token, **arguments)["ok"]
    assert read_event(ws)["type"] == expected


def test_a_change_and_a_deletion_nest_the_message(slack, join):
    ws = join()
    ts = api(slack, "chat.postMessage", channel=G, text="old")["ts"]
    api(slack, "chat.update", channel=G, ts=ts, text="new")
    api(slack, "chat.delete", channel=G, ts=ts)
    _, changed, deleted = (read_event(ws) for _ in range(3))
    assert changed["subtype"] == "message_changed" and changed["hidden"]
    assert (changed["message"]["text"], changed["previous_message"]["text"]) == ("new", "old")
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", ts)


def test_only_what_the_bot_may_see(slack, join):
    ws = join()
    people = slack.workspace.direct([seed.OWNER, seed.TOMASZ])
    slack.workspace.say(seed.OWNER, seed.RANDOM, "the bot is not in there")
    slack.workspace.say(seed.OWNER, people, "between us")
    slack.workspace.say(seed.OWNER, G, "for all")
    assert read_event(ws)["text"] == "for all"


def test_acknowledgements_are_recorded(slack, join):
    ws = join()
    ids = [slack.socket.push_event({"type": "x", "number": number}) for number in range(2)]
    first, second = read(ws), read(ws)
    assert [first["payload"]["event_id"], second["payload"]["event_id"]] == ids
    acknowledge(ws, second)
    acknowledge(ws, first, payload={"text": "y"})
    acknowledge(ws, {"envelope_id": "never-heard-of"})
    assert slack.socket.wait_for(lambda: len(slack.socket.acknowledged) == 3)
    told = slack.socket.acknowledged
    assert told[0][:2] == (second["envelope_id"], None)
    assert told[1][:2] == (first["envelope_id"], {"text": "y"})
    assert told[2].envelope_id == "never-heard-of" and {ack.connection for ack in told} == {1}
    orders = [each.order for each in slack.socket.deliveries + told]
    assert orders == sorted(orders)
    ws.send("{no JSON")
    ws.send('{"envelope_id": 5}')
    assert slack.socket.wait_for(lambda: len(slack.socket.received) == 2)
    assert slack.socket.received[0] == (1, "{no JSON")


def test_members_of_an_envelope_can_be_asked_for(slack, join):
    ws = join()
    slack.socket.push_event(
        "no object", retry_attempt=2, retry_reason="timeout", event_id="EvMINE", team_id="T2"
    )
    frame = read(ws)
    assert (frame["retry_attempt"], frame["retry_reason"]) == (2, "timeout")
    payload = frame["payload"]
    assert (payload["event_id"], payload["team_id"]) == ("EvMINE", "T2")
    assert payload["event"] == "no object"


def test_each_envelope_goes_to_one_of_the_connections(slack, join):
    sockets = [join() for _ in range(3)]
    for number in range(6):
        slack.socket.push_event({"type": "x", "number": number})
    found = [[read_event(ws)["number"] for _ in range(2)] for ws in sockets]
    assert sorted(sum(found, [])) == list(range(6))
    assert all(silent(ws) for ws in sockets)


def test_an_eleventh_connection_is_refused(slack, join):
    for _ in range(10):
        join()
    ws = join(hello=False)
    frame = read(ws)
    assert (frame["type"], frame["reason"]) == ("disconnect", "too_many_websockets")
    assert end_of(ws) == 1000 and len(slack.socket.connections) == 10


def test_what_is_not_acknowledged_comes_again(slack, join):
    slack.socket.ack_timeout, slack.socket.retry_after = 0.05, (0, 0.02, 0.04)
    ws = join()
    event_id = slack.socket.push_event({"type": "x"})
    frames = [read(ws) for _ in range(4)]
    assert [frame["retry_attempt"] for frame in frames] == [0, 1, 2, 3]
    assert [frame["retry_reason"] for frame in frames] == ["", "timeout", "timeout", "timeout"]
    assert {frame["payload"]["event_id"] for frame in frames} == {event_id}
    assert len({frame["envelope_id"] for frame in frames}) == 4
    assert slack.socket.wait_for(lambda: slack.socket.given_up == [event_id])
    assert silent(ws)


def test_an_acknowledgement_of_any_attempt_ends_it(slack, join):
    slack.socket.ack_timeout, slack.socket.retry_after = 0.05, (0, 0, 0)
    ws = join()
    slack.socket.push_event({"type": "x"})
    first = read(ws)
    read(ws)
    acknowledge(ws, first)
    assert slack.socket.wait_for(lambda: slack.socket.acknowledged)
    delivered = len(slack.socket.deliveries)
    assert not slack.socket.wait_for(
        lambda: len(slack.socket.deliveries) > delivered or slack.socket.given_up, 0.1
    )


def test_a_second_connection_gets_what_the_first_did_not_acknowledge(slack, join):
    slack.socket.ack_timeout = 0.05
    first, second = join(), join()
    slack.socket.push_event({"type": "x"})
    assert slack.socket.wait_for(lambda: len(slack.socket.deliveries) == 2)
    before, after = slack.socket.deliveries
    assert {before.connection, after.connection} == {1, 2}
    assert (before.event_id, before.attempt, after.attempt) == (after.event_id, 0, 1)
    read(first), acknowledge(second, read(second))
    assert slack.socket.wait_for(lambda: slack.socket.acknowledged)


@pytest.mark.parametrize("how", ["cut", "eof", "close", "client"])
def test_what_a_dead_connection_held_comes_again_in_order(slack, join, how):
    dying = join()
    for number in range(4):
        slack.socket.push_event({"type": "x", "number": number})
    frames = [read(dying) for _ in range(4)]
    acknowledge(dying, frames[1])
    assert slack.socket.wait_for(lambda: slack.socket.acknowledged)
    dying.close() if how == "client" else getattr(slack.socket.connections[0], how)()
    assert live(slack, 0)
    assert [event["number"] for event in slack.socket.undelivered()] == [0, 2, 3]
    slack.socket.push_event({"type": "x", "number": 4})
    ws = join()
    again = [read(ws) for _ in range(4)]
    assert [frame["payload"]["event"]["number"] for frame in again] == [0, 2, 3, 4]
    assert [frame["retry_attempt"] for frame in again] == [1, 1, 1, 0]


def test_what_never_left_a_dead_connection_is_sent_for_the_first_time(slack, join):
    slack.socket.ack_timeout = 0.05
    stuck = join()
    slack.socket.send_raw("x" * (30 << 20))  # the client does not read it
    for number in range(3):
        slack.socket.push_event({"type": "x", "number": number})
    slack.socket.connections[0].cut()
    assert live(slack, 0) and ended(stuck)
    ws = join()
    frames = [read(ws) for _ in range(3)]
    assert [frame["retry_attempt"] for frame in frames] == [0, 0, 0]
    for frame in frames:
        acknowledge(ws, frame)
    assert slack.socket.wait_for(slack.socket.settled)
    assert not slack.socket.wait_for(lambda: not slack.socket.settled(), 0.1)
    assert [each.connection for each in slack.socket.deliveries] == [2, 2, 2]


def test_what_was_not_acknowledged_outlives_the_server(slack, join):
    slack.socket.ack_timeout, slack.socket.retry_after = 0.05, (600, 0, 0)
    ws = join()
    for number in range(3):
        slack.socket.push_event({"type": "x", "number": number})
    read(ws)
    acknowledge(ws, read(ws))
    # The first one waits for its second attempt, the third one for its acknowledgement.
    assert slack.socket.wait_for(lambda: slack.socket.acknowledged) and not slack.socket.settled()
    slack.stop()
    slack.start()
    again = join()
    assert [read_event(again)["number"] for _ in range(2)] == [0, 2]
    assert slack.socket.wait_for(slack.socket.settled)


def test_events_wait_for_somebody_but_not_for_ever(slack, join):
    slack.workspace.say(seed.OWNER, G, "early")
    assert slack.socket.wait_for(slack.socket.undelivered)
    assert [event["text"] for event in slack.socket.undelivered()] == ["early"]
    ws = join()
    assert read_event(ws)["text"] == "early" and slack.socket.undelivered() == []
    ws.close()
    assert live(slack, 0)
    lost = slack.socket.push_event({"type": "x"})
    assert slack.socket.wait_for(slack.socket.undelivered)
    slack.socket.window = -1
    join()
    assert slack.socket.wait_for(lambda: slack.socket.given_up == [lost])
    assert slack.socket.undelivered() == []


# commands and interactions


def test_a_command(slack, join):
    ws = join()
    envelope_id = slack.socket.push_command("run now", channel=INC, user=seed.TOMASZ)
    frame = read(ws)
    assert (frame["type"], frame["envelope_id"]) == ("slash_commands", envelope_id)
    assert frame["accepts_response_payload"] and "retry_attempt" not in frame
    payload = frame["payload"]
    assert (payload["command"], payload["text"]) == ("/st2", "run now")
    assert (payload["user_id"], payload["user_name"]) == (seed.TOMASZ, "tomasz")
    assert (payload["channel_id"], payload["channel_name"]) == (INC, "privategroup")
    view = json.dumps({"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []})
    assert api(slack, "views.open", trigger_id=payload["trigger_id"], view=view)["ok"]
    answer = requests.post(payload["response_url"], json={"text": "done"}, timeout=PATIENCE)
    assert answer.ok and slack.requests[-1].json == {"text": "done"}


def test_an_interaction(slack, join):
    ws = join()
    slack.socket.push_interaction({"actions": [{"action_id": "go", "value": "1"}]})
    frame = read(ws)
    assert (frame["type"], frame["accepts_response_payload"]) == ("interactive", False)
    payload = frame["payload"]
    assert (payload["type"], payload["user"]["id"]) == ("block_actions", seed.OWNER)
    assert payload["response_url"].startswith(slack.url) and payload["trigger_id"]
    assert payload["actions"] == [{"action_id": "go", "value": "1"}]
    slack.socket.push_interaction({"type": "view_submission", "view": {}}, user=seed.PRIYA)
    frame = read(ws)
    assert frame["accepts_response_payload"] and "response_url" not in frame["payload"]


def test_commands_and_interactions_come_once(slack, join):
    slack.socket.ack_timeout = 0.02
    first = join()
    slack.socket.push_command("x")
    slack.socket.push_interaction({})
    read(first), read(first)
    slack.socket.connections[0].cut()
    assert live(slack, 0)
    failed = slack.socket.push_command("nobody hears")
    assert slack.socket.wait_for(lambda: slack.socket.failed == [failed])
    assert silent(join()) and len(slack.socket.deliveries) == 2


# RTM


def test_rtm_tells_every_connection_everything_once(slack, join):
    slack.socket.ack_timeout = 0.02
    sockets = [join("rtm") for _ in range(2)]
    api(slack, "chat.postMessage", channel=G, text="hi")
    for ws in sockets:
        event = read(ws)
        assert (event["type"], event["text"], event["channel"]) == ("message", "hi", G)
    assert all(silent(ws) for ws in sockets) and slack.socket.undelivered() == []


def test_both_kinds_are_told(slack, join):
    old, new = join("rtm"), join()
    slack.workspace.say(seed.OWNER, G, "hi")
    assert read(old)["text"] == read_event(new)["text"] == "hi"


def test_rtm_answers(slack, join):
    ws = join("rtm")
    ws.send('{"type": "ping", "id": 7, "time": 1}')
    assert read(ws) == {"type": "pong", "reply_to": 7, "time": 1}
    ws.send('{"type": "typing", "id": 8}')
    ws.send(json.dumps({"type": "message", "id": 9, "channel": G, "text": "from a bot"}))
    frames = {frame.get("reply_to", "event"): frame for frame in (read(ws), read(ws))}
    assert frames[9]["ok"] and frames[9]["ts"] == frames["event"]["ts"]
    assert slack.workspace.channels[G].messages[-1]["text"] == "from a bot"
    for wrong in ({"channel": G}, {"channel": "C404", "text": "x"}, {"channel": [1], "text": "x"}):
        ws.send(json.dumps({"type": "message", "id": 10, **wrong}))
        assert read(ws)["ok"] is False
    ws.send("no JSON")
    ws.send('["a list"]')
    assert slack.socket.wait_for(lambda: len(slack.socket.received) == 8)


# ends


@pytest.mark.parametrize(
    "reason", ["warning", "refresh_requested", "link_disabled", "too_many_websockets"]
)
def test_a_disconnect_is_announced(slack, join, reason):
    ws = join()
    slack.socket.disconnect(reason, close_after=0.01)
    frame = read(ws)
    assert (frame["type"], frame["reason"]) == ("disconnect", reason)
    assert end_of(ws) == 1000 and live(slack, 0)


def test_a_disconnect_may_be_left_to_the_client(slack, join):
    ws, other = join(), join()
    slack.socket.disconnect("warning", connection=slack.socket.connections[0])
    assert read(ws)["type"] == "disconnect" and silent(other)
    assert len(slack.socket.connections) == 2
    ws.close()
    assert live(slack, 1)


def test_rtm_says_goodbye(slack, join):
    ws, last = join("rtm"), join("rtm")
    slack.socket.disconnect(close_after=0, connection=slack.socket.connections[0])
    assert read(ws) == {"type": "goodbye"} and end_of(ws) == 1000
    slack.stop()
    assert read(last) == {"type": "goodbye"} and end_of(last) == 1001


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how, code", [("close", 1000), ("cut", None), ("eof", None)])
def test_a_connection_can_be_ended(slack, join, kind, how, code):
    ws = join(kind)
    getattr(slack.socket.connections[0], how)()
    assert end_of(ws) == code and live(slack, 0)


def test_eof_leaves_the_other_direction_open(slack):
    host, port = "127.0.0.1", int(slack.url.rsplit(":", 1)[1].strip("/"))
    path = address(slack).split(str(port), 1)[1]
    head = "GET {} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}==\r\n\r\n"
    with socket.create_connection((host, port), PATIENCE) as sock:
        sock.sendall(head.format(path, "a" * 22).encode())
        assert live(slack, 1)
        slack.socket.connections[0].eof()
        found = b""
        for part in iter(lambda: sock.recv(4096), b""):
            found += part
        assert b"hello" in found and b"\x88" not in found[-2:]
        sock.sendall(b"still there")


def test_a_frozen_connection_is_there_but_dead(slack, join):
    ws, other = join(), join()
    slack.socket.ack_timeout = 0.05
    frozen = slack.socket.connections[0]
    frozen.freeze()
    pong = ws.ping()
    ws.send('{"envelope_id": "unheard"}')
    ids = {slack.socket.push_event({"type": "x", "number": number}) for number in range(4)}
    found = set()
    while found != ids:
        frame = read(other)
        acknowledge(other, frame)
        found.add(frame["payload"]["event_id"])
    assert not pong.wait(0.05) and silent(ws)
    assert frozen in slack.socket.connections and slack.socket.given_up == []
    assert all(ack.connection == 2 for ack in slack.socket.acknowledged)
    frozen.cut()
    assert end_of(ws) is None


def test_any_frame_can_be_sent(slack, join):
    ws, other = join(), join("rtm")
    slack.socket.send_raw("not JSON")
    assert ws.recv(timeout=PATIENCE) == other.recv(timeout=PATIENCE) == "not JSON"
    slack.socket.send_raw(b"\x00\xff", slack.socket.connections[1])
    assert other.recv(timeout=PATIENCE) == b"\x00\xff" and silent(ws)
    slack.socket.send_raw(Wire(GARBAGE), slack.socket.connections[0])
    assert ended(ws).sent.code == 1002


# faults


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "fault, status, retry_after",
    [
        (Fault.status(401), 401, None),
        (Fault.rate_limited(30), 429, "30"),
        (Fault.html(500), 500, None),
    ],
)
def test_an_upgrade_is_refused(slack, kind, fault, status, retry_after):
    fault.times = None
    slack.socket.faults.append(fault)
    with pytest.raises(InvalidStatus) as caught, opened(slack, kind):
        pass
    assert caught.value.response.status_code == status
    assert caught.value.response.headers.get("Retry-After") == retry_after
    slack.socket.faults.clear()
    with opened(slack, kind) as ws:
        assert read(ws)["type"] == "hello"


@pytest.mark.parametrize(
    "fault",
    [
        Fault.cut_after_read(),
        Fault.cut_after_read(reset=False),
        SocketFault.half_handshake(),
        SocketFault.hang_handshake(),
        Fault.status(200, "no upgrade"),
    ],
)
def test_a_handshake_goes_wrong(slack, fault):
    slack.socket.faults.append(fault)
    with pytest.raises((InvalidHandshake, OSError, EOFError)), opened(slack, open_timeout=0.2):
        pass
    with opened(slack) as ws:
        assert read(ws)["type"] == "hello"


def test_a_handshake_may_come_late(slack):
    go = threading.Event()
    slack.socket.faults.append(Fault.slow(go))
    timer = threading.Timer(0.1, go.set)
    timer.start()
    with opened(slack) as ws:
        assert go.is_set() and read(ws)["type"] == "hello"
    timer.join()


def test_faults_of_the_whole_server_reach_its_sockets(slack):
    slack.faults.append(Fault.status(503, method="/link/"))
    with pytest.raises(InvalidStatus), opened(slack):
        pass


def test_a_fault_of_one_kind_leaves_the_other_alone(slack, join):
    slack.socket.faults.append(SocketFault.close(method="rtm", code=1012))
    join()
    assert end_of(join("rtm")) == 1012


@pytest.mark.parametrize(
    "fault, expected",
    [
        (SocketFault.binary(), b"\x00\x01\xfe\xff"),
        (SocketFault.not_json(), "this is {no JSON"),
        (SocketFault.no_object(), '["a list"]'),
        (SocketFault.unknown_type(), '{"type":"loopback_unknown"}'),
    ],
)
def test_odd_frames_after_hello(slack, join, fault, expected):
    slack.socket.faults.append(fault)
    ws = join()
    assert ws.recv(timeout=PATIENCE) == expected
    slack.socket.push_event({"type": "x"})
    assert read_event(ws) == {"type": "x"}


@pytest.mark.parametrize(
    "fault, code",
    [
        (SocketFault.close(code=1001), 1001),
        (SocketFault.cut(), None),
        (SocketFault.eof(), None),
        (SocketFault.garbage(), None),
    ],
)
def test_the_end_after_hello(slack, join, fault, code):
    slack.socket.faults.append(fault)
    ws = join()
    assert end_of(ws) == code


def test_no_hello_at_all(slack, join):
    slack.socket.faults.append(SocketFault.no_hello())
    ws = join(hello=False)
    slack.socket.push_event({"type": "x"})
    assert read(ws)["type"] == "events_api"


def test_a_frame_beyond_what_a_client_takes(slack, join):
    slack.socket.faults.append(SocketFault.oversized())
    ws = join(max_size=1 << 24)
    assert ended(ws).sent.code == 1009
    slack.socket.faults.append(SocketFault.oversized())
    ws = join(max_size=1 << 25)
    assert len(ws.recv(timeout=PATIENCE)) > 1 << 24


def test_a_fault_after_some_frames(slack, join):
    slack.socket.faults.append(SocketFault.cut(at=2))
    ws = join()
    for number in range(3):
        slack.socket.push_event({"type": "x", "number": number})
    end_of(ws)
    again = join()
    assert [read_event(again)["number"] for _ in range(3)] == [0, 1, 2]


# many, and the end of all


@pytest.mark.parametrize("kind", KINDS)
def test_a_burst(slack, join, kind):
    ws = join(kind)
    future = slack.socket.burst(3000, [G, D])
    texts = []
    for _ in range(3000):
        texts.append((read(ws) if kind == "rtm" else read_event(ws))["text"])
    assert texts == ["burst {}".format(number) for number in range(3000)]
    assert future.result(PATIENCE) == 3000
    kept = slack.workspace.channels[D].messages[-1500:]
    assert [message["text"] for message in kept] == texts[1::2]


def test_a_burst_without_history_nor_record(slack, join):
    ws, before = join(), len(slack.workspace.channels[G].messages)
    slack.socket.record.keep = False
    slack.socket.burst(10, keep=False)
    found = [read_event(ws) for _ in range(10)]
    assert len({event["ts"] for event in found}) == 10 and found[0]["client_msg_id"]
    assert len(slack.workspace.channels[G].messages) == before
    assert slack.socket.deliveries == []


def test_a_burst_waits_for_a_client_that_does_not_read(slack, join):
    join("rtm")
    future = slack.socket.burst(200000, text="x" * 500, keep=False)
    with pytest.raises(concurrent.futures.TimeoutError):
        future.result(0.3)


def test_the_server_ends_whatever_there_is(join, slack):
    for number, kind in enumerate(KINDS * 2):
        join(kind)
        assert live(slack, number + 1)
    slack.socket.connections[0].freeze()
    slack.socket.connections[1].freeze()
    slack.socket.burst(100000, text="x" * 500, keep=False)
    slack.socket.faults.append(SocketFault.hang_handshake())
    hanging = threading.Thread(target=lambda: status_quietly(slack))
    hanging.start()
    assert slack.socket.wait_for(lambda: slack.socket.faults.take("socket_mode") is None)
    slack.stop()
    hanging.join(PATIENCE)
    assert not hanging.is_alive() and slack.socket.connections == []
    with pytest.raises(RuntimeError):
        slack.socket.push_event({"type": "x"})
    slack.workspace.say(seed.OWNER, G, "nobody listens")


def status_quietly(slack):
    """Connect, whatever comes of it."""
    with contextlib.suppress(Exception), opened(slack):
        pass


def test_whoever_listened_before_still_does():
    events = []
    workspace = seed.harbour_works()
    workspace.on_event = events.append
    heard = workspace.on_event
    with LoopbackSlack(workspace=workspace) as slack:
        workspace.say(seed.OWNER, G, "hi")
        assert slack.socket.wait_for(slack.socket.undelivered)
    assert [event["text"] for event in events] == ["hi"] and workspace.on_event == heard


def test_over_tls():
    with LoopbackSlack(tls="good") as slack:
        url = address(slack)
        assert url.startswith("wss://")
        context = ssl.create_default_context(cafile=slack.ca_pem)
        with connect(url, ssl=context, close_timeout=0.2) as ws:
            assert read(ws)["type"] == "hello"
            slack.socket.push_event({"type": "x"})
            assert read_event(ws) == {"type": "x"}
            slack.socket.connections[0].eof()
            end_of(ws)
