"""What was missed: the plan (pure), and fetching it from a Slack on loopback.

Time is the workspace's own: its timestamps are made by counting.
"""

from dataclasses import replace

import pytest
from helpers import Clock, calls

from sandbox.slack import Fault
from sandbox.slack.seed import (
    ARCHIVED,
    BOT,
    DEPLOYS,
    GENERAL,
    INCIDENTS,
    OWNER,
    PRIYA,
    RANDOM,
    TOMASZ,
)
from st2slack.events import backfill as backfill_module
from st2slack.events.backfill import SKEW, Backfill, Budget, Gap, plan
from st2slack.events.one_try import OneTry
from st2slack.settings.sensor import SensorSettings
from st2slack.settings.slack import read_settings

NOW = 1795420800.0


def at(offset):
    return "%.6f" % (NOW + offset)


def settings(**more):
    return SensorSettings(**{"backfill_max_channels": 100, **more})


# --- the plan -----------------------------------------------------------------------------------


def known(channel, name="x", **more):
    return {"id": channel, "name": name, "is_private": False, **more}


def test_the_latest_activity_comes_first():
    marks = {"C1": at(-50), "C2": at(-10), "C3": at(-30)}
    gaps, left_out = plan(marks, NOW - 5, NOW, settings())
    assert gaps == [Gap("C2", NOW - 10), Gap("C3", NOW - 30), Gap("C1", NOW - 50)]
    assert left_out == ""


def test_a_channel_without_a_watermark_is_asked_from_when_the_sensor_was_alive():
    gaps, _ = plan({"C1": at(-50)}, NOW - 20, NOW, settings(), [known("C1"), known("C2")])
    assert gaps == [Gap("C1", NOW - 50, "channel"), Gap("C2", NOW - 20 - SKEW, "channel")]


def test_a_new_sensor_fetches_nothing():
    assert plan({}, None, NOW, settings(), [known("C1")]) == ([], "")


def test_nothing_is_older_than_the_greatest_age():
    gaps, left_out = plan(
        {"C1": at(-5000)}, NOW - 5000, NOW, settings(backfill_max_age=60.0), [known("C2")]
    )
    assert [gap.since for gap in gaps] == [NOW - 60, NOW - 60]
    assert "sensor.backfill_max_age" in left_out
    assert "\n" not in left_out


def test_no_more_channels_than_allowed_and_the_rest_is_told():
    marks = {"C%d" % number: at(-number) for number in range(150)}
    gaps, left_out = plan(marks, NOW, NOW, settings())
    assert [gap.channel for gap in gaps] == ["C%d" % number for number in range(100)]
    assert "50 channels" in left_out


@pytest.mark.parametrize("off", [{"backfill_max_age": 0.0}, {"backfill_max_channels": 0}])
def test_it_can_be_switched_off(off):
    assert plan({"C1": at(-5)}, NOW, NOW, settings(**off)).gaps == []


@pytest.mark.parametrize(
    "wanted, expected",
    [
        ((), ["C1", "C2", "C3"]),
        (("C1",), ["C1"]),
        (("two",), ["C2"]),
        (("#two", "C3"), ["C2", "C3"]),
        (("three",), []),
    ],
)
def test_only_wanted_channels(wanted, expected):
    channels = [known("C1", "one"), known("C2", "two"), known("C3", None)]
    gaps, _ = plan({}, NOW, NOW, settings(channels=wanted), channels)
    assert [gap.channel for gap in gaps] == expected


def test_a_channel_whose_name_is_not_known_may_be_wanted():
    assert plan({"C1": at(-5)}, NOW, NOW, settings(channels=("one",))).gaps


@pytest.mark.parametrize(
    "flags, kind, event_type",
    [
        ({}, "public_channel", "channel"),
        ({"is_private": True}, "private_channel", "group"),
        ({"is_im": True}, "im", "im"),
        ({"is_mpim": True, "is_private": True}, "mpim", "mpim"),
    ],
)
def test_only_wanted_types(flags, kind, event_type):
    channels = [{"id": "C1", **flags}]
    (gap,), _ = plan({}, NOW, NOW, settings(channel_types=(kind,)), channels)
    assert gap.channel_type == event_type
    assert plan({}, NOW, NOW, settings(channel_types=("other",)), channels).gaps == []


