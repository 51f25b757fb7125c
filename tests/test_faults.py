"""Each fault × a read and a write: how often the server was asked, what the operator is told."""

import select
import socket
import threading
import time

import pytest
from helpers import Clock, calls, make_client

from sandbox.slack import Fault, LoopbackSlack
from st2slack.base.errors import (
    CertificateError,
    RateLimited,
    RequestNotSent,
    ResponseLost,
    SettingsError,
    SlackApiError,
    UnexpectedResponse,
)

READ = ("conversations.info", {"channel": "C0GENERAL01"})
WRITE = ("chat.postMessage", {"channel": "C0GENERAL01", "text": "hello"})
PERHAPS = "It may have arrived all the same, so it was not sent again"


def spoiled(**match):
    """Faults after which the request was read: name → (fault for ever, error, part of its text)."""
    always = dict(match, times=None)
    return {
        "500": (Fault.status(500, "", **always), ResponseLost, "HTTP 500"),
        "503 with JSON": (
            Fault.status(503, '{"ok": false, "error": "x"}', "application/json", **always),
            ResponseLost,
            "a fault on Slack's side (HTTP 503)",
        ),
        "502 of a proxy": (Fault.html(502, **always), ResponseLost, "HTML, not JSON"),
        "200 of a proxy": (Fault.html(200, **always), ResponseLost, "HTML, not JSON"),
        "an empty body": (Fault.empty(**always), ResponseLost, "HTTP 200 with an empty body"),
        "broken JSON": (
            Fault.broken_json(**always),
            ResponseLost,
            "HTTP 200 with JSON that is no answer",
        ),
        "reset": (Fault.cut_after_read(**always), ResponseLost, "lost the connection to 127.0.0.1"),
        "closed": (
            Fault.cut_after_read(reset=False, **always),
            ResponseLost,
            "lost the connection",
        ),
        "cut midway": (Fault.cut_midway(**always), ResponseLost, "lost the connection"),
        "internal_error": (
            Fault.refuse("internal_error", **always),
            SlackApiError,
            "internal_error",
        ),
        "fatal_error": (Fault.refuse("fatal_error", **always), SlackApiError, "a fault of its own"),
    }


@pytest.mark.parametrize("name", sorted(spoiled()))
def test_a_write_that_may_have_arrived_is_never_sent_twice(slack, config, name):
    fault, error, part = spoiled()[name]
    slack.faults.append(fault)
    client = make_client(config)
    with pytest.raises(error) as caught:
        client.call(*WRITE)
    assert len(calls(slack, WRITE[0])) == 1
    assert part in str(caught.value) and str(caught.value).startswith(WRITE[0])
    assert "\n" not in str(caught.value)
    assert PERHAPS in str(caught.value)
    assert client.clock.slept == []


@pytest.mark.parametrize("name", sorted(spoiled()))
def test_a_read_is_tried_again_until_the_time_is_up(slack, config, name):
    fault, error, part = spoiled()[name]
    slack.faults.append(fault)
    client = make_client(config)
    with pytest.raises(error) as caught:
        client.call(*READ)
    tries = len(calls(slack, READ[0]))
    assert 4 <= tries <= 8
    assert part in str(caught.value) and PERHAPS not in str(caught.value)
    assert "Tried %d times" % tries in str(caught.value)
    assert sum(client.clock.slept) < config["max_wait"]
    assert len(client.notices) == tries - 1


@pytest.mark.parametrize("name", sorted(spoiled()))
def test_a_read_that_works_again_is_a_success(slack, config, name):
    fault, _, _ = spoiled()[name]
    fault.times = 2
    slack.faults.append(fault)
    client = make_client(config)
    assert client.call(*READ)["channel"]["name"] == "general"
    assert len(calls(slack, READ[0])) == 3


# --- surely not arrived: safe for writes too ----------------------------------------------------


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.parametrize("method, arguments", [READ, WRITE])
def test_a_refused_connection_is_tried_again(config, method, arguments):
    config["api_url"] = "http://127.0.0.1:%d/api/" % free_port()
    client = make_client(config)
    with pytest.raises(
        RequestNotSent, match="could not reach 127.0.0.1: Connection refused"
    ) as caught:
        client.call(method, arguments)
    assert len(client.notices) >= 3
    assert PERHAPS not in str(caught.value) and "Tried" in str(caught.value)


