"""What the tests of the page share: a page, an app at the other end, calls of the Web API."""

import contextlib
import json

import requests
from websockets.sync.client import connect

from sandbox.slack.state import seed

PATIENCE = 60
DEPLOYS, GENERAL, RANDOM = seed.DEPLOYS, seed.GENERAL, seed.RANDOM


def api(slack, method, **arguments):
    """A call of the Web API by the bot, which has to succeed."""
    sent = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in arguments.items()
    }
    said = requests.post(
        slack.api_url + method,
        data=sent,
        headers={"Authorization": "Bearer " + slack.bot_token},
        timeout=PATIENCE,
    ).json()
    assert said["ok"], said
    return said


class App:
    """An app on Socket Mode: reads envelopes and acknowledges them."""

    def __init__(self, slack):
        self._slack = slack
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        slack = self._slack
        opened = requests.post(
            slack.api_url + "apps.connections.open",
            headers={"Authorization": "Bearer " + slack.app_token},
            timeout=PATIENCE,
        ).json()
        socket = connect(opened["url"], open_timeout=PATIENCE, close_timeout=0.2)
        self._socket = self._stack.enter_context(socket)
        assert json.loads(self._socket.recv(timeout=PATIENCE))["type"] == "hello"
        return self

    def __exit__(self, *exc_info):
        self._stack.close()

    def read(self, kind, answer=None):
        """The payload of the next envelope of this kind; all are acknowledged, this one with an
        `answer`."""
        while True:
            frame = json.loads(self._socket.recv(timeout=PATIENCE))
            told = frame["type"] == kind and answer is not None
            more = {"payload": answer} if told else {}
            self._socket.send(json.dumps({"envelope_id": frame["envelope_id"], **more}))
            if frame["type"] == kind:
                return frame["payload"]


def plain(text):
    return {"type": "plain_text", "text": text}


def button(text, action_id, **more):
    return {"type": "button", "text": plain(text), "action_id": action_id, **more}


def options(*values):
    return [{"text": plain(each.upper()), "value": each} for each in values]


def modal(*blocks, **more):
    view = {"type": "modal", "title": plain("Roll back"), "blocks": list(blocks), **more}
    if any(block["type"] == "input" for block in blocks):
        view.setdefault("submit", plain("Send"))
    return view


def entry(block_id, element, **more):
    """An input block."""
    return {"type": "input", "block_id": block_id, "label": plain("L"), "element": element, **more}
