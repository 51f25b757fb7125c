"""PURE: what a frame of a transport means, whichever transport it is."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Mapping, NamedTuple, Optional

from st2slack.sensor.json_safe import decode
from st2slack.sensor.model import Event

# Kinds of frame
HELLO, EVENT, COMMAND, INTERACTION, LEAVE, OTHER = (
    "hello",
    "event",
    "command",
    "interaction",
    "leave",
    "other",
)


class Frame(NamedTuple):
    """`kind`: one of the above. `answer`: text that acknowledges it, None where none is wanted.

    `payload`: of a command or an interaction. `reason`: of a leave. A frame that cannot be read is
    OTHER, with why in `reason`.
    """

    kind: str
    answer: Optional[str] = None
    event: Optional[Event] = None
    payload: Mapping[str, Any] = MappingProxyType({})
    reason: str = ""


def parse(text: Any) -> Any:
    """The JSON object of a frame; a Frame that says why where there is none."""
    if not isinstance(text, str):
        return Frame(OTHER, reason="binary frame")
    try:
        value = decode(text)
    except (ValueError, RecursionError):
        return Frame(OTHER, reason="not JSON")
    return value if isinstance(value, dict) else Frame(OTHER, reason="not an object")


def as_mapping(value: Any) -> Mapping[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_text(value: Any) -> str:
    """`value` if it is text, else ""."""
    return value if isinstance(value, str) else ""
