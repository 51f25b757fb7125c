"""Servers that are hostile or broken: each call ends in time and in memory, and tells the truth.

The server here writes raw bytes, so it can say what no HTTP server would.
"""

import contextlib
import gzip
import json
import socket
import threading
import tracemalloc
import zlib

import pytest
import requests
from helpers import make_client, run_action

from st2slack import action
from st2slack.api import deadline, transport
from st2slack.api.deadline import Threads, TimedOut, remembered, run_with_timeout
from st2slack.base.errors import InputError, ResponseLost, ResultTooLarge, SlackApiError
from st2slack.files.download import fetch

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
        with pytest.raises(ResponseLost, match=r"in time|decoded|lost the connection") as caught:
            run_action(server.config(max_wait=1.5), "conversations.list", all_pages=True)
        assert ("This was page 2, after 1 items" in str(caught.value)) is not first
        assert server.ended.wait(60)  # what was given up does not go on


@pytest.mark.parametrize("how", ["a body that drips", "100 Continue without end"])
def test_a_walk_obeys_the_actions_own_time(how, monkeypatch):
    monkeypatch.setattr(action, "seconds_left", lambda: 1.5)
    told = pytest.raises(ResponseLost, match=r"in time.*page 2.*go on from there: cursor=a")
    with RawServer(says(answer(PAGE)), ENDLESS[how]) as server, told:
        run_action(server.config(max_wait=300), "conversations.list", all_pages=True)


def test_a_long_walk_ends_before_the_action_does():
    """No page of it takes long, but all of them together."""
    now, asked = [0.0], []
    left = remembered(lambda: asked.append(now[0]) or 8.0, lambda: now[0])
    check = action.own_time("users.list", left, lambda: now[0])
    for now[0] in (0.0, 0.9, 2.0, 5.0, 9.4):
        check()
    assert asked == [2.0]  # a short walk does not ask StackStorm, a long one once
    now[0] = 9.6
    with pytest.raises(ResponseLost, match=r"users\.list: the time of the action.*`timeout`"):
        check()


def test_a_walk_is_over_when_the_time_of_the_action_is(monkeypatch):
    monkeypatch.setattr(action, "ASK_AFTER", 0.0)
    left = iter([60.0, 60.0, 0.1])
    monkeypatch.setattr(action, "remembered", lambda own: lambda: next(left))
    pages = [dict(PAGE, response_metadata={"next_cursor": each}) for each in "abcd"]
    with RawServer(*(says(answer(each)) for each in pages)) as server, pytest.raises(
        ResponseLost, match=r"time of the action.*page 3, after 2 items.*cursor=b"
    ):
        run_action(server.config(), "conversations.list", all_pages=True)


def test_pages_share_a_thread_and_work_at_once_does_not():
    threads, used = Threads(), []
    for _ in range(20):
        run_with_timeout(lambda: used.append(threading.get_ident()), 10, threads=threads)
    assert len(used) == 20 and len(set(used)) < 20
    both = threading.Barrier(2)
    jobs = [threads.begin(lambda: both.wait(60)) for _ in range(2)]
    assert all(job.done.wait(60) for job in jobs)


def test_a_thread_without_work_ends(monkeypatch):
    monkeypatch.setattr(deadline, "IDLE", 0.01)
    threads, used = Threads(), []
    run_with_timeout(lambda: used.append(threading.current_thread()), 10, threads=threads)
    used[0].join(60)
    assert not used[0].is_alive()
    assert run_with_timeout(lambda: 5, 10, threads=threads) == 5


def test_a_thread_whose_work_was_given_up_takes_no_other():
    threads, over, used = Threads(), threading.Event(), []

    def hang():
        used.append(threading.current_thread())
        over.wait(60)

    with pytest.raises(TimedOut):
        run_with_timeout(hang, 0.05, threads=threads)
    run_with_timeout(lambda: used.append(threading.current_thread()), 10, threads=threads)
    assert used[0] is not used[1]
    over.set()
    used[0].join(60)
    assert not used[0].is_alive()


# --- a large foreign answer is looked at, not swallowed -----------------------------------------

WRITE = ("chat.postMessage", {"channel": "C0GENERAL01", "text": "hello"})
MEGABYTE = 1024 * 1024


def sends(head, piece, times):
    """Sends the head and then the piece, and counts in `talk.sent` what the other end took."""

    def talk(connection, over):
        connection.sendall(head)
        for _ in range(times):
            connection.sendall(piece)
            talk.sent += len(piece)

    talk.sent = 0
    return talk


