"""A Slack on loopback: what Slack answers, what it refuses and remembers, and what goes wrong."""

from __future__ import annotations

from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.http.faults import Fault
from sandbox.slack.http.http_request import Request
from sandbox.slack.http.server import LoopbackSlack
from sandbox.slack.sockets.socket_faults import SocketFault
from sandbox.slack.state.tokens import Token
from sandbox.slack.state.workspace import Workspace

__all__ = ["Fault", "LoopbackSlack", "SlackError", "Request", "SocketFault", "Token", "Workspace"]
