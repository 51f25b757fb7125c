"""emoji.list: the workspace's own emoji."""

from __future__ import annotations

from typing import Any, Dict

from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour


@behaviour("emoji.list")
def list_emoji(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Names and images of the workspace's own emoji. Categories are those of the standard ones;
    which there are is not known here."""
    answer: Answered = {
        "emoji": dict(ctx.workspace.custom_emoji),
        "cache_ts": ctx.workspace.next_ts(),
    }
    if args.get("include_categories"):
        answer.update(categories=[], categories_version="1")
    return answer