@pytest.mark.parametrize(
    "marks, channels",
    [
        ({"C1": "x"}, None),
        ({"C1": None}, [{}]),
        ({}, [{"id": 7}, {"id": None}]),
        ({}, [known("C1", is_archived=True)]),
    ],
)
def test_what_cannot_be_used_is_left_out(marks, channels):
    assert plan(marks, NOW, NOW, settings(), channels).gaps == []


# --- the budget ---------------------------------------------------------------------------------


def test_fifty_calls_a_minute_of_each_method():
    clock = Clock()
    budget = Budget(clock)
    assert [budget.take("a") for _ in range(50)] == [0.0] * 50
    assert budget.take("a") == 60.0
    assert budget.take("b") == 0.0
    clock.now += 59
    assert budget.take("a") == 1.0
    clock.now += 1
    assert budget.take("a") == 0.0


def test_what_slack_asked_to_wait_holds_the_method():
    clock = Clock()
    budget = Budget(clock)
    budget.hold("a", 30)
    budget.hold("a", 10)
    assert (budget.take("a"), budget.take("b")) == (30.0, 0.0)
    clock.now += 30
    assert budget.take("a") == 0.0


# --- fetching -----------------------------------------------------------------------------------


class Catching:
    """A Backfill on a loopback Slack; waits cost no time, `stop_after` of them end it."""

    def __init__(self, slack, config, stop_after=1000, **more):
        self.slack = slack
        self.clock = Clock()
        self.warnings = []
        self.stop_after = stop_after
        self.made = Backfill(
            OneTry(read_settings(config)),
            settings(**more),
            lambda: self.clock.now,
            self.warnings.append,
            Budget(self.clock),
            self.wait,
            team="T1",
            workspace="harbour",
        )

    def wait(self, seconds):
        self.clock.sleep(seconds)
        return len(self.clock.slept) > self.stop_after

    @property
    def now(self):
        return float(self.slack.workspace.now()) + 1

    def fetch(self, channel, since, until=None, threads=(), kind=""):
        gap = Gap(channel, float(since), kind)
        return list(self.made.fetch(gap, until or self.now, threads))

    def texts(self, *arguments, **more):
        return [event.body["text"] for event in self.fetch(*arguments, **more)]


@pytest.fixture
def catching(slack, config):
    return Catching(slack, config)


def say(slack, *texts, channel=GENERAL, user=OWNER, **more):
    """Posts these and returns the last message."""
    for text in texts:
        message = slack.workspace.say(user, channel, text, **more)
    return message


def test_oldest_first_and_only_what_is_newer(slack, catching):
    mark = say(slack, "before", "last")["ts"]
    say(slack, "one", "two", "three")
    assert catching.texts(GENERAL, mark) == ["one", "two", "three"]
    assert catching.warnings == []


def test_two_messages_in_one_second_are_two(slack, catching):
    messages = [say(slack, str(number)) for number in range(6)]
    assert len({message["ts"].split(".")[0] for message in messages}) < 6
    for number in range(6):
        again = Catching(slack, {"api_url": slack.api_url, "action_token": slack.bot_token})
        expected = [str(each) for each in range(number + 1, 6)]
        assert again.texts(GENERAL, messages[number]["ts"]) == expected


def test_the_event_is_the_one_that_was_missed(slack, catching):
    live = []
    slack.workspace.on_event = live.append
    mark = float(slack.workspace.next_ts())
    say(slack, "hello <@%s>" % PRIYA)
    (event,) = catching.fetch(GENERAL, mark, kind="channel")
    assert (event.team, event.workspace, event.source) == ("T1", "harbour", "backfill")
    assert (event.event_id, event.channel) == (None, GENERAL)
    assert event.body == live[0]
    assert "channel_type" not in catching.fetch(GENERAL, mark - 1)[0].body


def test_all_pages(slack, catching):
    mark = say(slack, "mark")["ts"]
    say(slack, *map(str, range(450)))
    assert catching.texts(GENERAL, mark) == list(map(str, range(450)))
    assert len(calls(slack, "conversations.history")) <= 5


