"""api.test: says back what it was told."""

from __future__ import annotations

from typing import Any, Dict

from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.checks.slack_error import SlackError


@behaviour("api.test")
def test(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Everything that was sent, unknown arguments too; `error` is answered as a refusal."""
    args_sent = {name: value for name, value in ctx.request.args.items() if name != "token"}
    if "error" in args:
        raise SlackError(args["error"], args=args_sent)
    return {"args": args_sent} if args_sent else {}
