"""Servers that are hostile or broken: each call ends in time and in memory, and tells the truth.

The server here writes raw bytes, so it can say what no HTTP server would.
"""

import contextlib
import json
import socket
import threading
import time

import pytest
from helpers import run_action

from st2slack import action
from st2slack.errors import Unanswered
from st2slack.web import deadline
from st2slack.web.deadline import OutOfTime, Threads, in_time, remembered

PAGE = {"ok": True, "channels": [{"id": "C1"}], "response_metadata": {"next_cursor": "a"}}


def answer(body, *headers, status="200 OK", kind="application/json"):
    """A whole answer of HTTP/1.1."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = ["HTTP/1.1 " + status, "Content-Type: " + kind, "Content-Length: %d" % len(body)]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


class RawServer:
    """Hands each request to the next of `talks`, a function (connection, over); the last one stays.

    `over` is set when the test is. `ended` is set when the client has hung up on a talk.
    """

    def __init__(self, *talks):
        self.talks = list(talks)
        self.requests = []
        self.over, self.ended = threading.Event(), threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/api/" % self.socket.getsockname()[1]

    def config(self, **more):
        return {"api_url": self.url, "action_token": "xoxb-1", **more}

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc_info):
        self.over.set()
        self.socket.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            while self._read(connection):
                talk = self.talks.pop(0) if len(self.talks) > 1 else self.talks[0]
                try:
                    talk(connection, self.over)
                except OSError:
                    self.ended.set()
                    return

    def _read(self, connection):
        """Read a request; false where there is none."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return False
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        while len(body) < length:
            body += connection.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        return True


def says(data):
    return lambda connection, over: connection.sendall(data)


def drips(head, byte=b" "):
    """Sends the head and then a byte every 20 ms, without end."""

    def talk(connection, over):
        connection.sendall(head)
        while not over.wait(0.02):
            connection.sendall(byte)

    return talk


def floods(data):
    """Sends the same without end."""

    def talk(connection, over):
        while not over.is_set():
            connection.sendall(data)

    return talk


# --- a walk has an end, too ---------------------------------------------------------------------

DRIPPING_BODY = drips(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n{")
DRIPPING_CHUNKS = drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")
ENDLESS = {
    "a body that drips": DRIPPING_BODY,
    "chunks that drip": DRIPPING_CHUNKS,
    "headers that drip": drips(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "100 Continue without end": floods(b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
}


@pytest.mark.parametrize("how", sorted(ENDLESS))
@pytest.mark.parametrize("first", [True, False], ids=["first page", "second page"])
def test_a_walk_obeys_max_wait(how, first):
    talks = [ENDLESS[how]] if first else [says(answer(PAGE)), ENDLESS[how]]
    with RawServer(*talks) as server:
        begun = time.monotonic()
        with pytest.raises(Unanswered, match=r"in time|decoded|lost the connection") as caught:
            run_action(server.config(max_wait=1.5), "conversations.list", all_pages=True)
        assert time.monotonic() - begun < 15  # without an end of its own it would go on for ever
        assert ("This was page 2, after 1 items" in str(caught.value)) is not first
        assert server.ended.wait(30)  # what was given up does not go on


@pytest.mark.parametrize("how", ["a body that drips", "100 Continue without end"])
def test_a_walk_obeys_the_actions_own_time(how, monkeypatch):
    monkeypatch.setattr(action, "seconds_left", lambda: 1.5)
    with RawServer(says(answer(PAGE)), ENDLESS[how]) as server:
        begun = time.monotonic()
        with pytest.raises(Unanswered, match=r"in time.*page 2.*go on from there: cursor=a"):
            run_action(server.config(max_wait=300), "conversations.list", all_pages=True)
        assert time.monotonic() - begun < 15


def test_a_long_walk_ends_before_the_action_does():
    """No page of it takes long, but all of them together."""
    now, asked = [0.0], []
    left = remembered(lambda: asked.append(now[0]) or 8.0, lambda: now[0])
    check = action.own_time("users.list", left, lambda: now[0])
    for now[0] in (0.0, 0.9, 2.0, 5.0, 9.4):
        check()
    assert asked == [2.0]  # a short walk does not ask StackStorm, a long one once
    now[0] = 9.6
    with pytest.raises(Unanswered, match=r"users\.list: the time of the action.*`timeout`"):
        check()


def test_a_walk_is_over_when_the_time_of_the_action_is(monkeypatch):
    monkeypatch.setattr(action, "ASK_AFTER", 0.0)
    left = iter([60.0, 60.0, 0.1])
    monkeypatch.setattr(action, "remembered", lambda own: lambda: next(left))
    pages = [dict(PAGE, response_metadata={"next_cursor": each}) for each in "abcd"]
    with RawServer(*(says(answer(each)) for each in pages)) as server, pytest.raises(
        Unanswered, match=r"time of the action.*page 3, after 2 items.*cursor=b"
    ):
        run_action(server.config(), "conversations.list", all_pages=True)


def test_pages_share_a_thread_and_work_at_once_does_not():
    threads, used = Threads(), []
    for _ in range(20):
        in_time(lambda: used.append(threading.get_ident()), 10, threads=threads)
    assert len(used) == 20 and len(set(used)) < 20
    both = threading.Barrier(2)
    jobs = [threads.begin(lambda: both.wait(10)) for _ in range(2)]
    assert all(job.done.wait(10) for job in jobs)


def test_a_thread_without_work_ends(monkeypatch):
    monkeypatch.setattr(deadline, "IDLE", 0.01)
    threads, used = Threads(), []
    in_time(lambda: used.append(threading.current_thread()), 10, threads=threads)
    used[0].join(10)
    assert not used[0].is_alive()
    assert in_time(lambda: 5, 10, threads=threads) == 5


def test_work_that_is_given_up_ends():
    used = []

    def spin():
        used.append(threading.current_thread())
        while True:
            pass

    with pytest.raises(OutOfTime):
        in_time(spin, 0.05, threads=Threads())
    used[0].join(10)
    assert not used[0].is_alive()
