"""What goes wrong on purpose, as plain requests sees it, and which requests the server read."""

import re
import socket
import ssl
import threading

import pytest
import requests

from sandbox.slack import Fault, LoopbackSlack
from sandbox.slack.http import faults as actions
from sandbox.slack.state import seed

# Options of a call that the server surely ends before they run out.
PATIENCE = 60


def post(slack, text="x", session=requests, **options):
    """Post a message with plain requests; redirects are shown, not followed."""
    return session.post(
        slack.api_url + "chat.postMessage",
        timeout=PATIENCE,
        data={"channel": seed.GENERAL, "text": text},
        allow_redirects=False,
        headers={"Authorization": "Bearer " + slack.bot_token},
        **options,
    )


def posted(slack, text="x"):
    """How many messages of this text there are."""
    return sum(each["text"] == text for each in slack.workspace.channels[seed.GENERAL].messages)


def broken_by(slack, **options):
    """The class of the error that a call ends with, None for an answer."""
    try:
        post(slack, **options)
    except requests.RequestException as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    "fault, status, content_type, part",
    [
        (Fault.status(500), 500, "text/plain", ""),
        (
            Fault.status(503, b"\xff", "application/json", {"Server": "odd"}),
            503,
            "application/json",
            None,
        ),
        (Fault.status(200, "x", ""), 200, "", "x"),
        (Fault.html(), 502, "text/html", "<html>"),
        (Fault.html(200), 200, "text/html", "<html>"),
        (Fault.empty(), 200, "application/json", ""),
        (Fault.empty(204), 204, None, ""),
        (Fault.rate_limited(), 429, "application/json; charset=utf-8", "ratelimited"),
        (Fault.refuse("internal_error"), 200, "application/json; charset=utf-8", "internal_error"),
        (Fault.redirect("http://elsewhere.example/"), 302, "text/plain", ""),
        (Fault.redirect("/", 307), 307, "text/plain", ""),
    ],
)
def test_another_answer_instead_of_slacks(slack, fault, status, content_type, part):
    slack.faults.append(fault)
    answer = post(slack)
    assert answer.status_code == status
    assert content_type is None or answer.headers.get("Content-Type", "") == content_type
    assert part is None or part in answer.text
    assert len(slack.requests) == 1 and posted(slack) == 0
    assert post(slack).json()["ok"] and posted(slack) == 1


@pytest.mark.parametrize("asked, header", [(None, None), (0, "0"), (30, "30"), ("soon", "soon")])
def test_retry_after_is_whatever_was_asked_for(slack, asked, header):
    slack.faults.append(Fault.rate_limited(asked))
    assert post(slack).headers.get("Retry-After") == header


def test_a_refusal_holds_more_than_its_code(slack):
    slack.faults.append(Fault.refuse("missing_scope", needed="a", provided="b"))
    assert post(slack).json() == {
        "ok": False,
        "error": "missing_scope",
        "needed": "a",
        "provided": "b",
    }


def test_headers_and_a_redirects_address_are_sent(slack):
    slack.faults.append(Fault.status(500, headers={"X-Odd": "1"}))
    slack.faults.append(Fault.redirect("https://elsewhere.example/x"))
    assert post(slack).headers["X-Odd"] == "1"
    assert post(slack).headers["Location"] == "https://elsewhere.example/x"


def test_broken_json_is_carried_out(slack):
    slack.faults.append(Fault.broken_json())
    answer = post(slack)
    assert answer.status_code == 200 and answer.text.startswith('{"ok": true')
    with pytest.raises(ValueError):
        answer.json()
    assert posted(slack) == 1


def test_unknown_charset_has_slacks_own_body(slack):
    slack.faults.append(Fault.unknown_charset())
    answer = post(slack)
    assert answer.encoding == "x-loopback-unknown" and b'"ok": true' in answer.content


