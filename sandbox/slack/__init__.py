"""A Slack on loopback: what Slack answers, what it refuses and remembers, and what goes wrong."""

from __future__ import annotations

from .faults import Fault
from .refusal import Refuse
from .server import LoopbackSlack
from .socket_faults import SocketFault
from .state import Workspace
from .tokens import Token
from .wire import Request

__all__ = ["Fault", "LoopbackSlack", "Refuse", "Request", "SocketFault", "Token", "Workspace"]