def test_a_write_goes_out_when_the_server_comes_back(config):
    """Refused at first; the server starts during the first wait, and gets the message once."""
    port = free_port()
    config["api_url"] = "http://127.0.0.1:%d/api/" % port
    started = []

    class Waking(Clock):
        def sleep(self, seconds):
            super().sleep(seconds)
            if not started:
                started.append(LoopbackSlack(port=port).start())

    client = make_client(config, Waking())
    try:
        assert client.call(*WRITE)["ok"] is True
        assert len(calls(started[0], WRITE[0])) == 1
    finally:
        started[0].stop()


def test_a_name_that_is_not_found_is_tried_again(config, monkeypatch):
    asked = []

    def not_found(*arguments, **options):
        asked.append(arguments[0])
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    config["api_url"] = "https://slack.invalid/api/"
    client = make_client(config)
    with pytest.raises(RequestNotSent, match="could not reach slack.invalid: Name or service not"):
        client.call(*WRITE)
    assert len(asked) >= 4


def test_a_connection_that_hangs_is_tried_again(config):
    """A full backlog answers no SYN: the connect timeout strikes, shortened here."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        try:
            for each in fillers:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", port))
            # One of them is enough, but it has to be there first.
            assert select.select([], fillers, [], 60)[1]
            config["api_url"] = "http://127.0.0.1:%d/api/" % port
            config["max_wait"] = 0.3
            client = make_client(config)
            with pytest.raises(RequestNotSent, match="no connection in time"):
                client.call(*WRITE)
        finally:
            for each in fillers:
                each.close()


class Proxy(threading.Thread):
    """A proxy that answers every CONNECT alike and keeps what it was asked."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.answer = answer
        self.asked = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://somebody:pr0xypw@127.0.0.1:%d" % self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.recv(65536).decode("latin-1"))
                connection.sendall(self.answer)

    def close(self):
        self.socket.close()


@pytest.fixture
def refusing_proxy():
    proxy = Proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    yield proxy
    proxy.close()


def test_a_proxy_that_refuses_the_tunnel_is_tried_again_and_named(config, refusing_proxy):
    config.update(api_url="https://slack.invalid/api/", proxy=refusing_proxy.url)
    client = make_client(config)
    with pytest.raises(RequestNotSent, match="stopped by the proxy 127.0.0.1.*407") as caught:
        client.call(*WRITE)
    assert len(refusing_proxy.asked) >= 4
    assert refusing_proxy.asked[0].startswith("CONNECT slack.invalid:443")
    assert "pr0xypw" not in str(caught.value) and "`proxy`" in str(caught.value)


