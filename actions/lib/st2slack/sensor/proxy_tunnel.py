"""A TCP connection through a proxy: CONNECT, and TLS to the proxy where its URL is https://.

Inside the tunnel the WebSocket has a TLS of its own. `SSLContext.wrap_socket` cannot put one TLS
connection into another (it works on the file descriptor, and so would bypass the outer one), and
`websockets` waits on that descriptor. So behind an https:// proxy two threads carry the bytes
between the outer connection and a pair of sockets, and the WebSocket gets an ordinary socket, the
same on all versions of Python and `websockets`, with eventlet too.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
import threading
from typing import Any, Callable, List, NamedTuple
from urllib.parse import unquote, urlsplit

from st2slack.base.errors import Disconnected
from st2slack.base.redact import redact

_CHUNK = 65536
_END_TIMEOUT = 2.0  # seconds that the other side may take to end after ours has ended
_ADVICE = "Check the config key `proxy`, HTTPS_PROXY and NO_PROXY."


class Tunnel(NamedTuple):
    """`sock`: what to talk through; `abort` ends at once whatever carries its bytes."""

    sock: Any
    abort: Callable[[], None]


def open_tunnel(
    proxy_url: str, host: str, port: int, context: Callable[[], ssl.SSLContext], timeout: float
) -> Tunnel:
    """Connect to `host` through the proxy (its URL as web.proxy.proxy_for returns it).

    `context` makes the TLS context for an https:// proxy. `timeout`: seconds for each step. Raises
    Disconnected, without anything secret in it.
    """
    proxy = _Proxy(proxy_url)
    sock: Any = None
    try:
        sock = socket.create_connection((proxy.host, proxy.port), timeout)
        if proxy.is_secure:
            sock = context().wrap_socket(sock, server_hostname=proxy.host)
        _connect(sock, proxy, host, port)
    except BaseException as error:
        if sock is not None:
            sock.close()
        if isinstance(error, (OSError, EOFError, http.client.HTTPException)):
            raise Disconnected(proxy.describe_error(error)) from None
        raise
    if not proxy.is_secure:
        return Tunnel(sock, lambda: None)
    relay = _Relay(sock)
    return Tunnel(relay.inner_end, relay.abort)


class _Proxy:
    """A proxy's URL in parts."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.is_secure = parts.scheme == "https"
        self.host = str(parts.hostname)
        self.port = parts.port or (443 if self.is_secure else 80)
        self.authorization = ""
        self._secrets: List[str] = []
        if parts.username is not None:
            pair = "%s:%s" % (unquote(parts.username), unquote(parts.password or ""))
            encoded = base64.b64encode(_encoded(pair)).decode()
            self.authorization = "Basic " + encoded
            self._secrets = [encoded, parts.password or "", unquote(parts.password or "")]

    def describe_error(self, error: BaseException) -> str:
        """What went wrong between here and the proxy."""
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if isinstance(error, ssl.SSLCertVerificationError):
            reason = "its certificate does not verify: %s. See `ca_bundle`" % error.verify_message
        elif isinstance(error, ssl.SSLError):
            reason = "no TLS could be agreed upon: %s" % reason
        return redact(
            "the proxy %s:%d could not be used (%s). %s" % (self.host, self.port, reason, _ADVICE),
            self._secrets,
        )


def _encoded(pair: str) -> bytes:
    """As requests encodes it; it has nothing for what is not in Latin-1."""
    try:
        return pair.encode("latin-1")
    except UnicodeEncodeError:
        return pair.encode("utf-8")


def _connect(sock: Any, proxy: _Proxy, host: str, port: int) -> None:
    """CONNECT. Raises an OSError where the proxy does not agree."""
    place = "%s:%d" % ("[%s]" % host if ":" in host else host, port)
    lines = ["CONNECT %s HTTP/1.1" % place, "Host: " + place]
    if proxy.authorization:
        lines.append("Proxy-Authorization: " + proxy.authorization)
    sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    response = http.client.HTTPResponse(sock, method="CONNECT")
    try:
        response.begin()
        if response.status // 100 != 2:
            raise OSError("it refused the tunnel: %d %s" % (response.status, response.reason))
    finally:
        response.close()


class _Relay:
    """Carries bytes between `outer` (a TLS connection) and `inner_end`, until one of them ends."""

    def __init__(self, outer: Any) -> None:
        self.inner_end, self._inner = socket.socketpair()
        self._outer = outer
        self._outer.settimeout(None)
        self._outer_ended = threading.Event()
        self._running = 2
        self._lock = threading.Lock()
        for work in (self._carry_in, self._carry_out):
            threading.Thread(target=work, name="slack-proxy", daemon=True).start()

    def abort(self) -> None:
        """End both sides at once."""
        self._outer_ended.set()  # first: what still comes is no plain text any more
        for sock in (self._outer, self._inner):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _carry_in(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                data = self._outer.recv(_CHUNK)
                if not data or self._outer_ended.is_set():
                    break
                self._inner.sendall(data)
        self._outer_ended.set()
        with contextlib.suppress(OSError):  # what was carried can still be read
            self._inner.shutdown(socket.SHUT_WR)
        self._finish()

    def _carry_out(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                data = self._inner.recv(_CHUNK)
                if not data:
                    break
                self._outer.sendall(data)
        self._outer_ended.wait(_END_TIMEOUT)  # the last frames of the other side
        self.abort()
        self._finish()

    def _finish(self) -> None:
        """The second to come here closes: nobody reads from a descriptor that is used anew."""
        with self._lock:
            self._running -= 1
            last = self._running == 0
        if last:
            for sock in (self._outer, self._inner):
                with contextlib.suppress(OSError):
                    sock.close()
