"""auth.*: whose token it is, and its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, MutableMapping, cast

from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.state.tokens import Token


@behaviour("auth.test")
def test(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Who the token acts for."""
    team = ctx.workspace.team
    answer = {
        "url": "https://{}.slack.com/".format(team["domain"]),
        "team": team["name"],
        "team_id": team["id"],
        "is_enterprise_install": ctx.token.org,
    }
    if ctx.me:
        answer.update(user=ctx.workspace.users[ctx.me].name, user_id=ctx.me)
    if ctx.token.bot_id:
        answer["bot_id"] = ctx.token.bot_id
    if ctx.token.kind == "app":
        answer.update(app_id=ctx.token.app_id, app_name="Harbour Bot")
    return answer


@behaviour("auth.revoke")
def revoke(ctx: Context, args: Dict[str, Any]) -> Answered:
    """End the token; with `test` only say that it could be done."""
    if args.get("test"):
        return {"revoked": False}
    tokens = cast(MutableMapping[str, Token], ctx.tokens)
    tokens[ctx.call.token_text] = replace(ctx.token, state="revoked")
    return {"revoked": True}
