"""Real behaviour, by method: each takes the Context and typed arguments and returns an answer.

An answer is what Slack adds to `"ok": true`. To say no, raise Refuse.
"""
from __future__ import annotations

from . import api, auth, chat, conversations, history
from .registry import BEHAVIOURS

__all__ = ["BEHAVIOURS", "api", "auth", "chat", "conversations", "history"]
