"""Who the app is: asked until Slack tells it, and what waits meanwhile."""

import logging

import pytest

from st2slack.base.errors import RateLimited, RequestNotSent
from st2slack.sensor import identity
from st2slack.sensor.identity import IdentityLookup
from st2slack.sensor.model import Identity

ANSWER = {"ok": True, "team_id": "T1", "user_id": "U1", "bot_id": "B1", "team": "acme", "user": "x"}


class Client:
    """Answers auth.test with the next of `answers`; an exception is raised."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.count = 0

    def call(self, method):
        assert method == "auth.test"
        self.count += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Stop:
    """An event that notes how long was waited for it, and is set after so many waits."""

    def __init__(self, after=100):
        self.waits = []
        self._after = after

    def wait(self, seconds):
        self.waits.append(seconds)
        return len(self.waits) > self._after


@pytest.fixture
def make():
    """Client → (the look-up, what happened in order)."""

    def make(*answers):
        happened = []
        lookup = IdentityLookup(
            Client(*answers),
            logging.getLogger("test"),
            lambda: happened.append("renewed"),
            happened.append,
            happened.append,
        )
        return lookup, happened

    return make


def failure(text="no route"):
    return RequestNotSent(text)


def test_what_is_held_comes_after_the_identity_in_order(make):
    lookup, happened = make(failure(), ANSWER)
    assert lookup.hold("a")
    lookup.ask()
    assert not lookup.is_known and lookup.hold("b") and lookup.waiting == 2
    lookup.ask()
    known = Identity("T1", "U1", "B1", "", "acme", "x", "")
    assert happened == [known, "a", "b"] and lookup.waiting == 0
    assert not lookup.hold("c"), "the caller judges it anew"
    lookup.ask()
    assert happened == [known, "a", "b"]


def test_an_answer_that_names_nobody_is_no_identity(make, caplog):
    lookup, happened = make({"ok": True}, ANSWER)
    lookup.ask()
    assert not lookup.is_known and happened == []
    assert "auth.test names no user" in caplog.text
    lookup.ask()
    assert lookup.is_known


def test_it_is_asked_every_few_seconds(make):
    lookup, _ = make(failure(), failure(), ANSWER)
    stop = Stop()
    lookup.run(stop)
    assert stop.waits == [identity.RETRY] * 3 and identity.RETRY <= 10


def test_it_ends_with_the_sensor(make):
    lookup, _ = make(failure(), failure())
    lookup.run(Stop(after=2))
    assert not lookup.is_known


@pytest.mark.parametrize(("asked", "waited"), [(30, 30), (3600, 60), (0, identity.RETRY)])
def test_a_rate_limit_is_kept_within_bounds(make, asked, waited):
    limited = RateLimited("ratelimited", "auth.test", "ratelimited", {}, retry_after=asked)
    lookup, _ = make(limited, ANSWER)
    stop = Stop()
    lookup.run(stop)
    assert stop.waits == [identity.RETRY, waited]


def test_a_failure_is_said_once_until_it_changes(make, caplog):
    lookup, _ = make(failure(), failure(), failure("no name"), failure("no name"))
    for _ in range(4):
        lookup.ask()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2 and "(no route)" in said[0] and "(no name)" in said[1]


def test_there_is_an_end_to_what_can_wait(make, caplog, monkeypatch):
    monkeypatch.setattr(identity, "ROOM", 2)
    lookup, _ = make(ANSWER)
    assert [lookup.hold(each) for each in "abcd"] == [True, True, False, False]
    assert len(caplog.records) == 1 and "no room" in caplog.text