FOREIGN = {
    "latin-1": "caf\xe9 \xdcber ".encode("latin-1") * 8192,
    "html": b"<html><body>" + b"\xe9\xfc " * 32768,
    "blanks": b" \n" * 65536,
    "zeros": b"\0" * 131072,
}


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_of_a_large_foreign_answer_the_beginning_is_read(name, monkeypatch):
    monkeypatch.setattr(requests.Response, "apparent_encoding", property(lambda self: 1 / 0))
    piece = FOREIGN[name]
    talk = sends(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 60000000\r\n\r\n",
        piece,
        60_000_000 // len(piece),
    )
    with RawServer(talk) as server:
        with pytest.raises(ResponseLost, match="got HTTP 200 with") as caught:
            make_client(server.config()).call(*WRITE)
        assert server.ended.wait(60)
    assert talk.sent < 20 * MEGABYTE  # what the sockets hold is sent, the rest is not
    assert len(str(caught.value)) < 600


def test_no_charset_is_guessed_of_what_begins_like_an_answer(monkeypatch):
    monkeypatch.setattr(requests.Response, "apparent_encoding", property(lambda self: 1 / 0))
    body = b'{"ok": true, "text": "' + "\xe9\xfc ".encode("latin-1") * MEGABYTE + b'"}'
    with RawServer(says(answer(body))) as server, pytest.raises(
        ResponseLost, match="JSON that is no answer of Slack's"
    ):
        make_client(server.config()).call(*WRITE)


def test_a_secret_at_the_edge_of_what_is_looked_at_is_not_shown_in_half():
    token = "xoxb-1234567890-abcdefghijklmnop"
    body = b"oops " + b" " * (4096 - 5 - 12) + token.encode() + b" more" * 4096
    with RawServer(says(answer(body, kind="text/plain"))) as server:
        config = server.config(action_token=token)
        with pytest.raises(ResponseLost, match="oops") as caught:
            make_client(config).call(*WRITE)
    assert token[:12] not in str(caught.value)


# --- what is decoded is bounded while it is decoded ---------------------------------------------


def squeezed(body, *layers):
    for layer in layers:
        if layer == "gzip":
            body = gzip.compress(body, mtime=0)
        else:
            coder = zlib.compressobj(9, zlib.DEFLATED, 15 if layer == "deflate" else -15)
            body = coder.compress(body) + coder.flush()
    names = ", ".join("deflate" if each == "raw" else each for each in layers)
    return answer(body, "Content-Encoding: " + names)


