"""PURE: what a frame of a transport means, whichever transport it is."""

from __future__ import annotations

from types import MappingProxyType
from typing import Mapping, NamedTuple, Optional, Union

from st2slack.base.json_access import JsonObject
from st2slack.sensor.json_safe import decode
from st2slack.sensor.model import Event

# Kinds of frame
HELLO, EVENT, COMMAND, INTERACTION, DISCONNECT, OTHER = (
    "hello",
    "event",
    "command",
    "interaction",
    "disconnect",
    "other",
)


class Frame(NamedTuple):
    """`kind`: one of the above. `answer`: text that acknowledges it, None where none is wanted.

    `payload`: of a command or an interaction. `reason`: of a disconnect. A frame that cannot be
    read is OTHER, and `reason` says why.
    """

    kind: str
    answer: Optional[str] = None
    event: Optional[Event] = None
    payload: Mapping[str, object] = MappingProxyType({})
    reason: str = ""


BINARY = Frame(OTHER, reason="binary frame")


def parse(text: str) -> Union[JsonObject, Frame]:
    """The JSON object of a frame; a Frame that says why where there is none."""
    try:
        value = decode(text)
    except (ValueError, RecursionError):
        return Frame(OTHER, reason="not JSON")
    return value if isinstance(value, dict) else Frame(OTHER, reason="not an object")
