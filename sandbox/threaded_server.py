"""A server with an event loop on a thread of its own, for callers that are not asynchronous."""

from __future__ import annotations

import asyncio
import threading
from typing import Optional


class ThreadedServer:
    """Starts and stops the thread. A server implements `_serve`: it listens, calls
    `_serve_until_stopped`, and closes what it opened.

    `loop` and `stopping` (set when the server is to end) belong to the thread that runs.
    """

    def __init__(self, name: str) -> None:
        self.loop: Optional[asyncio.AbstractEventLoop] = None
        self.stopping: asyncio.Event
        self._name = name
        self._thread: Optional[threading.Thread] = None
        self._ready = threading.Event()
        self._failure: Optional[BaseException] = None

    async def _serve(self) -> None:
        raise NotImplementedError

    async def _serve_until_stopped(self) -> None:
        """Connections are accepted now: let the starting thread go on, and wait for the end."""
        self._ready.set()
        await self.stopping.wait()

    def start_thread(self) -> None:
        """Returns once connections are accepted; raises what kept `_serve` from that."""
        self._ready.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def stop_thread(self) -> bool:
        """Accept nothing more, and wait for the thread. False where none was started."""
        if self._thread is None:
            return False
        if self._thread.is_alive() and self.loop is not None:
            self.loop.call_soon_threadsafe(self.stopping.set)
        self._thread.join()
        self._thread = None
        return True

    def _run(self) -> None:
        try:
            asyncio.run(self._prepare_and_serve())
        except BaseException as error:  # raised by start_thread(), in the thread that can act on it
            self._failure = error
        finally:
            self._ready.set()

    async def _prepare_and_serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.stopping = asyncio.Event()
        await self._serve()
