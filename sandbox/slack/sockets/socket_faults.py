"""What goes wrong on a socket on purpose: a Fault whose action is about the handshake or frames.

    slack.socket.faults.append(SocketFault.status(401))
    slack.socket.faults.append(SocketFault.oversized(method="rtm", at=3))

`method` is the kind of connection, socket_mode or rtm (None: both). One fault for one connection,
the first that matches. The makers of Fault spoil the handshake: status, rate_limited, html,
cut_after_read, slow (the handshake comes late) …; those below add what is of sockets only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Tuple

from sandbox.slack.http.faults import Action, Fault
from sandbox.slack.sockets.envelopes import disconnect, text_of

# No WebSocket frame begins so: all reserved bits are set, and the opcode is none that exists.
GARBAGE = b"\xff\xfe\xfd\xfc" * 8
HALF_HANDSHAKE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConne"
OVERSIZE = 17 << 20


@dataclass(frozen=True)
class Wire:
    """Bytes that go out as they are, in no frame."""

    data: bytes


@dataclass(frozen=True)
class Close:
    """A CLOSE frame, and the orderly end that follows it."""

    code: int = 1000
    reason: str = ""


@dataclass(frozen=True)
class Cut:
    """A TCP reset."""


@dataclass(frozen=True)
class Eof:
    """The end of the stream without a CLOSE frame."""


@dataclass(frozen=True)
class Freeze:
    """From now on nothing is read and nothing written; the TCP connection stays."""


@dataclass(frozen=True)
class HangHandshake(Action):
    """The upgrade is never answered, until the server stops."""


@dataclass(frozen=True)
class HalfHandshake(Action):
    """The upgrade's answer ends within its headers."""


@dataclass(frozen=True)
class Frames(Action):
    """These are sent once `at` frames went out after hello: text (a text frame), bytes (a binary
    one), or one of Wire, Close, Cut, Eof, Freeze. `hello` false: no hello comes."""

    items: Tuple[Any, ...] = ()
    at: int = 0
    hello: bool = True


class SocketFault(Fault):
    """A Fault with makers for what only sockets have."""

    @classmethod
    def hang_handshake(cls, **match: Any) -> Fault:
        """See HangHandshake."""
        return cls(action=HangHandshake(), **match)

    @classmethod
    def half_handshake(cls, **match: Any) -> Fault:
        """See HalfHandshake."""
        return cls(action=HalfHandshake(), **match)

    @classmethod
    def frames(cls, *items: Any, at: int = 0, hello: bool = True, **match: Any) -> Fault:
        """See Frames."""
        return cls(action=Frames(items, at, hello), **match)

    @classmethod
    def no_hello(cls, **match: Any) -> Fault:
        """The connection is there but says no hello; events come."""
        return cls.frames(hello=False, **match)

    @classmethod
    def disconnect(cls, reason: str = "warning", hello: bool = True, **match: Any) -> Fault:
        """The announcement of an end, behind hello or instead of it. Slack leaves it to the client
        to close (slackapi/node-slack-sdk#1654), and goes on to hand envelopes to it."""
        return cls.frames(text_of(disconnect(reason)), hello=hello, **match)

    @classmethod
    def garbage(cls, **match: Any) -> Fault:
        """Bytes that are no frame."""
        return cls.frames(Wire(GARBAGE), **match)

    @classmethod
    def binary(cls, data: bytes = b"\x00\x01\xfe\xff", **match: Any) -> Fault:
        """A binary frame; Slack sends none."""
        return cls.frames(data, **match)

    @classmethod
    def oversized(cls, size: int = OVERSIZE, **match: Any) -> Fault:
        """A sound frame of at least so many bytes."""
        return cls.frames(oversized(size), **match)

    @classmethod
    def not_json(cls, text: str = "this is {no JSON", **match: Any) -> Fault:
        """A text frame that is no JSON."""
        return cls.frames(text, **match)

    @classmethod
    def no_object(cls, text: str = '["a list"]', **match: Any) -> Fault:
        """JSON, but no object."""
        return cls.frames(text, **match)

    @classmethod
    def unknown_type(cls, kind: str = "loopback_unknown", **match: Any) -> Fault:
        """An object of a type that nobody knows."""
        return cls.frames(text_of({"type": kind}), **match)

    @classmethod
    def close(cls, code: int = 1000, reason: str = "", **match: Any) -> Fault:
        """See Close; at once after hello unless `at` says later."""
        return cls.frames(Close(code, reason), **match)

    @classmethod
    def cut(cls, **match: Any) -> Fault:
        """See Cut."""
        return cls.frames(Cut(), **match)

    @classmethod
    def eof(cls, **match: Any) -> Fault:
        """See Eof."""
        return cls.frames(Eof(), **match)

    @classmethod
    def freeze(cls, **match: Any) -> Fault:
        """See Freeze."""
        return cls.frames(Freeze(), **match)


def oversized(size: int = OVERSIZE) -> str:
    """The text of a frame that is greater than a client takes."""
    return text_of({"type": "loopback_oversized", "padding": "x" * size})
