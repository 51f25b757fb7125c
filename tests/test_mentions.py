"""Mentions in the arguments of actions: the ID in them is what Slack is sent."""

import contextlib
import json

import post_attachment
import post_message
import pytest
from helpers import calls, make_client, run_action

from sandbox.slack import LoopbackSlack
from sandbox.slack.state.workspace import Channel, User
from sandbox.stackstorm.runner.action_process import run_action as run_from_metadata
from st2slack.approvals import post
from st2slack.approvals.context import ApprovalContext
from st2slack.base.errors import InputError, SlackApiError
from st2slack.messages import webhook
from st2slack.settings.access import read_access
from st2slack.settings.entries import texts_of
from st2slack.settings.sensor import read_sensor
from st2slack.settings.slack import read_settings
from tools.generator import ids, sources

MARA, PRIYA, LEA = "U0HARBOUR01", "U0HARBOUR03", "U0HARBOUR05"
GENERAL, DEPLOYS, GROUP = "C0GENERAL01", "C0DEPLOYS01", "S0ONCALL001"
CATALOGUE = sources.load()
ARGUMENTS = ids.arguments(CATALOGUE)
LIVING = dict(CATALOGUE.current())
# What is typed → what Slack must read, by what an argument's IDs are of.
ONE = {
    "channel": ("<#CHWKVRQTZ|general>", "CHWKVRQTZ"),
    "user": ("\u00a0<@UHEKCRWKV> ", "UHEKCRWKV"),
    "usergroup": ("<!subteam^SHJKLMNPQ|@on-call>", "SHJKLMNPQ"),
    "entity": ("<#CHWKVRQTZ>", "CHWKVRQTZ"),
}
TEXT = "<@U0HARBOUR01> in <#C0GENERAL01|general>, <!subteam^S0ONCALL001> "


# --- which arguments ----------------------------------------------------------------------------


def test_arguments_that_are_ids_by_the_facts():
    """All of them, beside what their words give for an example: U0123456789 and its like."""
    found = {(method, name): form for method, name, form in ARGUMENTS}
    examples = {"channel": "CDG", "user": "UW", "usergroup": "S", "entity": "CETU"}
    counted = 0
    for method, facts in LIVING.items():
        for name, fact in facts["args"].items():
            words = CATALOGUE.words.parameter(method, name)
            letter = next((words[at - 1] for at in [words.find("0123456789")] if at > 0), "")
            form = found.get((method, name))
            counted += 1
            if form and letter:
                assert letter in examples[form], (method, name)
            elif letter and letter in "CDGUWS" and fact["type"] != "object":
                structured = (fact.get("items") or {}).get("type") == "object"
                assert structured or fact["type"] == "boolean", (method, name)
    assert counted > 1100 and len(found) > 200
    assert list(ids.faults_of(CATALOGUE)) == []


def test_a_name_of_two_meanings_is_a_fault():
    methods = json.loads(json.dumps(CATALOGUE.methods))
    methods["chat.update"]["args"]["channel"]["value_kind"] = "user"
    rulings = {**CATALOGUE.words.rulings, "ids": {"nothing_at_all": "user"}}
    words = sources.Words(**{**vars(CATALOGUE.words), "rulings": rulings})
    changed = sources.Catalogue(CATALOGUE.root, CATALOGUE.meta, methods, words)
    faults = list(ids.faults_of(changed))
    assert any("'channel' is an ID of channel and of user" in each for each in faults)
    assert any("'nothing_at_all' is no argument" in each for each in faults)


# --- generated actions --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server():
    with LoopbackSlack() as slack:
        yield slack


def typed(name, fact, form):
    """(what the operator types, what Slack must read); None where it is no text."""
    one = ONE[form] if form else (TEXT, TEXT)
    if fact.get("format") == "csv":
        return (",".join([one[0], one[0]]), ",".join([one[1], one[1]])) if form else one
    if fact["type"] == "array" and (fact.get("items") or {}).get("type") == "string":
        return [one[0], "x"], json.dumps([one[1], "x"], separators=(",", ":"))
    if fact["type"] == "string" and fact.get("format") != "binary":
        return one
    return None