@pytest.mark.parametrize(
    "fault",
    [
        Fault.cut_after_read(),
        Fault.cut_after_read(reset=False),
        Fault.cut_midway(),
    ],
    ids=["reset", "closed", "midway"],
)
def test_a_cut_after_reading_carries_out_and_tells_nobody(slack, fault):
    slack.faults.append(fault)
    assert broken_by(slack) in (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
    assert len(slack.requests) == 1 and posted(slack) == 1
    assert fault.used == 1 and broken_by(slack) is None


def test_reset_and_close_differ_on_the_wire(slack):
    def end(fault):
        slack.faults.append(fault)
        try:
            with socket.create_connection(slack.url.split("/")[2].split(":"), PATIENCE) as sock:
                sock.sendall(b"GET /api/api.test HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return sock.recv(100)
        except ConnectionResetError:  # one may come before connect() has returned
            return None

    assert end(Fault.cut_after_read()) is None
    assert end(Fault.cut_after_read(reset=False)) == b""
    assert end(Fault.cut_before_read()) is None
    assert end(Fault.cut_midway()).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("reset", [True, False])
def test_a_cut_before_reading_reads_nothing(slack, reset):
    slack.faults.append(Fault.cut_before_read(reset))
    assert broken_by(slack) is requests.ConnectionError
    assert slack.requests == [] and slack.connections == 1 and posted(slack) == 0
    assert broken_by(slack) is None and slack.connections == 2


def test_a_kept_connection_is_closed_without_a_word(slack):
    slack.faults.append(Fault.hang_up())
    with requests.Session() as session:
        assert post(slack, session=session).json()["ok"]
        assert post(slack, session=session).json()["ok"]
        assert post(slack, session=session).json()["ok"]
    assert [each.connection for each in slack.requests] == [1, 2, 2]


def test_slow_answers_when_its_event_says_so(slack):
    event, answers = threading.Event(), []
    fault = Fault.slow(event)
    slack.faults.append(fault)
    caller = threading.Thread(target=lambda: answers.append(post(slack).json()))
    caller.start()
    wait_for(lambda: fault.used)
    assert post(slack, "meanwhile").json()["ok"]  # the server is not held up
    event.set()
    caller.join(PATIENCE)
    assert answers[0]["ok"] and len(slack.requests) == 2


def test_slow_is_seen_as_a_timeout_of_the_reader(slack):
    slack.faults.append(Fault.slow(3600))
    with pytest.raises(requests.ReadTimeout):
        requests.post(slack.api_url + "api.test", timeout=0.1)
    wait_for(lambda: len(slack.requests) == 1)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.slow(3600),
        Fault.slow(threading.Event()),
        Fault.drip(3600),
        Fault.handshake("hang"),
    ],
    ids=["seconds", "event", "drip", "hang"],
)
def test_whatever_waits_ends_with_the_server(fault):
    slack = LoopbackSlack().start()
    slack.faults.append(fault)
    ended = []
    caller = threading.Thread(target=lambda: ended.append(broken_by(slack)))
    caller.start()
    wait_for(lambda: fault.used)
    slack.stop()
    caller.join(PATIENCE)
    assert len(ended) == 1


def wait_for(condition):
    """Wait until another thread has made it so."""
    tick = threading.Event()
    for _ in range(2000):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("it never came to be")


def test_drip_comes_whole_in_the_end(slack):
    slack.faults.append(Fault.drip(0))
    answer = requests.post(slack.api_url + "api.test", timeout=PATIENCE, stream=True)
    assert answer.json() == {"ok": True}


# When a fault applies


@pytest.mark.parametrize(
    "method, applies",
    [
        (None, True),
        ("*", True),
        ("chat.postMessage", True),
        ("chat.post.*", True),
        (re.compile("chat[.].*"), True),
        ("chat", False),
        ("chat.update", False),
        ("ssage", False),
    ],
)
def test_a_fault_matches_by_method(slack, method, applies):
    slack.faults.append(Fault(method, action=actions.Status(418)))
    assert (post(slack).status_code == 418) is applies


def test_times_and_after_count_what_matched(slack):
    fault = Fault.status(500, method="chat.*", times=2, after=1)
    slack.faults.append(fault)
    requests.post(slack.api_url + "api.test", timeout=PATIENCE)
    assert [post(slack).status_code for _ in range(5)] == [200, 500, 500, 200, 200]
    assert (fault.matched, fault.used) == (5, 2)


