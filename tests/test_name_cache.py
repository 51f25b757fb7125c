"""Who and where: looked up on a real wire, kept, brought up to date, and never waited for long."""

import threading
from dataclasses import replace

import pytest
import requests
from helpers import Clock, calls

from sandbox.slack import Fault
from sandbox.slack.state.seed import BOT, DEPLOYS, GENERAL, INCIDENTS, JONAS, OWNER, PRIYA, TOMASZ
from st2slack.api.client import Timing
from st2slack.api.single_attempt import SingleAttemptClient
from st2slack.sensor.name_cache import MISSING_FOR, NameCache
from st2slack.settings.slack import read_settings


def directory(config, max_wait=2.0, **options):
    settings = replace(read_settings(config), max_wait=max_wait)
    clock = options.setdefault("clock", Clock())
    made = NameCache(SingleAttemptClient(settings), **options)
    made.clock = clock
    return made


@pytest.fixture
def names(config):
    return directory(config)


def test_a_user_is_looked_up_once(slack, names):
    first = names.user(OWNER)
    assert (first["name"], first["real_name"], first["is_owner"]) == (
        "mara",
        "Mara Lindqvist",
        True,
    )
    assert first["profile"]["first_name"] == "Mara"
    assert names.user(OWNER) == first
    assert [each.args["user"] for each in calls(slack, "users.info")] == [OWNER]
    assert names.looked_up == 1


def test_a_channel_is_looked_up_once(slack, names):
    first = names.channel(INCIDENTS)
    assert (first["name"], first["is_private"], first["topic"]) == (
        "ops-incidents",
        True,
        {"value": ""},
    )
    assert names.channel(INCIDENTS) == first
    assert len(calls(slack, "conversations.info")) == 1


def test_bots_and_deleted_users_are_users(names):
    assert names.user(BOT)["is_bot"] is True
    assert names.user(JONAS)["deleted"] is True


def test_no_list_is_ever_asked_for(slack, names):
    names.names([OWNER, GENERAL, PRIYA, DEPLOYS])
    assert {each.method for each in slack.requests} == {"users.info", "conversations.info"}


@pytest.mark.parametrize("nobody", ["", None, 7, [], {}])
def test_no_id_is_no_look_up(slack, names, nobody):
    assert names.user(nobody) == {}
    assert names.channel(nobody) == {}
    assert slack.requests == []


def test_what_is_old_is_asked_for_again(slack, names):
    names.user(OWNER)
    names.clock.now += 3599
    names.user(OWNER)
    assert names.looked_up == 1
    names.clock.now += 2
    names.user(OWNER)
    assert names.looked_up == 2


def test_the_cache_is_bounded(config):
    names = directory(config, size=2)
    for user in (OWNER, PRIYA, TOMASZ, TOMASZ, OWNER):
        names.user(user)
    assert names.looked_up == 4


def test_only_what_triggers_tell_is_kept(names):
    user = names.user(TOMASZ)
    assert "updated" not in user
    assert "status_text" not in user["profile"]


def test_names_of_users_and_channels(names):
    found = names.names([OWNER, DEPLOYS, "U0NOBODY001", OWNER])
    assert found == {OWNER: "mara", DEPLOYS: "deploys"}


def test_a_real_name_where_no_name_was_chosen(slack, names):
    slack.workspace.users[OWNER].profile["display_name"] = ""
    assert names.names([OWNER]) == {OWNER: "Mara Lindqvist"}


# --- refusals and faults ------------------------------------------------------------------------


def test_a_user_that_is_not_there_is_not_asked_for_again_soon(slack, names):
    assert names.user("U0NOBODY001") == {"id": "U0NOBODY001"}
    assert names.user("U0NOBODY001") == {"id": "U0NOBODY001"}
    assert (names.looked_up, names.failed) == (1, 1)
    assert names.user(OWNER)["name"] == "mara"  # that one only
    names.clock.now += MISSING_FOR + 1
    names.user("U0NOBODY001")
    assert names.looked_up == 3


