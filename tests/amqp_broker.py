"""A message bus on loopback: as much of AMQP 0-9-1 as StackStorm's publishers speak.

For the tests that run on StackStorm itself, with its real connections (kombu, py-amqp).
"""

import contextlib
import pickle
import socket
import struct
import threading

METHOD, HEADER, BODY = 1, 2, 3
END = b"\xce"
ANSWERS = {  # (class, method) of a request → the same of its answer, and the answer's arguments
    (10, 11): ((10, 30), struct.pack(">HIH", 2047, 131072, 0)),
    (10, 40): ((10, 41), b"\0"),
    (10, 50): ((10, 51), b""),
    (20, 10): ((20, 11), b"\0\0\0\0"),
    (20, 40): ((20, 41), b""),
    (40, 10): ((40, 11), b""),
}
START = (
    struct.pack(">HHBB", 10, 10, 0, 9)
    + b"\0\0\0\0"
    + b"\0\0\0\x0ePLAIN AMQPLAIN"
    + b"\0\0\0\5en_US"
)


class Broker:
    """Keeps the bodies of what is published, unpickled. Stopped, it refuses connections."""

    def __init__(self):
        self.published = []
        self.connections = []
        self.swallows = 0  # so many of the next publishes end their connection, unread
        self._listener = None
        self.port = 0
        self.start()

    @property
    def url(self):
        return "amqp://guest:guest@127.0.0.1:%d/" % self.port

    def start(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self):
        """As a broker that is killed: all connections end."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self.connections[:]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, EOFError), connection, connection.makefile("rb") as file:
            assert _read(file, 8) == b"AMQP\0\0\x09\x01"
            _send(connection, 0, START)
            size, body = 0, b""
            while True:
                kind, channel, payload = _frame(file)
                if kind == HEADER:
                    size, body = struct.unpack(">Q", payload[4:12])[0], b""
                elif kind == BODY:
                    body += payload
                    if len(body) == size:
                        if self.swallows:
                            self.swallows -= 1
                            break
                        self.published.append(pickle.loads(body))
                elif kind == METHOD:
                    answer = ANSWERS.get(struct.unpack(">HH", payload[:4]))
                    if answer:
                        _send(connection, channel, struct.pack(">HH", *answer[0]) + answer[1])
        self.connections.remove(connection)


def _read(file, size):
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _frame(file):
    kind, channel, size = struct.unpack(">BHI", _read(file, 7))
    payload = _read(file, size)
    assert _read(file, 1) == END
    return kind, channel, payload


def _send(connection, channel, payload):
    connection.sendall(struct.pack(">BHI", METHOD, channel, len(payload)) + payload + END)
