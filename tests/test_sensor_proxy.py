"""The sensor through proxies, and the one rule of which proxy is used, for actions and sensor."""

import base64
import json
import threading

import pytest
from helpers import make_client
from proxies import ENCODED, PASSWORD, TunnelProxy, free_of_secrets
from sensing import RealTime, Sensing, numbers, until
from test_sensor_process import Process

from sandbox.slack import LoopbackSlack
from sandbox.slack.behaviours import sockets
from st2slack.api.proxy import proxy_for
from st2slack.base.errors import Disconnected, SettingsError, TransportError
from st2slack.diagnostics import check as checkup
from st2slack.diagnostics.probes import How
from st2slack.sensor import connection, proxy_tunnel, workspace_sensor
from st2slack.sensor.websocket import open_websocket
from st2slack.settings.slack import read_settings

HOST = "elsewhere.example"  # only the proxy knows where that is


@pytest.fixture
def elsewhere(monkeypatch):
    """A Slack that only a proxy can reach."""
    monkeypatch.setattr(connection, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(connection, "POLL_INTERVAL", 0.05)
    monkeypatch.setattr(proxy_tunnel, "_END_TIMEOUT", 0.2)
    monkeypatch.setattr(sockets, "_root", lambda ctx: "wss://%s/" % HOST)
    with LoopbackSlack(tls="wrong_name") as server:
        server.workspace.next_ts = RealTime()
        yield server


@pytest.fixture
def make_proxy(elsewhere):
    made = []

    def make(**options):
        port = int(elsewhere.url.rstrip("/").rpartition(":")[2])
        made.append(TunnelProxy(port, **options))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture
def bundle(elsewhere, tmp_path):
    """The path of a file that trusts the Slack and these proxies."""

    def make(*proxies):
        path = tmp_path / "bundle.pem"
        with open(elsewhere.ca_pem, "rb") as file:
            own = file.read()
        path.write_bytes(own + b"".join(proxy.ca_pem for proxy in proxies if proxy._context))
        return str(path)

    return make


def sensing(slack, proxy, ca_bundle, **more):
    config = {"api_url": "https://%s/api/" % HOST, "ca_bundle": ca_bundle, **more}
    if proxy is not None:
        config["proxy"] = proxy
    return Sensing(slack, config=config)


# --- what goes through ---------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("where", ["config", "environment"])
def test_the_sensor_goes_through_the_proxy(elsewhere, make_proxy, bundle, monkeypatch, tls, where):
    proxy = make_proxy(tls=tls)
    if where == "environment":
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with sensing(elsewhere, proxy.url if where == "config" else None, bundle(proxy)) as sensor:
        for number in range(20):
            sensor.say("m %d" % number)
        assert numbers(sensor.wait_texts(20)) == list(range(20))
        elsewhere.socket.push_command("hello")
        until(lambda: sensor.of("slack.command"))
        told = json.dumps([sensor.dispatched, sensor.log.lines, sensor.store])
    assert free_of_secrets(told)
    assert all(ENCODED in request for request in proxy.requests)
    assert all(request.startswith("CONNECT %s:443 " % HOST) for request in proxy.requests)
    if tls:
        assert proxy.raw[:1] == b"\x16", "TLS begins with a handshake record"
        assert b"CONNECT" not in proxy.raw and HOST.encode() not in proxy.raw
        assert ENCODED.encode() not in proxy.raw and PASSWORD.encode() not in proxy.raw
    until(lambda: proxy.open == 0)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_actions_go_through_the_same_proxy(elsewhere, make_proxy, bundle, tls):
    proxy = make_proxy(tls=tls)
    config = {
        "api_url": "https://%s/api/" % HOST,
        "ca_bundle": bundle(proxy),
        "action_token": elsewhere.bot_token,
        "proxy": proxy.url,
    }
    assert make_client(config).call("auth.test")["ok"]
    assert ENCODED in proxy.requests[0]
    assert not tls or ENCODED.encode() not in proxy.raw


@pytest.mark.parametrize("how", ["cut", "eof", "close", "freeze"])
def test_a_lost_connection_behind_a_tls_proxy_is_renewed(
    elsewhere, make_proxy, bundle, monkeypatch, how
):
    monkeypatch.setattr(connection, "PING_AFTER", 0.5)
    monkeypatch.setattr(connection, "PONG_TIMEOUT", 0.5)
    elsewhere.socket.ack_timeout = 0.5
    proxy = make_proxy(tls=True)
    with sensing(elsewhere, proxy.url, bundle(proxy)) as sensor:
        sensor.say("m 0")
        sensor.wait_texts(1)
        old = sensor.link()
        getattr(old, how)()
        sensor.say("m 1")
        until(lambda: sensor.links() and sensor.link() is not old)
        sensor.say("m 2")
        assert numbers(sensor.wait_texts(3)) == [0, 1, 2]
    until(lambda: not elsewhere.socket.connections or how == "freeze")
    until(lambda: not [t for t in threading.enumerate() if t.name == "slack-proxy"])


def test_large_frames_and_many_of_them(elsewhere, make_proxy, bundle):
    proxy = make_proxy(tls=True)
    with sensing(elsewhere, proxy.url, bundle(proxy)) as sensor:
        texts = ["%d %s" % (number, "x" * 100_000) for number in range(30)]
        for text in texts:
            sensor.say(text)
        assert sensor.wait_texts(30) == texts
        until(lambda: len(elsewhere.socket.acknowledged) == 30)


@pytest.mark.parametrize("options", [(), ("--eventlet",)], ids=["threads", "eventlet"])
def test_the_sensors_process_behind_a_tls_proxy(
    elsewhere, make_proxy, bundle, tmp_path, monkeypatch, options
):
    if options:
        pytest.importorskip("eventlet")
    proxy = make_proxy(tls=True)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    config = {
        "api_url": "https://%s/api/" % HOST,
        "action_token": elsewhere.bot_token,
        "ca_bundle": bundle(proxy),
        "sensor": {"app_token": elsewhere.app_token},
    }
    process = Process(elsewhere, tmp_path, config, *options).start()
    try:
        process.say(0, 1, 2)
        process.wait_for(0, 1, 2)
        old = elsewhere.socket.connections[-1]
        old.cut()
        process.say(3)
        process.wait_for(3)
        process.terminate()
        assert "Traceback" not in process.log and free_of_secrets(process.log)
    finally:
        process.end()
    assert ENCODED.encode() not in proxy.raw
    until(lambda: proxy.open == 0)


# --- what goes wrong -----------------------------------------------------------------------------


def open_through(proxy_url, ca_bundle=None, host=HOST):
    config = {"proxy": proxy_url, **({"ca_bundle": ca_bundle} if ca_bundle else {})}
    return open_websocket("wss://%s/link/?ticket=canary" % host, read_settings(config), timeout=3)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_proxy_that_refuses_is_named_and_its_password_is_not(make_proxy, bundle, tls):
    answer = "HTTP/1.1 407 No %s %s\r\nContent-Length: 0\r\n\r\n" % (PASSWORD, ENCODED)
    proxy = make_proxy(tls=tls, refuses=answer.encode())
    with pytest.raises(Disconnected, match="refused the tunnel: 407") as caught:
        open_through(proxy.url, bundle(proxy))
    assert proxy.address in str(caught.value) and free_of_secrets(str(caught.value))
    until(lambda: proxy.open == 0)


def test_a_proxy_that_is_not_trusted_gets_no_password(make_proxy, bundle):
    proxy = make_proxy(tls=True, name="another.example")
    with pytest.raises(Disconnected, match="its certificate does not verify.*`ca_bundle`"):
        open_through(proxy.url, bundle(proxy))
    until(lambda: proxy.open == 0)
    assert proxy.requests == []


def test_a_proxy_without_tls_gets_no_password(make_proxy):
    proxy = make_proxy()
    with pytest.raises(Disconnected, match="%s could not be used" % proxy.address):
        open_through(proxy.url.replace("http://", "https://"))
    until(lambda: proxy.open == 0)
    assert ENCODED.encode() not in proxy.raw


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200", b"HTTP/1.1 x\r\n\r\n", b"\x16\x03\x01"]
)
def test_a_proxy_that_answers_nonsense(make_proxy, answer):
    proxy = make_proxy(refuses=answer)
    with pytest.raises(Disconnected, match="could not be (used|reached)"):
        open_through(proxy.url)
    until(lambda: proxy.open == 0)


