"""Commands from Slack over the wire: the loopback Slack, and StackStorm's API on loopback."""

import copy
import json
import threading

import pytest
from helpers import calls, make_client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_rules import SAMPLES
from test_secrets import CANARY, Everything

from sandbox.slack import Fault
from st2slack.authorization.authorizer import Authorizer
from st2slack.base.errors import InputError, SettingsError, SlackError, StackStormUnavailable
from st2slack.chatops import command_text, incoming
from st2slack.chatops.incoming import IncomingCommand
from st2slack.chatops.run_command import ActionRun, CommandRunner
from st2slack.settings.chatops import read_chatops
from st2slack.stackstorm.client import StackStorm

MARA, TOMASZ, PRIYA, JONAS, LEA, BOT = ("U0HARBOUR0%d" % number for number in range(1, 7))
DEPLOYS, GENERAL, INCIDENTS, RANDOM = "C0DEPLOYS01", "C0GENERAL01", "C0INCIDENT1", "C0RANDOM001"
RULES = [
    {"name": "extra", "who": [MARA], "what": ["demo.*"], "extra_parameters": True},
    {"name": "deploys", "who": [TOMASZ], "what": ["alias:demo.deploy", "alias:demo.say"]},
    {"name": "incidents", "who": [PRIYA], "where": [INCIDENTS], "what": ["demo.deploy"]},
]


class World:
    """A Slack, a StackStorm with a few aliases, and what was run there."""

    def __init__(self, slack, config, st2):
        self.slack, self.st2 = slack, st2
        self.config = {
            **config,
            "authorization": copy.deepcopy(RULES),
            "chatops": {"prefix": "!st2", "contact": "Ask <@%s>." % MARA},
        }
        st2.configs["slack"] = self.config
        self.ran = []
        self.action("demo.deploy", {"service": {"type": "string"}, "zone": {"type": "string"}})
        self.action("demo.say", {"text": {"type": "string"}, "to": {"type": "string"}})
        self.action("demo.secret", {"key": {"type": "string", "secret": True}})
        self.alias("deploy", ["deploy {{service}}"], description="Deploy a service.")
        self.alias("say", ["say {{text}}"], description="Say something.")
        self.alias("secret", ["unlock {{key}}"], description="Unlock.")

    def action(self, ref, parameters):
        st2_own = {"timeout": {"type": "integer"}}
        run = lambda **given: self.ran.append((ref, given)) or "done"  # noqa: E731
        self.st2.action(ref, run, {**st2_own, **parameters})

    def alias(self, name, formats, pack="demo", action=None, **more):
        ref = action or "demo.%s" % name
        self.st2.alias(name=name, pack=pack, action_ref=ref, formats=formats, **more)

    def commands(self, execution_id="", client=None, now=None):
        client = client or make_client(self.config)
        return CommandRunner(
            client,
            StackStorm(self.st2.client(), sleep=lambda seconds: None),
            lambda: Authorizer(self.config, client),
            read_chatops(self.config),
            ActionRun(execution_id=execution_id, now=now),
        )

    def ask(self, text, user=TOMASZ, channel=DEPLOYS, trigger_id=None, **more):
        """A slash command."""
        trigger_id = trigger_id or "1.2.%s" % next(COUNT)
        url = "%scommands/T0123456789/%s/loopback" % (self.slack.api_url[:-4], trigger_id)
        how = {"command": "/st2", "response_url": url, "trigger_id": trigger_id, **more}
        return self.run(IncomingCommand(text, user, channel, **how))

    def write(self, text, user=TOMASZ, channel=DEPLOYS, ts=None, **more):
        """A message."""
        where = self.slack.workspace.channels[channel]
        ts = ts or self.slack.workspace.post(where, {"user": user, "text": text})["ts"]
        return self.run(IncomingCommand(text, user, channel, ts=ts, **more))

    def run(self, incoming_command):
        """The result; `well` is whether the action succeeded."""
        self.well, result = self.commands().run(incoming_command)
        return result

    @property
    def private(self):
        return [each.args["text"] for each in calls(self.slack, "chat.postEphemeral")]

    @property
    def said(self):
        """The messages of the bot, as they stand now."""
        found = []
        for channel in (DEPLOYS, GENERAL, INCIDENTS, RANDOM):
            messages = self.slack.workspace.channels[channel].messages
            found += [each for each in messages if each.get("user") == BOT]
        return found[self.before :] if hasattr(self, "before") else found

    @property
    def responses(self):
        return [each.json for each in self.slack.requests if "/commands/" in each.path]

    def settled(self):
        """Nothing is under way any more; what ran."""
        for each in self.st2.executions():
            self.st2.ended(each["id"])
        return [(ref, {k: v for k, v in given.items() if v is not None}) for ref, given in self.ran]


