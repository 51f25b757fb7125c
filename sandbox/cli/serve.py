"""`python -m sandbox serve`: the Slack on loopback with its page, and the pack at work there."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
from typing import Any, Dict, Iterator

from sandbox.cli import demo_env, listen, loopback

# What a sensor with this config listens to: all that people can say on the page.
SENSOR = {key: listen.ON_LOOPBACK[key] for key in ("events", "channel_types")}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The port, and how it is told."""
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="where to serve; without: any free port"
    )
    parser.add_argument(
        "--alone",
        action="store_true",
        help="Slack and its page only: no sensor, and nothing that stands for StackStorm",
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="timestamps of this machine's clock, for the sensor of a real StackStorm; without: "
        "the same in every run",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; 0."""
    over = loopback.stop_event()
    with with_page(args.port) as (slack, url), contextlib.ExitStack() as stack:
        if args.live:
            slack.workspace.use_clock()
        if not args.alone:
            stack.enter_context(demo_env.open_env(slack, **SENSOR))
        words = _next_steps if args.alone else _next_steps_with_pack
        say = json.dumps if args.json else words
        loopback.serve_until(slack, over, say, SENSOR, page=url)
    return 0


@contextlib.contextmanager
def with_page(port: int = 0) -> Iterator[Any]:
    """(a LoopbackSlack that serves, the address of its page)."""
    with loopback.running(port) as slack:
        from sandbox.page import add

        yield slack, add(slack).url


def _next_steps_with_pack(facts: Dict[str, str]) -> str:
    """Where to look, and what to try there."""
    return "\n".join(
        [
            "Slack on loopback, until Ctrl-C: {}".format(facts["page"]),
            "",
            "The pack's sensor listens there, with its rules and actions behind it. In #deploys:",
            "",
            "  as Tomasz Nowak   /st2 help",
            "                    /st2 release berth-planner 4.12.0",
            "  as Priya Raman    press Approve",
            "",
            "To post there, from another terminal:",
            "",
            "  python -m sandbox run slack.chat.postMessage channel=general text=Hello \\",
            "    --config {}".format(shlex.quote(facts["config"])),
        ]
    )


def _next_steps(facts: Dict[str, str]) -> str:
    """Where to look, and what to type next."""
    config = shlex.quote(facts["config"])
    return "\n".join(
        [
            "Slack on loopback, until Ctrl-C: {}".format(facts["page"]),
            "",
            "To do something there, from another terminal:",
            "",
            "  python -m sandbox run slack.chat.postMessage channel=general text=Hello \\",
            "    --config {}".format(config),
            "  python -m sandbox listen --config {}".format(config),
        ]
    )
