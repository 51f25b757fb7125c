"""Direct messages, the hand-over of a user group, and who is in one."""

import json

import list_usergroup_members
import pytest
import send_direct_message
import set_usergroup
from helpers import calls

from sandbox.slack import Fault
from sandbox.slack.state.tokens import Token
from sandbox.slack.state.workspace import User
from sandbox.stackstorm.runner.action_process import run_action
from st2slack.base.errors import (
    InputError,
    NotFound,
    ResponseLost,
    SeveralMatch,
    SlackApiError,
    SlackError,
)

MARA, TOMASZ, PRIYA, BOT = "U0HARBOUR01", "U0HARBOUR02", "U0HARBOUR03", "U0HARBOUR06"
GROUP = "S0ONCALL001"
WRITES = {
    "conversations.open",
    "chat.postMessage",
    "usergroups.enable",
    "usergroups.users.update",
}


def tell(config, users, **message):
    message = message or {"text": "The tide is in."}
    return send_direct_message.SendDirectMessageAction(config).run(users=users, **message)


def hand_over(config, users, usergroup="@on-call", **more):
    return set_usergroup.SetUsergroupAction(config).run(usergroup, users, **more)


def written(slack):
    """The methods called that change something."""
    return [each.method for each in slack.requests if each.method in WRITES]


def form(slack, method):
    return dict(calls(slack, method)[-1].form)


def members(slack):
    return slack.workspace.usergroups[GROUP]["users"]


def add_people(slack, count):
    for number in range(count):
        slack.workspace.add_user(User("U0EXTRA%04d" % number, "extra%d" % number, "Extra"))


# --- direct messages ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who", ["mara", "@mara", MARA, "mara@harbour-works.example", "Mara Lindqvist", "<@%s>" % MARA]
)
def test_a_message_to_one(slack, config, who):
    answer = tell(config, who)
    channel = slack.workspace.channels[answer["channel"]]
    assert (channel.kind, sorted(channel.members)) == ("im", [MARA, BOT])
    assert channel.messages[-1]["text"] == "The tide is in."
    assert answer["ok"] and answer["users"] == [MARA] and answer["ts"]
    assert written(slack) == ["conversations.open", "chat.postMessage"]


def test_a_message_to_several_is_one_conversation(slack, config):
    answer = tell(config, "mara, tomasz@harbour-works.example , %s,@mara" % PRIYA)
    channel = slack.workspace.channels[answer["channel"]]
    assert channel.kind == "mpim" and sorted(channel.members) == [MARA, TOMASZ, PRIYA, BOT]
    assert answer["users"] == [MARA, TOMASZ, PRIYA]
    assert written(slack) == ["conversations.open", "chat.postMessage"]


def test_the_same_conversation_is_used_again(slack, config):
    assert tell(config, "mara")["channel"] == tell(config, MARA)["channel"]


def test_all_that_a_message_may_have(slack, config):
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*x*"}}]
    parent = tell(config, "mara")["ts"]
    tell(
        config,
        "mara",
        text="grüß 🎉 <b> &",
        blocks=blocks,
        attachments=[{"text": "a"}],
        thread_ts=parent,
        unfurl_links=False,
    )
    sent = form(slack, "chat.postMessage")
    assert sent["text"] == "grüß 🎉 <b> &" and sent["thread_ts"] == parent
    assert json.loads(sent["blocks"]) == blocks and sent["unfurl_links"] == "false"
    assert json.loads(sent["attachments"]) == [{"text": "a"}]


@pytest.mark.parametrize("message", [{"blocks": [{"type": "divider"}]}, {"attachments": [{}]}])
def test_a_message_may_be_without_text(slack, config, message):
    assert tell(config, "mara", text=None, **message)["ok"]
    assert "text" not in form(slack, "chat.postMessage")


@pytest.mark.parametrize(
    "who",
    [
        "mara,nobody",
        "nobody,mara",
        "mara,no@body.example",
        "mara,U0NOBODY001",
        "mara,jonas",
        "mara,U0HARBOUR04",
        "mara,jonas@harbour-works.example",
    ],
)
def test_where_one_is_not_found_nothing_is_done(slack, config, who):
    with pytest.raises(NotFound):
        tell(config, who)
    assert written(slack) == []


def test_where_a_name_is_that_of_several_nothing_is_done(slack, config):
    add_people(slack, 2)
    with pytest.raises(SeveralMatch, match="U0EXTRA0000.*U0EXTRA0001"):
        tell(config, "mara,Extra")
    assert written(slack) == []


