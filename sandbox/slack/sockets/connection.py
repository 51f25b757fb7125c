"""One WebSocket connection, as the server holds it, and how it can be ended.

What the Python face calls from any thread runs in the server's loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from typing import Any, Callable, Coroutine, Dict, Optional, Tuple, Union

from aiohttp import WSMsgType, web

from sandbox.slack.http.faulty_listener import arm_reset
from sandbox.slack.sockets.socket_faults import Close, Cut, Eof, Frames, Freeze, Wire
from sandbox.slack.sockets.tickets import Ticket

Sendable = Union[str, bytes, Wire, Close, Cut, Eof, Freeze]
CROWDED = 256  # frames that wait, beyond which a burst waits too
FAIRNESS = 64  # frames after which other work gets its turn
GREATEST_FRAME = 16 << 20
DONE_BY = 2  # seconds that a busy loop may take to end a connection
CLOSE_TIMEOUT = 0.5  # seconds for the client to answer a CLOSE


class Connection:
    """A live connection. `number` from 1, `kind` socket_mode or rtm, `opened_at` in seconds since
    the epoch, `frozen` after freeze(); `user` is the bot of an RTM connection, else ""."""

    def __init__(
        self,
        number: int,
        ticket: Ticket,
        on_text: Callable[[Connection, str], None],
        on_end: Callable[[Connection], None],
    ) -> None:
        self.number = number
        self.kind = ticket.kind
        self.app_id = ticket.app_id
        self.user = ticket.user
        self.opened_at = time.time()
        self.frozen = False
        self.over = False
        self._on_text = on_text
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._socket = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT, compress=False, max_msg_size=GREATEST_FRAME
        )
        self._outbox: asyncio.Queue[Tuple[Sendable, Optional[Callable[[], None]]]] = asyncio.Queue()
        self._room = asyncio.Event()
        self._room.set()
        self._plan = Frames()
        self._sent = 0
        self._transport: Any = None

    def __repr__(self) -> str:
        return "<{} connection {}>".format(self.kind, self.number)

    # The Python face: any thread.

    def send_raw(self, data: Sendable) -> None:
        """Send any frame behind what waits: text, bytes (binary), or an item of socket_faults."""
        self._call(self.put, data)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Send CLOSE now, and end. Returns at once: the client is yet to answer it."""
        self._call(lambda: self._loop.create_task(self._do_safely(Close(code, reason))))

    def cut(self) -> None:
        """Reset the TCP connection."""
        self._do_now(Cut())

    def eof(self) -> None:
        """End the stream without a CLOSE frame."""
        self._do_now(Eof())

    def freeze(self) -> None:
        """Be half-open: read and write nothing more, answer no ping, keep the TCP connection."""
        self._do_now(Freeze())

    def _do_now(self, item: Sendable) -> None:
        """Return when it is done; nothing is left to do where the server has stopped."""
        if threading.get_ident() == self._thread:
            self._loop.create_task(self._do_safely(item))
            return
        work = self._do_safely(item)
        try:
            asyncio.run_coroutine_threadsafe(work, self._loop).result(DONE_BY)
        except RuntimeError:
            work.close()
        except concurrent.futures.TimeoutError:
            pass

    def _call(self, function: Callable[..., Any], *args: Any) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *args)

    # The server's loop only.

    def put(self, data: Sendable, on_sent: Optional[Callable[[], None]] = None) -> None:
        """Let it go out behind what waits; `on_sent` is called when its turn has come."""
        self._outbox.put_nowait((data, on_sent))
        if self._outbox.qsize() >= CROWDED:
            self._room.clear()

    def begin(self, hello: str) -> None:
        """Let hello go out first, and behind it what a fault wants at once."""
        if self._plan.hello:
            self.put(hello)
        if self._plan.at == 0:
            for item in self._plan.items:
                self.put(item)

    async def room(self) -> None:
        """Wait until little waits to be sent, or nothing can be sent any more."""
        await self._room.wait()

    async def run(
        self, request: web.Request, plan: Frames, on_open: Callable[[Connection], None]
    ) -> web.StreamResponse:
        """Shake hands, tell `on_open`, then read until the end."""
        self._plan = plan
        self._transport = request.transport
        await self._socket.prepare(request)
        writer = self._loop.create_task(self._write())
        try:
            on_open(self)
            await self._read()
        finally:
            self._end()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return self._socket

    def abort(self) -> None:
        """End without any ceremony."""
        if self._transport is not None:
            self._transport.abort()
        self._end()

    async def leave(self, code: int = 1001) -> None:
        """Close because the server stops; a connection that cannot be closed is aborted."""
        if not (self.frozen or self.over):
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._socket.close(code=code), CLOSE_TIMEOUT)
        self.abort()

    def _end(self) -> None:
        if not self.over:
            self.over = True
            self._room.set()
            self._on_end(self)

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.TEXT and not (self.over or self.frozen):
                self._on_text(self, message.data)

    async def _write(self) -> None:
        while True:
            data, on_sent = await self._outbox.get()
            if self.over:
                return  # what is left belongs to other connections by now
            if self._outbox.qsize() < CROWDED:
                self._room.set()
            if on_sent is not None:
                on_sent()
            await self._do_safely(data)
            if on_sent is not None:
                self._sent += 1
                await self._follow_plan()
            if self._sent % FAIRNESS == 0:
                await asyncio.sleep(0)

    async def _follow_plan(self) -> None:
        if self._plan.items and self._sent == self._plan.at:
            for item in self._plan.items:
                await self._do_safely(item)

    async def _do_safely(self, item: Sendable) -> None:
        """Do it unless the connection is over; one that breaks under it is over then."""
        if self.over or (self.frozen and not isinstance(item, (Cut, Eof))):
            return
        try:
            await DOERS[type(item)](self, item)
        except (OSError, RuntimeError):
            self.abort()

    async def _send_text(self, text: str) -> None:
        await self._socket.send_str(text)

    async def _send_binary(self, data: bytes) -> None:
        await self._socket.send_bytes(data)

    async def _send_wire(self, item: Wire) -> None:
        self._transport.write(item.data)

    async def _close(self, item: Close) -> None:
        self._end()  # nothing more is given to it while it waits for the client's CLOSE
        await self._socket.close(code=item.code, message=item.reason.encode("utf-8"))

    async def _cut(self, item: Cut) -> None:
        arm_reset(self._transport.get_extra_info("socket"))
        self.abort()

    async def _eof(self, item: Eof) -> None:
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:  # TLS knows no half-closed connection
            self._transport.close()
        self._end()

    async def _freeze(self, item: Freeze) -> None:
        self.frozen = True
        self._transport.pause_reading()


DOERS: Dict[type, Callable[[Connection, Any], Coroutine[Any, Any, None]]] = {
    str: Connection._send_text,
    bytes: Connection._send_binary,
    Wire: Connection._send_wire,
    Close: Connection._close,
    Cut: Connection._cut,
    Eof: Connection._eof,
    Freeze: Connection._freeze,
}