def test_faults_apply_in_their_order_until_cleared(slack):
    slack.faults.append(Fault.status(500, times=1))
    slack.faults.append(Fault.status(501, times=None))
    assert [post(slack).status_code for _ in range(3)] == [500, 501, 501]
    assert len(slack.faults) == len(list(slack.faults)) == 2
    slack.faults.clear()
    assert post(slack).status_code == 200


def test_a_fault_of_a_connection_leaves_kept_ones_alone(slack):
    with requests.Session() as session:
        post(slack, session=session)
        slack.faults.append(Fault.cut_before_read(method="chat.postMessage"))
        assert post(slack, session=session).json()["ok"]
        assert broken_by(slack) is requests.ConnectionError


def test_a_fault_spoils_what_is_not_a_method_too(slack):
    slack.faults.append(Fault.broken_json(method="/elsewhere/.*"))
    answer = requests.get(slack.url + "elsewhere/T1", timeout=PATIENCE)
    assert answer.status_code == 200 and len(answer.content) < len("404: Not Found")
    assert requests.get(slack.url + "elsewhere/T1", timeout=PATIENCE).status_code == 404


# TLS


def test_a_good_certificate_verifies_with_its_ca_alone():
    with LoopbackSlack(tls="good") as slack:
        assert slack.url.startswith("https://")
        assert post(slack, verify=slack.ca_pem).json()["ok"]
        by_name = slack.api_url.replace("127.0.0.1", "localhost") + "api.test"
        assert requests.get(by_name, verify=slack.ca_pem, timeout=PATIENCE).json()["ok"]
        assert broken_by(slack, verify=True) is requests.exceptions.SSLError
        assert [each.connection for each in slack.requests] == [1, 2]


@pytest.mark.parametrize(
    "kind, part",
    [
        ("wrong_name", "(doesn't match|mismatch|not valid for)"),
        ("expired", "expired"),
    ],
)
def test_bad_certificates_do_not_verify(kind, part):
    with LoopbackSlack(tls=kind) as slack:
        with pytest.raises(requests.exceptions.SSLError, match=part):
            post(slack, verify=slack.ca_pem)
        assert slack.requests == [] and slack.connections == 1


def test_the_ca_is_gone_with_the_server():
    with LoopbackSlack(tls="good") as slack:
        kept = slack.ca_pem
        ssl.create_default_context(cafile=kept)
    with pytest.raises(OSError):
        ssl.create_default_context(cafile=kept)


def test_a_kind_of_certificate_that_there_is_not():
    with pytest.raises(ValueError, match="good, wrong_name, expired"):
        LoopbackSlack(tls="better").start()


@pytest.mark.parametrize("how", ["close", "reset", "garbage"])
def test_a_handshake_that_breaks_reads_nothing(how):
    with LoopbackSlack(tls="good") as slack:
        slack.faults.append(Fault.handshake(how))
        error = broken_by(slack, verify=slack.ca_pem)
        assert error in (requests.exceptions.SSLError, requests.ConnectionError)
        assert slack.requests == [] and slack.connections == 1
        assert broken_by(slack, verify=slack.ca_pem) is None


@pytest.mark.parametrize(
    "fault",
    [
        Fault.cut_after_read(),
        Fault.cut_midway(),
        Fault.hang_up(),
        Fault.cut_before_read(),
        Fault.drip(0),
    ],
    ids=["after", "midway", "hang_up", "before", "drip"],
)
def test_faults_are_the_same_over_tls(fault):
    answered = isinstance(fault.action, (actions.HangUp, actions.Drip))
    with LoopbackSlack(tls="good") as slack:
        slack.faults.append(fault)
        assert (broken_by(slack, verify=slack.ca_pem) is None) is answered
        assert len(slack.requests) == (0 if fault.action.on_connection else 1)
        assert broken_by(slack, verify=slack.ca_pem) is None


def test_a_handshake_that_hangs_is_a_timeout():
    with LoopbackSlack(tls="good") as slack:
        slack.faults.append(Fault.handshake("hang"))
        with pytest.raises(requests.exceptions.Timeout):
            requests.post(slack.api_url + "api.test", verify=slack.ca_pem, timeout=0.2)
        wait_for(lambda: slack.connections == 1)
        assert slack.requests == []
