"""Odd inputs, answers and servers: each ends in time, in one of our errors, and tells the truth."""

import io
import os
import socket
import sys
import threading
import time
from unittest import mock

import pytest
import requests
import run
from helpers import calls, make_client, run_action

from sandbox.slack import Fault
from st2slack import action
from st2slack.api import response, transport
from st2slack.api.deadline import TimedOut, run_with_timeout
from st2slack.api.methods import find_method
from st2slack.api.pagination import Paginator
from st2slack.base.errors import (
    InputError,
    RequestNotSent,
    ResponseLost,
    ResultTooLarge,
    SettingsError,
    SlackApiError,
    SlackError,
    UnexpectedResponse,
)
from st2slack.files import save
from st2slack.settings.slack import read_settings

WRITE = ("chat.postMessage", {"channel": "C0GENERAL01", "text": "hello"})
PERHAPS = "may have arrived"

# --- time ---------------------------------------------------------------------------------------


class Dripping:
    """A server whose answer never gets past its headers: a byte every 20 ms."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.over = threading.Event()
        self.url = "http://127.0.0.1:%d/api/" % self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        connection, _ = self.socket.accept()
        with connection:
            connection.recv(65536)
            for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 60000:
                if self.over.wait(0.02):
                    return
                try:
                    connection.sendall(bytes([byte]))
                except OSError:
                    return

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.over.set()
        self.socket.close()


def test_headers_that_drip_end_in_time():
    with Dripping() as server:
        config = {"api_url": server.url, "action_token": "xoxb-1", "max_wait": 0.5}
        with pytest.raises(ResponseLost, match="in time.*" + PERHAPS):
            make_client(config, time.monotonic).call(*WRITE)


def test_the_actions_own_end_bounds_a_try_that_takes_long(slack, config):
    slack.faults.append(Fault.slow(threading.Event(), times=None))
    config["max_wait"] = 300
    client = make_client(config, time.monotonic, time_left=lambda: 1.0)
    with pytest.raises(ResponseLost, match="in time"):
        client.call(*WRITE)
    assert len(calls(slack, WRITE[0])) == 1


def test_a_wait_past_the_actions_own_end_is_not_begun(slack, config):
    """`max_wait` would allow it."""
    config["max_wait"] = 60
    slack.faults.append(Fault.rate_limited(30, times=None))
    client = make_client(config, time_left=lambda: 20.0)
    with pytest.raises(SlackApiError, match="the action's own timeout counts too"):
        client.call("auth.test")
    assert client.clock.slept == [] and len(slack.requests) == 1


def test_work_in_time_gives_what_it_gives():
    assert run_with_timeout(lambda: 5, 10) == 5
    with pytest.raises(KeyError):
        run_with_timeout(lambda: {}["x"], 10)
    never = threading.Event()
    asked = []
    with pytest.raises(TimedOut):
        run_with_timeout(never.wait, 0.05, lambda: asked.append(1))
    never.set()


def test_a_wait_is_announced(slack, config, caplog):
    slack.faults.append(Fault.rate_limited(1))
    run_action(config, "auth.test")
    assert "auth.test was refused by Slack: ratelimited" in caplog.text
    assert "Trying again in 1.0 s." in caplog.text


# --- answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["{}", '{"message": "hi"}', '{"error": "x"}'])
def test_an_object_without_ok_is_not_slacks(slack, config, body):
    slack.faults.append(Fault.status(200, body, "application/json"))
    with pytest.raises(ResponseLost, match="no answer of Slack's.*" + PERHAPS):
        make_client(config).call(*WRITE)
    slack.faults.append(Fault.status(403, body, "application/json"))
    with pytest.raises(UnexpectedResponse, match="HTTP 403 with JSON that is no answer"):
        make_client(config).call(*WRITE)


def test_an_answer_without_end_is_not_read_to_its_end(slack, config, monkeypatch):
    monkeypatch.setattr(transport, "LARGEST", 100_000)
    slack.faults.append(Fault.status(200, '{"ok": true, "x": "%s"}' % ("y" * 200_000), "a/json"))
    with pytest.raises(ResultTooLarge, match="which StackStorm cannot store"):
        make_client(config).call("auth.test")


def test_a_token_across_the_end_of_what_is_shown_is_not_shown_in_part(slack, config):
    body = "x" * (response.EXCERPT_LENGTH - 8) + slack.bot_token
    slack.faults.append(Fault.status(403, body))
    with pytest.raises(UnexpectedResponse) as caught:
        make_client(config).call(*WRITE)
    assert slack.bot_token[:8] not in str(caught.value)


def test_a_redirect_to_nonsense_is_an_answer_that_cannot_be_used(slack, config):
    slack.faults.append(Fault.redirect("https://[evil/"))
    with pytest.raises(ResponseLost, match="cannot be used.*" + PERHAPS):
        make_client(config).call(*WRITE)
    assert len(slack.requests) == 1


def real_response():
    response = requests.Response()
    response.status_code = 200
    response._content = b'{"ok": true}'
    return response


@pytest.mark.parametrize(
    "double",
    [
        real_response,
        mock.MagicMock,
        mock.Mock,
        lambda: mock.MagicMock(spec=requests.Response),
        lambda: mock.create_autospec(requests.Response, instance=True),
    ],
)
def test_responses_of_other_peoples_making_are_lived_with(double):
    response = double()
    if isinstance(response, mock.NonCallableMock):
        response.status_code = 200
        response.json.return_value = {"ok": True, "sentinel": mock.sentinel.anything}
    with mock.patch("requests.post", return_value=response):
        parameters = {"channel": "C1", "text": "x", "http_method": "POST"}
        answer = run.SlackAction({"action_token": "xoxb-1"}).run(
            end_point="chat.postMessage", **parameters
        )
    assert answer["ok"] is True


# --- pages --------------------------------------------------------------------------------------

CURSOR = find_method("conversations.list").pages
PAGE = find_method("files.list").pages


@pytest.mark.parametrize("items", [5, "text", True])
def test_a_list_that_is_none_is_an_error(items):
    with pytest.raises(ResponseLost, match="after page 1, `channels` is no list"):
        Paginator(lambda page: {"ok": True, "channels": items}, CURSOR).run({})


def test_no_list_is_an_empty_one():
    assert Paginator(lambda page: {"ok": True, "channels": None}, CURSOR).run({})["channels"] == []


@pytest.mark.parametrize("paging", [[1], "x", 5, {"page": "x", "pages": None}, {}])
def test_paging_that_is_none_ends_the_walk_at_a_page_that_is_not_full(paging):
    asked = []

    def page(arguments):
        asked.append(arguments)
        return {"ok": True, "files": [{"id": 1}], "paging": paging}

    assert Paginator(page, PAGE).run({})["files"] == [{"id": 1}] and len(asked) == 1
    with pytest.raises(ResponseLost, match="after page 1, Slack does not tell how many pages"):
        Paginator(page, PAGE).run({"count": 1})


def test_cursors_that_go_round_are_an_error():
    asked = []

    def page(arguments):
        asked.append(arguments.get("cursor"))
        following = {None: "A", "A": "B", "B": "A"}[arguments.get("cursor")]
        answer = {"ok": True, "channels": [{"id": len(asked)}]}
        return dict(answer, response_metadata={"next_cursor": following})

    with pytest.raises(ResponseLost, match="lead back .*page 3, 3 items"):
        Paginator(page, CURSOR).run({})
    assert asked == [None, "A", "B"]


def test_a_server_that_always_gives_the_first_page_is_an_error():
    asked = []

    def page(arguments):
        asked.append(arguments.get("page"))
        return {"ok": True, "files": [{"id": 1}], "paging": {"page": 1, "pages": 3}}

    with pytest.raises(ResponseLost, match="Slack gave page 1 instead of page 2"):
        Paginator(page, PAGE).run({})
    assert asked == [None, 2]


def test_a_first_page_longer_than_asked_for_stays_whole():
    """There is no cursor that leads to its middle."""
    answer = {"ok": True, "channels": [{"id": n} for n in range(5)]}
    answer["response_metadata"] = {"next_cursor": "more"}
    got = Paginator(lambda page: dict(answer), CURSOR, max_items=3).run({})
    assert len(got["channels"]) == 5 and got["response_metadata"]["next_cursor"] == "more"


def test_the_last_page_is_asked_for_no_more_than_is_wanted():
    sizes = []

    def page(arguments):
        sizes.append(arguments["limit"])
        start = int(arguments.get("cursor") or 0)
        answer = {"ok": True, "channels": [{"id": start + n} for n in range(arguments["limit"])]}
        return dict(answer, response_metadata={"next_cursor": str(start + arguments["limit"])})

    got = Paginator(page, CURSOR, max_items=250).run({})
    assert sizes == [200, 50] and len(got["channels"]) == 250
    assert got["response_metadata"]["next_cursor"] == "250"


def test_numbered_pages_that_were_cut_lead_to_the_page_that_was_cut():
    def page(arguments):
        number = arguments.get("page") or 1
        files = [{"id": 200 * (number - 1) + n} for n in range(200)]
        return {"ok": True, "files": files, "paging": {"page": number, "pages": 3}}

    got = Paginator(page, PAGE, max_items=250).run({})
    assert len(got["files"]) == 250
    assert got["paging"]["page"] == 1, "going on with page 2 leaves nothing out"
    whole = Paginator(page, PAGE, max_items=400).run({})
    assert len(whole["files"]) == 400 and whole["paging"]["page"] == 2


def test_a_refusal_in_the_middle_of_a_list_is_never_let_pass(slack, config):
    slack.faults.append(Fault.refuse("invalid_cursor", after=1, times=None))
    with pytest.raises(SlackApiError, match="invalid_cursor.*page 2, after 1 items"):
        run_action(
            config, "conversations.list", all_pages=True, limit=1, ignore_errors=["invalid_cursor"]
        )


def test_a_refusal_at_its_beginning_is(slack, config):
    slack.faults.append(Fault.refuse("invalid_cursor"))
    answer = run_action(
        config, "conversations.list", all_pages=True, ignore_errors=["invalid_cursor"]
    )
    assert answer == {"ok": False, "error": "invalid_cursor"}


def test_wrong_fields_are_said_before_anything_is_sent(slack, config):
    for all_pages in (True, False):
        with pytest.raises(InputError, match="`fields`"):
            run_action(config, "conversations.list", all_pages=all_pages, fields="id")
    assert slack.requests == []


def test_search_all_is_not_walked():
    assert find_method("search.all").pages is None and find_method("search.messages").pages


# --- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "proxy",
    [
        "http://user:cretpw@exa\u2100mple:80",
        "http://user:cretpw@[bad",
        "http://user:se/cretpw@proxy:3128",
        "http://user:cretpw@proxy:port",
        "http://user:cretpw@",
        "http://user:cret pw@proxy",
    ],
)
def test_a_proxy_that_is_none_is_refused_and_its_password_not_shown(proxy):
    with pytest.raises(SettingsError, match="`proxy` must be a URL") as caught:
        read_settings({"proxy": proxy})
    assert "cretpw" not in str(caught.value) and "user" not in str(caught.value)


def test_a_proxy_without_a_scheme_is_one_of_http():
    assert (
        read_settings({"proxy": "proxy.example.com:3128"}).proxy == "http://proxy.example.com:3128"
    )


@pytest.mark.parametrize("host", ["slack..com", "x" * 70 + ".com"])
def test_a_host_that_cannot_be_is_a_setting(host):
    client = make_client({"api_url": "https://%s/api/" % host, "action_token": "xoxb-1"})
    with pytest.raises((SettingsError, RequestNotSent)) as caught:
        client.call(*WRITE)
    assert PERHAPS not in str(caught.value)


def test_a_ca_file_of_the_environment_that_is_missing_is_named(monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/ca.pem")
    client = make_client({"api_url": "https://slack.invalid/", "action_token": "xoxb-1"})
    with pytest.raises(SettingsError, match="/no/such/ca.pem.*REQUESTS_CA_BUNDLE"):
        client.call(*WRITE)


def test_stackstorms_token_goes_to_no_proxy(monkeypatch):
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0.1)
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:%d" % proxy.getsockname()[1])
        environ = {"ST2_ACTION_API_URL": "http://st2.invalid/v1", "ST2_ACTION_EXECUTION_ID": "a"}
        assert action.seconds_left(dict(environ, ST2_ACTION_AUTH_TOKEN="t0ken")) is None
        with pytest.raises(OSError):
            asked.append(proxy.accept())
    assert asked == []


# --- credentials, files -------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["oauth.v9.access", "oauth.token"])
def test_credentials_of_unknown_methods_do_not_go_into_the_url(slack, config, method):
    with pytest.raises(SlackApiError):
        run_action(config, method, http_method="GET", client_secret="hunter22", x=1)
    (request,) = slack.requests
    assert request.verb == "POST" and "hunter22" not in request.path + str(request.query)


def test_a_parameter_of_2x_that_means_nothing_is_accepted_and_not_sent(slack, config):
    run_action(
        config, "oauth.access", token="xoxb-given", client_id="1", client_secret="s3", code="c"
    )
    (request,) = slack.requests
    assert "token" not in request.args and "xoxb-given" not in str(request.headers)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_no_file_can_have(slack, config, tmp_path, name):
    with pytest.raises(InputError, match="`save_to`"):
        run_action(
            config, "admin.analytics.getFile", type="member", save_to=str(tmp_path / name), date="x"
        )
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_no_file(slack, config, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (str(tmp_path / "pipe"), "a\0b", str(tmp_path)):
        with pytest.raises(InputError, match="`image` must be the path of a file"):
            run_action(config, "users.setPhoto", image=path)
    assert slack.requests == []


def test_a_file_that_comes_into_being_meanwhile_is_not_overwritten(slack, config, tmp_path):
    path = tmp_path / "out.gz"
    original = save._move

    def late(part, target, overwrite):
        path.write_text("mine", encoding="utf-8")
        return original(part, target, overwrite)

    with mock.patch.object(save, "_move", late), pytest.raises(InputError, match="exists"):
        run_action(
            config, "admin.analytics.getFile", type="member", date="2026-11-01", save_to=str(path)
        )
    assert path.read_text(encoding="utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_broken_transfer_of_a_file_is_tried_again(slack, config, tmp_path):
    slack.faults.append(Fault.cut_midway(times=1))
    path = tmp_path / "out.gz"
    answer = run_action(
        config, "admin.analytics.getFile", type="member", date="2026-11-01", save_to=str(path)
    )
    assert answer["ok"] and len(calls(slack, "admin.analytics.getFile")) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_page_of_a_proxy_is_not_saved_as_the_file(slack, config, tmp_path):
    slack.faults.append(Fault.html(200, times=None))
    config["max_wait"] = 0.5
    with pytest.raises(SlackError, match="HTML"):
        run_action(
            config,
            "admin.analytics.getFile",
            type="member",
            date="2026-11-01",
            save_to=str(tmp_path / "out.gz"),
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("encoding", "told"), [("ascii", "caf\\xe9 \\u2026"), ("utf-8", "café …"), (None, "café …")]
)
def test_a_line_can_be_said_whatever_the_locale(monkeypatch, encoding, told):
    written = io.BytesIO() if encoding else io.StringIO()
    out = io.TextIOWrapper(written, encoding=encoding, errors="strict") if encoding else written
    monkeypatch.setattr(sys, "stdout", out)
    run.SlackAction({}).say("café …")
    text = written.getvalue()
    assert (text.decode(encoding) if encoding else text) == told + "\n"
