"""The tokens that the loopback Slack knows. Their texts only begin as real ones do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, Optional, Tuple

BOT = "xoxb-loopback-bot"
USER = "xoxp-loopback-user"
APP = "xapp-loopback-app"
CONFIG = "xoxe.xoxp-loopback-config"

APP_ID = "A0HARBOUR01"

REFUSALS = {
    "revoked": "token_revoked",
    "expired": "token_expired",
    "inactive": "account_inactive",
}


@dataclass(frozen=True)
class Token:
    """What a token stands for.

    `kind`: bot, user, app or configuration; `user`: ID of the user who acts with it, "" for
    kinds that have none; `scopes`: None means all there are; `state`: live, revoked, expired or
    inactive; `org`: an org-wide token of Enterprise Grid, which must tell `team_id`.
    """

    kind: str
    user: str = ""
    scopes: Optional[Tuple[str, ...]] = None
    state: str = "live"
    org: bool = False
    bot_id: str = ""
    app_id: str = APP_ID

    def has_one_of(self, scopes: Iterable[str]) -> bool:
        """True where one of these scopes suffices, as Slack lists them per type of channel."""
        return self.scopes is None or not set(scopes).isdisjoint(self.scopes)


def default_tokens(bot_user: str, bot_id: str, user: str) -> Dict[str, Token]:
    """One live token of each kind, and one bot token for each way to be refused."""
    return {
        BOT: Token("bot", bot_user, bot_id=bot_id),
        USER: Token("user", user),
        APP: Token("app"),
        CONFIG: Token("configuration", user),
        "xoxb-loopback-revoked": Token("bot", bot_user, state="revoked", bot_id=bot_id),
        "xoxb-loopback-expired": Token("bot", bot_user, state="expired", bot_id=bot_id),
        "xoxb-loopback-inactive": Token("bot", bot_user, state="inactive", bot_id=bot_id),
        "xoxb-loopback-readonly": Token(
            "bot", bot_user, ("channels:read", "channels:history", "users:read"), bot_id=bot_id
        ),
        "xoxb-loopback-org": Token("bot", bot_user, org=True, bot_id=bot_id),
    }
