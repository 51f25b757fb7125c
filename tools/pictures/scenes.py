"""What the terminals in the pictures show: commands of the sandbox, run as anybody runs them.

What differs from run to run is left out (how long an action took) or made the same (the port).
"""

from __future__ import annotations

import argparse
import functools
import re
from dataclasses import replace
from typing import Any, Callable, Dict, Iterator, List, Sequence

from rich.text import Text

from sandbox.cli import demo, demo_env, loopback, output
from sandbox.stackstorm.runner.action_process import run_action
from st2slack.diagnostics.features import FEATURES
from tools.pictures import terminal

WIDTH = 100  # columns
WIDE = 114  # columns, for the table
STEPS = ("A message", "And back")  # of the demo; all five are too long to look at
LACKING = "files"  # the feature whose scopes the checked app does not have
WHAT, WHERE = "harbour.release", "C0DEPLOYS01"
ADDRESS = "http://127.0.0.1:8080/"
COMMAND, APPROVAL, RESULT = (("A command",), ("An approval",), ("The result",))
_TOOK = re.compile(r" in \d+\.\d\d s$")
# What is never the same twice, and what stands in its place, as wide.
_MOMENTS = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), "2026-11-24 15:04 UTC"),
    (re.compile(r"[0-9a-f]{24}"), "65a0c0ffee65a0c0ffee0001"),
    (re.compile(r" in \d+\.\d s\b"), ""),
)
_HEADING = re.compile(r"(\w[^─]*) ─+$")


class SceneError(Exception):
    """A command did not end as the picture tells."""


def the_demo() -> str:
    """Steps of `make demo`."""
    return _of_the_demo(STEPS, "Two steps of make demo in a terminal")


def the_command() -> str:
    """The step of `make demo` that runs a command."""
    return _of_the_demo(COMMAND, "A step of make demo: a command from Slack")


def the_approval() -> str:
    """The step that approves."""
    return _of_the_demo(APPROVAL, "A step of make demo: an approval in Slack")


def the_result() -> str:
    """The step that shows the result."""
    return _of_the_demo(RESULT, "A step of make demo: the result in Slack")


def who_may() -> str:
    """`sandbox check` tells whether somebody may, and by which rule."""
    console = terminal.recorder(WIDE)
    lines: List[Text] = []
    with loopback.running() as slack:
        for person, what in ((demo_env.TOMASZ, WHAT), (demo_env.LEA, WHAT)):
            values = {"person": person, "what": what, "where": WHERE}
            execution = run_action("slack.check", values, demo_env.config_of(slack))
            if not isinstance(execution.result, dict):
                raise SceneError("slack.check ended without a result: %s" % execution.stderr)
            output.checks(execution.result, as_json=False, console=console)
            words = " ".join("--%s %s" % pair for pair in values.items())
            command = ".venv/bin/python -m sandbox check --config slack.yaml \\"
            first, *rest = _framed(command, terminal.recorded_lines(console))
            lines += [first, Text("    " + words, style="bold"), *rest, Text()]
            console = terminal.recorder(WIDE)
    return terminal.render(lines[:-1], WIDE, "sandbox check", "Who may, as sandbox check tells it")


def _of_the_demo(names: Sequence[str], title: str) -> str:
    steps = list(_steps(_demo(demo.call), names))
    missing = [step for step in names if not any(line.plain.startswith(step) for line in steps)]
    if missing:
        raise SceneError("the demo has no step named %s" % ", ".join(missing))
    lines = _framed("make demo", [_timeless(line) for line in steps])
    return terminal.render(lines, WIDTH, "make demo", title)


@functools.lru_cache(maxsize=None)
def _demo(call: Callable[..., int]) -> List[Text]:
    """The lines of a run of the demo; several pictures show one run."""
    console = terminal.recorder(WIDTH)
    if call(argparse.Namespace(), console) != 0:
        raise SceneError("the demo failed; see it by: make demo")
    return list(terminal.recorded_lines(console))


def the_check() -> str:
    """`sandbox check` of an app that lacks scopes, and has a token in the wrong place."""
    console = terminal.recorder(WIDE)
    result = _checked()
    if result["failed"] != 1 or result["warnings"] != 1:
        raise SceneError("slack.check found something else: %s" % result)
    output.checks(result, as_json=False, console=console)
    command = ".venv/bin/python -m sandbox check --config slack.yaml"
    lines = _framed(command, terminal.recorded_lines(console))
    return terminal.render(lines, WIDE, "sandbox check", "The table of sandbox check in a terminal")


def _checked() -> Dict[str, Any]:
    """The result of slack.check; the same whatever port the Slack on loopback has."""
    with loopback.running() as slack:
        execution = run_action("slack.check", {}, _config_with_mistakes(slack))
        if not isinstance(execution.result, dict):
            raise SceneError("slack.check ended without a result: %s" % execution.stderr)
        rows = [
            {key: str(value).replace(slack.url, ADDRESS) for key, value in row.items()}
            for row in execution.result["checks"]
        ]
    return {**execution.result, "checks": rows}


def _config_with_mistakes(slack: Any) -> Dict[str, Any]:
    """Its bot lacks the scopes of one feature, and stands where the app's token belongs."""
    scopes = {each for feature in FEATURES if feature.title != LACKING for each in feature.scopes}
    token = slack.tokens[slack.bot_token]
    slack.tokens[slack.bot_token] = replace(token, scopes=tuple(sorted(scopes)))
    return {
        "api_url": slack.api_url,
        "action_token": slack.bot_token,
        "sensor": {"app_token": slack.bot_token},
    }


def _steps(lines: Sequence[Text], names: Sequence[str]) -> Iterator[Text]:
    """The lines below the headings of the wanted steps."""
    is_wanted = False
    for line in lines:
        heading = _HEADING.match(line.plain)
        if heading:
            is_wanted = heading[1] in names
        elif line.plain[:1] in "╭╰│":  # the frames around the steps: welcome and farewell
            is_wanted = False
        if is_wanted:
            yield line


def _timeless(line: Text) -> Text:
    took = _TOOK.search(line.plain.rstrip())
    if took:
        return line[: took.start()]
    for moment, instead in _MOMENTS:
        found = moment.search(line.plain)
        if found:
            same = Text(instead.ljust(len(found[0])), style=_style_at(line, found.start()))
            line = Text.assemble(line[: found.start()], same, line[found.end() :])
    return line


def _style_at(line: Text, place: int) -> Any:
    """How the character at this place is written."""
    spans = [span.style for span in line.spans if span.start <= place < span.end]
    return spans[-1] if spans else line.style


def _framed(command: str, lines: Sequence[Text]) -> List[Text]:
    """What was typed, and what came of it; blank lines around that are none of it."""
    written = [number for number, line in enumerate(lines) if line.plain.strip()]
    visible = lines[written[0] : written[-1] + 1] if written else []
    return [Text.assemble(("$ ", "dim"), (command, "bold")), Text(), *visible]
