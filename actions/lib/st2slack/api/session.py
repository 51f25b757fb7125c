"""A session whose connections end when it is closed, those in use too.

`requests` closes only connections that are idle. A call that was given up goes on in its thread:
one that a server answers without end would keep a core busy until the process ends.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import weakref
from typing import Any, Dict, List

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class ClosingAdapter(HTTPAdapter):
    """Knows the sockets of its connections, and shuts them down when it is closed."""

    def __init__(self) -> None:
        self._sockets: List[weakref.ReferenceType[Any]] = []
        super().__init__()

    def init_poolmanager(self, *args: Any, **how: Any) -> None:
        """As `requests` does, with pools that tell of each connection they make."""
        super().init_poolmanager(*args, **how)
        self.poolmanager.pool_classes_by_scheme = self._pools()

    def proxy_manager_for(self, proxy: str, **how: Any) -> Any:
        """The same behind a proxy."""
        manager = super().proxy_manager_for(proxy, **how)
        manager.pool_classes_by_scheme = self._pools()
        return manager

    def close(self) -> None:
        """End every connection."""
        super().close()
        for each in self._sockets:
            _end(each())
        self._sockets = []

    def _pools(self) -> Dict[str, Any]:
        kinds = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}
        return {scheme: _telling(kind, self._add) for scheme, kind in kinds.items()}

    def _add(self, connection: Any) -> None:
        self._sockets = [each for each in self._sockets if each() is not None]
        self._sockets.append(weakref.ref(connection.sock))


def closing_session() -> requests.Session:
    """A requests.Session that ends its connections when it is closed."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, ClosingAdapter())
    return session


def _telling(pool: Any, add: Any) -> Any:
    """A kind of pool, of connections that are told to `add` once they stand."""

    class Connection(pool.ConnectionCls):
        def connect(self) -> None:
            super().connect()
            add(self)

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})


def _end(sock: Any) -> None:
    """End a connection that another thread may be reading.

    A shutdown wakes the reader, but as long as data comes in it goes on reading. So its descriptor
    is made one of a socket that has ended. Closing it would free its number for another connection.
    A TLS socket's own methods take its state from the thread that reads, so they are not used. TLS
    in TLS (a proxy that speaks TLS) keeps the socket below in `socket`.
    """
    plain = getattr(sock, "socket", sock)
    if not isinstance(plain, socket.socket):
        return
    with contextlib.suppress(OSError):  # it is closed already
        # Reset at closing: a server whose window is full would not notice anything else.
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.shutdown(plain, socket.SHUT_RDWR)
        ended, other = socket.socketpair()
        other.close()
        with ended:
            os.dup2(ended.fileno(), plain.fileno())
