"""The demo's last steps, work from Slack: a command, an approval by somebody else, the result.

What is shown is what the Slack on loopback holds; the pack's rules and actions did it, as they are.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from sandbox.cli import terminal_blocks
from sandbox.cli.demo_env import PRIYA, TOMASZ

DEPLOYS = "C0DEPLOYS01"
HELP = "/st2 help"
COMMAND = "/st2 release berth-planner 4.12.0"
COMMAND_STEP, APPROVAL_STEP, RESULT_STEP = "A command", "An approval", "The result"
Step = Callable[[], bool]


class ChatOpsDemo:
    """`st2`: what stands for StackStorm, with the sensor joined to it."""

    def __init__(self, slack: Any, st2: Any, console: Console) -> None:
        from sandbox.page.page_actions import PageActions

        self._slack = slack
        self._st2 = st2
        self._console = console
        self._page_actions = PageActions(slack)
        self._names = terminal_blocks.people(slack.workspace)
        self._people = len(self._messages())

    def steps(self) -> Tuple[Step, ...]:
        """In their order; each tells whether it ended as it should."""
        return (self.command, self.approval, self.result)

    def command(self) -> bool:
        """Tomasz runs an alias; its workflow asks."""
        self._step(
            COMMAND_STEP,
            "Somebody releases from Slack. It is one of StackStorm's aliases, and a rule of "
            "`authorization` lets him; the workflow behind it asks before it does anything.",
        )
        self._type_command(TOMASZ, HELP)
        self._page_actions.say(TOMASZ, {"channel": DEPLOYS, "text": HELP})
        helped = self._ended("slack.run_command")
        self._show_private()
        self._type_command(TOMASZ, COMMAND)
        self._page_actions.say(TOMASZ, {"channel": DEPLOYS, "text": COMMAND})
        question = self._ended("slack.post_question") and helped
        self._show(self._messages()[self._people :])
        return question

    def approval(self) -> bool:
        """Whoever started it may not approve it; somebody else does."""
        self._step(APPROVAL_STEP, "The person who started it is not allowed to approve it.")
        self._press(TOMASZ)
        denied = self._show_private()
        self._press(PRIYA)
        decided = self._ended("slack.conclude_question")
        self._show([self._question() or {}])
        return decided and denied

    def result(self) -> bool:
        """The command's message has become its result."""
        self._step(RESULT_STEP, "The workflow went on. Its result stands where the command was.")
        posted = self._ended("slack.post_result")
        self._show(self._messages()[self._people : self._people + 1])
        return posted

    def _press(self, user: str) -> None:
        question = self._question()
        block = question["blocks"][-1] if question else {}
        if not question or block.get("type") != "actions":
            return
        button = block["elements"][0]
        self._type_command(user, "presses %s" % button["text"]["text"])
        place = {"channel": DEPLOYS, "ts": question["ts"], "block_id": block["block_id"]}
        self._page_actions.press(user, {**place, "action_id": button["action_id"]})
        self._wait(
            lambda: [
                each
                for each in self._st2.executions("slack.answer_question")
                if each["parameters"].get("user") == user and each["status"] == "succeeded"
            ]
        )

    def _show_private(self) -> bool:
        """Show the last message that one person alone sees; whether there is one."""
        private = [each for each in self._slack.requests if each.method == "chat.postEphemeral"]
        if private:
            note = Text("Only he sees: ", style="dim")
            note.append_text(terminal_blocks.mrkdwn(private[-1].args["text"], self._names))
            self._console.print(Padding(note, (0, 4)))
        return bool(private)

    def _ended(self, ref: str) -> bool:
        return self._wait(
            lambda: [each for each in self._st2.executions(ref) if each["status"] == "succeeded"]
        )

    def _wait(self, condition: Callable[[], Any]) -> bool:
        try:
            return bool(self._st2.wait_for(condition))
        except AssertionError as error:
            self._console.print(Padding(Text(str(error), "red"), (1, 4)))
            return False

    def _question(self) -> Optional[Dict[str, Any]]:
        found = [each for each in self._messages()[self._people :] if each.get("blocks")]
        return next((each for each in found if "to production" in each.get("text", "")), None)

    def _messages(self) -> List[Dict[str, Any]]:
        messages: List[Dict[str, Any]] = self._slack.workspace.channels[DEPLOYS].messages
        return messages

    def _type_command(self, user: str, text: str) -> None:
        line = Text.assemble((self._names[user], "bold"), ("  ", ""), (text, "cyan"))
        self._console.print(Padding(line, (1, 2, 0, 2)))

    def _step(self, title: str, why: str) -> None:
        self._console.print(Rule("[bold]%s[/]" % title, style="cyan", align="left"))
        self._console.print(Padding(Text(why, style="dim"), (0, 2)))

    def _show(self, messages: List[Dict[str, Any]]) -> None:
        text: List[Any] = []
        for each in messages:
            text += [terminal_blocks.message(each, self._names), Text()]
        panel = Panel(
            Group(*text[:-1]),
            title="# deploys",
            title_align="left",
            border_style="magenta",
            padding=(0, 1),
        )
        self._console.print(Padding(panel, (1, 2, 0, 2)))