@pytest.mark.parametrize(
    ("who", "message", "part"),
    [
        ("", {"text": "x"}, "`users` is empty"),
        (" , ,", {"text": "x"}, "`users` is empty"),
        (None, {"text": "x"}, "`users` is empty"),
        ("<@%s>," % MARA, {"text": "<@%s> hi" % PRIYA}, "`users` ends with a comma.*missing"),
        ("mara,\u00a0", {"text": "priya hi"}, "`users` ends with a comma.*missing"),
        ("mara", {"text": ""}, "message is empty"),
        ("mara", {"text": None, "blocks": []}, "message is empty"),
        ("mara", {"text": "", "unfurl_links": True, "thread_ts": "1.2"}, "message is empty"),
        ("mara", {"text": "\ud800"}, "`text` holds half of a character"),
    ],
)
def test_what_cannot_be_sent_is_known_before_anything_is_asked(slack, config, who, message, part):
    with pytest.raises(InputError, match=part):
        tell(config, who, **message)
    assert slack.requests == []


def test_more_than_eight_are_too_many(slack, config):
    add_people(slack, 9)
    eight = ",".join("U0EXTRA%04d" % number for number in range(8))
    with pytest.raises(InputError, match="names 9 people; a direct message has 8 at most"):
        tell(config, eight + ",U0EXTRA0008")
    assert written(slack) == []
    assert len(tell(config, eight)["users"]) == 8


@pytest.mark.parametrize("fault", [Fault.status(500), Fault.cut_after_read(), Fault.cut_midway()])
def test_a_message_that_may_have_arrived_is_not_sent_twice(slack, config, fault):
    fault.method, fault.times = "chat.postMessage", None
    slack.faults.append(fault)
    with pytest.raises(ResponseLost, match="may have arrived"):
        tell(config, "mara")
    assert written(slack) == ["conversations.open", "chat.postMessage"]


def test_a_conversation_that_cannot_be_opened_gets_no_message(slack, config):
    slack.faults.append(Fault.refuse("missing_scope", "conversations.open", needed="mpim:write"))
    with pytest.raises(SlackApiError, match="needed scope: mpim:write"):
        tell(config, "mara,tomasz")
    assert written(slack) == ["conversations.open"]


def test_a_missing_scope_for_names_is_told_before_anything_is_done(slack, config):
    slack.tokens["xoxb-writer"] = Token("bot", BOT, ("chat:write", "im:write"))
    with pytest.raises(SlackApiError, match="needed scope: users:read"):
        tell(config, "mara", text="x", token="xoxb-writer")
    assert written(slack) == []


# --- the hand-over ------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["on-call", "@on-call", GROUP, "<!subteam^%s|@on-call>" % GROUP])
def test_these_and_nobody_else_are_members(slack, config, group):
    told = hand_over(config, "mara, priya@harbour-works.example", group)
    assert members(slack) == [MARA, PRIYA]
    assert told == {
        "id": GROUP,
        "handle": "on-call",
        "changed": True,
        "was_disabled": False,
        "users": [MARA, PRIYA],
        "came": [MARA, PRIYA],
        "went": [TOMASZ],
        "stayed": [],
    }
    assert form(slack, "usergroups.users.update")["users"] == "%s,%s" % (MARA, PRIYA)


def test_who_stays_is_told(slack, config):
    told = hand_over(config, "tomasz,mara")
    assert (told["came"], told["went"], told["stayed"]) == ([MARA], [], [TOMASZ])


@pytest.mark.parametrize("users", ["tomasz", TOMASZ, "Tomasz Nowak,tomasz,@TOMASZ"])
def test_where_nothing_differs_nothing_is_sent(slack, config, users):
    told = hand_over(config, users)
    assert told["changed"] is False and told["stayed"] == [TOMASZ]
    assert written(slack) == []


def test_the_order_of_the_members_is_no_difference(slack, config):
    slack.workspace.usergroups[GROUP]["users"] = [MARA, TOMASZ]
    assert hand_over(config, "tomasz,mara")["changed"] is False
    assert written(slack) == []


@pytest.mark.parametrize("who", ["mara,nobody", "mara,jonas", "no@body.example", "U0NOBODY001"])
def test_where_one_is_not_found_nothing_changes(slack, config, who):
    with pytest.raises(NotFound):
        hand_over(config, who)
    assert members(slack) == [TOMASZ] and written(slack) == []


@pytest.mark.parametrize("users", ["", " ", ",,", None])
def test_an_empty_group_is_refused_with_the_way_out(slack, config, users):
    with pytest.raises(InputError, match="`users` is empty.*slack.usergroups.disable"):
        hand_over(config, users)
    assert slack.requests == []


def test_a_group_that_is_none(slack, config):
    with pytest.raises(NotFound, match="no user group '@nobody'"):
        hand_over(config, "mara", "@nobody")
    assert written(slack) == []