def test_pages_in_any_order(slack, catching, monkeypatch):
    """Where Slack pages from the oldest message on, the fetch must not stop before the gap."""
    monkeypatch.setattr(backfill_module, "PAGE", 2)
    messages = [{"ts": at(number), "text": str(number)} for number in range(20)]

    def call(method, arguments):
        start = int(arguments.get("cursor", "0"))
        page = messages[start : start + 2]
        following = str(start + 2) if start + 2 < len(messages) else ""
        return {"messages": page[::-1], "response_metadata": {"next_cursor": following}}

    catching.made._client.call = call
    expected = [str(number) for number in range(16, 20)]
    assert catching.texts(GENERAL, NOW + 15, until=NOW + 20) == expected


@pytest.mark.parametrize("cursor, page", [("again", 2), (7, 1), (["a"], 1)])
def test_a_cursor_that_leads_nowhere_ends_and_is_told(slack, catching, cursor, page):
    answer = {"messages": [], "response_metadata": {"next_cursor": cursor}}
    catching.made._client.call = lambda method, arguments: answer
    assert catching.fetch(GENERAL, NOW) == []
    assert "lead nowhere after page %d" % page in catching.warnings[0]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"messages": None},
        {"messages": {"a": 1}},
        {"messages": [None, 7, {}, {"ts": 7}, {"ts": "x"}], "response_metadata": []},
        {"messages": [{"ts": at(-5), "thread_ts": 7, "latest_reply": {}, "reply_count": "x"}]},
    ],
)
def test_odd_answers_are_no_crash(catching, answer):
    catching.made._client.call = lambda method, arguments: answer
    assert catching.fetch(GENERAL, NOW) == []


def test_what_is_deleted_is_not_an_event(slack, catching):
    mark = say(slack, "mark")["ts"]
    say(slack, "", subtype="tombstone")
    assert catching.fetch(GENERAL, mark) == []


def test_this_machines_clock_may_be_behind(slack, catching):
    mark = say(slack, "mark")["ts"]
    say(slack, "posted", "later")
    assert catching.texts(GENERAL, mark, until=float(mark) - 30) == ["posted", "later"]


# --- threads ------------------------------------------------------------------------------------


def test_replies_stand_among_the_messages(slack, catching):
    mark = say(slack, "mark")["ts"]
    parent = say(slack, "parent")["ts"]
    say(slack, "reply 1", thread_ts=parent)
    say(slack, "message")
    say(slack, "reply 2", thread_ts=parent)
    assert catching.texts(GENERAL, mark) == ["parent", "reply 1", "message", "reply 2"]


def test_a_reply_to_a_message_that_was_seen(slack, catching):
    """It was no thread yet when the sensor went away."""
    seen = say(slack, "seen", "mark")
    parent = slack.workspace.channels[GENERAL].messages[-2]["ts"]
    say(slack, "reply", thread_ts=parent)
    assert catching.texts(GENERAL, seen["ts"]) == ["reply"]
    assert len(calls(slack, "conversations.replies")) == 1


def test_threads_without_news_cost_no_call(slack, catching):
    parent = say(slack, "parent")["ts"]
    mark = say(slack, "old reply", thread_ts=parent)["ts"]
    say(slack, "message")
    assert catching.texts(GENERAL, mark, threads=[parent]) == ["message"]
    assert calls(slack, "conversations.replies") == []


def test_a_remembered_thread_whose_parent_is_old(slack, config):
    catching = Catching(slack, config, backfill_max_age=1.0)
    parent = say(slack, "parent")["ts"]
    mark = say(slack, *map(str, range(20)))["ts"]
    say(slack, "reply", thread_ts=parent)
    assert catching.texts(GENERAL, mark) == []
    assert catching.texts(GENERAL, float(mark) - 0.1, threads=[parent])[-1:] == ["reply"]


def test_a_reply_that_was_also_sent_to_the_channel_comes_once(slack, catching):
    parent = say(slack, "parent")["ts"]
    mark = say(slack, "mark")["ts"]
    say(slack, "reply", thread_ts=parent)
    say(slack, "both", thread_ts=parent, subtype="thread_broadcast")
    assert catching.texts(GENERAL, mark) == ["reply", "both"]


def test_a_thread_of_many_pages(slack, catching):
    parent = say(slack, "parent")["ts"]
    mark = say(slack, "mark")["ts"]
    say(slack, *map(str, range(250)), thread_ts=parent)
    assert catching.texts(GENERAL, mark) == list(map(str, range(250)))


def test_a_thread_that_is_gone_does_no_harm(slack, catching):
    mark = say(slack, "mark")["ts"]
    say(slack, "message")
    assert catching.texts(GENERAL, mark, threads=["1500000000.000001", "x"]) == ["message"]
    assert catching.warnings == []