@pytest.mark.parametrize("retry_after, pause", [(30, 30), (1, 1), (None, 30), (10**9, 3600)])
def test_too_many_calls_hold_nothing_up(slack, names, retry_after, pause):
    slack.faults.append(Fault.rate_limited(retry_after, method="users.info"))
    assert names.user(OWNER) == {"id": OWNER}
    assert names.user(PRIYA) == {"id": PRIYA}
    assert (names.looked_up, names.failed, names.passed_over) == (1, 1, 1)
    assert names.clock.slept == []
    assert names.channel(GENERAL)["name"] == "general"  # another method has its own limit
    names.clock.now += pause - 0.5
    assert names.user(OWNER) == {"id": OWNER}
    names.clock.now += 1
    assert names.user(OWNER)["name"] == "mara"


def test_a_client_that_tries_once_does_not_wait_for_retry_after(slack, config):
    slept = []
    settings = replace(read_settings(config), max_wait=30)
    names = NameCache(SingleAttemptClient(settings, timing=Timing(sleep=slept.append)))
    slack.faults.append(Fault.rate_limited(1, method="users.info"))
    assert names.user(OWNER) == {"id": OWNER}
    assert slept == []


@pytest.mark.parametrize("code", ["missing_scope", "invalid_auth", "token_revoked"])
def test_a_token_that_may_not_is_not_tried_with_every_id(slack, names, code):
    slack.faults.append(Fault.refuse(code, method="users.info"))
    assert names.user(OWNER) == {"id": OWNER}
    assert names.user(PRIYA) == {"id": PRIYA}
    assert len(calls(slack, "users.info")) == 1
    assert code in names.last_failure
    names.clock.now += MISSING_FOR + 1
    assert names.user(PRIYA)["name"] == "priya"


def test_a_scope_may_lack_for_one_kind_of_channel(slack, names):
    slack.faults.append(Fault.refuse("missing_scope", method="conversations.info"))
    assert names.channel(INCIDENTS) == {"id": INCIDENTS}
    assert names.channel(GENERAL)["name"] == "general"


def test_no_token_is_no_crash(config):
    del config["action_token"], config["user_token"]
    names = directory(config)
    assert names.user(OWNER) == {"id": OWNER}


@pytest.mark.parametrize(
    "fault",
    [Fault.status(500), Fault.html(), Fault.broken_json(), Fault.cut_after_read(), Fault.empty()],
    ids=["500", "html", "broken json", "cut", "empty"],
)
def test_a_broken_answer_costs_one_look_up(slack, names, fault):
    slack.faults.append(fault)
    assert names.user(OWNER) == {"id": OWNER}
    assert names.user(OWNER) == {"id": OWNER}
    assert (names.looked_up, names.failed) == (1, 1)
    names.clock.now += MISSING_FOR + 1
    assert names.user(OWNER)["name"] == "mara"


def test_an_answer_without_the_user_is_no_crash(slack, names):
    slack.faults.append(Fault.status(200, '{"ok": true, "user": []}', "application/json"))
    assert names.user(OWNER) == {"id": OWNER}


def test_a_slack_that_does_not_answer_holds_up_one_look_up(slack, config):
    """Real time: the look-up ends at its budget; the next ones are not tried for a while."""
    names = directory(config, max_wait=0.2)
    clock, let_go = names.clock, threading.Event()
    call = names._client.call
    names._client.call = lambda *given: tick(clock, 0.2) or call(*given)
    slack.faults.append(Fault.slow(let_go, method="users.info"))
    try:
        assert names.user(OWNER) == {"id": OWNER}
    finally:
        let_go.set()
    assert names.user(PRIYA) == {"id": PRIYA}
    assert names.channel(GENERAL) == {"id": GENERAL}
    assert (names.looked_up, names.passed_over) == (1, 2)
    clock.now += 1.1  # five times as long as it took
    assert names.user(PRIYA)["name"] == "priya"


def tick(clock, by):
    clock.now += by


def test_all_names_of_a_message_share_one_budget(config):
    names = directory(config, budget=2.0)
    call = names._client.call
    names._client.call = lambda *given: tick(names.clock, 1.5) or call(*given)
    assert names.names([OWNER, PRIYA, TOMASZ]) == {OWNER: "mara", PRIYA: "priya"}
    assert names.names([TOMASZ]) == {TOMASZ: "tomasz"}


