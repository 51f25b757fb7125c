"""The commands of `python -m sandbox`. A new one is one more line in COMMANDS.

Exit code: 0 done (and for `run`: the execution succeeded), 1 the execution failed, 2 wrong usage:
unknown command, action or option, parameters or config that StackStorm would refuse.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Sequence, Set, Tuple

from sandbox.cli import check, demo, listen, loopback, output, serve
from sandbox.stackstorm import config as configs
from sandbox.stackstorm import masking
from sandbox.stackstorm.metadata import PACK, Action, list_actions, load_action
from sandbox.stackstorm.runner import action_process, parameters
from sandbox.stackstorm.validation_errors import ValidationError, ValidationErrors
from tools.upgrade_check import command as upgrade

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


class Command(NamedTuple):
    """One command: its line of help, its arguments, what it does (arguments → exit code)."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    call: Callable[[argparse.Namespace], int]


def main(argv: Sequence[str]) -> int:
    """Run the command in argv[0] and return the exit code."""
    output.be_lenient_about_encoding()
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return DONE if argv else WRONG_USAGE
    command = COMMANDS.get(argv[0])
    if command is None:
        # Not the word itself: whoever forgot `run` may have typed a token.
        print(f"ERROR: no such command\n\n{usage()}", file=sys.stderr)
        return WRONG_USAGE
    parser = _parser(argv[0], command)
    # Options may stand anywhere between the words (plain parsing loses words behind them).
    return _guarded(command, parser.parse_intermixed_args(list(argv[1:])))


def usage() -> str:
    """All commands, one a line."""
    lines = [f"  {name:<8} {command.help}" for name, command in COMMANDS.items()]
    return "\n".join(["usage: python -m sandbox COMMAND …", "", *lines, "", _EXAMPLE])


def _parser(name: str, command: Command) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m sandbox {name}", description=command.help, allow_abbrev=False
    )
    command.arguments(parser)
    parser.add_argument(
        "--pack-dir", type=Path, default=PACK, metavar="DIR", help="the pack's folder"
    )
    return parser


def _guarded(command: Command, args: argparse.Namespace) -> int:
    """The command's exit code; what it refuses goes to stderr."""
    try:
        return command.call(args)
    except ValidationErrors as refusal:
        for error in refusal.errors:
            print(f"ERROR: {error}", file=sys.stderr)
        return WRONG_USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us (`| head`) has enough. Python must not flush into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ref", metavar="slack.ACTION", help="see the command list")
    parser.add_argument(
        "words",
        nargs="*",
        metavar="name=value",
        help="parameters, as `st2 run` takes them; @name=FILE takes the text of a file",
    )
    configs.arguments(parser, "to call the Slack it names")
    parser.add_argument(
        "--datastore", type=Path, metavar="FILE", help="where actions keep datastore values"
    )
    parser.add_argument(
        "--tail", action="store_true", help="show (on stderr) what the action prints, at once"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run(args: argparse.Namespace) -> int:
    action = load_action(args.ref, args.pack_dir)
    action_process.raise_if_not_runnable(action)
    checked, config_given = _check_input(args, action)
    with _config(args, config_given) as config:
        scrub = masking.Scrubber(_secrets(action, checked, config, args.pack_dir))
        execution = action_process.execute(
            action,
            checked,
            config,
            output.tail(scrub) if args.tail else None,
            datastore=args.datastore,
        )
    view = output.execution_view(action, parameters.masked(action, checked), execution, scrub)
    output.execution(view, execution, args.json)
    return DONE if execution.succeeded else FAILED


def _check_input(args: argparse.Namespace, action: Action) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """(checked parameters, the config of --config or nothing); all mistakes in both at once."""
    found: List[ValidationError] = []
    checked: Dict[str, Any] = {}
    config: Dict[str, Any] = {}
    try:
        checked = parameters.from_words(action, args.words)
    except ValidationErrors as error:
        found += error.errors
    try:
        kv = configs.pairs(args.kv)
        config = configs.load_config(args.config, args.pack_dir, kv) if args.config else {}
    except ValidationErrors as error:
        found += error.errors
    if found:
        raise ValidationErrors(found)
    return checked, config


@contextlib.contextmanager
def _config(args: argparse.Namespace, config_given: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    """The config to run with: the given one, else that of a Slack which lives as long."""
    if args.config:
        yield config_given
        return
    with loopback.running() as slack:
        yield configs.complete(loopback.config_of(slack), args.pack_dir)


def _secrets(
    action: Action, checked: Dict[str, Any], config: Dict[str, Any], pack: Path
) -> Set[str]:
    schema = {"type": "object", "properties": action.schema}
    config_given, _ = parameters.complete(action, checked)  # defaults may be secret too
    return masking.secret_texts(config_given, schema) | configs.secrets_of(config, pack)


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", help="show only what has all these words")
    parser.add_argument("-p", "--pack", metavar="NAME", help="show only actions of this pack")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _list(args: argparse.Namespace) -> int:
    words = [word.lower() for word in args.words]
    found = [
        action
        for action in list_actions(args.pack_dir)
        if args.pack in (None, action.pack)
        and all(word in f"{action.ref} {action.description}".lower() for word in words)
    ]
    output.actions(found, args.json)
    return DONE


def _get_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ref", metavar="slack.ACTION", help="see the command list")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _get(args: argparse.Namespace) -> int:
    output.action(load_action(args.ref, args.pack_dir), args.json)
    return DONE


COMMANDS: Dict[str, Command] = {
    "demo": Command("show the pack at work against a Slack on loopback", demo.arguments, demo.call),
    "run": Command("run one action, as `st2 run` does", _run_arguments, _run),
    "listen": Command("run the sensor and show its triggers", listen.arguments, listen.call),
    "check": Command(
        "try the config's credentials, as slack.check does", check.arguments, check.call
    ),
    "list": Command("list the actions, as `st2 action list` does", _list_arguments, _list),
    "get": Command("describe one action, as `st2 action get` does", _get_arguments, _get),
    "slack": Command("start a Slack on loopback that stays", loopback.arguments, loopback.call),
    "serve": Command("the same with a page to look at and take part", serve.arguments, serve.call),
    "upgrade-check": Command("tell what 3.0 breaks in your packs", upgrade.arguments, upgrade.call),
}

_EXAMPLE = """Try: python -m sandbox list chat
     python -m sandbox get slack.chat.postMessage
     python -m sandbox run slack.chat.postMessage channel=general text='Hello'"""
