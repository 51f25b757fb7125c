"""`python -m sandbox check`: slack.check as a table.

Exit code: 0 nothing failed, 1 something did, 2 wrong usage. Without --config a Slack on loopback is
checked, where all is well.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import Any, Dict, Iterator

from sandbox.cli import loopback, output
from sandbox.stackstorm import config as configs
from sandbox.stackstorm import masking
from sandbox.stackstorm.metadata import load_action
from sandbox.stackstorm.runner import action_process, parameters

DONE, FAILED = 0, 1


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    configs.arguments(parser, "to check the Slack it names")
    parser.add_argument("--workspace", metavar="NAME", help="check this entry of workspaces only")
    parser.add_argument("--post", action="store_true", help="post a message through each webhook")
    parser.add_argument("--no-connect", action="store_true", help="open no Socket Mode connection")
    parser.add_argument("--person", metavar="ID", help="tell whether this person may do WHAT")
    parser.add_argument("--what", metavar="REF", help="alias or action, or approval:NAME")
    parser.add_argument("--where", metavar="ID", help="the conversation in which they do it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(args: argparse.Namespace) -> int:
    """Check, show, and return the exit code."""
    action = load_action("slack.check", args.pack_dir)
    values = {"post": args.post, "connect": not args.no_connect, "workspace": args.workspace}
    values.update(person=args.person, what=args.what, where=args.where)
    checked = parameters.check(action, {k: v for k, v in values.items() if v is not None})
    with _config(args) as config:
        scrub = masking.Scrubber(configs.secrets_of(config, args.pack_dir))
        execution = action_process.execute(action, checked, config)
    if not isinstance(execution.result, dict):
        print(scrub(execution.error or execution.stderr), file=sys.stderr)
        return FAILED
    result = scrub(execution.result)
    output.checks(result, args.json)
    return DONE if execution.succeeded else FAILED


@contextlib.contextmanager
def _config(args: argparse.Namespace) -> Iterator[Dict[str, Any]]:
    if args.config:
        yield configs.load_config(args.config, args.pack_dir, configs.pairs(args.kv))
        return
    with loopback.running() as slack:
        yield configs.complete(loopback.config_of(slack), args.pack_dir)