@pytest.mark.parametrize("url", ["wss://ex\u00e4mple/", "wss://x..y/", "wss://%s/" % ("x" * 70)])
def test_an_address_that_cannot_be_is_no_fault_of_ours(url):
    with pytest.raises(Disconnected):
        open_websocket(url, read_settings({}), timeout=3)


@pytest.mark.parametrize(
    "url, port", [("http://proxy.example", 80), ("https://proxy.example", 443)]
)
def test_without_a_port_it_is_the_one_of_the_scheme(monkeypatch, url, port):
    """As requests has it."""
    asked = []

    def refuse(address, timeout):
        asked.append(address)
        raise OSError("refused")

    monkeypatch.setattr("socket.create_connection", refuse)
    with pytest.raises(Disconnected):
        open_through(url)
    assert asked == [("proxy.example", port)]


def test_the_password_is_encoded_as_for_actions(make_proxy):
    proxy = make_proxy(refuses=b"HTTP/1.1 407 No\r\n\r\n")
    url = "http://j%%C3%%B6:p%%40ss%%2F@%s" % proxy.address
    with pytest.raises(Disconnected):
        open_through(url)
    with pytest.raises(TransportError):
        make_client({"proxy": url, "api_url": "https://%s/api/" % HOST}).call("api.test")
    expected = base64.b64encode("jö:p@ss/".encode("latin-1")).decode()
    assert len(proxy.requests) >= 2
    assert all("Basic %s\r\n" % expected in each for each in proxy.requests)


