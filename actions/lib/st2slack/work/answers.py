"""An answer that only the asker sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Sequence

from st2slack.errors import Refusal
from st2slack.web.call import Client


@dataclass(frozen=True)
class Place:
    """Where somebody did something. `response_url`: a secret."""

    channel: str
    user: str
    thread_ts: str = ""
    response_url: str = ""


def answer_privately(
    client: Client, place: Place, text: str, blocks: Optional[Sequence[Any]] = None
) -> None:
    """Tell the person, and nobody else."""
    arguments = {"channel": place.channel, "user": place.user, "text": text, "blocks": blocks}
    if place.thread_ts:
        arguments["thread_ts"] = place.thread_ts
    try:
        client.call("chat.postEphemeral", arguments)
    except Refusal:
        client.call("chat.postMessage", {"channel": place.user, "text": text, "blocks": blocks})
