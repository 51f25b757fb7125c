"""oauth.*, openid.connect.token, tooling.tokens.rotate: codes and refresh tokens for tokens."""

from __future__ import annotations

from typing import Any, Dict

from sandbox.slack.behaviours import generic
from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state.rotation import LIFETIME, Pair
from sandbox.slack.state.seed import BOT


@behaviour("oauth.access", "oauth.v2.access", "oauth.v2.user.access", "openid.connect.token")
def access(ctx: Context, args: Dict[str, Any]) -> Answered:
    """A code or a refresh token for tokens. Client ID and secret come as Basic auth or form."""
    if not args.get("client_id"):
        raise SlackError("invalid_client_id")
    if not args.get("client_secret") and not args.get("code_verifier"):
        raise SlackError("bad_client_secret")
    if args.get("grant_type") == "refresh_token":
        ctx.rotation.check_client(args["client_id"], args.get("client_secret"))
        return _refreshed(ctx, ctx.rotation.exchange(str(args.get("refresh_token") or "")))
    if not (args.get("code") or args.get("assertion")):
        raise SlackError("invalid_code")
    document: Answered = generic.answer(ctx, {})
    if "bot" in document:  # only of oauth.access
        document["bot"] = {"bot_user_id": BOT, "bot_access_token": "xoxb-loopback-made"}
    return document


@behaviour("oauth.v2.exchange")
def exchange(ctx: Context, args: Dict[str, Any]) -> Answered:
    """A token that does not expire for a pair."""
    ctx.rotation.check_client(args.get("client_id"), args.get("client_secret"))
    return _refreshed(ctx, ctx.rotation.begin(ctx.call.token_text))


def _refreshed(ctx: Context, pair: Pair) -> Answered:
    team = ctx.workspace.team
    answer = {
        "access_token": pair.access,
        "refresh_token": pair.refresh,
        "expires_in": LIFETIME,
        "token_type": pair.token.kind,
        "scope": ",".join(pair.token.scopes or ()),
        "app_id": pair.token.app_id,
        "team": {"id": team["id"], "name": team["name"]},
        "enterprise": None,
        "is_enterprise_install": False,
    }
    if pair.token.kind == "bot":
        answer["bot_user_id"] = pair.token.user
    return answer


@behaviour("tooling.tokens.rotate")
def rotate(ctx: Context, args: Dict[str, Any]) -> Answered:
    """A refresh token of app configurations for the next pair."""
    pair = ctx.rotation.exchange(str(args.get("refresh_token") or ""))
    now = int(float(ctx.workspace.next_ts()))
    return {
        "token": pair.access,
        "refresh_token": pair.refresh,
        "team_id": ctx.workspace.team["id"],
        "user_id": pair.token.user,
        "iat": now,
        "exp": now + LIFETIME,
    }
