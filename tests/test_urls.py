"""Where a URL leads: what passes connects to the host that the check named, and to no other."""

import contextlib
import logging
import socket
import threading

import pytest
import requests
from helpers import make_client
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sandbox.slack.http.faults import Fault
from st2slack.api import file_hosts, transport
from st2slack.api.request import Request
from st2slack.base import urls
from st2slack.base.errors import InputError, SettingsError, SlackError, UnexpectedResponse
from st2slack.files import download, upload
from st2slack.messages import response_url, webhook
from st2slack.settings.slack import Settings, check_api_url, read_settings

# Each is read as a host of Slack's, or as loopback, by one of the two parsers.
DIVERTING = [
    "https://evil\\[v1.slack.com]/x",
    "https://evil\\[v1.files.slack.com]/x",
    "https://evil.example\\[v1.hooks.slack.com]/services/T1/B1/x",
    "https://evil\\@slack.com/x",
    "https://evil.example\\.slack.com/x",
    "https://[v1.slack.com]/x",
    "https://evil[v1.slack.com]/x",
    "https://[::1].slack.com/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[::1%25eth0]/x",
    "https://slack.com@evil.example/x",
    "https://@slack.com/x",
    "https://:@slack.com/x",
    "https://slack.com\t.evil.example/x",
    "https://slack.com\n/x",
    "https://slack.com\x00.evil.example/x",
    "https://slack.com\u3002evil.example/x",
    "https://\u017flack.com/x",
    "https://slack.com%2eevil.example/x",
    "https://slack.com:443:80/x",
    "https://slack.com:/x",
    "https://slack.com:0/x",
    "https://slack.com:+443/x",
    "https://slack.com:\u0664\u0664\u0663/x",
    "https://slack.com:99999/x",
    "https://slack.com./x",
    "https://.slack.com/x",
    "https:/slack.com/x",
    "https:slack.com/x",
    "https:///slack.com/x",
    "\\\\slack.com/x",
    "https://slack.com\\x",
    "https://slack.com/x\\y",
    "https://slack.com/[x]",
    "http://evil\\[::1]/",
    "http://evil\\[::1]:8080/",
    "http://evil[::1]/",
    "http://127.0.0.1\\.evil.example/",
    "http://127.0.0.1@evil.example/",
]


@pytest.mark.parametrize("url", DIVERTING)
def test_a_url_that_two_parsers_could_read_differently_is_refused_everywhere(url):
    loopback = Settings(api_url="http://127.0.0.1:8080/api/")
    for own in (Settings(), loopback):
        with pytest.raises(InputError, match="`response_url`"):
            response_url.check(url, own)
        with pytest.raises(UnexpectedResponse):
            upload.check_place({"upload_url": url, "file_id": "F1"}, own)
        assert not download.is_slacks(url, own)
    with pytest.raises(SettingsError, match="`api_url`"):
        check_api_url(url)
    with pytest.raises(SettingsError, match="webhook") as caught:
        webhook.find_url(Settings(), url)
    assert "evil" not in str(caught.value)
    assert not urls.is_loopback(url) and urls.host_of(url) == "?"


@pytest.mark.parametrize(
    "url, expected",
    [
        ("https://slack.com/api/", ("https", "slack.com", 443)),
        ("HTTPS://Files.Slack.com:443/x", ("https", "files.slack.com", 443)),
        ("https://my_gateway.internal:8443/api", ("https", "my_gateway.internal", 8443)),
        ("http://127.0.0.1:80", ("http", "127.0.0.1", 80)),
        ("http://[::1]:8080/api/", ("http", "::1", 8080)),
        ("https://xn--bcher-kva.example?a=b#c", ("https", "xn--bcher-kva.example", 443)),
        ("wss://wss-primary.slack.com/link/?ticket=a@b", ("wss", "wss-primary.slack.com", 443)),
    ],
)
def test_a_plain_url_leads_where_it_says(url, expected):
    address = urls.parse_address(url)
    assert (address.scheme, address.host, address.port) == expected