COUNT = iter(range(1, 10**6))


@pytest.fixture
def world(slack, config, st2):
    made = World(slack, config, st2)
    made.before = len(made.said)
    return made


# --- what runs ----------------------------------------------------------------------------------


def test_a_slash_command_runs_the_alias_and_begins_a_thread(world):
    world.alias("deploy", ["deploy {{service}}"], ack={"format": "On it, <!channel>."})
    result = world.ask("deploy berth-planner")
    (message,) = world.said
    execution = world.st2.ended(result["execution_id"])
    assert result["ran"] is True and result["alias"] == "demo.deploy"
    assert result["record"]["rule"] == "deploys" and result["record"]["who"] == TOMASZ
    assert result["message"] == {"channel": DEPLOYS, "ts": message["ts"]}
    assert message["text"] == (
        "<@%s> runs `deploy berth-planner`.\nOn it, &lt;!channel&gt;." % TOMASZ
    )
    assert world.settled() == [("demo.deploy", {"service": "berth-planner"})]
    assert execution["context"]["api_user"] == TOMASZ
    (asked,) = [each.body for each in world.st2.requests if each.path == "/v1/aliasexecution"]
    assert asked["source_context"] == {
        "channel": DEPLOYS,
        "message": message["ts"],
        "thread_ts": message["ts"],
    }
    assert (asked["user"], asked["source_channel"]) == (TOMASZ, DEPLOYS)
    assert asked["notification_route"] == "slack"
    assert world.private == []


def test_what_is_typed_becomes_no_link_in_the_acknowledgement(world):
    ack = {"format": "Deploying {{ execution.parameters.service }}, see <https://ci.example|CI>."}
    world.alias("deploy", ["deploy {{service}}"], ack=ack)
    result = world.ask("deploy &lt;https://evil.example|https://bank.example&gt;")
    (message,) = world.said
    typed = "&lt;https://evil.example|https://bank.example&gt;"
    assert message["text"] == "<@%s> runs `deploy %s`.\nDeploying %s, see %s." % (
        TOMASZ,
        typed,
        typed,
        "<https://ci.example|CI>",
    )
    (_, given), *_ = world.settled()
    assert given == {"service": "<https://evil.example|https://bank.example>"} and result["ran"]


def test_a_message_is_answered_in_its_thread(world):
    parent = world.slack.workspace.channels[DEPLOYS].messages[0]["ts"]
    assert world.write("!st2 deploy x", thread_ts=parent)["ran"]
    (posted,) = calls(world.slack, "chat.postMessage")
    assert posted.args["thread_ts"] == parent
    (asked,) = [each.body for each in world.st2.requests if each.path == "/v1/aliasexecution"]
    assert asked["source_context"]["thread_ts"] == parent
    assert not world.write("!st2 unlock x", thread_ts=parent)["ran"]
    assert calls(world.slack, "chat.postEphemeral")[0].args["thread_ts"] == parent


def test_a_mention_of_the_bot_at_the_beginning(world):
    assert world.write("<@%s> deploy x" % BOT)["ran"]
    assert world.write("<@%s|stackstorm>: deploy y" % BOT)["ran"]
    assert not world.write("hi <@%s> deploy z" % BOT)["ran"]
    assert not world.write("<@%s> deploy z" % PRIYA)["ran"]
    assert [given["service"] for _, given in world.settled()] == ["x", "y"]


def test_curly_quotes_and_odd_spaces(world):
    assert world.ask("say\u00a0\u201chello you\u201d")["ran"]
    assert world.settled() == [("demo.say", {"text": "hello you"})]


def test_people_and_channels_arrive_by_their_ids(world):
    assert world.ask("say <@%s|mara> in <#%s|general> &amp; on" % (MARA, GENERAL))["ran"]
    assert world.settled() == [("demo.say", {"text": "<@%s> in <#%s> & on" % (MARA, GENERAL)})]


def test_a_silent_alias_says_nothing_before_its_result(world):
    world.alias("deploy", ["deploy {{service}}"], ack={"enabled": False, "format": "On it."})
    result = world.ask("deploy x")
    assert result["ran"] and result["message"] is None and world.said == []
    (asked,) = [each.body for each in world.st2.requests if each.path == "/v1/aliasexecution"]
    assert asked["source_context"] == {"channel": DEPLOYS}


def test_a_secret_parameter_is_not_shown(world):
    world.config["authorization"][1]["what"].append("demo.secret")
    result = world.ask("unlock " + CANARY)
    assert result["ran"] and world.settled() == [("demo.secret", {"key": CANARY})]
    assert [each["text"] for each in world.said] == ["<@%s> runs `unlock {{key}}`." % TOMASZ]
    assert CANARY not in json.dumps(result)


