"""What 2.x users rely on in their own tests: names they patch, and a bare MagicMock as response."""

from unittest import mock

import pytest
import run
from helpers import passing

from st2slack.base.errors import SlackApiError

CONFIG = {"action_token": "xoxb-1"}
CALL = {"end_point": "chat.postMessage", "http_method": "POST", "channel": "C1", "text": "x"}


def test_tests_of_users_pass_unchanged():
    """With StackStorm's own test base (the real one under `make test-st2`)."""
    assert "2 passed" in passing("fixtures/users_own_tests.py")


@pytest.mark.parametrize("verb, function", [("POST", "post"), ("GET", "get")])
@pytest.mark.parametrize("place", ["requests", "run.requests"])
def test_a_single_call_goes_through_requests_looked_up_at_call_time(verb, function, place):
    action = run.SlackAction(CONFIG)
    with mock.patch("%s.%s" % (place, function)) as patched:
        patched.return_value.json.return_value = {"ok": True}
        assert action.run(**dict(CALL, http_method=verb)) == {"ok": True}
    assert patched.call_count == 1


def test_the_whole_module_can_be_patched():
    with mock.patch("run.requests") as requests:
        requests.post.return_value.json.return_value = {"ok": True}
        assert run.SlackAction(CONFIG).run(**CALL) == {"ok": True}
    assert requests.post.call_count == 1


def test_a_bare_magic_mock_is_an_answer():
    with mock.patch("requests.post", return_value=mock.MagicMock()) as post:
        answer = run.SlackAction(CONFIG).run(**CALL)
    assert answer is post.return_value.json.return_value


@pytest.mark.parametrize("ok", [False, None, 0, ""])
def test_ok_is_tested_for_truth(ok):
    with mock.patch("requests.post") as post:
        post.return_value.json.return_value = {"ok": ok, "error": "not_in_channel"}
        with pytest.raises(SlackApiError, match="not_in_channel"):
            run.SlackAction(CONFIG).run(**CALL)


def test_a_status_may_be_anything():
    for status in (mock.MagicMock(), 200, 201, "200"):
        with mock.patch("requests.post") as post:
            post.return_value.status_code = status
            post.return_value.json.return_value = {"ok": True}
            assert run.SlackAction(CONFIG).run(**CALL)["ok"]