def test_old_threads_are_bounded_and_the_rest_is_told(slack, catching):
    mark = say(slack, "mark")["ts"]
    threads = ["15000000%02d.000001" % number for number in range(25)]
    catching.fetch(GENERAL, mark, threads=threads)
    asked = [each.args["ts"] for each in calls(slack, "conversations.replies")]
    assert asked == threads[:4:-1]
    assert "5 older threads" in catching.warnings[0]


def test_history_is_not_read_far_beyond_the_gap(slack, catching):
    say(slack, *map(str, range(1500)))
    mark = say(slack, "mark")["ts"]
    say(slack, "message")
    assert catching.texts(GENERAL, mark) == ["message"]
    assert len(calls(slack, "conversations.history")) == 3


# --- a connection that flaps --------------------------------------------------------------------


def test_the_same_window_is_not_asked_for_again(slack, catching):
    mark = say(slack, "mark")["ts"]
    say(slack, "message")
    until = catching.now
    assert catching.texts(GENERAL, mark, until) == ["message"]
    assert catching.texts(GENERAL, mark, until) == []
    assert len(calls(slack, "conversations.history")) == 1
    catching.clock.now += 60
    assert catching.texts(GENERAL, mark, until) == ["message"]


def test_only_what_is_new_is_fetched_after_a_flap(slack, catching):
    mark = say(slack, "mark")["ts"]
    say(slack, "one")
    assert catching.texts(GENERAL, mark) == ["one"]
    say(slack, "two", "three")
    assert catching.texts(GENERAL, mark) == ["two", "three"]


def test_what_was_not_handed_over_is_asked_for_again(slack, catching):
    mark = say(slack, "mark")["ts"]
    say(slack, "one", "two")
    until = catching.now
    begun = catching.made.fetch(Gap(GENERAL, float(mark)), until)
    assert next(begun).body["text"] == "one"
    begun.close()
    assert catching.texts(GENERAL, mark, until) == ["one", "two"]


def test_an_older_gap_is_asked_for_whole(slack, catching):
    older = say(slack, "older")["ts"]
    mark = say(slack, "mark")["ts"]
    say(slack, "one")
    until = catching.now
    assert catching.texts(GENERAL, mark, until) == ["one"]
    assert catching.texts(GENERAL, older, until) == ["mark", "one"]


# --- limits and faults --------------------------------------------------------------------------


def test_slacks_limits_are_kept(slack, catching):
    say(slack, "message")
    for number in range(60):
        catching.fetch(GENERAL, NOW + number, until=NOW + 1000 + number)
        catching.clock.now += 0.1
    history = len(calls(slack, "conversations.history"))
    assert history == 60
    assert sum(catching.clock.slept) == pytest.approx(
        55.0
    )  # the 51st waited for the first's minute


@pytest.mark.parametrize("retry_after, waited", [(7, 7), (0, 1), (None, 30)])
def test_retry_after_is_obeyed(slack, catching, retry_after, waited):
    mark = say(slack, "mark")["ts"]
    say(slack, "message")
    slack.faults.append(Fault.rate_limited(retry_after, method="conversations.history"))
    assert catching.texts(GENERAL, mark) == ["message"]
    assert sum(catching.clock.slept) == pytest.approx(waited)
    assert catching.warnings == []


@pytest.mark.parametrize(
    "fault", [Fault.status(503), Fault.cut_after_read(), Fault.refuse("internal_error")], ids=str
)
def test_trouble_of_slacks_is_waited_for(slack, catching, fault):
    mark = say(slack, "mark")["ts"]
    say(slack, "message")
    fault.times = 3
    slack.faults.append(fault)
    assert catching.texts(GENERAL, mark) == ["message"]
    assert len(catching.clock.slept) == 3


def test_a_slack_that_stays_away_is_told_of_once_and_nothing_is_half_fetched(slack, catching):
    mark = say(slack, "mark")["ts"]
    parent = say(slack, "parent")["ts"]
    say(slack, "reply", thread_ts=parent)
    slack.faults.append(Fault.status(503, method="conversations.replies", times=None))
    for _ in range(2):
        assert catching.fetch(GENERAL, mark) == []
    assert len(catching.warnings) == 1
    assert catching.made.failed == 2
    assert GENERAL in catching.warnings[0]
    slack.faults.clear()
    assert catching.texts(GENERAL, mark) == ["parent", "reply"]


