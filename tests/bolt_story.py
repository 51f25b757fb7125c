"""What people do in Slack while an app made with Bolt listens, for Python's Bolt and for Node's.

The app (tests/node/bolt.js, tests/test_loopback_bolt.py) answers each of HEARD in the same way;
what it did is read from the Slack on loopback.
"""

import threading

from slack_sdk import WebClient

from sandbox.page.page_actions import PageActions
from sandbox.slack.state import seed

D, TOMASZ = seed.DEPLOYS, seed.TOMASZ
PATIENCE = 60
# What the app was told of, by the name that its listener has.
HEARD = {
    "message",
    "app_mention",
    "reaction_added",
    "command",
    "action",
    "view",
    "view_closed",
    "shortcut",
    "message_shortcut",
    "options",
}


class Story:
    """`heard`: a list that grows as the app is told of something, from any thread."""

    def __init__(self, slack, heard):
        self.slack = slack
        self.heard = heard
        self.page_actions = PageActions(slack)
        self.channel = slack.workspace.channels[D]
        self.owner = WebClient(slack.user_token, slack.api_url, timeout=PATIENCE)
        self.changed = threading.Condition()
        slack.watchers.append(self.look)

    def look(self):
        with self.changed:
            self.changed.notify_all()

    def wait(self, condition, what):
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE), (what, list(self.heard))

    def texts(self):
        return [message["text"] for message in self.channel.messages]

    def whispers(self):
        return [message["text"] for message in self.channel.whispers]

    def views(self):
        return list(self.slack.workspace.views.values())

    def tell(self):
        """All of it, each step once the one before was answered."""
        self.wait(lambda: self.slack.socket.connections, "a connection")
        self.messages()
        self.commands()
        self.buttons()
        self.modals()
        self.shortcuts()
        self.wait(lambda: set(self.heard) == HEARD, "everything")
        record = self.slack.socket.record
        self.wait(lambda: not record.failed, "no envelope is left without an answer")

    def messages(self):
        self.page_actions.say(TOMASZ, {"channel": D, "text": "hello app"})
        self.wait(lambda: "hello <@{}>".format(TOMASZ) in self.texts(), "the answer")
        self.owner.chat_postMessage(channel=D, text="<@{}> are you there?".format(seed.BOT))
        self.wait(lambda: "I am" in self.texts(), "the answer to a mention")
        ts = self.channel.messages[-1]["ts"]
        assert self.channel.messages[-1]["thread_ts"], "it answers in the thread"
        self.owner.reactions_add(channel=D, timestamp=ts, name="tada")
        self.wait(lambda: "reaction_added" in self.heard, "the reaction")

    def commands(self):
        self.page_actions.say(TOMASZ, {"channel": D, "text": "/st2 help"})
        self.wait(lambda: "you said help" in self.whispers(), "the acknowledgement")
        self.wait(lambda: "late: help" in self.whispers(), "the response_url")

    def buttons(self):
        button = {
            "type": "button",
            "action_id": "go",
            "text": {"type": "plain_text", "text": "Go"},
            "value": "42",
        }
        posted = WebClient(self.slack.bot_token, self.slack.api_url).chat_postMessage(
            channel=D, text="ask", blocks=[{"type": "actions", "elements": [button]}]
        )
        block = posted["message"]["blocks"][0]
        self.page_actions.press(
            TOMASZ,
            {"channel": D, "ts": posted["ts"], "block_id": block["block_id"], "action_id": "go"},
        )
        self.wait(lambda: "pressed 42" in self.texts(), "the message replaced")
        self.wait(self.views, "the modal")

    def modals(self):
        """The app opened one with an input `why`: it refuses `no`, then takes `yes`; another one is
        closed."""
        view = self.views()[0]
        assert view["title"]["text"] == "Why?"
        self.submit(view, "no")
        self.wait(lambda: view.get("_errors") == {"why": "Not this"}, "the errors")
        self.submit(view, "yes")
        self.wait(lambda: not self.views(), "the end of the modal")
        self.wait(lambda: "because yes" in self.texts(), "what was submitted")

    def submit(self, view, text):
        values = {"why": {"text": text}}
        assert self.page_actions.submit(TOMASZ, {"view": view["id"], "values": values})[
            "envelope_id"
        ]

    def shortcuts(self):
        push = self.slack.socket.push_interaction
        push({"type": "shortcut", "callback_id": "anywhere"}, TOMASZ)
        self.wait(self.views, "the modal of the shortcut")
        self.page_actions.close(TOMASZ, {"view": self.views()[0]["id"]})
        self.wait(lambda: "view_closed" in self.heard, "the modal closed")
        message = self.channel.messages[0]
        push(
            {
                "type": "message_action",
                "callback_id": "here",
                "channel": {"id": D, "name": "deploys"},
                "message_ts": message["ts"],
                "message": message,
            },
            TOMASZ,
        )
        self.wait(lambda: "message_shortcut" in self.heard, "the message shortcut")
        container = {"type": "message", "message_ts": message["ts"], "channel_id": D}
        envelope = push(
            {
                "type": "block_suggestion",
                "action_id": "menu",
                "block_id": "b",
                "value": "cr",
                "container": container,
                "channel": {"id": D, "name": "deploys"},
            },
            TOMASZ,
        )
        answers = self.slack.socket.record.acknowledged
        self.wait(lambda: any(each.envelope_id == envelope for each in answers), "the options")
        payload = next(each.payload for each in answers if each.envelope_id == envelope)
        assert payload["options"][0]["value"] == "crane"
