"""The sensor's TLS socket: one thread reads, others write, and whatever waits can be ended."""

import json
import socket
import ssl
import threading
import urllib.request

import pytest
from sensing import PATIENCE, until

from sandbox.slack import LoopbackSlack
from sandbox.slack.http import certificates
from sandbox.slack.sockets.socket_faults import SocketFault
from st2slack.base.errors import Disconnected
from st2slack.sensor.tls_socket import ThreadSafeTlsSocket
from st2slack.sensor.websocket import open_websocket
from st2slack.settings.slack import read_settings


@pytest.fixture
def pair(tmp_path):
    """Both ends of a TLS connection: the sensor's socket, and a server's."""
    server = certificates.server_context("good", tmp_path / "ca.pem")
    client = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    client.sslsocket_class = ThreadSafeTlsSocket
    near, far = socket.socketpair()
    found = []
    agree = threading.Thread(target=lambda: found.append(server.wrap_socket(far, server_side=True)))
    agree.start()
    near = client.wrap_socket(near, server_hostname="localhost")
    agree.join(PATIENCE)
    (far,) = found
    yield near, far
    near.close()
    far.close()


def read_in_a_thread(sock, results):
    """Start to read; what comes of it is appended."""

    def read():
        try:
            results.append(sock.recv(65536))
        except OSError as error:
            results.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    return thread


def test_a_write_goes_through_while_a_read_waits(pair):
    near, far = pair
    received = []
    reader = read_in_a_thread(near, received)
    near.sendall(b"from here")
    assert far.recv(100) == b"from here" and received == []
    far.sendall(b"from there")
    reader.join(PATIENCE)
    assert received == [b"from there"]


def test_much_goes_both_ways_at_once_and_stays_whole(pair):
    near, far = pair
    data, echoed = bytes(range(256)) * 8192, bytearray()

    def echo():
        while True:
            piece = far.recv(65536)
            if not piece:
                return
            far.sendall(piece)

    def read():
        while len(echoed) < len(data):
            echoed.extend(near.recv(65536))

    threads = [threading.Thread(target=each, daemon=True) for each in (echo, read)]
    for thread in threads:
        thread.start()
    for at in range(0, len(data), 10007):
        near.sendall(data[at : at + 10007])
    threads[1].join(PATIENCE)
    assert bytes(echoed) == data
    near.close()
    threads[0].join(PATIENCE)
    assert not threads[0].is_alive()


def test_closing_ends_a_read_that_waits(pair):
    near, far = pair
    far.sendall(b"x")
    assert near.recv(1) == b"x"  # the tickets of TLS 1.3 have been read with it
    received = []
    reader = read_in_a_thread(near, received)
    near.close()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert received == [b""] or isinstance(received[0], OSError)
    with pytest.raises(OSError):
        near.send(b"x")


def test_closing_ends_a_write_that_waits(pair):
    near, _ = pair
    results = []

    def write():
        try:
            near.sendall(b"x" * 50_000_000)
        except OSError as error:
            results.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    until(near._one_writer.locked)
    near.close()
    writer.join(PATIENCE)
    assert len(results) == 1


def test_time_outs_hold(pair):
    near, _ = pair
    near.settimeout(0.01)
    assert near.gettimeout() == 0.01
    with pytest.raises(socket.timeout):
        near.recv(1)
    with pytest.raises(socket.timeout):
        near.sendall(b"x" * 50_000_000)


@pytest.fixture
def tls_slack():
    with LoopbackSlack(tls="good") as server:
        yield server


def open_connection(slack, timeout):
    config = {
        "api_url": slack.api_url,
        "action_token": slack.bot_token,
        "sensor": {"app_token": slack.app_token},
        "ca_bundle": slack.ca_pem,
    }
    request = urllib.request.Request(
        slack.api_url + "apps.connections.open",
        b"",
        {"Authorization": "Bearer " + slack.app_token},
    )
    trust = ssl.create_default_context(cafile=slack.ca_pem)
    with urllib.request.urlopen(request, context=trust) as response:
        url = json.load(response)["url"]
    return open_websocket(url, read_settings(config, None), timeout)


def test_an_opening_that_gets_no_answer_ends(tls_slack):
    """Without the end of the read `websockets` would wait for its own thread for ever."""
    tls_slack.socket.faults.append(SocketFault.hang_handshake())
    before = threading.active_count()
    with pytest.raises(Disconnected, match="timed out"):
        open_connection(tls_slack, 0.5)
    until(lambda: threading.active_count() <= before)


def test_no_opening_of_many_fails(tls_slack):
    """With the standard library's socket some of 300 do."""
    for _ in range(300):
        wire = open_connection(tls_slack, PATIENCE)
        assert '"hello"' in wire.read(PATIENCE)
        wire.abort()
