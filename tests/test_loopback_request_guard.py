"""No other page in the same browser can use the loopback Slack; clients that are no browser can."""

import json

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from sandbox.slack import LoopbackSlack
from sandbox.slack.state import seed

PATIENCE = 60
G = seed.GENERAL
EVIL = {
    "another site": {"Origin": "http://evil.example"},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "another scheme": {"Origin": "https://{host}"},
    "a sandboxed frame": {"Origin": "null"},
    "an image of another site": {"Sec-Fetch-Site": "cross-site"},
    "a link of another site": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    "another port of this host": {"Sec-Fetch-Site": "same-site"},
    "a name that leads here": {"Host": "evil.example"},
    "such a name, its own origin": {
        "Host": "evil.example",
        "Origin": "http://evil.example",
        "Sec-Fetch-Site": "same-origin",
    },
}


def sent(slack, path, method="POST", **options):
    """What any client can send: (status, text)."""
    url = slack.url.rstrip("/") + path
    answer = requests.request(method, url, timeout=PATIENCE, **options)
    return answer.status_code, answer.text


def headers_of(slack, headers):
    """These headers, with this server's name where {host} stands."""
    host = slack.url.split("/")[2]
    return {key: value.format(host=host) for key, value in headers.items()}


def everything(slack):
    """All that somebody could change or take, as text."""
    workspace = slack.workspace
    told = {each.id: each.messages for each in workspace.channels.values()}
    return json.dumps([told, len(slack.requests), len(workspace.uploads)])


@pytest.mark.parametrize("headers", EVIL.values(), ids=EVIL)
def test_another_page_can_use_nothing(slack, headers):
    headers = headers_of(slack, headers)
    bearer = {"Authorization": "Bearer " + slack.bot_token}
    form = {"token": slack.bot_token, "channel": G, "text": "forged"}
    hook = slack.webhook_url[len(slack.url) - 1 :]
    payload = {"payload": json.dumps({"text": "forged"})}
    private = "/files-pri/T0123456789-F0HARBOUR03/"
    before = everything(slack)
    for path, method, options in (
        ("/api/chat.postMessage", "POST", {"data": form}),
        ("/api/chat.postMessage", "GET", {"params": form}),
        ("/api/users.list", "GET", {"headers": bearer}),
        (hook, "POST", {"data": payload}),
        ("/commands/x", "POST", {"data": payload}),
        ("/actions/x", "POST", {"data": payload}),
        ("/upload/v1/x", "POST", {"data": b"x"}),
        (private + "incident-204.txt", "GET", {"headers": bearer}),
        (private + "download/incident-204.txt", "GET", {"headers": bearer}),
        ("/link/?ticket=x", "GET", {}),
        ("/websocket/x", "GET", {}),
        ("/nowhere", "GET", {}),
    ):
        more = {**options, "headers": {**options.get("headers", {}), **headers}}
        status, text = sent(slack, path, method, **more)
        assert (status, "not allowed" in text or "127.0.0.1" in text) == (403, True), path
    assert everything(slack) == before


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null"])
def test_another_page_cannot_listen(slack, origin):
    bearer = {"Authorization": "Bearer " + slack.app_token}
    opened = requests.post(
        slack.api_url + "apps.connections.open", headers=bearer, timeout=PATIENCE
    )
    with pytest.raises(InvalidStatus) as refused, connect(opened.json()["url"], origin=origin):
        pass
    assert refused.value.response.status_code == 403
    with connect(opened.json()["url"]) as ws:  # the ticket was not used up
        assert json.loads(ws.recv(PATIENCE))["type"] == "hello"


@pytest.mark.parametrize("tls", [None, "good"])
def test_clients_and_its_own_page_pass(tls):
    with LoopbackSlack(tls=tls) as slack:
        own = slack.url.rstrip("/")
        port = own.rpartition(":")[2]
        for headers in (
            {},
            {"Sec-Fetch-Mode": "cors"},  # Node's fetch
            {"Sec-Fetch-Site": "none"},  # an address that a person typed
            {"Origin": own, "Sec-Fetch-Site": "same-origin"},
            {"Origin": own},  # websocket-client
            {"Host": "localhost:" + port},
        ):
            options = {"headers": headers, "verify": slack.ca_pem or True}
            status, text = sent(slack, "/api/api.test", **options)
            assert (status, json.loads(text)["ok"]) == (200, True), headers
