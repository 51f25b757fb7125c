"""slack_sdk's own socket clients, unchanged, against the loopback Slack."""

import queue

import pytest
from slack_sdk import WebClient
from slack_sdk.rtm_v2 import RTMClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse

from sandbox.slack import SocketFault
from sandbox.slack.state import seed

PATIENCE = 60


@pytest.fixture
def heard():
    """What a client's listener was called with."""
    return queue.Queue()


@pytest.fixture
def socket_mode(slack, heard):
    """A connected SocketModeClient that acknowledges what it puts into `heard`."""

    def listen(client, request):
        heard.put(request)
        client.send_socket_mode_response(SocketModeResponse(request.envelope_id, {"text": "ok"}))

    client = SocketModeClient(
        app_token=slack.app_token,
        web_client=WebClient(token=slack.bot_token, base_url=slack.api_url),
        auto_reconnect_enabled=False,
    )
    client.socket_mode_request_listeners.append(listen)
    client.connect()
    assert slack.socket.wait_for(lambda: len(slack.socket.connections) == 1, PATIENCE)
    yield client
    leave(slack, client)


@pytest.fixture
def rtm(slack, heard):
    """A connected RTMClient that puts every event into `heard`."""
    client = RTMClient(token=slack.bot_token, base_url=slack.api_url, auto_reconnect_enabled=False)
    client.message_listeners.append(lambda _, event: heard.put(event))
    client.connect()
    assert slack.socket.wait_for(lambda: len(slack.socket.connections) == 1, PATIENCE)
    yield client
    leave(slack, client)


def leave(slack, client):
    """Close the client; the server closes first: else the client waits 3 s to read nothing."""
    for link in slack.socket.connections:
        link.close()
    client.close()


def test_socket_mode_receives_and_acknowledges(slack, socket_mode, heard):
    slack.workspace.say(seed.OWNER, seed.GENERAL, "from Mara")
    request = heard.get(timeout=PATIENCE)
    assert request.type == "events_api" and request.accepts_response_payload is False
    assert (request.retry_attempt, request.payload["event"]["text"]) == (0, "from Mara")
    assert slack.socket.wait_for(lambda: slack.socket.acknowledged, PATIENCE)
    assert slack.socket.acknowledged[0][:2] == (request.envelope_id, {"text": "ok"})
    slack.socket.push_command("help")
    assert heard.get(timeout=PATIENCE).type == "slash_commands"
    slack.socket.push_interaction({})
    assert heard.get(timeout=PATIENCE).type == "interactive"
    assert slack.socket.wait_for(lambda: len(slack.socket.acknowledged) == 3, PATIENCE)


def test_socket_mode_sees_a_redelivery(slack, socket_mode, heard):
    slack.socket.ack_timeout, slack.socket.retry_after = 0.05, (0,)
    socket_mode.socket_mode_request_listeners[:] = [lambda _, request: heard.put(request)]
    slack.socket.push_event({"type": "x"})
    first, second = heard.get(timeout=PATIENCE), heard.get(timeout=PATIENCE)
    assert (first.retry_attempt, second.retry_attempt) == (0, 1)
    assert second.retry_reason == "timeout" and first.envelope_id != second.envelope_id
    assert first.payload["event_id"] == second.payload["event_id"]


def test_socket_mode_comes_back_when_told_to_leave(slack, socket_mode, heard):
    slack.socket.disconnect("refresh_requested", close_after=0.1)
    assert slack.socket.wait_for(
        lambda: [link.number for link in slack.socket.connections] == [2], PATIENCE
    )
    slack.socket.push_event({"type": "x"})
    assert heard.get(timeout=PATIENCE).payload["event"] == {"type": "x"}


def test_socket_mode_leaves_connections_that_end_before_hello(slack, heard):
    """It is left to the client to close them: otherwise they still get envelopes."""
    slack.socket.faults.append(SocketFault.disconnect("too_many_websockets", hello=False))
    client = SocketModeClient(
        app_token=slack.app_token,
        web_client=WebClient(token=slack.bot_token, base_url=slack.api_url),
        auto_reconnect_enabled=False,
    )
    client.socket_mode_request_listeners.append(lambda _, request: heard.put(request))
    client.connect()
    try:
        assert slack.socket.wait_for(
            lambda: [link.number for link in slack.socket.connections] == [2], 2 * PATIENCE
        )
        slack.socket.push_command("hello")
        assert heard.get(timeout=PATIENCE).type == "slash_commands"
    finally:
        leave(slack, client)


def test_socket_mode_does_not_answer_its_own_acknowledgement(slack, socket_mode, heard):
    slack.socket.echoes = True
    slack.socket.push_event({"type": "x"}, event_id="Ev1")
    heard.get(timeout=PATIENCE)
    slack.socket.push_event({"type": "y"}, event_id="Ev2")
    assert heard.get(timeout=PATIENCE).payload["event_id"] == "Ev2"
    assert slack.socket.wait_for(lambda: len(slack.socket.acknowledged) == 2, PATIENCE)
    assert slack.socket.settled() and heard.empty()


def test_rtm_receives_and_sends(slack, rtm, heard):
    assert heard.get(timeout=PATIENCE)["type"] == "hello"
    slack.workspace.say(seed.OWNER, seed.GENERAL, "from Mara")
    event = heard.get(timeout=PATIENCE)
    assert (event["type"], event["text"], event["user"]) == ("message", "from Mara", seed.OWNER)
    rtm.send({"type": "message", "id": 1, "channel": seed.GENERAL, "text": "from the bot"})
    found = [heard.get(timeout=PATIENCE) for _ in range(2)]
    replies = [each for each in found if each.get("reply_to") == 1]
    assert replies and replies[0]["ok"]
    assert slack.workspace.channels[seed.GENERAL].messages[-1]["text"] == "from the bot"


def test_a_message_posted_by_its_own_web_client_arrives(slack, rtm, heard):
    assert heard.get(timeout=PATIENCE)["type"] == "hello"
    posted = rtm.web_client.chat_postMessage(channel=seed.GENERAL, text="hi")
    assert heard.get(timeout=PATIENCE)["ts"] == posted["ts"]