# --- which values name a proxy -------------------------------------------------------------------


UNUSABLE = [
    "http://joe:s3cretpr0xy@proxy:port",
    "http://joe:s3cretpr0xy@proxy:99999",
    "http://joe:s3cretpr0xy@proxy:0",
    "http://joe:s3cretpr0xy@proxy:-1",
    "http://joe:s3cretpr0xy@proxy:80:80",
    "http://joe:s3cretpr0xy@proxy: 80",
    "http://joe:s3cretpr0xy@proxy:+80",
    "http://joe:s3cretpr0xy@proxy:8_0",
    "http://joe:s3cretpr0xy@",
    "http://joe:s3cretpr0xy@:3128",
    "http://",
    "http:///",
    ":3128",
    " ",
    "http://joe:s3cret pr0xy@proxy:3128",
    "http://proxy :3128",
    " http://proxy:3128",
    "http://proxy:3128 ",
    "http://proxy:3128\n",
    "http://proxy\t:3128",
    "http://[proxy]:3128",
    "http://[::1:3128",
    "http://::1]:3128",
    "http://pro[xy:3128",
    "http://[v1.proxy]:3128",
    "http://[fe80::1%25eth0]:3128",
    "http://proxy\\:3128",
    "http://joe:12#s3cretpr0xy@proxy:3128",
    "http://joe:12?s3cretpr0xy@proxy:3128",
    "http://joe:12/s3cretpr0xy@proxy:3128",
    "http://proxy:3128/proxy.pac",
    "http:/proxy:3128",
    "http://pr\u00f6xy:3128",
    "http://proxy..example:3128",
    "http://proxy%20:3128",
    "{{ st2kv.system.proxy }}",
]
UNSUPPORTED = ["socks5://proxy:1080", "socks5h://joe:s3cretpr0xy@proxy", "SOCKS4://proxy"]
UNSUPPORTED += ["socks://proxy", "socks4a://proxy", "ftp://proxy", "s3cretpr0xy://proxy"]
WRONG = [(value, "must be a URL such as") for value in UNUSABLE]
WRONG += [(value, "not supported") for value in UNSUPPORTED]


def sensor_of(config):
    services = workspace_sensor.Services(None, lambda key: None, lambda *_: None, None)
    return workspace_sensor.WorkspaceSensor(config, "", services, threading.Event())


def call(config):
    return make_client({**config, "action_token": "xoxb-1"}).call("auth.test")


def check(config):
    """slack.check: the rows that failed, as an error."""
    for row in checkup.look({**config, "action_token": "xoxb-1"}, None, How()):
        if row.state == "failed":
            raise SettingsError(row.means)


@pytest.mark.parametrize("use", [sensor_of, call, check])
@pytest.mark.parametrize("value, why", [each for each in WRONG if each[0] == each[0].strip()])
def test_a_proxy_of_the_config_that_cannot_be_used(use, value, why):
    # Blanks around a value of the config are taken away.
    config = {"api_url": "https://slack.invalid/api/", "proxy": value}
    config["sensor"] = {"app_token": "xapp-1"}
    with pytest.raises(SettingsError, match="Config key `proxy`.*%s" % why) as caught:
        use(config)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("use", [sensor_of, call, check])
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("value, why", [WRONG[0], WRONG[20], WRONG[-1], WRONG[-7]])
def test_one_of_the_environment_is_named(monkeypatch, use, name, value, why):
    monkeypatch.setenv(name, value)
    config = {"api_url": "https://slack.invalid/api/", "sensor": {"app_token": "xapp-1"}}
    with pytest.raises(SettingsError, match="Environment variable %s.*%s" % (name, why)) as caught:
        use(config)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("value, why", WRONG)