def bomb(begin, layers, size=200 * MEGABYTE):
    """An answer of a few kilobytes that becomes `size` bytes."""
    coder = zlib.compressobj(9, zlib.DEFLATED, 31 if layers[0] == "gzip" else 15)
    parts = [coder.compress(begin)]
    parts += [coder.compress(b" " * MEGABYTE) for _ in range(size // MEGABYTE)]
    whole = b"".join([*parts, coder.flush()])
    for _ in layers[1:]:
        whole = gzip.compress(whole, mtime=0)
    return answer(whole, "Content-Encoding: " + ", ".join(layers))


BOMBS = [("gzip",), ("deflate",), ("gzip", "gzip"), ("gzip", "gzip", "gzip")]


@contextlib.contextmanager
def at_most(megabytes):
    """No more than this is allocated at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("layers", BOMBS, ids="-".join)
def test_an_answer_that_grows_while_it_is_decoded_is_given_up(layers, monkeypatch):
    monkeypatch.setattr(transport, "LARGEST", 2 * MEGABYTE)
    with RawServer(says(bomb(b'{"ok": true, "x": "', layers))) as server:
        client = make_client(server.config())
        with at_most(24), pytest.raises(ResultTooLarge, match="more than 2 MB"):
            client.call(*WRITE)


@pytest.mark.parametrize("layers", BOMBS, ids="-".join)
def test_a_foreign_answer_that_grows_while_it_is_decoded_is_given_up_at_once(layers):
    with RawServer(says(bomb(b"<html>", layers))) as server:
        client = make_client(server.config())
        with at_most(24), pytest.raises(ResponseLost, match="HTML, not JSON"):
            client.call(*WRITE)


def test_blocks_without_content_have_an_end(monkeypatch):
    """Deflate has empty blocks: input without end, and never any output."""
    monkeypatch.setattr(transport, "LARGEST", 2 * MEGABYTE)
    body = b"\x00\x00\x00\xff\xff" * MEGABYTE
    reply = answer(gzip.compress(body, mtime=0), "Content-Encoding: deflate, gzip")
    with RawServer(says(reply)) as server:
        client = make_client(server.config())
        with at_most(24), pytest.raises(ResponseLost, match="cannot be decoded"):
            client.call(*WRITE)


@pytest.mark.parametrize(
    "layers",
    [(), ("gzip",), ("deflate",), ("raw",), ("gzip", "deflate"), ("deflate", "raw", "gzip")],
    ids="-".join,
)
def test_an_encoded_answer_is_read(layers):
    body = json.dumps({"ok": True, "text": "Grüße " * 20000}).encode()
    reply = squeezed(body, *layers) if layers else answer(body)
    with RawServer(says(reply)) as server:
        assert make_client(server.config()).call(*WRITE) == json.loads(body)
        assert b"Accept-Encoding: gzip, deflate\r\n" in server.requests[0]


def test_gzip_in_two_members_and_with_something_behind_it_is_read():
    first, second = gzip.compress(b'{"ok": true,', mtime=0), gzip.compress(b'"n": 1}', mtime=0)
    for behind in (b"", b"\0\0\0\0", b"garbage"):
        reply = answer(first + second + behind, "Content-Encoding: x-gzip")
        with RawServer(says(reply)) as server:
            assert make_client(server.config()).call(*WRITE) == {"ok": True, "n": 1}


BROKEN = {
    "cut": answer(gzip.compress(b'{"ok": true}' * 99)[:-20], "Content-Encoding: gzip"),
    "no gzip": answer(b'{"ok": true}', "Content-Encoding: gzip"),
    "no deflate": answer(b'{"ok": true}', "Content-Encoding: deflate"),
    "br": answer(b'{"ok": true}', "Content-Encoding: br"),
    "zstd": answer(b'{"ok": true}', "Content-Encoding: gzip, zstd"),
    "many": answer(b'{"ok": true}', "Content-Encoding: " + ", ".join(["gzip"] * 9)),
}


@pytest.mark.parametrize("how", sorted(BROKEN))
def test_an_answer_that_cannot_be_decoded_says_so(how):
    with RawServer(says(BROKEN[how])) as server:
        with pytest.raises(ResponseLost, match="cannot be decoded .*may have arrived"):
            make_client(server.config()).call(*WRITE)
        assert len(server.requests) == 1


@pytest.mark.parametrize("layers", BOMBS, ids="-".join)
def test_a_file_that_grows_while_it_is_decoded_ends_at_max_bytes(layers, tmp_path):
    with RawServer() as server:
        url = server.url.replace("/api/", "/files-pri/T1-F1/x")
        info = {"id": "F1", "name": "x", "size": 100, "url_private": url, "mimetype": "text/csv"}
        server.talks += [says(answer({"ok": True, "file": info})), says(bomb(b"a,b", layers))]
        client = make_client(server.config())
        given = {"file": "F1", "save_to": str(tmp_path / "x"), "max_bytes": 3 * MEGABYTE}
        with at_most(24), pytest.raises(InputError, match="`max_bytes`.*Nothing was kept"):
            fetch(client, given)
    assert list(tmp_path.iterdir()) == []


def test_an_encoded_file_is_saved_decoded(tmp_path):
    with RawServer() as server:
        url = server.url.replace("/api/", "/files-pri/T1-F1/x")
        info = {"id": "F1", "name": "x", "size": 9, "url_private": url, "mimetype": "text/csv"}
        reply = squeezed(b"a,b\n1,2\n\n", "gzip")
        server.talks += [says(answer({"ok": True, "file": info})), says(reply)]
        given = {"file": "F1", "save_to": str(tmp_path / "x"), "max_bytes": 9}
        assert fetch(make_client(server.config()), given)["bytes"] == 9
    assert (tmp_path / "x").read_bytes() == b"a,b\n1,2\n\n"


# --- who is to blame ----------------------------------------------------------------------------

DOWN = b"<!DOCTYPE html><html><head><title>Server Error | Slack</title></head><body>Oh.</body>"
SQUID = b"<html><title>ERROR</title><body>The URL https://slack.com/api/ could not be retrieved."
HTML = "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "reply",
    [
        answer(DOWN, status="503 Service Unavailable", kind=HTML),
        answer(b"<html>down", "X-Slack-Backend: r", status="503 Busy", kind=HTML),
        answer(b"", status="500 Oops"),
        answer({"ok": False, "error": "fatal_error"}, status="500 Oops"),
    ],
    ids=["by its name", "by its header", "empty", "json"],
)
def test_a_fault_of_slack_is_not_blamed_on_a_proxy(reply):
    with RawServer(says(reply)) as server, pytest.raises(ResponseLost) as caught:
        make_client(server.config()).call(*WRITE)
    assert "proxy" not in str(caught.value)
    assert "HTTP 50" in str(caught.value)


def test_a_fault_of_a_proxy_may_be_slacks():
    reply = answer(SQUID, status="503 Service Unavailable", kind=HTML)
    with RawServer(says(reply)) as server, pytest.raises(
        ResponseLost, match=r"HTTP 503 .* from Slack or from something in be"
    ):
        make_client(server.config()).call(*WRITE)


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "404 Not Found"])
@pytest.mark.parametrize("code", [None, "team_access_not_granted"])
def test_a_refusal_tells_the_status_of_http(status, code):
    body = {"ok": False, **({"error": code} if code else {})}
    with RawServer(says(answer(body, status=status))) as server, pytest.raises(
        SlackApiError
    ) as caught:
        make_client(server.config()).call(*WRITE)
    assert "refused by Slack (HTTP %s): %s" % (status[:3], code or "no error code") in str(
        caught.value
    )
    assert ("something in between" in str(caught.value)) is (code is None)
