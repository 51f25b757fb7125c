"""PURE: what a token is, told by its beginning, and whether it may stand where it does.

Beginnings as Slack's docs tell them (docs.slack.dev, "Tokens"); those of browsers are not
documented.
"""

from __future__ import annotations

from typing import Mapping, Tuple

UNKNOWN = "token of an unknown kind"
BROWSER = "token of a browser's session (xoxc-, xoxd-)"
REFRESH = "refresh token (xoxe-...)"
BOT, USER, APP = "bot token (xoxb-)", "user token (xoxp-)", "app level token (xapp-)"
CONFIGURATION = "app configuration token or rotated user token (xoxe.xoxp-)"

# Longer beginnings first.
_BEGINNINGS: Tuple[Tuple[str, str], ...] = (
    ("xoxe.xoxb-", BOT),
    ("xoxe.xoxp-", CONFIGURATION),
    ("xoxe-", REFRESH),
    ("xoxb-", BOT),
    ("xoxp-", USER),
    ("xapp-", APP),
    ("xoxc-", BROWSER),
    ("xoxd-", BROWSER),
)
# What belongs there → the kinds that may stand there.
_TAKES: Mapping[str, Tuple[str, ...]] = {
    "bot": (BOT, USER, CONFIGURATION),
    "user": (USER, CONFIGURATION),
    "configuration": (CONFIGURATION,),
    "app": (APP,),
    "classic": (BOT,),
    "admin": (USER,),
}
_RIGHT_PLACE = {
    BOT: "It belongs to action_token.",
    USER: "It belongs to user_token.",
    APP: "It belongs to sensor.app_token (app_token of an entry of workspaces).",
    REFRESH: "It belongs into the datastore, for slack.refresh_token; put the access token here.",
    BROWSER: "Slack does not document such tokens; make a token on the app's page.",
    CONFIGURATION: "It belongs to config_token (or user_token, if token rotation gave it).",
}


def kind_of(token: str) -> str:
    """What the token is, for people."""
    return next((kind for start, kind in _BEGINNINGS if token.startswith(start)), UNKNOWN)


def misplaced(token: str, belongs: str) -> Tuple[str, str]:
    """(what is wrong, what to do); ("", "") where the token may stand where it does.

    One of an unknown kind may: Slack, asked, knows better.
    """
    kind = kind_of(token)
    if kind == UNKNOWN or kind in _TAKES[belongs]:
        return "", ""
    return "It holds a %s." % kind, _RIGHT_PLACE[kind]