@pytest.mark.parametrize("method", sorted({method for method, _, _ in ARGUMENTS} & set(LIVING)))
def test_an_id_arrives_and_a_text_stays(server, method):
    config = {
        "api_url": server.api_url,
        "action_token": server.bot_token,
        "user_token": server.user_token,
        "config_token": server.config_token,
        "sensor": {"app_token": server.app_token},
        "max_wait": 1,
    }
    forms = {name: form for each, name, form in ARGUMENTS if each == method}
    both = {
        name: typed(name, fact, forms.get(name))
        for name, fact in LIVING[method]["args"].items()
        if name not in ("client_id", "client_secret")
    }
    both = {name: pair for name, pair in both.items() if pair}
    before = len(server.requests)
    with contextlib.suppress(SlackApiError):  # nobody has these IDs; what counts is what was sent
        run_action(config, method, **{name: pair[0] for name, pair in both.items()})
    received = dict(server.requests[before].form)
    assert {name: received.get(name) for name in both} == {n: p[1] for n, p in both.items()}
    assert set(forms) <= set(both)


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("chat.postMessage", {"channel": "<#C0GENERAL01|general>", "text": TEXT}),
        ("chat.postMessage", {"channel": "<@U0HARBOUR01|mara>", "text": TEXT}),
        ("conversations.setTopic", {"channel": "<#C0DEPLOYS01|deploys>", "topic": TEXT}),
        ("conversations.invite", {"channel": "<#C0DEPLOYS01>", "users": "<@U0HARBOUR05|lea>"}),
        ("users.info", {"user": "<@U0HARBOUR01|mara>"}),
        ("conversations.open", {"users": "<@U0HARBOUR01|Lindqvist, Mara>, <@U0HARBOUR03>"}),
        ("usergroups.users.list", {"usergroup": "<!subteam^S0ONCALL001|@on-call>"}),
        (
            "usergroups.users.update",
            {"usergroup": "<!subteam^S0ONCALL001>", "users": "<@%s>" % MARA},
        ),
    ],
)
def test_slack_knows_who_and_what_is_meant(config, method, given):
    done = run_from_metadata("slack." + method, given, config)
    assert done.status == "succeeded", done.stderr


def test_a_text_that_is_posted_keeps_its_mentions(slack, config):
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": TEXT}}]
    run_action(config, "chat.postMessage", channel="<#%s>" % GENERAL, text=TEXT, blocks=blocks)
    message = slack.workspace.channels[GENERAL].messages[-1]
    assert message["text"] == TEXT and message["blocks"][0]["text"]["text"] == TEXT


def test_a_mention_of_another_kind_is_named(slack, config):
    with pytest.raises(InputError, match="`users`: <#C0GENERAL01> is a channel, not a person"):
        run_action(config, "conversations.invite", channel=DEPLOYS, users="U1,<#C0GENERAL01|x>")
    assert slack.requests == []


def test_a_plain_call_does_not_load_the_grammar():
    """Every execution pays for what it loads; most calls hold no mention."""
    import subprocess
    import sys

    code = (
        "import sys; sys.path[:0] = ['actions', 'actions/lib']\n"
        "from st2slack.api.client import Client\n"
        "from st2slack.settings.slack import read_settings\n"
        "client = Client(read_settings({'action_token': 'xoxb-1'}, None))\n"
        "client.prepare('chat.postMessage', {'channel': '#general', 'text': '<@U1> hi'})\n"
        "client.prepare('conversations.invite', {'channel': 'C1', 'users': 'U1,U2'})\n"
        "assert 'st2slack.base.ids' not in sys.modules\n"
        "client.prepare('conversations.invite', {'channel': 'C1', 'users': 'U1,<@U2>'})\n"
        "assert 'st2slack.base.ids' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=str(CATALOGUE.root), timeout=60)


# --- hand-written actions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "channels",
    ["<#C0DEPLOYS01>", "<#C0DEPLOYS01|deploys>", "\u00a0#deploys", "DEPLOYS", "#C0DEPLOYS01"],
)
def test_a_file_is_shared_where_a_mention_says(slack, config, channels):
    given = {"content": "x", "channels": channels + ", <#%s|a, b>," % GENERAL}
    done = run_from_metadata("slack.files.upload", given, config)
    assert done.status == "succeeded", done.stderr
    sent = dict(calls(slack, "files.completeUploadExternal")[-1].form)
    assert sent["channels"] == "%s,%s" % (DEPLOYS, GENERAL)


def test_a_file_goes_to_no_channel_that_took_an_id_for_its_name(slack, config):
    slack.workspace.add_channel(Channel("C0EXTRA0001", "chwkvrqtz", LEA, members=["U0HARBOUR06"]))
    done = run_from_metadata(
        "slack.files.upload", {"content": "x", "channels": "<#CHWKVRQTZ|x>"}, config
    )
    assert done.status == "failed" and "channel_not_found" in done.stderr


@pytest.mark.parametrize("channels", ["<@U0HARBOUR01|mara>", "@mara", MARA, "UHEKCRWKV"])
def test_a_person_is_no_place_for_a_file(slack, config, channels):
    done = run_from_metadata("slack.files.upload", {"content": "x", "channels": channels}, config)
    assert "is a person, not a conversation" in done.stderr and slack.requests == []


