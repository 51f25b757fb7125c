"""`make demo`: real actions of the pack against a Slack on loopback, shown as they happen.

Every step is an execution as StackStorm makes it: metadata → cast and checked parameters → run.py
in a process of its own → HTTP. What is shown is what that Slack holds afterwards. Beside it runs
the sensor, in a process of its own too, so that what an action posts comes back as a trigger.
"""

from __future__ import annotations

import argparse
import shlex
from typing import Any, Dict, List, Optional

from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from sandbox.cli import demo_env, loopback, terminal_blocks
from sandbox.cli.demo_chatops import ChatOpsDemo
from sandbox.cli.sensor_process import SensorProcess
from sandbox.stackstorm import rules
from sandbox.stackstorm.metadata import PACK, load_yaml
from sandbox.stackstorm.runner.action_process import Execution, run_action

CHANNEL = "deploys"
PAGE = 20
RULE = "rules/on_message.yaml"


class Demo:
    """One run of the demo on `console` against a running loopback Slack and a listening sensor."""

    def __init__(self, slack: Any, st2: Any, listener: SensorProcess, console: Console) -> None:
        self._slack = slack
        self._st2 = st2
        self._listener = listener
        self._console = console
        self._config = loopback.config_of(slack)

    def run(self) -> int:
        """All steps; 0 if each of them ended as it should."""
        self._console.print(_title(self._slack.url))
        steps = (self._post, self._round_trip, self._react, self._refusal, self._pages)
        results = [step() for step in steps]  # all of them, whatever becomes of one
        results += [step() for step in ChatOpsDemo(self._slack, self._st2, self._console).steps()]
        return 0 if all(results) else 1

    def _post(self) -> bool:
        self._step("A message", "What a rule or a workflow would post when a deployment ends.")
        text = "*web 4.2.0* is live in Hamburg :rocket: (12 hosts, 0 errors)"
        execution = self._execute("chat.postMessage", {"channel": CHANNEL, "text": text})
        self._ts = (execution.result or {}).get("ts")
        self._show_channel()
        return execution.succeeded

    def _round_trip(self) -> bool:
        self._step(
            "And back",
            "The sensor hears the message. The sample rule %s matches, and its action answers in "
            "the thread." % RULE,
        )
        payload = self._ts and self._listener.wait_for(
            "slack.message", lambda found: found["timestamp_raw"] == self._ts
        )
        rule = rules.read_rule(load_yaml(PACK / RULE), RULE)
        if not payload or not rule.matches("slack.message", payload):
            self._console.print(Padding(Text("No trigger came that it matches.", "red"), (1, 4)))
            return False
        self._console.print(Padding(_trigger(payload, rule), (1, 2, 0, 2)))
        execution = self._execute(rule.action.partition(".")[2], rule.action_parameters(payload))
        self._show_thread(payload["channel"]["id"])
        return execution.succeeded

    def _react(self) -> bool:
        self._step(
            "A reaction, twice",
            "The second is refused by Slack; with ignore_errors a "
            "workflow can be repeated all the same.",
        )
        reaction = {"channel": self._channel_id(), "timestamp": self._ts, "name": "tada"}
        first = self._execute("reactions.add", reaction)
        again = self._execute("reactions.add", dict(reaction, ignore_errors='["already_reacted"]'))
        self._show_channel()
        return first.succeeded and again.succeeded

    def _refusal(self) -> bool:
        self._step("A refusal", "What the operator reads when something is wrong.")
        execution = self._execute(
            "chat.postMessage", {"channel": "C0NOWHERE00", "text": "Anybody?"}
        )
        self._console.print(
            Padding(Panel(Text(explanation(execution)), border_style="red"), (0, 2))
        )
        return execution.status == "failed" and "channel_not_found" in explanation(execution)

    def _pages(self) -> bool:
        self._step("A long list", "All pages over one connection, only the keys that are wanted.")
        execution = self._execute(
            "conversations.history",
            {
                "channel": self._channel_id("general"),
                "limit": 2,
                "all_pages": "true",
                "fields": '["user", "text"]',
            },
        )
        pages = sum(each.args.get("limit") == "2" for each in self._slack.requests)
        items = (execution.result or {}).get("messages") or []
        self._console.print(
            Padding(
                "[bold]%d[/] messages from [bold]%d[/] pages in one answer" % (len(items), pages),
                (0, 4),
            )
        )
        return execution.succeeded and pages > 1

    def _step(self, title: str, why: str) -> None:
        self._console.print(Rule("[bold]%s[/]" % title, style="cyan", align="left"))
        self._console.print(Padding(Text(why, style="dim"), (0, 2)))

    def _execute(self, method: str, parameters: Dict[str, Any]) -> Execution:
        words = " ".join(
            "%s=%s" % (name, shlex.quote(str(value)))
            for name, value in parameters.items()
            if value != ""
        )
        command = Text.assemble(("$ ", "dim"), ("st2 run slack.%s " % method, "bold"), words)
        self._console.print(Padding(command, (1, 2, 0, 2)))
        execution = run_action("slack." + method, parameters, self._config)
        style = "green" if execution.succeeded else "red"
        state = Text.assemble(
            ("● %s" % execution.status, style), (" in %.2f s" % execution.seconds, "dim")
        )
        self._console.print(Padding(state, (0, 4)))
        return execution

    def _channel_id(self, name: str = CHANNEL) -> str:
        execution = run_action("slack.conversations.list", {"all_pages": True}, self._config)
        channels = execution.result["channels"]
        return str(next(each["id"] for each in channels if each["name"] == name))

    def _show_channel(self) -> None:
        request = {"channel": self._channel_id(), "limit": 3}
        history = run_action("slack.conversations.history", request, self._config)
        self._show(list(reversed(history.result["messages"])), "# " + CHANNEL)

    def _show_thread(self, channel: str) -> None:
        request = {"channel": channel, "ts": self._ts}
        replies = run_action("slack.conversations.replies", request, self._config)
        self._show(replies.result["messages"], "# %s, thread" % CHANNEL)

    def _show(self, messages: List[Dict[str, Any]], title: str) -> None:
        people = run_action("slack.users.list", {}, self._config).result["members"]
        names = {each["id"]: each.get("real_name") or each["name"] for each in people}
        panel = Panel(
            Group(*(terminal_blocks.message(message, names) for message in messages)),
            title=title,
            title_align="left",
            border_style="magenta",
            padding=(0, 1),
        )
        self._console.print(Padding(panel, (0, 2)))