def test_where_the_app_is_not(world):
    """The answer goes by the response_url, and the alias runs."""
    result = world.ask("deploy x", channel=RANDOM)
    assert result["ran"] and result["message"] is None
    (response,) = world.responses
    assert response["response_type"] == "in_channel" and "demo.deploy" in response["text"]
    assert not world.ask("deploy x", channel=RANDOM, user=PRIYA)["ran"]
    assert world.responses[1]["response_type"] == "ephemeral"
    assert world.responses[1]["text"].startswith("You are not allowed to do that here.")


# --- what is not ours ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "incoming_command",
    [
        {"text": "deploy x", "command": "/other", "trigger_id": "1.2.3"},
        {"text": "deploy x", "ts": "1.000100"},
        {"text": "!st2deploy x", "ts": "1.000100"},
        {"text": "say !st2 deploy x", "ts": "1.000100"},
        {"text": "!st2 deploy x", "ts": "1.000100", "is_bot": True},
        {"text": "deploy x", "command": "/st2", "trigger_id": "1.2.3", "is_bot": True},
    ],
)
def test_what_is_not_ours_does_nothing(world, incoming_command):
    result = world.run(IncomingCommand(user=TOMASZ, channel=DEPLOYS, **incoming_command))
    assert world.well and result["ran"] is False and result["why"]
    assert world.st2.requests == [] and world.slack.requests == []


@pytest.mark.parametrize(
    "changes, name",
    [
        ({"user": "{{ st2kv.system.x }}"}, "user"),
        ({"user": "tomasz"}, "user"),
        ({"user": "None"}, "user"),
        ({"channel": "#deploys"}, "channel"),
        ({"channel": "C0{{ x }}"}, "channel"),
        ({"trigger_id": "{{ x }}"}, "trigger_id"),
        ({"trigger_id": ""}, "trigger_id"),
        ({"thread_ts": "{{ x }}"}, "thread_ts"),
        ({"command": "", "ts": "{{ x }}"}, "ts"),
        ({"command": "", "ts": ""}, "ts"),
    ],
)
def test_only_ids_and_timestamps_go_where_templates_are_rendered(world, changes, name):
    incoming_command = {
        "user": TOMASZ,
        "channel": DEPLOYS,
        "command": "/st2",
        "trigger_id": "1.2.3",
        **changes,
    }
    with pytest.raises(InputError, match="`%s`" % name):
        world.run(IncomingCommand(text="!st2 deploy x", **incoming_command))
    assert world.st2.requests == [] and world.said == []


def test_a_workspace_with_a_template_for_a_name(world):
    made = CommandRunner(
        make_client(world.config),
        StackStorm(world.st2.client()),
        lambda: Authorizer(world.config, make_client(world.config)),
        read_chatops(world.config),
        ActionRun("{{ st2kv.system.x }}"),
    )
    with pytest.raises(InputError, match="`workspace`"):
        made.run(IncomingCommand("deploy x", TOMASZ, DEPLOYS, command="/st2", trigger_id="1.2.3"))


# --- who may not --------------------------------------------------------------------------------


@pytest.mark.parametrize("user, channel", [(LEA, DEPLOYS), (JONAS, DEPLOYS), (PRIYA, DEPLOYS)])
def test_who_may_nothing_gets_no_further(world, user, channel):
    world.slack.workspace.channels[channel].members.append(user)
    result = world.ask("deploy x", user=user, channel=channel)
    assert (result["ran"], result["why"]) == (False, "the user is not allowed to run anything here")
    assert result["record"]["allowed"] is False and result["record"]["who"] == user
    (text,) = world.private
    assert text == "You are not allowed to do that here. Nothing was run. Ask <@%s>." % MARA
    assert world.said == []
    paths = {each.path.partition("?")[0].split("/")[2] for each in world.st2.requests}
    assert paths == {"keys"}, "StackStorm does not even read what they wrote"


def test_a_rule_for_approvals_lets_nobody_command(world):
    rule = {"name": "approvers", "who": [PRIYA], "what": ["approval:production"]}
    world.config["authorization"] = [rule]
    result = world.ask("deploy x", user=PRIYA)
    assert (
        result["why"] == "the user is not allowed to run anything here"
        and result["record"]["rule"] == ""
    )
    assert not [each for each in world.st2.requests if "actionalias" in each.path]


def test_who_may_something_else(world):
    result = world.ask("unlock x")
    assert (result["ran"], result["why"], result["alias"]) == (
        False,
        "the user is not allowed to run this alias here",
        "demo.secret",
    )
    assert result["record"]["allowed"] is False
    assert world.private == [
        "You are not allowed to do that here. Nothing was run. Ask <@%s>." % MARA
    ]
    assert world.said == [] and world.st2.executions() == []


def test_a_denial_reveals_no_rule(world):
    world.ask("unlock x")
    for name in ("deploys", "incidents", "extra", "demo", INCIDENTS):
        assert name not in world.private[0]