def test_every_unusable_value_of_the_environment_is_named(monkeypatch, value, why):
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(SettingsError, match="Environment variable HTTPS_PROXY.*%s" % why):
        proxy_for("https://slack.com/api/", read_settings({}))


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "")
    assert proxy_for("https://slack.com/api/", read_settings({})) is None


def test_a_proxy_that_is_not_needed_does_not_matter(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy")
    monkeypatch.setenv("NO_PROXY", "slack.com")
    assert proxy_for("https://slack.com/api/", read_settings({})) is None
    assert proxy_for("http://127.0.0.1:1/", read_settings({"proxy": "http://proxy"})) is None


@pytest.mark.parametrize(
    "value, url",
    [
        ("proxy:3128", "http://proxy:3128"),
        ("http://proxy:3128/", "http://proxy:3128/"),
        ("HTTPS://Proxy.Example", "HTTPS://Proxy.Example"),
        ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
        ("http://10.0.0.1", "http://10.0.0.1"),
        ("http://my_proxy:3128", "http://my_proxy:3128"),
        ("http://u:p%40s@proxy.example.com.:3128", "http://u:p%40s@proxy.example.com.:3128"),
        ("http://u:p@s@proxy", "http://u:p@s@proxy"),
    ],
)
def test_usable_values(monkeypatch, value, url):
    assert read_settings({"proxy": value}).proxy == url
    monkeypatch.setenv("HTTPS_PROXY", value)
    assert proxy_for("https://slack.com/api/", read_settings({})) == url


# --- which hosts need none -----------------------------------------------------------------------


EXCLUDED = [
    ("slack.invalid", True),
    ("SLACK.invalid", True),
    (".invalid", True),
    ("*.invalid", True),
    ("invalid", True),
    ("*", True),
    ("slack.invalid:443", True),
    ("slack.invalid:80", False),
    ("a.example,slack.invalid", True),
    ("a.example, slack.invalid", True),
    ("a.example slack.invalid", True),
    ("", False),
    (",", False),
    ("ack.invalid", False),
    ("wss.slack.invalid", False),
    ("slack.com", False),
    ("10.0.0.0/8", False),
]


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize("where", ["config", "environment"])
@pytest.mark.parametrize("listed, excluded", EXCLUDED)
def test_no_proxy_is_read_alike_by_actions_and_sensor(
    make_proxy, monkeypatch, name, where, listed, excluded
):
    proxy = make_proxy(refuses=b"HTTP/1.1 407 No\r\n\r\n")
    monkeypatch.setenv(name, listed)
    config = {"api_url": "https://slack.invalid/api/", "max_wait": 10}
    if where == "config":
        config["proxy"] = proxy.url
    else:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with pytest.raises(TransportError):
        make_client({**config, "action_token": "xoxb-1"}).call("auth.test")
    by_actions = len(proxy.requests)
    with pytest.raises(Disconnected):
        open_websocket("wss://slack.invalid/link", read_settings(config), timeout=3)
    by_sensor = len(proxy.requests) - by_actions
    assert (by_actions == 0, by_sensor == 0) == (excluded, excluded)


@pytest.mark.parametrize(
    "listed, url, excluded",
    [
        ("10.0.0.0/8", "https://10.1.2.3/", True),
        ("10.1.2.3", "https://10.1.2.3/", True),
        ("10.1.2.3:8443", "https://10.1.2.3:8443/", True),
        ("10.1.2.3:8443", "https://10.1.2.3/", False),
        ("2001:db8::/32", "https://[2001:db8::1]/", True),
        ("[2001:db8::1]", "https://[2001:db8::1]/", True),
        ("[2001:db8::1]:443", "https://[2001:db8::1]/", True),
        ("2001:db8::2", "https://[2001:db8::1]/", False),
        ("nonsense/8", "https://10.1.2.3/", False),
    ],
)
def test_no_proxy_with_addresses(monkeypatch, listed, url, excluded):
    monkeypatch.setenv("NO_PROXY", listed)
    settings = read_settings({"proxy": "http://proxy:3128"})
    assert (proxy_for(url, settings) is None) == excluded