def test_plain_http_is_for_this_machine_and_for_hosts_that_are_named():
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert urls.safe_address("http://%s:1/" % host).is_loopback
    with pytest.raises(urls.PlainHttp) as caught:
        urls.safe_address("http://chat.example/hooks/x")
    assert caught.value.host == "chat.example"
    assert urls.safe_address("http://Chat.example/hooks/x", ("chat.example",)).port == 80
    with pytest.raises(urls.UnclearUrl):
        urls.safe_address("ftp://chat.example/x", ("chat.example",))


# --- what passes connects to the host that was named ----------------------------------------------

_PIECES = ["https://", "http://", "HTTPS:", "//", "/", "\\", "[", "]", "[::1]", "[v1.", "@", ":"]
_PIECES += ["evil", ".evil.example", "slack.com", "files.slack.com", "127.0.0.1", "localhost"]
_PIECES += [".", "%", "%2e", "%5b", "#", "?", "a", "1", "0", ":443", ":80", "\t", "\n", "\x00", " "]
_PIECES += [
    "\u3002",
    "\u017f",
    "\uff0f",
    "\u2100",
    "xn--",
    "-",
    "_",
    "*",
    "::1",
    "0x7f.1",
    "&",
    ";",
]
URLS = st.one_of(
    st.lists(st.sampled_from(_PIECES), max_size=8).map("".join),
    st.lists(st.sampled_from(_PIECES), max_size=6).map(lambda parts: "https://" + "".join(parts)),
    st.lists(st.sampled_from(_PIECES), max_size=6).map(lambda parts: "http://" + "".join(parts)),
    st.text(max_size=20).map(lambda text: "https://" + text),
)


class Listener:
    """Takes connections on loopback and closes them; whoever is looked up is led to it."""

    def __init__(self):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(50)
        self.named = []  # (host, port) that were looked up to be connected to
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        with contextlib.suppress(OSError):
            while True:
                self._socket.accept()[0].close()

    def getaddrinfo(self, host, port, *args, **kwargs):
        self.named.append((host, port))
        place = self._socket.getsockname()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place)]

    @contextlib.contextmanager
    def leads(self):
        """Every connection meanwhile comes here."""
        self.named.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", self.getaddrinfo)
            yield

    def close(self):
        self._socket.close()


@pytest.fixture(scope="module")
def listener():
    found = Listener()
    yield found
    found.close()


@settings(max_examples=400)
@given(url=URLS)
@example("https://evil\\[v1.slack.com]/x")
@example("http://evil\\[::1]/")
@example("https://slack.com")
@example("http://[::1]/")
@example("https://127.0.0.1:443?@evil")
def test_whatever_passes_connects_to_the_host_that_the_check_named(listener, url):
    """Sent for real: the name that is looked up at the socket is the one that was checked."""
    try:
        address = urls.safe_address(url)
    except urls.UnclearUrl:
        return
    request = Request(method="test", url=url, token="xoxb-canary")
    with listener.leads(), pytest.raises(SlackError):  # the listener answers nothing
        transport.send(request, Settings(), requests, 5.0)
    if ".." in address.host or max(map(len, address.host.split("."))) > 63:
        assert listener.named == []  # no name of a host: nothing is looked up
    else:
        assert set(listener.named) == {(address.host, address.port)}


@settings(max_examples=400)
@given(url=URLS)
@example("https://files.slack.com/x")
@example("https://FILES.slack.com:443")
def test_whatever_is_slacks_is_so_at_the_socket(listener, url):
    """Whatever string the upload, the download and the response_url take."""
    own = Settings()
    try:
        response_url.check(url, own)
        is_for_answers = True
    except InputError:
        is_for_answers = False
    if not (is_for_answers or download.is_slacks(url, own) or file_hosts.takes_uploads(url, own)):
        return
    with listener.leads(), contextlib.suppress(requests.RequestException):
        requests.get(url, timeout=5)
    assert listener.named or ".." in url
    for host, _ in listener.named:
        assert host == "slack.com" or host.endswith(".slack.com")


