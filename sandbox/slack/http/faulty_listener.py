"""Accepts the TCP connections itself, so that one can go wrong before HTTP or TLS begins."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from sandbox.slack.http.faults import Action, CutBeforeRead, FaultList, Handshake

GARBAGE = b"this is no TLS record\r\n" * 8
NO_LINGER = struct.pack("ii", 1, 0)


def arm_reset(sock: Any) -> None:
    """Let the next close of the socket send a reset instead of an orderly end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)


def cork(sock: Any) -> None:
    """Let what is written leave together with the end of the connection, where the system can:
    the client then sees both at once, and not by chance one before the other."""
    option = getattr(socket, "TCP_CORK", None)
    if option is not None:
        sock.setsockopt(socket.IPPROTO_TCP, option, 1)


class FaultyListener:
    """Listens on 127.0.0.1 and hands each sound connection to `factory`'s protocol."""

    def __init__(
        self,
        faults: FaultList,
        factory: Callable[[], asyncio.BaseProtocol],
        tls: Optional[ssl.SSLContext],
        port: int = 0,
    ) -> None:
        self.accepted = 0
        self._faults = faults
        self._factory = factory
        self._tls = tls
        self._numbers: Dict[Tuple[str, int], int] = {}
        self._tasks: Set[asyncio.Task[None]] = set()
        self._hanging: List[socket.socket] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen(128)
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]

    def number_of(self, peer: Any) -> int:
        """The number of the connection with this peer, 0 where there is none."""
        return self._numbers.get(tuple(peer or ())[:2], 0)

    def start(self) -> None:
        """Begin to accept, in the running loop."""
        self._spawn(self._accept())

    async def stop(self) -> None:
        """Accept nothing more and let go of what hangs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for sock in [self._socket] + self._hanging:
            sock.close()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, peer = await loop.sock_accept(self._socket)
            self.accepted += 1
            self._numbers[peer[:2]] = self.accepted
            action = self._faults.take(None)
            self._spawn(self._serve(sock) if action is None else self._break(sock, action))

    async def _serve(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        # A client that gives up, or that does not trust the certificate, is no fault of ours.
        with contextlib.suppress(OSError):
            await loop.connect_accepted_socket(self._factory, sock, ssl=self._tls)

    async def _break(self, sock: socket.socket, action: Action) -> None:
        sock.setblocking(False)
        if isinstance(action, CutBeforeRead):
            self._close(sock, action.reset)
        elif isinstance(action, Handshake):
            await self._break_handshake(sock, action.how)

    async def _break_handshake(self, sock: socket.socket, how: str) -> None:
        if how == "hang":
            self._hanging.append(sock)
            return
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            # Unread bytes would turn an orderly close into a reset.
            await loop.sock_recv(sock, 65536)
            if how == "garbage":
                await loop.sock_sendall(sock, GARBAGE)
        self._close(sock, reset=how == "reset")

    @staticmethod
    def _close(sock: socket.socket, reset: bool) -> None:
        with contextlib.suppress(OSError):
            if reset:
                arm_reset(sock)
            sock.close()
