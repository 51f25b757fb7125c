"""bots.info: the bot of an app."""

from __future__ import annotations

from typing import Any, Dict

from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state.to_json import bot as shape
from sandbox.slack.state.tokens import APP_ID


@behaviour("bots.info")
def info(ctx: Context, args: Dict[str, Any]) -> Answered:
    """The bot of this ID (`B…`, not that of its user)."""
    bot_id = args.get("bot")
    for user in ctx.workspace.users.values():
        if bot_id and user.bot_id == bot_id:
            return {"bot": shape(user, APP_ID)}
    raise SlackError("bot_not_found")