@pytest.mark.parametrize("method", ["conversations.history", "conversations.replies"])
def test_the_end_of_the_sensor_ends_a_wait(slack, config, method):
    catching = Catching(slack, config, stop_after=0)
    mark = say(slack, "mark")["ts"]
    say(slack, "reply", thread_ts=say(slack, "parent")["ts"])
    slack.faults.append(Fault.rate_limited(3600, method=method))
    assert catching.fetch(GENERAL, mark) == []
    assert len(catching.clock.slept) == 1
    assert catching.warnings == []


def test_a_missing_scope_is_told_of_once(slack, catching):
    fault = Fault.refuse(
        "missing_scope",
        method="conversations.history",
        times=None,
        needed="groups:history",
        provided="channels:history",
    )
    slack.faults.append(fault)
    for channel in (INCIDENTS, DEPLOYS, GENERAL):
        assert catching.fetch(channel, NOW) == []
    assert len(catching.warnings) == 1
    assert "groups:history" in catching.warnings[0]


def test_channels_that_cannot_be_read_are_told_of_once_each(slack, catching):
    for _ in range(2):
        assert catching.fetch(RANDOM, NOW) == []  # the bot is not in it
        assert catching.fetch("C0NOBODY001", NOW) == []
        catching.clock.now += 100
    assert len(catching.warnings) == 2
    assert "not_in_channel" in catching.warnings[0]
    assert "channel_not_found" in catching.warnings[1]


def test_a_thread_that_is_refused_leaves_the_rest(slack, catching):
    mark = say(slack, "mark")["ts"]
    say(slack, "reply", thread_ts=say(slack, "parent")["ts"])
    slack.faults.append(Fault.refuse("access_denied", method="conversations.replies"))
    assert catching.texts(GENERAL, mark) == ["parent"]
    assert len(catching.warnings) == 1


# --- what the app is in -------------------------------------------------------------------------


def test_what_the_app_is_in(slack, catching):
    found = catching.made.conversations()
    assert {each["id"] for each in found} == {GENERAL, DEPLOYS, INCIDENTS}
    assert ARCHIVED not in {each["id"] for each in found}
    (call,) = calls(slack, "users.conversations")
    assert call.args["types"] == "public_channel,private_channel"


def test_only_wanted_types_are_asked_for(slack, config):
    slack.workspace.direct([TOMASZ, BOT])
    found = Catching(slack, config, channel_types=("im",)).made.conversations()
    assert [each["user"] for each in found] == [TOMASZ]


def test_a_scope_that_lacks_for_one_type_leaves_the_others(slack, catching):
    slack.faults.append(Fault.refuse("missing_scope", needed="groups:read", times=1))
    slack.faults.append(Fault.refuse("missing_scope", needed="groups:read", times=1, after=1))
    assert {each["id"] for each in catching.made.conversations()} == {GENERAL, DEPLOYS}
    assert len(catching.warnings) == 1


@pytest.mark.parametrize("code", ["invalid_auth", "missing_scope"])
def test_where_slack_does_not_tell_there_is_one_warning(slack, catching, code):
    slack.faults.append(Fault.refuse(code, times=None))
    assert catching.made.conversations() == []
    assert catching.made.conversations() == []
    assert len(catching.warnings) == 1


def test_plan_and_fetch_together(slack, catching):
    mark = say(slack, "seen", channel=DEPLOYS)["ts"]
    alive = catching.now
    say(slack, "missed in deploys", channel=DEPLOYS)
    say(slack, "missed in general")
    gaps, _ = plan({DEPLOYS: mark}, alive, catching.now, settings(), catching.made.conversations())
    found = [event.body["text"] for gap in gaps for event in catching.made.fetch(gap, catching.now)]
    assert gaps[0].channel == DEPLOYS
    assert found[0] == "missed in deploys"
    assert "missed in general" in found


def test_the_workspace_is_the_configs(slack, config):
    made = Backfill(
        OneTry(replace(read_settings(config), workspace="emea")), settings(), lambda: 0.0, print
    )
    mark = say(slack, "mark")["ts"]
    say(slack, "message")
    (event,) = made.fetch(Gap(GENERAL, float(mark)), float(mark))
    assert event.workspace == "emea"