def test_nothing_is_sent_where_requests_makes_another_url_of_it(listener, monkeypatch):
    """Whatever comes between: the credential is added to a request to the checked host only."""

    def prepared(self, url, params):
        self.url = "https://evil.example/x"

    monkeypatch.setattr(requests.PreparedRequest, "prepare_url", prepared)
    request = Request(method="test", url="https://slack.com/api/x", token="xoxb-canary")
    wrong = "another host than the one that was checked"
    with listener.leads(), pytest.raises(SettingsError, match=wrong):
        transport.send(request, Settings(), requests, 5.0)
    assert listener.named == []


def test_the_sensor_connects_to_a_plain_url_only():
    from st2slack.base.errors import Disconnected
    from st2slack.sensor.websocket import open_websocket

    for url in ("ws://evil\\[::1]:1/", "wss://evil\\[v1.slack.com]/", "wss://u:p@slack.com/"):
        with pytest.raises(Disconnected, match="no address to connect to"):
            open_websocket(url, Settings())


# --- files ----------------------------------------------------------------------------------------

GOV = Settings(api_url="https://slack-gov.com/api/")
GATEWAY = Settings(api_url="https://gateway.example:8443/api/")
NAMED = Settings(file_hosts=("files.example.com",))
LOOPBACK = Settings(api_url="http://127.0.0.1:8080/api/")


@pytest.mark.parametrize(
    "url, own, allowed",
    [
        ("https://files.slack.com/upload/v1/x", Settings(), True),
        ("https://FILES.slack.com:443/upload/v1/x", Settings(), True),
        ("https://slack.com/upload/v1/x", Settings(), True),
        ("https://files.slack.com/upload/v1/x", GATEWAY, True),
        ("https://gateway.example:8443/upload/v1/x", GATEWAY, True),
        ("https://files.slack-gov.com/upload/v1/x", GOV, True),
        ("https://files.example.com/upload/v1/x", NAMED, True),
        ("https://files.example.com:8443/upload/v1/x", NAMED, True),
        ("https://files.slack.com/upload/v1/x", NAMED, True),
        ("http://127.0.0.1:9090/upload/v1/x", LOOPBACK, True),
        ("https://localhost:9090/upload/v1/x", LOOPBACK, True),
        ("https://evil.example/upload/v1/x", Settings(), False),
        ("https://169.254.169.254/latest/meta-data", Settings(), False),
        ("https://10.0.0.1/x", Settings(), False),
        ("https://metadata.google.internal/x", Settings(), False),
        ("https://127.0.0.1/x", Settings(), False),
        ("https://localhost/x", GATEWAY, False),
        ("https://harbour-works.slack.com/x", Settings(), False),
        ("https://files.slack.com:8443/x", Settings(), False),
        ("https://files.slack.com.evil.example/x", Settings(), False),
        ("https://evil-files.slack.com/x", Settings(), False),
        ("https://files.slack.com/x", GOV, False),
        ("https://files.slack-gov.com/x", Settings(), False),
        ("http://files.example.com/x", NAMED, False),
        ("https://x.files.example.com/x", NAMED, False),
        ("https://gateway.example/x", GATEWAY, False),
        ("https://169.254.169.254/x", LOOPBACK, False),
    ],
)
def test_which_hosts_take_a_file(url, own, allowed):
    assert file_hosts.takes_uploads(url, own) is allowed


def test_the_config_names_more_hosts_for_files():
    config = {"file_hosts": ["Files.Example.com"], "workspaces": [{"name": "two"}, {"name": "own"}]}
    config["workspaces"][1]["file_hosts"] = ["other.example.com"]
    assert read_settings(config).file_hosts == ("files.example.com",)
    assert read_settings(config, "two").file_hosts == ("files.example.com",)
    assert read_settings(config, "own").file_hosts == ("other.example.com",)
    named = read_settings(config)
    assert download.is_slacks("https://files.example.com/x", named)
    assert not download.is_slacks("http://files.example.com/x", named)


