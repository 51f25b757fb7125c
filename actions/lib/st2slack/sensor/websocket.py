"""A WebSocket over a socket of our own making: proxy, TLS and time-outs as for the actions.

websockets 13.1 (Python 3.8) knows no proxy and no keepalive, later ones change `connect()`; a
socket that is handed over works alike on all. Its keepalive is switched off: it closes a healthy
connection whose pong waits behind unread frames (tried).
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import socket
import ssl
import struct
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple
from urllib.parse import SplitResult, urlsplit

import certifi
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect, unix_connect
from websockets.utils import apply_mask

from st2slack.api.proxy import proxy_for
from st2slack.api.response import is_number
from st2slack.base.errors import Disconnected, SettingsError
from st2slack.base.redact import redact
from st2slack.base.urls import UnclearUrl, is_loopback, parse_address
from st2slack.sensor.proxy_tunnel import Tunnel, open_tunnel
from st2slack.sensor.tls_socket import ThreadSafeTlsSocket
from st2slack.settings.slack import Settings

LARGEST_FRAME = 16 * 1024 * 1024
CLOSE_TIMEOUT = 1.0
READ_AHEAD = 512  # frames; with few of them two threads change places at every other frame
# At DEBUG it writes the address with its ticket, and what is said on the connection. At ERROR it
# writes tracebacks of connections that are abort: we tell of their end ourselves.
_LOG = logging.getLogger("st2slack.websockets")
_LOG.setLevel(logging.CRITICAL)


class WebSocket:
    """One open WebSocket. `received`: bytes of any kind that came in so outer.

    `abort_tunnel` ends at once what carries its bytes, where that is more than the socket.
    """

    def __init__(self, connection: Any, abort_tunnel: Callable[[], None] = lambda: None) -> None:
        self._connection = connection
        self._abort_tunnel = abort_tunnel

    @property
    def received(self) -> int:
        """Bytes that came in, frames or parts of them."""
        count: int = self._connection.received
        return count

    def read(self, timeout: float) -> Optional[Any]:
        """The next frame (text or bytes); None after `timeout` seconds. Disconnected at the end."""
        try:
            return self._connection.recv(timeout=timeout)
        except TimeoutError:
            return None
        except ConnectionClosed as error:
            raise Disconnected(_close_reason(error)) from None
        except (OSError, EOFError, RuntimeError) as error:
            raise Disconnected("the connection broke (%s)" % type(error).__name__) from None

    def send(self, text: str) -> None:
        """Send a frame. Disconnected where the connection has ended."""
        self._do(self._connection.send, text)

    def send_all(self, texts: Sequence[str]) -> None:
        """Send frames, all of them by one write. Disconnected where the connection has ended."""
        self._do(self._connection.send_all, texts)

    def ping(self) -> None:
        """Send a ping; its pong counts as received bytes."""
        self._do(self._connection.ping)

    def close(self) -> None:
        """Leave in order, within about CLOSE_TIMEOUT; what was sent before can still be read."""
        try:
            self._connection.close()
        except (OSError, ConnectionClosed, RuntimeError):
            self.abort()

    def abort(self) -> None:
        """End it at once: for a connection that is dead."""
        sock = self._connection.socket
        for end in (lambda: sock.shutdown(socket.SHUT_RDWR), sock.close):
            with contextlib.suppress(OSError):
                end()
        self._abort_tunnel()

    @staticmethod
    def _do(work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except ConnectionClosed as error:
            raise Disconnected(_close_reason(error)) from None
        except (OSError, RuntimeError) as error:
            raise Disconnected("the connection broke (%s)" % type(error).__name__) from None


class _CountingConnection(ClientConnection):
    """Counts what comes in: a large frame on a slow line is life, too."""

    def __init__(self, sock: Any, protocol: Any, **options: Any) -> None:
        self.received = 0
        receive = protocol.receive_data

        def counted(data: bytes) -> None:
            self.received += len(data)
            receive(data)

        protocol.receive_data = counted
        super().__init__(sock, protocol, **options)

    def send_all(self, texts: Sequence[str]) -> None:
        """Send text frames by one write.

        `send` draws random bytes and writes for each frame, and lets another thread go first both
        times: that costs more than all else that is done for an event.
        """
        with self.send_context():
            self.protocol.writes.append(masked_frames(texts))


def masked_frames(texts: Sequence[str]) -> bytes:
    """Text frames of a client, one after the other (RFC 6455, section 5.2)."""
    masks = os.urandom(4 * len(texts))
    parts: List[bytes] = []
    for number, text in enumerate(texts):
        data, mask = text.encode(), masks[4 * number : 4 * number + 4]
        parts += (_header(len(data)), mask, apply_mask(data, mask))
    return b"".join(parts)


def _header(length: int) -> bytes:
    """Of an unfragmented text frame that is masked."""
    if length < 126:
        return bytes((0x81, 0x80 | length))
    if length < 1 << 16:
        return struct.pack("!BBH", 0x81, 0x80 | 126, length)
    return struct.pack("!BBQ", 0x81, 0x80 | 127, length)


def open_websocket(url: str, settings: Settings, timeout: float = 10.0) -> WebSocket:
    """Connect to `url` (wss:// or, on loopback, ws://). Raises Disconnected or SettingsError."""
    parts = _address_parts(url)
    if parts is None:
        raise Disconnected("Slack gave no address to connect to")
    if parts.scheme == "ws" and not is_loopback(url):
        raise Disconnected("Slack gave an address without TLS")
    options = _options(parts, settings, timeout)
    try:
        tunnel = _open_tcp(parts, settings, timeout)
        # From here on websockets keeps the time, and later Connection does. With a time-out of the
        # socket's own every send would ask first whether there is room.
        tunnel.sock.settimeout(None)
        return _websocket(url, tunnel, options)
    except InvalidURI:
        raise Disconnected("Slack gave no address to connect to") from None
    except InvalidHandshake as error:
        reason = "the handshake failed (%s)" % redact(str(error))
        raise Disconnected(reason, _retry_after(error)) from None
    except (OSError, EOFError, ValueError) as error:
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        reason = "%s could not be reached (%s)" % (parts.hostname, redact(text))
        raise Disconnected(reason) from None


def _address_parts(url: str) -> Optional[SplitResult]:
    """The parts of an address of a WebSocket; None for anything else."""
    try:
        address = parse_address(url)
    except UnclearUrl:
        return None
    return urlsplit(url) if address.scheme in ("wss", "ws") else None


def _websocket(url: str, tunnel: Tunnel, options: Dict[str, Any]) -> WebSocket:
    sock = tunnel.sock
    try:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            return WebSocket(
                connect(url, sock=sock, create_connection=_CountingConnection, **options),
                tunnel.abort,
            )
        # `connect` of websockets 13 sets options of TCP on every socket.
        connection = unix_connect(
            None, url, sock=sock, create_connection=_CountingConnection, **options
        )
        return WebSocket(connection, tunnel.abort)
    except BaseException:
        sock.close()  # nobody else knows it yet
        tunnel.abort()
        raise


def _options(parts: SplitResult, settings: Settings, timeout: float) -> Dict[str, Any]:
    known = inspect.signature(connect).parameters
    options: Dict[str, Any] = {
        "open_timeout": timeout,
        "close_timeout": CLOSE_TIMEOUT,
        "max_queue": READ_AHEAD,
        "max_size": LARGEST_FRAME,
        "compression": None,
        "ping_interval": None,
        "proxy": None,
        "user_agent_header": None,
        "logger": _LOG,
        "legacy": True,
    }
    if parts.scheme == "wss":
        options["ssl"] = tls_context(settings)
    return {name: value for name, value in options.items() if name in known}


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Trusts what the actions trust. Raises SettingsError for a file that is none."""
    named = (os.environ.get(name) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
    bundle = settings.ca_bundle or next(filter(None, named), None) or certifi.where()
    try:
        folder, file = (bundle, None) if os.path.isdir(bundle) else (None, bundle)
        context = ssl.create_default_context(cafile=file, capath=folder)
    except OSError:
        raise SettingsError(
            "Config key `ca_bundle` (or REQUESTS_CA_BUNDLE): %s holds no certificates." % bundle
        ) from None
    context.sslsocket_class = ThreadSafeTlsSocket
    return context


def _open_tcp(parts: SplitResult, settings: Settings, timeout: float) -> Tunnel:
    host = str(parts.hostname)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    scheme = "https" if parts.scheme == "wss" else "http"
    proxy = proxy_for("%s://%s/" % (scheme, parts.netloc), settings)
    if proxy is None:
        return Tunnel(socket.create_connection((host, port), timeout), lambda: None)
    return open_tunnel(proxy, host, port, lambda: tls_context(settings), timeout)


def _retry_after(error: Any) -> Optional[float]:
    response = getattr(error, "response", None)
    text = response.headers.get("Retry-After") if response is not None else None
    return float(text) if text and is_number(text) else None


def _close_reason(error: ConnectionClosed) -> str:
    close: Tuple[Any, ...] = tuple(each for each in (error.rcvd, error.sent) if each is not None)
    if not close:
        return "the connection ended without a goodbye"
    text = "code %s%s" % (close[0].code, " " + close[0].reason if close[0].reason else "")
    return redact("the connection was closed (%s)" % text)
