"""What the tests of approvals share: a StackStorm and a Slack on loopback, and people who press."""

import copy
import json
import time

from helpers import calls, make_client

from sandbox.slack.sockets import envelopes
from st2slack.approvals import sweep
from st2slack.approvals.context import ApprovalContext
from st2slack.authorization.authorizer import Authorizer
from st2slack.sensor.payloads import interaction_trigger
from st2slack.settings.chatops import read_chatops
from st2slack.stackstorm.client import StackStorm

MARA, TOMASZ, PRIYA, JONAS, LEA = ("U0HARBOUR%02d" % number for number in range(1, 6))
DEPLOYS = "C0DEPLOYS01"
RULES = [
    {"name": "deployers", "who": [MARA, TOMASZ, PRIYA], "what": ["approval:*"]},
]


class Approvals:
    """A StackStorm with the pack, a Slack, and what people do there."""

    def __init__(self, slack, config, st2):
        self.slack = slack
        self.config = config
        self.st2 = st2

    def ask(self, channel="deploys", text="Deploy?", context=None, **given):
        """Ask by slack.ask; the ID of its execution once the question stands in Slack."""
        given = {"channel": channel, "text": text, **given}
        asking = self.st2.run("slack.ask", given, context=context)
        self.inquiry(asking)
        self.st2.wait_for(self.messages)
        self.wait_until_idle()
        return asking

    def inquiry(self, asking):
        """The ID of the inquiry of an asking workflow."""
        return self.st2.wait_for(
            lambda: [
                each["id"]
                for each in self.st2.executions("core.ask")
                if each.get("parent") == asking and each["status"] == "pending"
            ]
        )[0]

    def inquiry_of(self, asking):
        """The ID of the inquiry of an asking workflow, answered or not."""
        found = self.st2.executions("core.ask")
        return next(each["id"] for each in found if each.get("parent") == asking)

    def let_expire(self, asking):
        """Move the question so far into the past that its deadline is over."""
        self.st2.system.engine.get(self.inquiry(asking)).start -= 7 * 24 * 3600

    def messages(self, channel=DEPLOYS):
        """The messages of questions, as they are now."""
        found = self.slack.workspace.channels[channel].messages
        return [
            each
            for each in found
            if any(
                str(block.get("block_id")).startswith(("st2_question:", "locked"))
                for block in each.get("blocks", [])
            )
        ]

    def last(self, channel=DEPLOYS):
        """The last message that our app wrote."""
        mine = [
            each
            for each in self.slack.workspace.channels[channel].messages
            if each.get("app_id") and each.get("thread_ts") in (None, each["ts"])
        ]
        return copy.deepcopy(mine[-1])

    def message_text(self, channel=DEPLOYS):
        """What it shows, as text."""
        return json.dumps(self.last(channel)["blocks"])

    def press(self, user, choice=0, message=None, **other):
        """Press a button of the last question; the execution that the press set off."""
        message = message or self.last()
        block = next(each for each in message["blocks"] if each["type"] == "actions")
        button = block["elements"][choice]
        action = {
            "type": "button",
            "block_id": block["block_id"],
            "action_id": button["action_id"],
            "value": button["value"],
        }
        container = {"type": "message", "message_ts": message["ts"], "channel_id": DEPLOYS}
        container.update({"thread_ts": message["thread_ts"]} if message.get("thread_ts") else {})
        return self.interact(
            user,
            {
                "type": "block_actions",
                "channel": {"id": DEPLOYS, "name": "deploys"},
                "message": message,
                "container": container,
                "actions": [{**action, **other.pop("action", {})}],
                **other,
            },
        )

    def submit(self, user, view, **values):
        """Send a modal that was opened."""
        state = {"values": values}
        return self.interact(user, {"type": "view_submission", "view": {**view, "state": state}})

    def interact(self, user, payload):
        """What Slack's envelope says, as the sensor dispatches it; what the rules started."""
        before = {each["id"] for each in self.st2.executions()}
        whole = envelopes.interaction(
            self.slack.workspace, "A0HARBOUR01", payload, user, "http://x/"
        )
        trigger = interaction_trigger(whole, "")
        private_messages = self.st2.dispatch(trigger.ref, json.loads(json.dumps(trigger.payload)))
        assert len(private_messages.rules) <= 1
        started = [each for each in self.st2.executions() if each["id"] not in before]
        started = [each for each in started if not each.get("parent")]
        return started[0]["id"] if started else None

    def press_and_wait(self, user, choice=0, **other):
        """Press and wait; the result of the execution."""
        return self.result(self.press(user, choice, **other))

    def result(self, execution_id, status="succeeded"):
        """The result of a Python action once it has ended."""
        ended = self.st2.ended(execution_id)
        assert ended["status"] == status, ended["result"]
        return ended["result"]["result"]

    def output(self, asking):
        """What the asking workflow returned."""
        ended = self.st2.ended(asking)
        assert ended["status"] == "succeeded", ended["result"]
        return ended["result"]["output"]

    def wait_until_idle(self):
        """Wait until every Python action has ended."""
        busy = ("requested", "scheduled", "running", "delayed")
        self.st2.wait_for(
            lambda: (
                not [
                    each
                    for each in self.st2.executions()
                    if each["status"] in busy
                    and each["action"]["ref"].startswith("slack.")
                    and each["action"]["ref"] != "slack.ask"
                ]
            )
        )

    def private_messages(self, user):
        """What this person alone was told."""
        private = calls(self.slack, "chat.postEphemeral")
        return [each.args["text"] for each in private if each.args["user"] == user]

    def stored_keys(self):
        """Names of the keys that questions keep."""
        found = StackStorm(self.st2.client()).datastore.list("slack_")
        return sorted(found)

    def context(self, clock=time.time, sleep=time.sleep):
        """The same that an action has, with a clock of the test's own."""
        client = make_client(self.config)
        return ApprovalContext(
            StackStorm(self.st2.client(), sleep),
            client,
            lambda: Authorizer(self.config, client),
            read_chatops(self.config),
            clock,
            sleep,
        )

    def sweep(self, later=0.0):
        """What the sweeper does `later` seconds from now; then everything it started has ended."""
        done = sweep.sweep(self.context(lambda: time.time() + later))
        assert done["faults"] == []
        self.wait_until_idle()
        return done
