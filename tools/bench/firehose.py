"""A server that sends Socket Mode frames faster than anybody reads them, in a process of its own.

    ws://127.0.0.1:PORT/?count=20000&rate=0    so many messages a second; 0: as fast as they go

The frames are made beforehand or by the thousand, so that what is measured is who reads them. What
comes back (acknowledgements) is read and thrown away. Standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from typing import Any, Iterator, Optional
from urllib.parse import parse_qs, urlsplit

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BATCH = 500  # frames for each write
CHANNELS, USERS = 20, 5
TEAM = "T0123456789"


class Firehose:
    """`with Firehose() as hose: connect(hose.url(20_000))`."""

    def __enter__(self) -> Firehose:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tools.bench.firehose"], stdout=subprocess.PIPE, encoding="ascii"
        )
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._process.kill()
        self._process.communicate()

    def url(self, count: int, rate: float = 0.0) -> str:
        """Where `count` messages come, `rate` a second."""
        return "ws://127.0.0.1:%d/?count=%d&rate=%g" % (self._port, count, rate)


def text(number: int, said: str) -> str:
    """The envelope of one message; `said` is its text."""
    ts = "%d.%06d" % (1795420800 + number // 1000, number % 1000 + 1)
    event = {
        "type": "message",
        "channel": "C0BENCH%04d" % (number % CHANNELS),
        "channel_type": "channel",
        "user": "U0BENCH%04d" % (number % USERS),
        "text": said,
        "ts": ts,
        "event_ts": ts,
        "team": TEAM,
        "client_msg_id": "00000000-0000-4000-8000-%012d" % number,
        "blocks": [
            {
                "type": "rich_text",
                "block_id": "b%d" % number,
                "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": said}]}
                ],
            }
        ],
    }
    payload = {
        "token": "bench",
        "team_id": TEAM,
        "api_app_id": "A0BENCH0001",
        "event": event,
        "type": "event_callback",
        "event_id": "Ev%010d" % number,
        "event_time": 1795420800,
        "authorizations": [{"team_id": TEAM, "user_id": "U0BOT", "is_bot": True}],
        "is_ext_shared_channel": False,
    }
    envelope = {"envelope_id": "e-%d" % number, "type": "events_api", "payload": payload}
    return json.dumps({**envelope, "accepts_response_payload": False, "retry_attempt": 0})


def frame(message: str) -> bytes:
    """The text as an unmasked WebSocket frame."""
    data = message.encode()
    if len(data) < 126:
        return struct.pack("!BB", 0x81, len(data)) + data
    return struct.pack("!BBH", 0x81, 126, len(data)) + data


def batches(count: int) -> Iterator[bytes]:
    """The frames of `count` messages, joined by the batch; made from two halves of one frame."""
    for start in range(0, count, BATCH):
        numbers = range(start, min(count, start + BATCH))
        yield b"".join(frame(text(number, "burst %d" % number)) for number in numbers)


def serve() -> None:
    """Print the port and serve until killed."""
    server = socket.create_server(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    while True:
        connection, _ = server.accept()
        # Otherwise a frame waits for the acknowledgement of the one before.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve_one, args=(connection,), daemon=True).start()


def _serve_one(connection: socket.socket) -> None:
    with connection:
        try:
            query = _upgrade(connection)
            connection.sendall(frame(json.dumps({"type": "hello", "num_connections": 1})))
            count, rate = int(query["count"][0]), float(query["rate"][0])
            ready = list(batches(count)) if rate == 0 and count <= 100_000 else None
            threading.Thread(target=_drain, args=(connection,), daemon=True).start()
            _pour(connection, count, rate, ready)
            threading.Event().wait()  # who read them all closes
        except OSError:
            pass


def _pour(connection: socket.socket, count: int, rate: float, ready: Optional[Any]) -> None:
    if not rate:
        for batch in ready or batches(count):
            connection.sendall(batch)
        return
    begun = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begun + number / rate - time.monotonic()))
        # All processes of a machine share this clock: whoever reads it knows how old it is.
        connection.sendall(frame(text(number, repr(time.monotonic()))))


def _upgrade(connection: socket.socket) -> Any:
    asked = b""
    while not asked.endswith(b"\r\n\r\n"):
        asked += connection.recv(4096)
    head, *lines = asked.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    key = headers["sec-websocket-key"].encode()
    accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode()
    connection.sendall(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: {}\r\n\r\n".format(accept).encode()
    )
    return parse_qs(urlsplit(head.split(" ")[1]).query)


def _drain(connection: socket.socket) -> None:
    try:
        while connection.recv(1 << 16):
            pass
    except OSError:
        pass


if __name__ == "__main__":
    serve()
