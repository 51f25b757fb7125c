"""bots.info: the bot of an app."""

from __future__ import annotations

from typing import Any, Dict

from ..context import Answered, Context
from ..refusal import Refuse
from ..shapes import bot as shape
from ..tokens import APP_ID
from .registry import behaviour


@behaviour("bots.info")
def info(ctx: Context, args: Dict[str, Any]) -> Answered:
    """The bot of this ID (`B…`, not that of its user)."""
    wanted = args.get("bot")
    for user in ctx.workspace.users.values():
        if wanted and user.bot_id == wanted:
            return {"bot": shape(user, APP_ID)}
    raise Refuse("bot_not_found")