def test_what_cannot_be_looked_up_is_said(world):
    world.config["authorization"] = [{"name": "g", "who": ["@on-call"], "what": ["*"]}]
    world.slack.faults.append(Fault.refuse("missing_scope", method="usergroups.list", times=None))
    result = world.ask("deploy x")
    assert result["ran"] is False and "missing_scope" in result["record"]["why"]
    assert (
        "not possible to check who you are" in world.private[0]
        and "on-call" not in world.private[0]
    )


def test_a_config_that_cannot_be_used(world):
    world.config["authorization"] = [{"name": "r", "who": ["tomasz"], "what": ["*"]}]
    with pytest.raises(SettingsError, match="`who`"):
        world.ask("deploy x")
    assert "the config of the pack" in world.private[0] and "`who`" not in world.private[0]
    assert world.st2.executions() == []


# --- extra parameters ---------------------------------------------------------------------------

EXTRA = [
    "deploy x timeout=5",
    "deploy x env=prod",
    "deploy x timeout =5",
    "deploy x\ntimeout=5",
    "deploy x\n\n\ttimeout=5\n",
    "deploy x timeout='5'",
    'deploy x timeout="5"',
    'deploy "x" env={"A":"b"}',
    "deploy x service=y timeout=5",
    "deploy x timeout=5 timeout=6",
    "deploy x \u201ctimeout\u201d=5",
    "deploy x\u00a0timeout=5",
    "deploy x\u2028timeout=5",
    "deploy x time\u200bout=5",
    "deploy x &amp;timeout=5",
    "deploy x env=''",
]


@pytest.mark.parametrize("text", EXTRA)
def test_parameters_that_the_format_does_not_name(world, text):
    result = world.ask(text)
    assert result["why"].startswith("parameters that the format does not name")
    assert world.st2.executions() == [] and world.said == []
    assert world.private[0].startswith("Nothing was run: `")


@pytest.mark.parametrize("text", ["deploy x env=", "deploy x env = prod", "deploy env=prod x"])
def test_what_is_no_pair_for_stackstorm(world, text):
    assert world.ask(text)["ran"]
    assert world.settled() == [("demo.deploy", {"service": text[7:]})]


def test_a_parameter_that_the_format_names(world):
    assert world.ask("deploy x service=y")["ran"]
    assert world.settled() == [("demo.deploy", {"service": "y"})]


def test_a_rule_may_allow_extra_parameters(world):
    result = world.ask("deploy x zone=prod", user=MARA)
    assert result["ran"] and result["record"]["extra_parameters"] is True
    assert world.settled() == [("demo.deploy", {"service": "x", "zone": "prod"})]


def test_immutable_parameters_of_the_alias_are_no_extra_ones(world):
    world.alias("deploy", ["deploy {{service}}"], immutable_parameters={"zone": "prod"})
    assert world.ask("deploy x")["ran"]
    assert world.settled() == [("demo.deploy", {"service": "x", "zone": "prod"})]


# --- what StackStorm must not read --------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "say {{ st2kv.system.canary }}",
        "say {% for x in y %}",
        "say &lt;% st2kv('system.canary', decrypt => true) %&gt;",
        "say <% st2kv('system.canary') %>",
        "say { to=me{ st2kv.system.canary }} to=me",
        'say {"a": "\\u007b{ st2kv.system.canary }}"}',
        "say {\u200b{ st2kv.system.canary }}",
        "say x {",
        'say "x &lt;"',
        "say x" + ' a="b"' * 40 + " please",
        "say x" + "  a=b" * 12 + " please",
        "say " + "x" * 100_000,
        "say " + "x y=z " * 20_000,
    ],
    ids=range(13),
)
def test_what_does_not_go_to_stackstorm(world, text):
    result = world.ask(text, user=MARA)
    assert result["why"].startswith("unusable: ")
    assert {each.path.split("/")[2].split("?")[0] for each in world.st2.requests} == {"keys"}
    assert world.private[0].startswith("Nothing was run: ") and world.said == []


def test_two_parameters_that_make_a_template_together_are_refused(world):
    """Each is harmless alone; a workflow that joins them would read the datastore."""
    world.alias("deploy", ["deploy {{service}} {{zone}}"])
    result = world.ask("deploy x{ { st2kv.system.canary }", user=MARA)
    assert result["why"].startswith("unusable: ") and not result["ran"]
    assert not [each for each in world.st2.requests if each.path == "/v1/aliasexecution"]
    assert world.private[0].startswith("Nothing was run: ") and world.said == []


