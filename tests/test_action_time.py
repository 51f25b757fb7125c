"""The action's own timeout: StackStorm's API is asked before a wait, and its end is respected."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from helpers import run_action

from sandbox.slack import Fault
from st2slack import action
from st2slack.base.errors import RateLimited
from st2slack.stackstorm.execution import Execution
from st2slack.stackstorm.time_left import seconds_left_of

STARTED = "2026-11-24T12:00:00.123456Z"
NOON = 1795521600.0  # the same moment, without the fraction, in Unix seconds


def execution(given=None, own=None, runner=600):
    """An execution as StackStorm's API gives it, as far as it is read."""
    document = {
        "start_timestamp": STARTED,
        "parameters": {"channel": "C1"},
        "action": {"parameters": {}},
        "runner": {"runner_parameters": {"timeout": {"default": runner}}},
    }
    if given is not None:
        document["parameters"]["timeout"] = given
    if own is not None:
        document["action"]["parameters"]["timeout"] = {"default": own}
    return document


@pytest.mark.parametrize(
    "document, now, left",
    [
        (execution(), NOON + 100, 500.0),
        (execution(own=60), NOON + 10, 50.0),
        (execution(given=30, own=60), NOON + 10, 20.0),
        (execution(given=30), NOON + 100, 0.0),
        (execution(runner=None), NOON, None),
    ],
)
def test_what_is_left(document, now, left):
    assert seconds_left_of(Execution.from_json(document), now) == left


class StackStormAPI:
    """Answers GET /executions/ID and keeps what it was asked."""

    def __init__(self, document, status=200):
        outer = self
        self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.path, self.headers["X-Auth-Token"]))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            def log_message(self, *anything):
                """Not to stderr."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.environ = {
            "ST2_ACTION_API_URL": "http://127.0.0.1:%d/v1" % self.server.server_port,
            "ST2_ACTION_EXECUTION_ID": "abc",
            "ST2_ACTION_AUTH_TOKEN": "t0ken",
        }

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_the_api_is_asked_with_the_executions_own_token():
    with StackStormAPI(execution(given=10_000_000_000)) as api:
        assert action.seconds_left(api.environ) > 0
    assert api.asked == [("/v1/executions/abc", "t0ken")]


@pytest.mark.parametrize("document, status", [({"faultstring": "no"}, 404), ([], 200), (None, 500)])
def test_an_api_that_cannot_tell_means_no_end_known(document, status):
    with StackStormAPI(document, status) as api:
        assert action.seconds_left(api.environ) is None


def test_outside_stackstorm_no_end_is_known():
    assert action.seconds_left({}) is None
    gone = {"ST2_ACTION_API_URL": "http://127.0.0.1:9/", "ST2_ACTION_EXECUTION_ID": "abc"}
    assert action.seconds_left(gone) is None


def test_a_wait_past_the_end_of_the_action_is_not_begun(slack, config, monkeypatch):
    """A rate limit of 5 s, `max_wait` of 10 s, an action that has ended long ago by its timeout."""
    slack.faults.append(Fault.rate_limited(5, times=None))
    with StackStormAPI(execution(given=30)) as api:
        for name, value in api.environ.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(RateLimited, match="does not fit into the time left"):
            run_action(config, "auth.test")
    assert len(api.asked) == 1 and len(slack.requests) == 1


def test_the_api_is_not_asked_where_nothing_waits(slack, config, monkeypatch):
    with StackStormAPI(execution()) as api:
        for name, value in api.environ.items():
            monkeypatch.setenv(name, value)
        run_action(config, "auth.test")
    assert api.asked == []
