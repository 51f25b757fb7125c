"""`make demo`: real actions of the pack against a Slack on loopback, shown as they happen.

Every step is an execution as StackStorm makes it: metadata → cast and checked parameters → run.py
in a process of its own → HTTP. What is shown is what that Slack holds afterwards.
"""

from __future__ import annotations

import argparse
import re
import shlex
from typing import Any, Dict, List, Optional

from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from . import loopback
from .stackstorm.runner import Execution, run_action

CHANNEL = "deploys"
EMOJI = {"rocket": "🚀", "eyes": "👀", "white_check_mark": "✅", "tada": "🎉"}
PAGE = 20


class Demo:
    """One run of the demo on `console` against a running loopback Slack."""

    def __init__(self, slack: Any, console: Console) -> None:
        self._slack = slack
        self._console = console
        self._config = loopback.config_of(slack)

    def run(self) -> int:
        """All steps; 0 if each of them ended as it should."""
        self._console.print(_title(self._slack.url))
        return 0 if all([self._post(), self._react(), self._refusal(), self._pages()]) else 1

    def _post(self) -> bool:
        self._step("A message", "What a rule or a workflow would post when a deployment ends.")
        text = "*web 4.2.0* is live in Hamburg :rocket: (12 hosts, 0 errors)"
        done = self._execute("chat.postMessage", {"channel": CHANNEL, "text": text})
        self._ts = (done.result or {}).get("ts")
        self._show_channel()
        return done.succeeded

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
        done = self._execute("chat.postMessage", {"channel": "C0NOWHERE00", "text": "Anybody?"})
        self._console.print(Padding(Panel(Text(explanation(done)), border_style="red"), (0, 2)))
        return done.status == "failed" and "channel_not_found" in explanation(done)

    def _pages(self) -> bool:
        self._step("A long list", "All pages over one connection, only the keys that are wanted.")
        done = self._execute(
            "conversations.history",
            {
                "channel": self._channel_id("general"),
                "limit": 2,
                "all_pages": "true",
                "fields": '["user", "text"]',
            },
        )
        pages = sum(each.args.get("limit") == "2" for each in self._slack.requests)
        items = (done.result or {}).get("messages") or []
        self._console.print(
            Padding(
                "[bold]%d[/] messages from [bold]%d[/] pages in one answer" % (len(items), pages),
                (0, 4),
            )
        )
        return done.succeeded and pages > 1

    def _step(self, title: str, why: str) -> None:
        self._console.print(Rule("[bold]%s[/]" % title, style="cyan", align="left"))
        self._console.print(Padding(Text(why, style="dim"), (0, 2)))

    def _execute(self, method: str, parameters: Dict[str, Any]) -> Execution:
        words = " ".join(
            "%s=%s" % (name, shlex.quote(str(value))) for name, value in parameters.items()
        )
        command = Text.assemble(("$ ", "dim"), ("st2 run slack.%s " % method, "bold"), words)
        self._console.print(Padding(command, (1, 2, 0, 2)))
        done = run_action("slack." + method, parameters, self._config)
        style = "green" if done.succeeded else "red"
        state = Text.assemble(("● %s" % done.status, style), (" in %.2f s" % done.seconds, "dim"))
        self._console.print(Padding(state, (0, 4)))
        return done

    def _channel_id(self, name: str = CHANNEL) -> str:
        listed = run_action("slack.conversations.list", {"all_pages": True}, self._config)
        channels = listed.result["channels"]
        return str(next(each["id"] for each in channels if each["name"] == name))

    def _show_channel(self) -> None:
        history = run_action(
            "slack.conversations.history", {"channel": self._channel_id(), "limit": 3}, self._config
        )
        people = run_action("slack.users.list", {}, self._config).result["members"]
        names = {each["id"]: each.get("real_name") or each["name"] for each in people}
        messages = [rendered(message, names) for message in reversed(history.result["messages"])]
        panel = Panel(
            Group(*messages),
            title="# " + CHANNEL,
            title_align="left",
            border_style="magenta",
            padding=(0, 1),
        )
        self._console.print(Padding(panel, (0, 2)))


def rendered(message: Dict[str, Any], names: Dict[str, str]) -> Text:
    """A message as Slack shows it, roughly: author, text in mrkdwn, reactions."""
    author = names.get(message.get("user", ""), message.get("username", "somebody"))
    text = Text.assemble((author, "bold"), "  ", *_mrkdwn(message.get("text", ""), names))
    for reaction in message.get("reactions") or []:
        text.append(
            "\n  %s %d"
            % (EMOJI.get(reaction["name"], ":%s:" % reaction["name"]), reaction["count"]),
            style="yellow",
        )
    return text


def _mrkdwn(text: str, names: Dict[str, str]) -> List[Any]:
    text = re.sub(r"<@(\w+)>", lambda found: "@" + names.get(found[1], found[1]), text)
    text = re.sub(r":(\w+):", lambda found: EMOJI.get(found[1], found[0]), text)
    parts = re.split(r"(\*[^*]+\*)", text)
    return [(part.strip("*"), "bold") if part.startswith("*") else part for part in parts if part]


def explanation(done: Execution) -> str:
    """The last line of the traceback: what went wrong and what to do, without the class's name."""
    lines = done.stderr.strip().splitlines()
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
    with loopback.started() as slack:
        code = Demo(slack, console).run()
    console.print(farewell())
    return code
