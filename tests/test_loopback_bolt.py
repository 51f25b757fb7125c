"""Bolt for Python, unchanged, against the loopback Slack: an independent judge of it."""

import logging

import pytest
from bolt_story import HEARD, Story
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

WHY = {
    "type": "modal",
    "callback_id": "why",
    "title": {"type": "plain_text", "text": "Why?"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": {"type": "plain_text", "text": "Why"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}
PLAIN = {
    "type": "modal",
    "callback_id": "plain",
    "notify_on_close": True,
    "title": {"type": "plain_text", "text": "Plain"},
    "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}],
}


@pytest.fixture
def heard():
    """The names of the listeners that were called."""
    return []


@pytest.fixture
def app(slack, heard):
    """The app: see Story."""
    app = App(client=WebClient(slack.bot_token, slack.api_url, timeout=60))

    @app.message("hello app")
    def message(message, say):
        heard.append("message")
        say("hello <@{}>".format(message["user"]))

    @app.event("app_mention")
    def app_mention(event, say):
        heard.append("app_mention")
        say(text="I am", thread_ts=event["ts"])

    @app.event("message")
    def other_message():
        pass

    @app.event("reaction_added")
    def reaction_added(event):
        heard.append("reaction_added")

    @app.command("/st2")
    def command(ack, command, respond):
        heard.append("command")
        ack("you said " + command["text"])
        respond("late: " + command["text"])

    @app.action("go")
    def action(ack, action, body, respond, client):
        heard.append("action")
        ack()
        respond(text="pressed " + action["value"], replace_original=True)
        view = dict(WHY, private_metadata=body["channel"]["id"])
        client.views_open(trigger_id=body["trigger_id"], view=view)

    @app.view("why")
    def view(ack, view, client):
        heard.append("view")
        value = view["state"]["values"]["why"]["text"]["value"]
        if value == "no":
            ack(response_action="errors", errors={"why": "Not this"})
            return
        ack()
        client.chat_postMessage(channel=view["private_metadata"], text="because " + value)

    @app.view_closed("plain")
    def view_closed(ack):
        heard.append("view_closed")
        ack()

    @app.shortcut("anywhere")
    def shortcut(ack, shortcut, client):
        heard.append("shortcut")
        ack()
        client.views_open(trigger_id=shortcut["trigger_id"], view=PLAIN)

    @app.shortcut("here")
    def message_shortcut(ack, shortcut):
        heard.append("message_shortcut")
        ack()

    @app.options("menu")
    def options(ack, payload):
        heard.append("options")
        ack(options=[{"text": {"type": "plain_text", "text": "Crane"}, "value": "crane"}])

    return app


def test_an_app_made_with_bolt_stumbles_nowhere(slack, app, heard, caplog):
    handler = SocketModeHandler(app, slack.app_token)
    handler.client.web_client = app.client
    handler.connect()
    try:
        with caplog.at_level(logging.WARNING):
            Story(slack, heard).tell()
            logged = [each.getMessage() for each in caplog.records if "slack" in each.name]
    finally:
        for link in slack.socket.connections:
            link.close()  # the server first: else the client waits 3 s to read nothing
        handler.client.auto_reconnect_enabled = False
        handler.close()
    assert (set(heard), logged) == (HEARD, [])