@pytest.mark.parametrize(
    ("given", "sent"),
    [("<#C0RANDOM001|random>", "C0RANDOM001"), ("#random", "#random"), ("<@%s>" % MARA, MARA)],
)
def test_the_channel_of_a_webhook(slack, config, given, sent):
    settings = read_settings({**config, "post_message_action": {"channel": given}}, None)
    assert webhook.build(settings, {"text": TEXT}, {}) == {"text": TEXT, "channel": sent}
    assert webhook.build(settings, {"text": "x"}, {"channel": given})["channel"] == sent


def test_a_webhook_posts_where_a_mention_says(slack, config):
    own = {"post_message_action": {"webhook_url": slack.legacy_webhook_url}, "max_wait": 5}
    assert post_message.PostMessageAction(own).run(TEXT, channel="<#C0RANDOM001|random>") is True
    action = post_attachment.PostAttachmentAction(own)
    assert action.run({"text": TEXT}, channel="<#C0RANDOM001>") is True
    messages = slack.workspace.channels["C0RANDOM001"].messages[-2:]
    assert messages[0]["text"] == TEXT and messages[1]["attachments"][0]["text"] == TEXT


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("<#CHWKVRQTZ|general>", "CHWKVRQTZ"),
        ("<@UHEKCRWKV|lettie>", "UHEKCRWKV"),
        ("UHEKCRWKV", "UHEKCRWKV"),
        ("@UHEKCRWKV", "UHEKCRWKV"),
        ("#C0GENERAL01", GENERAL),
        ("\u00a0#general ", GENERAL),
        ("DEPLOYS", DEPLOYS),
        ("@mara", MARA),
        ("<mailto:mara@harbour-works.example|x>", MARA),
    ],
)
def test_where_a_question_is_asked(slack, config, given, found):
    slack.workspace.add_channel(Channel("C0EXTRA0001", "chwkvrqtz", LEA))
    slack.workspace.users[LEA].profile["display_name"] = "UHEKCRWKV"
    assert (
        post.resolve_channel(ApprovalContext(None, make_client(config), None, None), given) == found
    )


def test_a_question_is_not_asked_of_a_group(config):
    with pytest.raises(InputError, match="`channel`: <!subteam.S0ONCALL001> is a user group"):
        post.resolve_channel(
            ApprovalContext(None, make_client(config), None, None),
            "<!subteam^S0ONCALL001|@on-call>",
        )


# --- the config ---------------------------------------------------------------------------------


def test_entries_of_the_config():
    rule = {"name": "r", "what": ["*"]}
    rule["who"] = ["<@UHEKCRWKV|lettie>", "<!subteam^S0ONCALL001|@on-call>", "@on-call", "everyone"]
    rule["where"] = ["<#C0DEPLOYS01|deploys>", "channels"]
    names = [{"person": "<@UHEKCRWKV>", "name": "lettie"}]
    access = read_access({"authorization": [rule], "ldap_usernames": names})
    assert texts_of(access.rules[0].who) == ["UHEKCRWKV", GROUP, "@on-call", "everyone"]
    assert access.rules[0].where == (DEPLOYS, "channels")
    assert access.ldap_usernames == {"UHEKCRWKV": "lettie"}
    sensor = read_sensor({"sensor": {"channels": ["<#C0DEPLOYS01|x>", "#ops", "\u00a0C1 "]}})
    assert sensor.channels == (DEPLOYS, "ops", "C1")


# --- impostors ----------------------------------------------------------------------------------


@pytest.fixture
def impostor(slack):
    """Lea goes by the ID of another person, and by what mentions them."""
    slack.workspace.users[LEA].profile.update(display_name="UHEKCRWKV")
    slack.workspace.users[LEA].real_name = "<@UHEKCRWKV>"
    return slack.workspace


@pytest.mark.parametrize("who", ["UHEKCRWKV", "@UHEKCRWKV", "<@UHEKCRWKV>", "<@UHEKCRWKV|lettie>"])
@pytest.mark.parametrize("there", [True, False])
def test_nothing_goes_to_an_impostor(slack, config, impostor, who, there):
    if there:
        impostor.add_user(User("UHEKCRWKV", "lettie", "Lettie Holm"))
    told = run_from_metadata("slack.send_direct_message", {"users": who, "text": "secret"}, config)
    put = run_from_metadata("slack.set_usergroup", {"usergroup": "@on-call", "users": who}, config)
    assert {told.status, put.status} == {"succeeded" if there else "failed"}
    members = ["UHEKCRWKV"] if there else ["U0HARBOUR02"]
    assert impostor.usergroups[GROUP]["users"] == members
    directs = [each for each in impostor.channels.values() if each.kind == "im"]
    assert not any(LEA in each.members for each in directs)
    assert len(directs) == int(there)
