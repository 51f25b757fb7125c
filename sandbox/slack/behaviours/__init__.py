"""Real behaviour, by method: each takes the Context and typed arguments and returns an answer.

An answer is what Slack adds to `"ok": true`. To say no, raise SlackError.
"""

from __future__ import annotations

from sandbox.slack.behaviours import (
    api,
    auth,
    bookmarks,
    bots,
    chat,
    conversations,
    directs,
    emoji,
    files,
    history,
    oauth,
    pins,
    reactions,
    sockets,
    streams,
    uploads,
    usergroups,
    users,
    views,
)
from sandbox.slack.behaviours.registry import BEHAVIOURS

FAMILIES = (
    api,
    auth,
    bookmarks,
    bots,
    chat,
    conversations,
    directs,
    emoji,
    files,
    history,
    oauth,
    pins,
    reactions,
    sockets,
    streams,
    uploads,
    usergroups,
    users,
    views,
)

__all__ = ["BEHAVIOURS", "FAMILIES"]
