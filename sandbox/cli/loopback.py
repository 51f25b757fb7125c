"""A Slack on loopback for the commands: started, described as a pack config, waited for."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional

import yaml

from sandbox.stackstorm.validation_errors import ValidationError, ValidationErrors


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of `python -m sandbox slack`."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; 0."""
    over = stop_event()
    with running() as slack:
        serve_until(
            slack, over, lambda facts: json.dumps(facts) if args.json else next_steps(facts)
        )
    return 0


def serve_until(
    slack: Any,
    over: threading.Event,
    say: Callable[[Dict[str, str]], str],
    sensor: Optional[Dict[str, Any]] = None,
    **more: str,
) -> None:
    """Print what `say` makes of the facts (`more` are some of them), and stay until it is over.
    `sensor`: more of the config's."""
    with config_file(slack, **(sensor or {})) as path:
        print(say({"api_url": slack.api_url, "config": str(path), **more}), flush=True)
        over.wait()


@contextlib.contextmanager
def running(port: int = 0) -> Iterator[Any]:
    """A running LoopbackSlack; ValidationErrors without its libraries or without the port."""
    try:
        from sandbox.slack import LoopbackSlack
    except ImportError as error:
        raise ValidationErrors(
            [
                ValidationError(
                    "the Slack on loopback",
                    f"{error}: install requirements-tests.txt, or name a Slack with --config",
                )
            ]
        ) from error
    slack = LoopbackSlack(port=port)
    try:
        slack.start()
    except (OSError, OverflowError) as error:
        raise ValidationErrors(
            [ValidationError("--port", "%s: take another one" % error)]
        ) from error
    try:
        yield slack
    finally:
        slack.stop()


def config_of(slack: Any, **sensor: Any) -> Dict[str, Any]:
    """The pack config that leads to this Slack, with a token of each kind; `sensor`: more of it."""
    return {
        "api_url": slack.api_url,
        "action_token": slack.bot_token,
        "user_token": slack.user_token,
        "config_token": slack.config_token,
        "post_message_action": {"webhook_url": slack.webhook_url},
        "sensor": {"app_token": slack.app_token, **sensor},
    }


@contextlib.contextmanager
def config_file(slack: Any, **sensor: Any) -> Iterator[Path]:
    """That config in a file that only its owner may read; gone afterwards."""
    handle, name = tempfile.mkstemp(prefix="slack-on-loopback-", suffix=".yaml")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yaml.safe_dump(config_of(slack, **sensor), file)
        yield Path(name)
    finally:
        os.unlink(name)


def next_steps(facts: Dict[str, str]) -> str:
    """What to type next."""
    return "\n".join(
        [
            f"A Slack on loopback serves {facts['api_url']} until Ctrl-C; what is done stays:",
            "",
            f"  python -m sandbox run slack.auth.test --config {shlex.quote(facts['config'])}",
        ]
    )


def stop_event() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set, from now on."""
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    return over
