"""oauth.* and openid.connect.token: the client must say who it is; the rest is generic."""

from __future__ import annotations

from typing import Any, Dict

from .. import generic
from ..context import Answered, Context
from ..refusal import Refuse
from ..seed import BOT
from .registry import behaviour


@behaviour("oauth.access", "oauth.v2.access", "oauth.v2.user.access", "openid.connect.token")
def access(ctx: Context, args: Dict[str, Any]) -> Answered:
    """A code or a refresh token for tokens. Client ID and secret come as Basic auth or form."""
    if not args.get("client_id"):
        raise Refuse("invalid_client_id")
    if not args.get("client_secret") and not args.get("code_verifier"):
        raise Refuse("bad_client_secret")
    refreshing = args.get("grant_type") == "refresh_token"
    if refreshing and not args.get("refresh_token"):
        raise Refuse("invalid_refresh_token")
    if not (refreshing or args.get("code") or args.get("assertion")):
        raise Refuse("invalid_code")
    document: Answered = generic.answer(ctx, {})
    if "bot" in document:  # only of oauth.access
        document["bot"] = {"bot_user_id": BOT, "bot_access_token": "xoxb-loopback-made"}
    return document