def test_the_proxy_of_the_environment_counts_too(config, refusing_proxy, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", refusing_proxy.url)
    config["api_url"] = "https://slack.invalid/api/"
    with pytest.raises(RequestNotSent, match="stopped by the proxy"):
        make_client(config).call(*WRITE)
    assert refusing_proxy.asked


@pytest.mark.parametrize("where", ["config", "environment"])
def test_no_proxy_holds_for_both(config, refusing_proxy, monkeypatch, where):
    if where == "config":
        config["proxy"] = refusing_proxy.url
    else:
        monkeypatch.setenv("HTTPS_PROXY", refusing_proxy.url)
    monkeypatch.setenv("NO_PROXY", "slack.invalid")
    config["api_url"] = "https://slack.invalid/api/"
    with pytest.raises(RequestNotSent, match="could not reach slack.invalid"):
        make_client(config).call(*WRITE)
    assert refusing_proxy.asked == []


def test_loopback_needs_no_proxy(slack, config, refusing_proxy, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, refusing_proxy.url)
    config["proxy"] = refusing_proxy.url
    assert make_client(config).call(*WRITE)["ok"]
    assert refusing_proxy.asked == []


# --- rate limits --------------------------------------------------------------------------------


@pytest.mark.parametrize("method, arguments", [READ, WRITE])
def test_a_rate_limit_waits_what_slack_asks(slack, config, method, arguments):
    slack.faults.append(Fault.rate_limited(7, times=1))
    client = make_client(config)
    assert client.call(method, arguments)["ok"]
    assert client.clock.slept == [7.0]
    assert len(calls(slack, method)) == 2


def test_a_rate_limit_that_does_not_fit_fails_at_once(slack, config):
    slack.faults.append(Fault.rate_limited(120, times=None))
    client = make_client(config)
    with pytest.raises(RateLimited, match=r"wait 120 s.*`max_wait` is 10 s.*Nothing was done"):
        client.call(*WRITE)
    assert client.clock.slept == [] and len(slack.requests) == 1


@pytest.mark.parametrize("odd", [None, "soon", "", "-5", "nan"])
def test_a_rate_limit_without_a_time_is_backed_off(slack, config, odd):
    slack.faults.append(Fault.rate_limited(odd, times=2))
    client = make_client(config)
    assert client.call(*WRITE)["ok"]
    assert client.clock.slept == [0.375, 0.75]


@pytest.mark.parametrize("code", ["ratelimited", "rate_limited"])
def test_a_rate_limit_told_in_the_body_is_one_too(slack, config, code):
    slack.faults.append(Fault.refuse(code, times=1))
    client = make_client(config)
    assert client.call(*WRITE)["ok"]
    assert len(client.clock.slept) == 1


def test_all_waits_together_stay_under_max_wait(slack, config):
    slack.faults.append(Fault.rate_limited(4, times=None))
    client = make_client(config)
    with pytest.raises(RateLimited, match="Tried 3 times in 8 s"):
        client.call(*WRITE)
    assert client.clock.slept == [4.0, 4.0]


# --- what never gets better ---------------------------------------------------------------------


@pytest.mark.parametrize("method, arguments", [READ, WRITE])
@pytest.mark.parametrize("status", [403, 404, 407])
def test_a_page_of_somebody_else_is_said_and_not_tried_again(
    slack, config, method, arguments, status
):
    slack.faults.append(Fault.html(status, times=None))
    with pytest.raises(UnexpectedResponse, match="HTTP %d with HTML.*Bad gateway" % status):
        make_client(config).call(method, arguments)
    assert len(slack.requests) == 1


@pytest.mark.parametrize("method, arguments", [READ, WRITE])
def test_a_refusal_is_not_tried_again(slack, config, method, arguments):
    slack.faults.append(Fault.refuse("channel_not_found", times=None))
    with pytest.raises(SlackApiError, match="channel_not_found"):
        make_client(config).call(method, arguments)
    assert len(slack.requests) == 1


def test_an_unknown_method_counts_as_a_write(slack, config):
    slack.faults.append(Fault.status(500, times=None))
    with pytest.raises(ResponseLost, match=PERHAPS):
        make_client(config).call("brand.new")
    assert len(slack.requests) == 1


# --- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method, arguments, times", [(*READ, 1), (*WRITE, 1)])
def test_an_answer_that_does_not_come_ends_in_time(slack, config, method, arguments, times):
    slack.faults.append(Fault.slow(threading.Event(), times=None))
    config["max_wait"] = 0.3
    client = make_client(config, time.monotonic)
    with pytest.raises(ResponseLost, match="no answer from 127.0.0.1 in time") as caught:
        client.call(method, arguments)
    assert (PERHAPS in str(caught.value)) is (method == WRITE[0])
    assert len(calls(slack, method)) == times


def test_an_answer_that_drips_ends_in_time(slack, config):
    slack.faults.append(Fault.drip(0.02, times=None))
    config["max_wait"] = 0.3
    with pytest.raises(ResponseLost, match="in time"):
        make_client(config, time.monotonic).call(*WRITE)


def test_a_connection_that_is_closed_before_the_request_was_read(slack, config):
    """Nobody can tell it from one that was cut after: a write is not sent again, a read is."""
    slack.faults.append(Fault.cut_before_read(reset=False, times=1))
    assert make_client(config).call(*READ)["ok"]
    slack.faults.append(Fault.cut_before_read(reset=False, times=1))
    with pytest.raises(ResponseLost, match=PERHAPS):
        make_client(config).call(*WRITE)
    assert calls(slack, WRITE[0]) == []


def test_a_connection_that_is_reset_at_once_sends_a_write_once_at_most(slack, config):
    """The reset may hit the connect (surely not arrived: again) or the request (perhaps: not)."""
    slack.faults.append(Fault.cut_before_read(times=1))
    client = make_client(config)
    try:
        assert client.call(*WRITE)["ok"] and len(calls(slack, WRITE[0])) == 1
        assert "could not reach" in client.notices[0]
    except ResponseLost as error:
        assert PERHAPS in str(error) and calls(slack, WRITE[0]) == []


# --- TLS ----------------------------------------------------------------------------------------


def tls_config(server):
    return {
        "api_url": server.api_url,
        "action_token": server.bot_token,
        "ca_bundle": server.ca_pem,
        "max_wait": 10,
    }


def test_an_own_ca_is_trusted_when_named():
    with LoopbackSlack(tls="good") as server:
        assert make_client(tls_config(server)).call(*WRITE)["ok"]


def test_the_ca_of_the_environment_is_trusted_too(monkeypatch):
    with LoopbackSlack(tls="good") as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", server.ca_pem)
        config = dict(tls_config(server), ca_bundle="")
        assert make_client(config).call(*WRITE)["ok"]


@pytest.mark.parametrize(
    "kind, trusted", [("good", False), ("wrong_name", True), ("expired", True)]
)
def test_a_certificate_that_does_not_verify_names_the_ca_setting(kind, trusted):
    with LoopbackSlack(tls=kind) as server:
        config = tls_config(server)
        if not trusted:
            config["ca_bundle"] = None
        client = make_client(config)
        with pytest.raises(
            CertificateError, match="did not trust.*`ca_bundle`.*REQUESTS_CA_BUNDLE"
        ):
            client.call(*READ)
        assert client.clock.slept == [] and server.requests == []


def test_a_ca_file_that_is_not_there_is_named(slack, config):
    config["ca_bundle"] = "/no/such/ca.pem"
    with pytest.raises(SettingsError, match="`ca_bundle`: there is no file /no/such/ca.pem"):
        make_client(config).call(*WRITE)
    assert slack.connections == 0


def test_a_ca_file_that_is_none_is_said(tmp_path):
    nonsense = tmp_path / "ca.pem"
    nonsense.write_text("nonsense", encoding="utf-8")
    with LoopbackSlack(tls="good") as server:
        config = dict(tls_config(server), ca_bundle=str(nonsense))
        with pytest.raises(SettingsError, match="ca.pem holds no certificates.*`ca_bundle`"):
            make_client(config).call(*WRITE)
        assert server.requests == []


@pytest.mark.parametrize("how", ["close", "reset", "garbage"])
def test_a_broken_handshake_is_no_proof_that_nothing_arrived(how):
    with LoopbackSlack(tls="good") as server:
        server.faults.append(Fault.handshake(how, times=1))
        with pytest.raises(ResponseLost, match=PERHAPS):
            make_client(tls_config(server)).call(*WRITE)
        assert server.requests == []
        server.faults.append(Fault.handshake(how, times=1))
        assert make_client(tls_config(server)).call(*READ)["ok"]


def test_a_handshake_that_hangs_ends_in_time():
    with LoopbackSlack(tls="good") as server:
        server.faults.append(Fault.handshake("hang", times=None))
        config = dict(tls_config(server), max_wait=0.3)
        with pytest.raises(ResponseLost, match="in time"):
            make_client(config, time.monotonic).call(*WRITE)


def test_plain_text_where_tls_is_expected(slack, config):
    config["api_url"] = slack.api_url.replace("http://", "https://")
    client = make_client(config)
    with pytest.raises(ResponseLost, match="lost the connection") as caught:
        client.call(*WRITE)
    assert client.clock.slept == [] and PERHAPS in str(caught.value)


def test_an_unknown_charset_does_not_hide_the_answer(slack, config):
    slack.faults.append(Fault.unknown_charset())
    assert make_client(config).call(*WRITE)["ok"]


def test_a_kept_connection_that_was_closed_meanwhile(slack, config):
    """Between two pages the server may close the connection; a read goes on with a new one."""
    from helpers import run_action

    slack.faults.append(Fault.hang_up(times=1))
    answer = run_action(config, "conversations.list", all_pages=True, limit=2)
    assert len(answer["channels"]) >= 4
