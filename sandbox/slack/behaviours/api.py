"""api.test: says back what it was told."""

from __future__ import annotations

from typing import Any, Dict

from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.checks.slack_error import Refuse


@behaviour("api.test")
def test(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Everything that was sent, unknown arguments too; `error` is answered as a refusal."""
    sent = {name: value for name, value in ctx.request.args.items() if name != "token"}
    if "error" in args:
        raise Refuse(args["error"], args=sent)
    return {"args": sent} if sent else {}
