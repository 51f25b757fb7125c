"""apps.connections.open and rtm.connect: the address of a socket, good for one connection."""

from __future__ import annotations

from typing import Any, Dict

from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.sockets.tickets import RTM, SOCKET_MODE


@behaviour("apps.connections.open")
def open_connection(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Where Socket Mode is spoken with the app of the token."""
    ticket = ctx.tickets.make(SOCKET_MODE, ctx.token.app_id)
    return {
        "url": "{}link/?ticket={}&app_id={}".format(_root(ctx), ticket.text, ticket.app_id),
    }


@behaviour("rtm.connect")
def connect(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Where RTM is spoken with the token's bot; refused to other apps than classic ones."""
    if not ctx.tickets.rtm_allowed or ctx.token.kind != "bot":
        raise SlackError("not_allowed_token_type")
    ticket = ctx.tickets.make(RTM, ctx.token.app_id, ctx.me)
    team = ctx.workspace.team
    return {
        "url": "{}websocket/{}".format(_root(ctx), ticket.text),
        "self": {"id": ctx.me, "name": ctx.workspace.users[ctx.me].name},
        "team": {"id": team["id"], "name": team["name"], "domain": team["domain"]},
    }


def _root(ctx: Context) -> str:
    """The server's root as a WebSocket address: ws for http, wss for https."""
    return "ws" + ctx.url[len("http") :]