@pytest.mark.parametrize(
    "hosts",
    ["files.example.com", ["https://files.example.com"], ["a.example/x"], ["a:443"], [""], [5]]
    + [["evil\\[v1.slack.com]"], ["u@a.example"], ["*.example.com"]],
)
def test_a_host_is_named_by_its_name_alone(hosts):
    with pytest.raises(SettingsError, match="`file_hosts`"):
        read_settings({"file_hosts": hosts})


# --- at the wire ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    ["https://evil\\[v1.slack.com]/x", "http:\\\\evil\\[::1]/x", "//evil\\[v1.slack.com]/"],
)
def test_a_redirect_that_is_read_in_two_ways_takes_the_token_nowhere(slack, tmp_path, target):
    own = {"api_url": slack.api_url, "action_token": slack.bot_token, "max_wait": 5}
    slack.faults.append(Fault.redirect(target, method="/files-pri/.*"))
    with pytest.raises(UnexpectedResponse, match="no host of Slack's|redirected"):
        download.fetch(make_client(own), {"file": "F0HARBOUR01", "save_to": str(tmp_path / "x")})
    assert not (tmp_path / "x").exists()


def _read_request(connection):
    """Read a whole request: one that is not read is answered by a reset."""
    with connection.makefile("rb") as stream:
        headers = list(iter(stream.readline, b"\r\n"))
        sizes = [each for each in headers if each.lower().startswith(b"content-length:")]
        stream.read(int(sizes[0].split(b":")[1]))


class BrokenHeaders:
    """Answers every request with headers that urllib3 cannot parse, which it warns about."""

    def __init__(self):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(5)
        self.url = "http://127.0.0.1:%d" % self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self._socket.accept()[0]
                with connection:
                    _read_request(connection)
                    connection.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nno colon here\r\nX: y\r\n\r\nok"
                    )

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._socket.close()


def test_no_logger_of_urllib3_shows_a_url_that_is_a_credential(caplog):
    caplog.set_level(logging.DEBUG)
    with BrokenHeaders() as server:
        own = {"api_url": server.url + "/api/", "max_wait": 2}
        client = make_client(own)
        for path in ("/services/T0123/B0123/canary", "/any-form/canary%2fcanary?key=canarycanary"):
            webhook.post(client, server.url + path, {"text": "hi"})
            response_url.post(client, server.url + path, {"text": "hi"})
    warned = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert {each.name for each in warned} == {"urllib3.connection"}
    assert len(warned) == 4 and "Failed to parse headers" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize(
    "name", ["urllib3", "urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry"]
)
def test_every_logger_of_urllib3_is_clean_while_a_request_is_under_way(caplog, name):
    caplog.set_level(logging.DEBUG)
    secret = "https://chat.example/hooks/canary-of-the-hook"

    class Http:
        def post(self, url, **kwargs):
            try:
                raise ValueError("in the traceback: " + secret)
            except ValueError:
                logging.getLogger(name).warning("for (url=%s)", secret, exc_info=True)
            raise requests.ConnectionError("away")

    request = Request(method="test", url=secret, secrets=urls.secret_parts(secret))
    with pytest.raises(SlackError):
        transport.send(request, Settings(), Http(), 1.0)
    assert "in the traceback" in caplog.text and "canary" not in caplog.text
    logging.getLogger(name).warning("afterwards: seen")
    assert "afterwards: seen" in caplog.text
    assert logging.getLogger(name).filters == []


def test_a_request_shows_no_secret():
    request = Request(
        method="chat.postMessage",
        url="https://hooks.slack.com/services/T1/B1/canary",
        fields=[("client_secret", "canary")],
        document={"text": "canary"},
        files={"file": "canary"},
        token="xoxb-canary",
        basic=("canary", "canary"),
        secrets=("canary",),
    )
    for text in (repr(request), str(request), "%s" % [request]):
        assert "canary" not in text and "hooks.slack.com" in text