def _trigger(payload: Dict[str, Any], rule: rules.Rule) -> Panel:
    """The trigger's main keys, and the criteria that they meet."""
    text = Text()
    excerpt = {
        "user.real_name": payload["user"]["real_name"],
        "channel.name": payload["channel"]["name"],
        "text": payload["text"],
        "timestamp_raw": payload["timestamp_raw"],
        "permalink": payload["permalink"],
    }
    for name, value in excerpt.items():
        text.append("%-15s" % name, style="cyan").append("%s\n" % value)
    for key, criterion in rule.criteria.items():
        text.append("\n✔ ", style="green")
        text.append("%s %s %s" % (key, criterion["type"], criterion["pattern"]))
    return Panel(text, title="slack.message", title_align="left", border_style="blue")


def explanation(execution: Execution) -> str:
    """The last line of the traceback: what went wrong and what to do, without the class's name."""
    lines = execution.stderr.strip().splitlines()
    return lines[-1].partition(": ")[2] if lines else ""


def _title(url: str) -> Panel:
    text = Text.assemble(
        ("Slack for StackStorm", "bold"),
        "\nReal actions of this pack against a Slack on this machine (",
        (url, "underline"),
        ").\nNeither a StackStorm nor a Slack account is needed; nothing leaves the machine.",
    )
    return Panel(text, border_style="cyan")


def farewell(python: str = ".venv/bin/python") -> Panel:
    """What to type next."""
    lines = [
        (
            "Try it yourself",
            [
                "%s -m sandbox list chat" % python,
                "%s -m sandbox get slack.chat.postMessage" % python,
                "%s -m sandbox run slack.chat.postMessage channel=general text='Hello'" % python,
                "%s -m sandbox listen" % python,
                "%s -m sandbox serve" % python,
            ],
        ),
        (
            "With your own Slack: put `action_token: xoxb-…` into slack.yaml, then",
            ["%s -m sandbox run slack.auth.test --config slack.yaml" % python],
        ),
    ]
    text = Text()
    for title, commands in lines:
        text.append(title + "\n", style="bold")
        for command in commands:
            text.append("  " + command + "\n", style="cyan")
    text.rstrip()
    return Panel(text, title="What next", title_align="left", border_style="green")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The demo takes none."""


def call(_: argparse.Namespace, console: Optional[Console] = None) -> int:
    """Run the demo; exit code 0 if everything went as it should."""
    console = console or Console(highlight=False)
    # Our own messages: otherwise the sensor never dispatches what the demo's actions post.
    with loopback.running() as slack, demo_env.open_env(slack, allow_own_messages=True) as place:
        st2, listener = place
        # Where it cannot connect, the steps that need it say so.
        listener.wait_for("slack.sensor_state", lambda request: request["state"] == "connected")
        code = Demo(slack, st2, listener, console).run()
    console.print(farewell())
    return code
