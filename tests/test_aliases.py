"""aliases/: each leads to an action of the pack, is typed unambiguously, and answers readably."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from alias_commands import COMMANDS
from helpers import NEEDS_STACKSTORM, passing

from sandbox.stackstorm import metadata
from sandbox.stackstorm import package_path as stackstorm_path
from sandbox.stackstorm.runner import parameters
from sandbox.stackstorm.runner.action_process import run_action
from sandbox.stackstorm.server.alias_match import extract

ROOT = Path(__file__).resolve().parents[1]
ALIASES = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "aliases").glob("*.yaml"))
}
TYPED = [
    (name, command, given)
    for name, commands in COMMANDS.items()
    for command, given in commands.items()
]
# What changes nothing and says nothing to others may be on from the start.
HARMLESS = {"slack.find_user", "slack.find_channel", "slack.list_usergroup_members"}


def formats(name):
    return [text for one in ALIASES[name]["formats"] for text in one["representation"]]


def test_stackstorms_own_test_base_passes():
    assert "%d passed" % len(ALIASES) in passing("alias_cases.py")


def test_every_alias_has_cases():
    assert sorted(COMMANDS) == sorted(ALIASES)
    assert all(COMMANDS.values())


@pytest.mark.parametrize("name", sorted(ALIASES))
def test_an_alias_leads_to_an_action_that_takes_what_it_gives(name):
    alias = ALIASES[name]
    assert (alias["name"], alias["pack"]) == (name, "slack")
    action = metadata.load_action(alias["action_ref"])
    required = {key for key, each in action.parameters.items() if each.get("required")}
    for text in formats(name):
        given = set(re.findall(r"\{\{(\w+)\}\}", text))
        assert required <= given <= set(action.parameters)
    for one in alias["formats"]:
        assert one["display"].startswith("slack ") and "{{" not in one["display"]
    assert alias["ack"]["format"] and alias["result"]["format"] and alias["description"]


@pytest.mark.parametrize("name", sorted(ALIASES))
def test_what_writes_is_off_until_somebody_wants_it(name):
    alias = ALIASES[name]
    assert alias["enabled"] is (alias["action_ref"] in HARMLESS)


@pytest.mark.parametrize(("name", "command", "given"), TYPED)
def test_a_command_is_that_of_one_alias_and_its_action_takes_it(name, command, given):
    fitting = [each for each in ALIASES if any(extract(text, command) for text in formats(each))]
    assert fitting == [name]
    assert parameters.check(metadata.load_action(ALIASES[name]["action_ref"]), given)


# --- what is said back --------------------------------------------------------------------------


def typed(config, command):
    """The execution that a command starts, in the shape that StackStorm's formatter gets."""
    ((name, given),) = [
        (name, extract(text, command))
        for name in ALIASES
        for text in formats(name)
        if extract(text, command) is not None
    ]
    done = run_action(ALIASES[name]["action_ref"], given, config)
    return name, SimpleNamespace(status=done.status, result=done.document())


def said(config, command):
    jinja2 = pytest.importorskip("jinja2", reason="needs Jinja2: make venv")
    name, execution = typed(config, command)
    template = jinja2.Environment().from_string(ALIASES[name]["result"]["format"])
    return template.render(execution=execution).strip()


SAID = {
    "slack post to #general Soup": "Posted to <#C0GENERAL01>.",
    "slack find user @mara": "Mara Lindqvist: <@U0HARBOUR01>, ID U0HARBOUR01, Harbour master, "
    "Europe/Oslo.",
    "slack find user jonas deleted=true": "Jonas Weber: <@U0HARBOUR04>, ID U0HARBOUR04, "
    "Europe/Oslo, deactivated.",
    "slack find channel #ops-incidents": "<#C0INCIDENT1>, ID C0INCIDENT1, private: "
    "One thread per incident.",
    "slack who is in @on-call": "@on-call: Tomasz Nowak (U0HARBOUR02).",
    "slack tell mara,priya the tide is in": "Sent to <@U0HARBOUR01>, <@U0HARBOUR03>.",
    "slack post to <#C0GENERAL01|general> Soup for <@U0HARBOUR01>": "Posted to <#C0GENERAL01>.",
    "slack post to <@U0HARBOUR01|mara> Soup": "Posted to <#D0900000001>.",
    "slack find user <@U0HARBOUR01|mara>": "Mara Lindqvist: <@U0HARBOUR01>, ID U0HARBOUR01, "
    "Harbour master, Europe/Oslo.",
    "slack find channel <#C0INCIDENT1|ops-incidents>": "<#C0INCIDENT1>, ID C0INCIDENT1, private: "
    "One thread per incident.",
    "slack who is in <!subteam^S0ONCALL001|@on-call>": "@on-call: Tomasz Nowak (U0HARBOUR02).",
    "slack tell <@U0HARBOUR01|mara>, <@U0HARBOUR03|priya> hi": "Sent to <@U0HARBOUR01>, "
    "<@U0HARBOUR03>.",
    "slack tell @mara ,@priya , tomasz hi, all": "Sent to <@U0HARBOUR01>, <@U0HARBOUR03>, "
    "<@U0HARBOUR02>.",
    "slack set <!subteam^S0ONCALL001> to <@U0HARBOUR02|t>, <@U0HARBOUR03>": "@on-call is now "
    "<@U0HARBOUR02>, <@U0HARBOUR03>.",
    "slack set @on-call to mara, tomasz": "@on-call is now <@U0HARBOUR01>, <@U0HARBOUR02>.",
    "slack set @on-call to priya": "@on-call is now <@U0HARBOUR03>. Gone: <@U0HARBOUR02>.",
    "slack set @on-call to tomasz": "@on-call is now <@U0HARBOUR02>. Nothing had to change.",
}


