"""A TLS socket that one thread can read from while others write.

OpenSSL allows one call at a time for each connection, and `ssl.SSLSocket` does not see to it: a
write beside a read that waits loses data now and then (about one opening in a hundred timed out).
So here each call is made under a lock and never waits inside; the waiting is done outside of it.
Closing ends a read that waits, since `websockets` joins its reading thread after it has closed.
The descriptor is given back when no call is left: OpenSSL would go on with the next file that gets
its number.

With eventlet all threads are one, and its own TLS sockets are used instead.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import ssl
import threading
import time
from typing import Any, Callable, Iterator, Optional

# A write that needs to read first (a new key, in old versions of TLS), or the reverse: the other
# thread can be the one that gets what it waits for. So it looks again after so many seconds.
_LOOK_AGAIN = 0.1
# Closing waits so many seconds for the calls of other threads to return. They do so at once, but a
# signal can close the socket from within a call.
_LEAVE = 1.0


class ThreadSafeTlsSocket(ssl.SSLSocket):
    """For `SSLContext.sslsocket_class`. Time-outs work as with any socket."""

    _is_established = False
    _limit: Optional[float] = None  # seconds that one call waits at most; the real one is 0
    _is_closing = False
    _calls = 0
    _calls_changed: threading.Condition
    _one_call: threading.Lock
    _one_writer: threading.Lock  # a write that was interrupted has to be the next one

    def do_handshake(self, block: bool = False) -> None:
        """Agree on TLS; from then on no call waits inside OpenSSL."""
        super().do_handshake(block)
        self._one_call, self._one_writer = threading.Lock(), threading.Lock()
        self._calls_changed = threading.Condition()
        self._limit = super().gettimeout()
        self._is_established = True
        super().settimeout(0.0)

    def settimeout(self, value: Optional[float]) -> None:
        """Set how long a call waits; None: without an end."""
        if self._is_established:
            self._limit = value
        else:
            super().settimeout(value)

    def gettimeout(self) -> Optional[float]:
        """Return how long a call waits."""
        return self._limit if self._is_established else super().gettimeout()

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        """Read what has come; `recv` and `recv_into` come here."""
        return self._complete(super().read, select.POLLIN, len, buffer)

    def send(self, data: Any, flags: int = 0) -> int:
        """Send a part of the data; `sendall` comes here."""
        with self._one_writer:
            return int(self._complete(super().send, select.POLLOUT, data, flags))

    def shutdown(self, how: int) -> None:
        """End the connection below TLS: a thread that still reads gets no cipher text as data."""
        socket.socket.shutdown(self, how)

    def close(self) -> None:
        """Close; a call that waits ends at once."""
        self._is_closing = True
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)
        if self._is_established:
            with self._calls_changed:
                self._calls_changed.wait_for(lambda: self._calls == 0, _LEAVE)
        super().close()

    def _complete(self, call: Callable[..., Any], usual: int, *arguments: Any) -> Any:
        """The result of a call that is made again whenever the connection is ready for it."""
        ends = None if self._limit is None else time.monotonic() + self._limit
        with self._counted():
            while True:
                wanted = usual
                try:
                    with self._one_call:
                        return call(*arguments)
                except ssl.SSLWantReadError:
                    wanted = select.POLLIN
                except ssl.SSLWantWriteError:
                    wanted = select.POLLOUT
                self._wait(wanted, ends, None if wanted == usual else _LOOK_AGAIN)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._calls_changed:
            if self._is_closing:
                raise OSError(errno.EBADF, "the socket is closed")
            self._calls += 1
        try:
            yield
        finally:
            with self._calls_changed:
                self._calls -= 1
                self._calls_changed.notify_all()

    def _wait(self, wanted: int, ends: Optional[float], most: Optional[float]) -> None:
        """Until the connection is ready. Raises socket.timeout at `ends`."""
        left = None if ends is None else ends - time.monotonic()
        if left is not None and left <= 0:
            raise socket.timeout("timed out")
        waits = [seconds for seconds in (left, most) if seconds is not None]
        poll = select.poll()
        poll.register(self.fileno(), wanted)
        poll.poll(min(waits) * 1000 if waits else None)
