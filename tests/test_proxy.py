"""Through a proxy that works: the tunnel leads to a server whose name only the proxy knows."""

import contextlib
import socket
import threading

import pytest
from helpers import make_client, run_action

from sandbox.slack import Fault, LoopbackSlack
from st2slack.base.errors import ResponseLost

HOST = "elsewhere.example"  # the name in the certificate of LoopbackSlack(tls="wrong_name")


class Tunnel:
    """A proxy that leads every CONNECT to one port of this machine."""

    def __init__(self, port):
        self.port = port
        self.asked = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.asked.append(client.recv(65536).decode("latin-1").splitlines()[0])
            server = socket.create_connection(("127.0.0.1", self.port))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    @staticmethod
    def _carry(source, target):
        with contextlib.suppress(OSError):  # one side has gone; the other is told below
            while True:
                data = source.recv(65536)
                if not data:
                    break
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.socket.close()


@pytest.fixture
def elsewhere():
    """(server, tunnel, config without a proxy)."""
    with LoopbackSlack(tls="wrong_name") as server:
        port = int(server.url.rstrip("/").rpartition(":")[2])
        tunnel = Tunnel(port)
        config = {
            "api_url": "https://%s/api/" % HOST,
            "action_token": server.bot_token,
            "ca_bundle": server.ca_pem,
            "max_wait": 10,
        }
        yield server, tunnel, config
        tunnel.close()


@pytest.mark.parametrize("where", ["config", "environment"])
def test_a_call_goes_through_the_proxy(elsewhere, monkeypatch, where):
    server, tunnel, config = elsewhere
    if where == "config":
        config["proxy"] = tunnel.url
    else:
        monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
    answer = make_client(config).call("chat.postMessage", {"channel": "general", "text": "ü"})
    assert answer["message"]["text"] == "ü" and len(server.requests) == 1
    assert tunnel.asked == ["CONNECT %s:443 HTTP/1.1" % HOST] or tunnel.asked == [
        "CONNECT %s:443 HTTP/1.0" % HOST
    ]


def test_the_config_wins_over_the_environment(elsewhere, monkeypatch):
    _, tunnel, config = elsewhere
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    config["proxy"] = tunnel.url
    assert make_client(config).call("auth.test")["ok"]


def test_all_pages_go_through_one_tunnel(elsewhere):
    server, tunnel, config = elsewhere
    config["proxy"] = tunnel.url
    answer = run_action(config, "conversations.list", all_pages=True, limit=1)
    assert len(answer["channels"]) == len(server.requests) >= 4
    assert len(tunnel.asked) == 1


@pytest.mark.parametrize("reset", [True, False])
def test_a_write_that_is_cut_inside_the_tunnel_is_not_sent_twice(elsewhere, reset):
    """urllib3 blames the proxy for it, but the request was read."""
    server, tunnel, config = elsewhere
    config["proxy"] = tunnel.url
    server.faults.append(Fault.cut_after_read(reset=reset, times=None))
    with pytest.raises(ResponseLost, match="may have arrived"):
        make_client(config).call("chat.postMessage", {"channel": "general", "text": "x"})
    assert len(server.requests) == 1