def disable(slack):
    slack.workspace.usergroups[GROUP]["date_delete"] = 1795420801


def test_a_disabled_group_is_refused(slack, config):
    disable(slack)
    with pytest.raises(InputError, match="@on-call \\(%s\\) is disabled.*`enable`" % GROUP):
        hand_over(config, "mara")
    assert members(slack) == [TOMASZ] and written(slack) == []


@pytest.mark.parametrize("users", ["mara", "tomasz"])
def test_a_disabled_group_is_enabled_on_request(slack, config, users):
    disable(slack)
    told = hand_over(config, users, enable=True)
    assert told["was_disabled"] is True and told["changed"] is True
    assert slack.workspace.usergroups[GROUP]["date_delete"] == 0
    assert members(slack) == told["users"]


def test_a_disabled_group_stays_so_where_one_is_not_found(slack, config):
    disable(slack)
    with pytest.raises(NotFound):
        hand_over(config, "nobody", enable=True)
    assert slack.workspace.usergroups[GROUP]["date_delete"] and written(slack) == []


def test_what_was_done_is_told_where_the_rest_fails(slack, config):
    disable(slack)
    slack.faults.append(Fault.refuse("permission_denied", "usergroups.users.update"))
    with pytest.raises(SlackApiError, match="permission_denied.*The group was enabled before"):
        hand_over(config, "mara", enable=True)


def test_an_enabled_group_is_not_enabled_again(slack, config):
    assert hand_over(config, "mara", enable=True)["was_disabled"] is False
    assert written(slack) == ["usergroups.users.update"]


def test_a_change_that_may_have_arrived_is_not_sent_twice(slack, config):
    slack.faults.append(Fault.cut_after_read(method="usergroups.users.update", times=None))
    with pytest.raises(ResponseLost, match="may have arrived"):
        hand_over(config, "mara")
    assert written(slack) == ["usergroups.users.update"]


# --- who is in a group --------------------------------------------------------------------------


def asked(config, group="@on-call"):
    return list_usergroup_members.ListUsergroupMembersAction(config).run(group)


def test_who_is_in_a_group(slack, config):
    assert asked(config) == {
        "id": GROUP,
        "handle": "on-call",
        "name": "On call",
        "disabled": False,
        "users": [{"id": TOMASZ, "name": "tomasz", "real_name": "Tomasz Nowak", "deleted": False}],
    }


def test_who_is_in_a_disabled_or_an_empty_group(slack, config):
    disable(slack)
    assert asked(config)["disabled"] is True
    slack.workspace.usergroups[GROUP]["users"] = []
    assert asked(config)["users"] == []


@pytest.mark.parametrize("count", [3, 21])
def test_somebody_whom_slack_does_not_know_is_there_by_id(slack, config, count):
    add_people(slack, count)
    ids = ["U0EXTRA%04d" % number for number in range(count)] + ["U0GONE00001"]
    slack.workspace.usergroups[GROUP]["users"] = ids
    found = asked(config)["users"]
    assert [each["id"] for each in found] == ids
    assert found[-1] == {"id": "U0GONE00001"} and found[0]["name"] == "extra0"


def test_a_large_group_costs_no_call_for_each(slack, config):
    add_people(slack, 300)
    slack.workspace.usergroups[GROUP]["users"] = ["U0EXTRA%04d" % each for each in range(300)]
    assert len(asked(config)["users"]) == 300
    assert len(slack.requests) == 4  # the group, its members, two pages of users


# --- as StackStorm runs them --------------------------------------------------------------------


def test_the_actions_run_from_their_metadata(slack, config):
    done = run_action(
        "slack.send_direct_message", {"users": "mara", "blocks": '[{"type": "divider"}]'}, config
    )
    assert (done.status, done.result["users"]) == ("succeeded", [MARA])
    done = run_action("slack.set_usergroup", {"usergroup": "on-call", "users": "mara"}, config)
    assert (done.status, done.result["came"]) == ("succeeded", [MARA])
    done = run_action("slack.list_usergroup_members", {"usergroup": "on-call"}, config)
    assert (done.status, done.result["users"][0]["name"]) == ("succeeded", "mara")


@pytest.mark.parametrize("values", [{"users": ["mara"]}, {"users": 7}])
def test_a_list_for_the_users_is_refused_before_the_call(slack, config, values):
    with pytest.raises(Exception, match="users"):
        run_action("slack.send_direct_message", dict(values, text="x"), config)
    assert slack.requests == []


def test_every_error_is_one_line(slack, config):
    for action in (lambda: tell(config, "no\nbody"), lambda: hand_over(config, "a\nb", "c\nd")):
        with pytest.raises(SlackError) as caught:
            action()
        assert "\n" not in str(caught.value)