# --- what events tell ---------------------------------------------------------------------------


@pytest.fixture
def heard(slack, names):
    """The directory hears what happens in the workspace."""
    before = slack.workspace.on_event

    def hear(event):
        if before is not None:
            before(event)
        names.on_event(event)

    slack.workspace.on_event = hear
    yield names
    slack.workspace.on_event = before


def call(slack, method, token=None, **arguments):
    answer = requests.post(
        slack.api_url + method,
        data=arguments,
        headers={"Authorization": "Bearer " + (token or slack.user_token)},
        timeout=5,
    ).json()
    assert answer["ok"], answer


def test_a_changed_user(slack, heard):
    heard.user(OWNER)
    call(slack, "users.profile.set", profile='{"real_name": "Mara L.", "display_name": "ml"}')
    assert heard.user(OWNER)["real_name"] == "Mara L."
    assert heard.names([OWNER]) == {OWNER: "ml"}
    assert heard.looked_up == 1


def test_a_renamed_channel(slack, heard):
    heard.channel(DEPLOYS)
    call(slack, "conversations.rename", channel=DEPLOYS, name="releases")
    assert heard.channel(DEPLOYS)["name"] == "releases"
    assert heard.channel(DEPLOYS)["is_channel"] is True
    assert heard.looked_up == 1


@pytest.mark.parametrize("method, key", [("setTopic", "topic"), ("setPurpose", "purpose")])
def test_a_new_topic(slack, heard, method, key):
    heard.channel(INCIDENTS)
    call(slack, "conversations." + method, channel=INCIDENTS, **{key: "All quiet"})
    assert heard.channel(INCIDENTS)[key] == {"value": "All quiet"}
    assert heard.looked_up == 1


def test_an_archived_channel_is_asked_for_again(slack, heard):
    heard.channel(DEPLOYS)
    call(slack, "conversations.archive", channel=DEPLOYS)
    assert heard.channel(DEPLOYS)["is_archived"] is True
    assert heard.looked_up == 2


def test_a_channel_that_appears_is_asked_for_again(names):
    names.channel("C0NEWCHAN01")
    names.on_event({"type": "channel_created", "channel": {"id": "C0NEWCHAN01", "name": "new"}})
    names.channel("C0NEWCHAN01")
    assert names.looked_up == 2


def test_an_event_about_somebody_unknown_is_not_kept(slack, names):
    for number in range(50):
        names.on_event({"type": "user_change", "user": {"id": "U%d" % number, "name": "x"}})
    assert names.looked_up == 0
    names.user("U1")
    assert names.looked_up == 1


def test_what_was_handed_out_is_not_changed(names):
    before = names.user(OWNER)
    names.on_event({"type": "user_change", "user": {"id": OWNER, "name": "other"}})
    assert (before["name"], names.user(OWNER)["name"]) == ("mara", "other")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": None},
        {"type": ["user_change"]},
        {"type": "user_change"},
        {"type": "user_change", "user": OWNER},
        {"type": "user_change", "user": {"id": ["x"]}},
        {"type": "user_change", "user": {"id": OWNER, "profile": None}},
        {"type": "channel_rename", "channel": "C1"},
        {"type": "channel_rename", "channel": {}},
        {"type": "channel_archive", "channel": ["C1"]},
        {"type": "channel_archive"},
        {"type": "message", "subtype": "channel_topic"},
        {"type": "message", "subtype": "channel_topic", "channel": GENERAL, "topic": {"a": 1}},
        {"type": "message", "subtype": ["channel_topic"], "channel": GENERAL},
        {"type": "channel_id_changed", "old_channel_id": GENERAL, "new_channel_id": 7},
    ],
)
def test_events_of_any_shape_are_no_crash(names, body):
    names.names([OWNER, GENERAL])
    names.on_event(body)
    assert names.user(OWNER)["name"] == "mara"
    assert names.channel(GENERAL)["name"] == "general"
