"""`python -m sandbox serve`: the Slack on loopback with its page."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
from typing import Any, Dict, Iterator

from . import listen, loopback

# What a sensor with this config listens to: all that people can say on the page.
SENSOR = {key: listen.ON_LOOPBACK[key] for key in ("events", "channel_types")}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The port, and how it is told."""
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="where to serve; without: any free port"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; 0."""
    over = loopback.end_of_the_command()
    with with_page(args.port) as (slack, url):
        say = json.dumps if args.json else _invitation
        loopback.stay(slack, over, say, SENSOR, page=url)
    return 0


@contextlib.contextmanager
def with_page(port: int = 0) -> Iterator[Any]:
    """(a LoopbackSlack that serves, the address of its page)."""
    with loopback.started(port) as slack:
        from .page import add

        yield slack, add(slack).url


def _invitation(facts: Dict[str, str]) -> str:
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
