"""conversations.history and conversations.replies: what was said, bounded and by pages."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any, Dict, List, Sequence

from sandbox.slack.behaviours.context import Answered, Context
from sandbox.slack.behaviours.paging import by_ts
from sandbox.slack.behaviours.registry import behaviour
from sandbox.slack.behaviours.timestamps import Moment, moment
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.state.to_json import message as shape
from sandbox.slack.state.workspace import Channel, Json

GREATEST_PAGE = 999


def within(messages: List[Json], args: Dict[str, Any]) -> List[Json]:
    """The messages between `oldest` and `latest`; `inclusive` takes the bounds in."""
    oldest = moment(args.get("oldest"), "invalid_ts_oldest")
    latest = moment(args.get("latest"), "invalid_ts_latest")
    inclusive = args.get("inclusive", False)
    # A history is sorted, and may be long.
    ats = _Moments(messages)
    first, end = 0, len(messages)
    if oldest is not None:
        first = (bisect_left if inclusive else bisect_right)(ats, oldest)
    if latest is not None:
        end = (bisect_right if inclusive else bisect_left)(ats, latest)
    return messages[first:end]


class _Moments(Sequence[Moment]):
    """When each message was posted, read where it is looked at."""

    def __init__(self, messages: List[Json]) -> None:
        self._messages = messages

    def __len__(self) -> int:
        return len(self._messages)

    def __getitem__(self, at: Any) -> Any:
        return moment(self._messages[at]["ts"], "")


@behaviour("conversations.history")
def history(ctx: Context, args: Dict[str, Any]) -> Answered:
    """Newest first, without replies in threads unless they were broadcast."""
    channel = ctx.readable(args["channel"])
    found = within([message for message in channel.messages if _in_history(message)], args)
    found.reverse()
    items, following = by_ts(found, args.get("cursor", ""), ctx.limit(args, greatest=GREATEST_PAGE))
    return {
        "messages": _messages_json(items, args),
        "has_more": bool(following),
        "pin_count": len(channel.pins),
        "channel_actions_ts": None,
        "channel_actions_count": 0,
        "response_metadata": {"next_cursor": following},
    }


@behaviour("conversations.replies")
def replies(ctx: Context, args: Dict[str, Any]) -> Answered:
    """A thread, oldest first: the parent on every page, then the replies."""
    channel = ctx.readable(args["channel"])
    parent = _parent(channel, args["ts"])
    found = within(channel.thread(parent["ts"]), args)
    items, following = by_ts(found, args.get("cursor", ""), ctx.limit(args, size=1000))
    return {
        "messages": _messages_json([parent] + items, args),
        "has_more": bool(following),
        "response_metadata": {"next_cursor": following},
    }


def _in_history(message: Json) -> bool:
    in_thread = message.get("thread_ts", message["ts"]) != message["ts"]
    return not in_thread or message.get("subtype") == "thread_broadcast"


def _parent(channel: Channel, ts: str) -> Json:
    message = channel.message(ts)
    if message is None:
        raise SlackError("thread_not_found")
    return channel.message(message.get("thread_ts", ts)) or message


def _messages_json(messages: List[Json], args: Dict[str, Any]) -> List[Json]:
    metadata = args.get("include_all_metadata", False)
    return [shape(message, metadata) for message in messages]