def test_names_with_templates_in_them(world):
    world.slack.workspace.users[TOMASZ].name = "{{ st2kv.system.canary }}"
    world.slack.workspace.channels[DEPLOYS].name = "{{ st2kv.system.canary }}"
    assert world.ask("deploy x")["ran"]
    bodies = [each.body for each in world.st2.requests if each.path == "/v1/aliasexecution"]
    assert "{{" not in json.dumps([{**each, "format": ""} for each in bodies])


# --- no match, and help -------------------------------------------------------------------------


def test_no_match_offers_what_is_near_and_allowed(world):
    world.alias("unsay", ["unlok {{key}}"], action="demo.secret")
    result = world.ask("deplyo x <!here>")
    assert (result["ran"], result["why"]) == (False, "no alias matches")
    assert world.private == [
        "There is no command `deplyo x @here`. Did you mean `deploy {{service}}`? "
        "`/st2 help` lists the commands that you are allowed to use."
    ]
    world.ask("unlock")
    assert "unl" not in world.private[1].partition("Did you mean")[2]


PAIRS = {
    "a URL": (
        "open <https://x.example/?some=url&amp;with=eq>",
        "here `https://x.example/?some` with the value `url&amp;with=eq`, and matches only the "
        "rest of the command: `open`. Write `open - url=https://x.example/?some=url&amp;with=eq`. ",
    ),
    "a hash": (
        "deploy abcd1234==",
        "here `abcd1234` with the value `=`, and matches only the rest of the command: `deploy`. "
        "Write `deploy - service=abcd1234==`. ",
    ),
    "a format with a pair": (
        "restart web1 n=3",
        "here `n` with the value `3`, and matches only the rest of the command: `restart web1`. "
        "So the format `restart {{host}} n={{n}}` never matches: its author must remove the name "
        "and the `=`. ",
    ),
    "no such command": (
        "coffee sugar=2",
        "here `sugar` with the value `2`, and matches only the rest of the command: `coffee`. "
        "Write more text after it, or give the value by its parameter's name, with a `-` in its "
        "place: `open - url=https://...`. ",
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_no_match_for_a_pair_at_the_end_is_explained(world, name):
    text, expected = PAIRS[name]
    url = {"url": {"type": "string"}, "host": {"type": "string"}, "n": {"type": "string"}}
    world.action("demo.say", url)
    world.alias("open", ["open {{url}}"], action="demo.deploy")
    world.alias("restart", ["restart {{host}} n={{n}}"], action="demo.deploy")
    world.config["authorization"][1]["what"] = ["demo.deploy"]
    assert world.ask(text)["why"] == "no alias matches"
    (said,) = world.private
    taken = " StackStorm reads `key=value` at the end of a command as a parameter, "
    assert (
        said.partition(taken)[2]
        == expected + "`/st2 help` lists the commands that you are allowed to use."
    )


def test_a_value_that_looks_like_a_pair_runs_by_its_name(world):
    assert world.ask("deploy - service=abcd1234==")["ran"]
    assert world.settled() == [("demo.deploy", {"service": "abcd1234=="})]


def test_several_aliases_fit(world):
    world.alias("deploy2", ["deploy {{service}}"], action="demo.deploy")
    result = world.ask("deploy x")
    assert not result["ran"] and "matched more than 1" in result["why"]
    assert "matched more than 1" in world.private[0]


@pytest.mark.parametrize("text", ["help", "", "  ", "HELP"])
def test_help_lists_what_one_may(world, text):
    result = world.ask(text)
    assert (result["ran"], result["why"]) == (False, "help")
    assert world.private == [
        "Commands that you are allowed to use here, after `/st2`:\n"
        "- `deploy {{service}}`: Deploy a service.\n"
        "- `say {{text}}`: Say something."
    ]
    assert len(calls(world.slack, "users.info")) == 1, "one look-up for all aliases"


def test_help_of_a_word(world):
    world.ask("help something")
    assert world.private[0].splitlines()[1:] == ["- `say {{text}}`: Say something."]
    world.ask("help nothing`<!here>")
    assert world.private[1] == (
        "There is no command with `nothing'@here` in it that you are allowed to use here."
    )


def test_help_leaves_out_what_is_disabled(world):
    world.alias("say", ["say {{text}}"], enabled=False)
    world.ask("help")
    assert "deploy" in world.private[0] and "say" not in world.private[0]


def test_help_counts_what_does_not_fit(world):
    world.config["authorization"][1]["what"] = ["demo.*"]
    for number in range(200):
        world.alias("a%03d" % number, ["a%03d {{x}}" % number], description="<!channel> " * 5)
    world.ask("help a")
    lines = world.private[0].splitlines()
    shown = len(lines) - 2
    told = [each for each in lines if each.startswith("- ")]
    assert len(told) == shown and len(world.private[0]) < 4000
    assert lines[-1].startswith("%d more: " % (len(_all_forms(world)) - shown))
    assert "<!channel>" not in world.private[0]


def _all_forms(world):
    aliases = StackStorm(world.st2.client()).list_aliases()
    forms = [
        each
        for alias in aliases
        if alias.pack == "demo"
        for each in command_text.command_formats(alias)
    ]
    return command_text.help_lines(forms, "a")


def test_help_with_groups_asks_for_each_once(world):
    world.config["authorization"] = [{"name": "g", "who": ["@on-call"], "what": ["demo.*"]}]
    world.ask("help")
    assert "deploy" in world.private[0]
    for method in ("users.info", "usergroups.list", "usergroups.users.list", "conversations.info"):
        assert len(calls(world.slack, method)) <= 1, method


# --- nothing twice ------------------------------------------------------------------------------


def test_the_same_delivery_runs_once(world):
    first = world.ask("deploy x", trigger_id="1.2.same")
    second = world.ask("deploy x", trigger_id="1.2.same")
    assert (
        first["ran"] and not second["ran"] and "already received the same command" in second["why"]
    )
    ts = world.slack.workspace.channels[DEPLOYS].messages[0]["ts"]
    first = world.write("!st2 deploy y", ts=ts)
    second = world.write("<@%s> deploy y" % BOT, ts=ts)
    assert first["ran"] and not second["ran"]
    assert [given["service"] for _, given in world.settled()] == ["x", "y"]
    assert len(world.said) == 2


def test_a_denial_is_said_once(world):
    for _ in range(2):
        world.ask("unlock x", trigger_id="1.2.same")
    assert len(world.private) == 1


def test_a_restart_in_between_runs_nothing_twice(world):
    world.ask("deploy x", trigger_id="1.2.same")
    world.st2.stop()
    world.st2.start()
    assert not world.ask("deploy x", trigger_id="1.2.same")["ran"]
    assert len(world.settled()) == 1


def test_the_key_is_gone_after_an_hour(world):
    world.ask("deploy x", trigger_id="1.2.same")
    (key,) = [each for each in world.st2.requests if each.method == "PUT"]
    assert key.body["ttl"] == 3600 and key.body["name"].startswith("slack.command.C0DEPLOYS01.")


@pytest.mark.parametrize("seconds, ran", [(0, True), (599, True), (-5, True), (601, False)])
def test_a_message_that_is_heard_of_late(world, seconds, ran):
    """The sensor fetches what was written while it was away."""
    ts = world.slack.workspace.channels[DEPLOYS].messages[0]["ts"]
    incoming_command = IncomingCommand("!st2 deploy x", TOMASZ, DEPLOYS, ts=ts)
    _, result = world.commands(now=lambda: float(ts) + seconds).run(incoming_command)
    assert result["ran"] is ran and len(world.settled()) == int(ran)
    if not ran:
        assert result["why"] == "the message is 10 minutes old"
        assert world.private[0].startswith(
            "Nothing was run: StackStorm received this message 10 minutes after"
        )


def test_a_message_is_late_before_its_key_is_forgotten():
    assert incoming.MAX_AGE < incoming.DELIVERY_TTL


def test_many_at_once_without_the_policy_run_at_most_one(world):
    results, start = [], threading.Barrier(6)
    made = [world.commands() for _ in range(6)]

    def deliver(commands_):
        start.wait()
        incoming_command = IncomingCommand(
            "deploy x", TOMASZ, DEPLOYS, command="/st2", trigger_id="1.2.same"
        )
        results.append(commands_.run(incoming_command)[1])

    threads = [threading.Thread(target=deliver, args=(each,)) for each in made]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(world.settled()) == sum(result["ran"] for result in results) <= 1


def test_two_deliveries_at_once_by_the_rule_run_exactly_one(world):
    """By StackStorm itself: rule, policy, the action in processes of its own."""
    world.st2.enable_rule("slack.on_command")
    payload = {
        "command": "/st2",
        "text": "deploy x",
        "user": {"id": TOMASZ, "name": "tomasz"},
        "channel": {"id": DEPLOYS, "name": "deploys"},
        "response_url": world.slack.api_url[:-4] + "commands/T0123456789/1.2.same/loopback",
        "trigger_id": "1.2.same",
        "team": "T0123456789",
        "workspace": "",
    }
    for _ in range(2):
        world.st2.dispatch("slack.command", payload)
    ran = world.st2.wait_for(lambda: _ended(world, 2))
    results = [each["result"]["result"] for each in ran]
    assert [each["status"] for each in ran] == ["succeeded"] * 2, ran
    assert sorted(each["ran"] for each in results) == [False, True]
    assert world.settled() == [("demo.deploy", {"service": "x"})]
    assert len(world.said) == 1 and world.st2.rule_failures == []


def _ended(world, count, ref="slack.run_command"):
    found = [
        each for each in world.st2.executions(ref) if each["status"] in ("succeeded", "failed")
    ]
    return found if len(found) == count else []


@pytest.mark.parametrize("name", ["on_mention", "on_prefix"])
def test_a_message_by_its_rule(world, name):
    """What the rules hand over is what the action takes."""
    world.st2.enable_rule("slack." + name)
    rule = SAMPLES[name]
    text = "<@%s> deploy x" % BOT if name == "on_mention" else "!st2 deploy x"
    user = {"id": TOMASZ, "is_bot": False}
    payload = {"user": user, "channel": {"id": DEPLOYS}, "text": text, "team": "T1"}
    payload.update(type="app_mention", event={"text": text}, workspace="", thread_ts=None)
    payload["timestamp_raw"] = world.slack.workspace.channels[DEPLOYS].messages[0]["ts"]
    world.st2.dispatch(rule.trigger, payload)
    assert world.st2.rule_failures == []
    (done,) = world.st2.wait_for(lambda: _ended(world, 1))
    assert done["status"] == "succeeded" and done["result"]["result"]["ran"] is True, done
    (posted,) = calls(world.slack, "chat.postMessage")
    assert posted.args["thread_ts"] == payload["timestamp_raw"]


def test_the_result_takes_the_place_of_the_acknowledgement(world):
    world.st2.enable_rule("slack.post_results")
    result = world.ask("deploy x")
    (done,) = world.st2.wait_for(lambda: _ended(world, 1, "slack.post_result"))
    assert done["status"] == "succeeded", done
    assert done["result"]["result"]["ts"] == result["message"]["ts"]
    (message,) = world.said
    assert "<@%s> runs" % TOMASZ in json.dumps(message["blocks"])
    assert "succeeded" in message["text"]


# --- faults -------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["PUT /v1/keys", "GET /v1/keys", "POST /v1/actionalias/match"])
def test_an_api_that_is_down_is_said(world, where):
    world.st2.fault(where, status=503, times=None)
    with pytest.raises(StackStormUnavailable):
        world.ask("deploy x")
    assert world.private == ["Nothing was run: StackStorm does not answer. Try again later."]
    assert world.said == [] and world.st2.executions() == []


def test_an_api_that_is_gone_is_said(world):
    world.st2.stop()
    with pytest.raises(StackStormUnavailable, match="did not answer"):
        world.ask("deploy x")
    assert len(world.private) == 1 and world.said == []
    world.st2.start()


def test_neither_stackstorm_nor_slack(world):
    world.st2.fault("PUT /v1/keys", status=503, times=None)
    world.slack.faults.append(Fault.refuse("fatal_error", method="chat.postEphemeral", times=None))
    with pytest.raises(StackStormUnavailable, match="The user could not be notified"):
        world.ask("deploy x")


def test_a_refused_run_is_said_where_it_was_announced(world):
    world.st2.fault("POST /v1/aliasexecution", status=400)
    result = world.ask("deploy x")
    assert world.well is False and result["ran"] is False and "on purpose" in result["why"]
    assert result["record"]["allowed"] is True
    (message,) = world.said
    assert message["text"] == "<@%s>: Nothing was run. StackStorm answered: `on purpose`" % TOMASZ
    assert world.settled() == []


def test_an_answer_that_is_cut_is_not_called_nothing(world):
    world.st2.fault("POST /v1/aliasexecution", cut=True)
    result = world.ask("deploy x")
    assert world.well is False and result["ran"] is False
    assert "not known whether the command runs" in world.said[0]["text"]
    assert len(world.settled()) == 1, "sent once"


def test_slack_that_does_not_take_the_announcement_runs_nothing(world):
    world.slack.faults.append(Fault.refuse("fatal_error", method="chat.postMessage", times=None))
    with pytest.raises(SlackError, match="fatal_error"):
        world.ask("deploy x")
    assert world.settled() == []


def test_an_acknowledgement_that_cannot_be_completed_fails_nothing(world):
    world.slack.faults.append(Fault.rate_limited(300, method="chat.update", times=None))
    assert world.ask("deploy x")["ran"]
    assert world.said[0]["text"] == "<@%s> runs `demo.deploy`." % TOMASZ


# --- the alias that runs ------------------------------------------------------------------------


def test_an_alias_of_the_same_name_in_another_pack(world):
    """StackStorm runs the first of that name: so neither is run."""
    world.action("other.evil", {"service": {"type": "string"}})
    world.alias("deploy", ["other {{service}}"], pack="other", action="other.evil")
    result = world.ask("deploy x")
    assert not result["ran"] and "same name in other" in result["why"]
    assert world.settled() == [] and "several packs" in world.private[0]


def test_another_alias_that_ran_all_the_same_is_cancelled(world, monkeypatch):
    """The other one came between the question and the run."""
    block = threading.Event()
    world.st2.action("other.evil", lambda **given: block.wait(60), {"service": {"type": "string"}})
    own = StackStorm.run_alias

    def run_alias(self, asked):
        world.st2.system.aliases._aliases.insert(
            0,
            world.st2.system.aliases.add(
                {
                    "name": "deploy",
                    "pack": "other",
                    "action_ref": "other.evil",
                    "formats": ["deploy {{service}}"],
                }
            ),
        )
        return own(self, asked)

    monkeypatch.setattr(StackStorm, "run_alias", run_alias)
    result = world.ask("deploy x")
    block.set()
    assert world.well is False and result["ran"] is False and "other.deploy" in result["why"]
    assert "It was cancelled." in world.said[0]["text"]
    assert world.st2.ended(result["execution_id"])["status"] == "canceled"
    assert world.ran == []


def test_a_template_that_got_through_is_cancelled(world, monkeypatch):
    block = threading.Event()
    world.st2.action("demo.say", lambda **given: block.wait(60), {"text": {"type": "string"}})
    monkeypatch.setattr(command_text, "unusable_reason", lambda command: "")
    result = world.ask("say {{ st2kv.system.canary }}")
    block.set()
    assert world.well is False and "template" in result["why"]
    assert world.st2.ended(result["execution_id"])["status"] == "canceled"


def test_parameters_that_nobody_asked_for_are_cancelled(world, monkeypatch):
    block = threading.Event()
    world.st2.action("demo.deploy", lambda **given: block.wait(60), {"service": {"type": "string"}})
    monkeypatch.setattr(command_text, "parse_pairs", lambda command: ([], command))
    result = world.ask("deploy x timeout=5")
    block.set()
    assert world.well is False and "timeout" in result["why"]
    assert world.st2.ended(result["execution_id"])["status"] == "canceled"


# --- nothing gets round it ----------------------------------------------------------------------

WORDS = st.sampled_from(
    ["deploy", "say", "unlock", "help", "x", "timeout=5", "env=prod", "service=y", "=", '"', "'"]
    + ["{", "}", "{{", "}}", "\n", "\u00a0", "\u201c", "<@%s>" % MARA, "&lt;", "\u200b", "\\"]
)
TEXTS = st.lists(WORDS | st.text(max_size=4), max_size=8).map(" ".join)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(text=TEXTS, user=st.sampled_from([LEA, JONAS, PRIYA, BOT, "U0NOBODY001"]))
def test_no_text_makes_a_denied_person_run_something(world, text, user):
    world.slack.workspace.channels[DEPLOYS].members.append(user)
    try:
        result = world.ask(text, user=user)
    finally:
        world.slack.workspace.channels[DEPLOYS].members.remove(user)
    assert result["ran"] is False and world.st2.executions() == []


@settings(max_examples=120, suppress_health_check=list(HealthCheck))
@given(text=TEXTS)
def test_no_text_runs_more_than_is_allowed(world, text):
    world.ask(text)
    for each in world.st2.executions():
        assert each["action"]["ref"] in ("demo.deploy", "demo.say")
        assert set(each["parameters"]) <= {"service", "text"}
        assert "{{" not in json.dumps(each["parameters"])


# --- secrets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/commands/T0123456789/%s",
        "https://hooks.slack.com.evil.example/%s",
        "https://x:%s@hooks.slack.com/commands/",
        "http://hooks.slack.com/commands/%s",
        "https://hooks.slack.com:8443/%s",
        "file:///etc/%s",
        "%s",
    ],
)
def test_a_response_url_that_is_none_of_slacks(world, capfd, url):
    with Everything(capfd) as everything:
        with pytest.raises(InputError, match="response_url") as caught:
            world.ask("deploy x", channel=RANDOM, response_url=url % CANARY)
        assert CANARY not in everything.text(caught.value)
    assert world.settled() == []


@pytest.mark.parametrize(
    "make",
    [
        lambda **how: Fault.status(404, "used_url", "text/plain", **how),
        lambda **how: Fault.status(500, "x", "text/plain", **how),
        lambda **how: Fault.redirect("https://evil.example/", **how),
        lambda **how: Fault.status(200, '{"ok": false, "error": "expired_url"}', **how),
        lambda **how: Fault.rate_limited(300, **how),
        Fault.cut_after_read,
    ],
    ids=["used", "broken", "redirect", "expired", "limited", "cut"],
)
def test_a_response_url_is_never_shown(world, capfd, make):
    path = "/commands/T0123456789/%s/loopback" % CANARY
    world.slack.faults.append(make(method=path, times=None))
    url = world.slack.api_url[: -len("/api/")] + path
    with Everything(capfd) as everything:
        with pytest.raises(SlackError, match="response_url") as caught:
            world.ask("deploy x", channel=RANDOM, response_url=url)
        assert CANARY not in everything.text(caught.value)
    assert world.settled() == []