@pytest.mark.parametrize("command", sorted(SAID))
def test_the_answer_is_one_readable_line(config, command):
    assert said(config, command) == SAID[command]


@pytest.mark.parametrize(
    "command",
    [
        "slack post to #nowhere x",
        "slack find user nobody",
        "slack find channel nowhere",
        "slack who is in nobody",
        "slack tell nobody x",
        "slack set @on-call to nobody",
    ],
)
def test_a_failure_says_why(config, command):
    answer = said(config, command)
    assert re.match(r"(NotFound|SlackApiError): .*(nobody|nowhere|channel_not_found)", answer)
    assert "\n" not in answer and "Traceback" not in answer


# Aliases that operators wrote, for actions of the pack: a mention is what Slack's clients send.
OWN = {
    "topic of {{channel}} is {{topic}}": (
        "slack.conversations.setTopic",
        "topic of <#C0DEPLOYS01|deploys> is freeze for <@U0HARBOUR01>",
        {"channel": "C0DEPLOYS01", "topic": "freeze for <@U0HARBOUR01>"},
    ),
    "invite {{users}} to {{channel}}": (
        "slack.conversations.invite",
        "invite <@U0HARBOUR05|lea> to <#C0DEPLOYS01|deploys>",
        {"channel": "C0DEPLOYS01", "users": "U0HARBOUR05"},
    ),
    "whois {{user}}": (
        "slack.users.info",
        "whois <@U0HARBOUR01|mara>",
        {"user": "U0HARBOUR01"},
    ),
    "upload {{content}} to {{channels}}": (
        "slack.files.upload",
        "upload hello to <#C0DEPLOYS01|deploys>, <#C0GENERAL01>",
        {"channels": "C0DEPLOYS01,C0GENERAL01"},
    ),
}


@pytest.mark.parametrize("format_string", sorted(OWN))
def test_an_alias_of_somebody_elses_takes_mentions(slack, config, format_string):
    ref, command, sent = OWN[format_string]
    done = run_action(ref, extract(format_string, command), config)
    assert done.status == "succeeded", done.stderr
    assert sent.items() <= dict(slack.requests[-1].form).items()


def test_an_alias_that_cuts_a_list_of_people_tells_nobody(slack, config):
    """A list before a text, with a format that ends the list at the first space."""
    command = "tell <@U0HARBOUR01|mara>, <@U0HARBOUR03|priya> hi"
    given = extract("tell {{users}} {{text}}", command)
    assert given["users"] == "<@U0HARBOUR01|mara>,"
    done = run_action("slack.send_direct_message", given, config)
    assert done.status == "failed" and "`users` ends with a comma" in done.stderr
    assert slack.requests == []


# --- the rules themselves -----------------------------------------------------------------------

ODD = [
    ("say {{text}}", "say it's"),
    ("say {{text}}", "say 'it is' "),
    ("say {{text}}", 'say "a b" c'),
    ("say {{text}}", "say"),
    ("say {{text}}", "say x a=b"),
    ("say {{text}}", "say x a='b c' d={\"e\": 1}"),
    ("say {{text}}", "say x a=b y"),
    ("say {{text}} now", "say x now"),
    ("say {{a}} {{b}}", "say x y z"),
    ("say {{a}} {{b}}", "say x"),
    ("say {{a}} to {{b=all}}", "say x to y"),
    ("say {{a}}( to {{b}})?", "say x"),
    ("say {{a=1}}", "say"),
    ("say {{a='b c'}}", "say"),
    ("say {{a}}", "  say  x  "),
    ("say {{a}}", "SAY x"),
    ("say {{a}}", 'say {"b": 1}'),
]


def given(format_string, command):
    """By StackStorm itself, where it is there."""
    from st2common.exceptions.content import ParseException
    from st2common.models.utils.action_alias_utils import extract_parameters

    try:
        return extract_parameters(format_string, command)
    except ParseException:
        return None


@pytest.mark.skipif(not stackstorm_path.real_folder("st2common"), reason=NEEDS_STACKSTORM)
@pytest.mark.parametrize(
    ("format_string", "command"),
    ODD
    + [(text, command) for _, command, _ in TYPED for name in ALIASES for text in formats(name)],
)
def test_the_stand_in_reads_commands_as_stackstorm_does(format_string, command):
    found = given(format_string, command)
    if found is not None:
        found = {name: value for name, value in found.items() if value is not None}
    assert extract(format_string, command) == found


def test_the_stand_in_reads_commands():
    """The same without a StackStorm, for some of them."""
    assert extract("say {{text}}", "say x a=b") == {"text": "x", "a": "b"}
    assert extract("say {{text}}", "say x a='b c'") == {"text": "x", "a": "b c"}
    assert extract("say {{a}} {{b}}", "say x y z") == {"a": "x", "b": "y z"}
    assert extract("say {{a=1}}", "say") == {"a": "1"}
    assert extract("say {{a}}", "SAY x") is None
    assert extract("say {{a}} {{b}}", "say x") is None
