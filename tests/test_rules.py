"""The sample rules, and what the sandbox makes of rules."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from helpers import NEEDS_STACKSTORM

from sandbox.stackstorm import metadata, rules
from sandbox.stackstorm import package_path as stackstorm_path
from sandbox.stackstorm.runner import parameters
from sandbox.stackstorm.validation_errors import ValidationErrors
from st2slack.sensor import payloads
from st2slack.sensor.model import Event
from st2slack.settings.sensor import SensorSettings

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "rules").glob("*.yaml"))
SAMPLES = {rule.name: rule for rule in rules.load_rules()}
SENSOR = yaml.safe_load((ROOT / "sensors/slack_sensor.yaml").read_text(encoding="utf-8"))
SCHEMAS = {"slack." + each["name"]: each["payload_schema"] for each in SENSOR["trigger_types"]}
# What core.local and its runner take (contrib/core, contrib/runners/local_runner of StackStorm).
# The payload of a notification, as StackStorm's notifier makes it.
NOTICE = {"type": "object", "properties": {"route": {"type": "string"}}}
OF_CORE = {"core.local": {"cmd", "cwd", "env", "kwarg_op", "sudo_password", "timeout"}}
SCHEMAS["core.st2.generic.notifytrigger"] = NOTICE
SCHEMAS["core.st2.generic.inquiry"] = NOTICE
CHECKOUT = os.environ.get("ST2_REPO_PATH", "")
on_stackstorm = pytest.mark.skipif(
    not (CHECKOUT and stackstorm_path.real_folder("st2common")), reason=NEEDS_STACKSTORM
)


def message(text="web 4.2.0 is live", channel="deploys", **more):
    body = {"type": "message", "ts": "1795420800.000119", "channel": "C1", "user": "U1"}
    event = Event({**body, "text": text, **more}, "Ev1", "T1")
    about = {"id": "C1", "name": channel, "is_private": False}
    return payloads.message_trigger(event, {"id": "U1"}, about, {}, SensorSettings()).payload


def mention(text="<@U0BOT00001> help", **more):
    body = {"type": "app_mention", "ts": "1795420800.000119", "channel": "C0DEPLOYS01", **more}
    body = {"user": "U0HARBOUR02", "text": text, **body}
    about = {"id": "C0DEPLOYS01", "name": "deploys", "is_private": False}
    return payloads.event_trigger(Event(body, "Ev1", "T1"), {"id": body["user"]}, about).payload


def command(text="help", name="/st2"):
    payload = {"command": name, "text": text, "user_id": "U0HARBOUR02", "channel_id": "C0DEPLOYS01"}
    payload.update(response_url="https://hooks.slack.com/commands/T1/2/x", trigger_id="1.2.abc")
    return payloads.command_trigger(payload, "").payload


def state(word="lost", why="the connection broke"):
    return payloads.state_trigger(word, why, 1.0, "T1", "", "socket_mode").payload


def press(action_id="st2_question_choose_0", **more):
    action = {"action_id": action_id, "block_id": "st2_question:65a0c0ffee", "type": "button"}
    payload = {
        "type": "block_actions",
        "actions": [{**action, "value": "{{ st2kv.system.x }}"}],
        "user": {"id": "U0HARBOUR02"},
        "channel": {"id": "C0DEPLOYS01"},
        "container": {"message_ts": "1795420800.000119", "thread_ts": "1795420700.000119"},
        "state": {"values": {"st2_field:reason": {"st2_input": {"value": "{{ st2kv.x }}"}}}},
        "response_url": "https://hooks.slack.com/actions/T1/2/x",
        "trigger_id": "1.2.abc",
    }
    return payloads.interaction_trigger({**payload, **more}, "").payload


def sent():
    view = {"callback_id": "st2_question", "private_metadata": "65a0c0ffee C0DEPLOYS01 1.5 a {{ b"}
    view["state"] = {"values": {"st2_field:reason": {"st2_input": {"value": "{{ st2kv.x }}"}}}}
    return press(type="view_submission", view=view, actions=[])


def notification(**data):
    """What is told of an execution; `data` as its author wrote it."""
    return {
        "route": "slack",
        "execution_id": "65a0c0ffee65a0c0ffee0001",
        "message": "Action core.noop completed.",
        "data": {"result": '{"secret": "x"}', **data},
    }


PAYLOADS = {
    "slack.message": message,
    "slack.event": mention,
    "slack.command": command,
    "slack.interaction": press,
    "core.st2.generic.notifytrigger": notification,
    "core.st2.generic.inquiry": lambda: {"id": "65a0c0ffee", "route": "slack"},
    "record_form_answers": sent,
    "record_form_answers_in_threads": lambda: press("st2_question_send"),
    "open_question_forms": lambda: press("st2_question_form_1"),
}


def payload_for(rule):
    return PAYLOADS.get(rule.name, PAYLOADS.get(rule.trigger, state))()


# --- the samples --------------------------------------------------------------------------------


TIMER = "core.st2.IntervalTimer"
NOTIFY = "core.st2.generic.notifytrigger"
# These do nothing until somebody asks for it, so they are shipped enabled.
ENABLED = {"post_questions", "sweep_questions"}
ENABLED |= {"record_answers", "record_form_answers", "record_form_answers_in_threads"}
ENABLED |= {"open_question_forms"}


# Rules that are no samples: they are switched on as they are.
OF_WORK = {"on_command", "on_mention", "on_prefix", "post_results"}


def test_there_is_a_sample_for_each_kind_of_trigger():
    found = [each.trigger for name, each in SAMPLES.items() if name not in OF_WORK | ENABLED]
    assert sorted(found) == [TIMER, "slack.message", "slack.sensor_state"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_rule_is_named_after_its_file_and_a_sample_is_disabled(path):
    rule = rules.read_rule(yaml.safe_load(path.read_text(encoding="utf-8")), path.name)
    assert rule.name == path.stem and rule.pack == "slack"
    assert rule.enabled is (rule.name in ENABLED)
    assert rule.description.startswith("Sample: ") is (rule.name not in OF_WORK | ENABLED)


@pytest.mark.parametrize("name", SAMPLES)
def test_its_criteria_name_what_the_payload_has(name):
    rule = SAMPLES[name]
    assert bool(rule.criteria) is (rule.trigger not in (TIMER, "slack.command"))
    for key in rule.criteria:
        assert described(rule.trigger, key), key


def described(trigger, key):
    """Whether a payload's schema has the place that a criterion or a template names."""
    schema = SCHEMAS[trigger]
    for part in key.split("#")[0].split(".")[1:]:
        if schema.get("additionalProperties") and "properties" not in schema:
            return True  # as Slack sends it
        schema = (schema.get("properties") or {}).get(part)
        if schema is None:
            return False
    return True


@pytest.mark.parametrize("name", SAMPLES)
def test_its_action_takes_the_parameters(name):
    rule = SAMPLES[name]
    payload = payload_for(rule)
    given = rule.action_parameters(payload)
    if rule.action in OF_CORE:
        assert set(given) <= OF_CORE[rule.action]
    else:
        action = metadata.load_action(rule.action)
        assert bool(parameters.check(action, given)) is bool(given)
    assert "None" not in str(given) and "{{" not in str(given)


@pytest.mark.parametrize(
    "name", [name for name in SAMPLES if name in ENABLED and SAMPLES[name].trigger != TIMER]
)
def test_what_belongs_to_questions_and_results_takes_what_is_its_own(name):
    rule = SAMPLES[name]
    assert rule.matches(rule.trigger, payload_for(rule))
    others = [each for each in SAMPLES.values() if each.trigger == rule.trigger and each != rule]
    assert not [each.name for each in others if each.matches(rule.trigger, payload_for(rule))]


@pytest.mark.parametrize(
    "name", ["record_answers", "record_form_answers", "record_form_answers_in_threads"]
)
def test_what_somebody_typed_is_handed_over_without_templates(name):
    given = SAMPLES[name].action_parameters(payload_for(SAMPLES[name]))
    assert "{" not in str(list(given.values())) and "%7B%7B" in str(given)


def test_the_message_sample_matches_and_answers_in_the_thread():
    rule = SAMPLES["on_message"]
    assert rule.matches("slack.message", message())
    assert not rule.matches("slack.event", message())
    assert not rule.matches("slack.message", message(channel="general"))
    assert not rule.matches("slack.message", message("web 4.2.0 is alive"))
    assert rule.action_parameters(message())["thread_ts"] == "1795420800.000119"
    assert rule.action_parameters(message(thread_ts="1.000001"))["thread_ts"] == "1.000001"
    assert rule.action_parameters(message())["workspace"] == ""


def test_the_message_sample_does_not_answer_itself():
    rule = SAMPLES["on_message"]
    assert not rule.matches("slack.message", message(rule.action_parameters(message())["text"]))


def test_the_state_sample_matches_an_unhealthy_sensor():
    rule = SAMPLES["on_unhealthy_sensor"]
    words = ("connected", "lost", "degraded", "caught_up")
    assert [rule.matches("slack.sensor_state", state(word)) for word in words] == [
        False,
        True,
        True,
        False,
    ]


def test_the_state_sample_keeps_what_others_wrote_out_of_the_shell():
    given = SAMPLES["on_unhealthy_sensor"].action_parameters(state("lost", "$(reboot) `x` '; y"))
    assert "reboot" not in given["cmd"] and given["env"]["REASON"] == "$(reboot) `x` '; y"


WHICH = pytest.mark.parametrize(
    "name, payload, expected",
    [
        ("on_command", command(), True),
        ("on_mention", mention(), True),
        ("on_mention", mention(bot_id="B0OTHER0001"), False),
        ("on_mention", mention(edited={"user": "U0HARBOUR02", "ts": "1795420801.000100"}), False),
        ("on_mention", dict(mention(), type="reaction_added"), False),
        ("on_prefix", message("!st2 help"), True),
        ("on_prefix", message("!st2"), True),
        ("on_prefix", message("!st2x help"), False),
        ("on_prefix", message("say !st2 help"), False),
        ("on_prefix", message("!st2 help", bot_id="B0OTHER0001"), False),
    ],
)


def test_a_command_that_an_app_wrote_in_a_persons_name_does_not_come_in():
    payload = message("!st2 help", bot_id="B0OTHER0001")
    payload["user"]["is_bot"] = False
    rule = SAMPLES["on_prefix"]
    assert rule.matches(rule.trigger, {**payload, "bot_id": None})
    assert not rule.matches(rule.trigger, payload)


@WHICH
def test_which_commands_come_in(name, payload, expected):
    assert SAMPLES[name].matches(SAMPLES[name].trigger, payload) is expected


@on_stackstorm
@WHICH
def test_stackstorm_lets_the_same_come_in(name, payload, expected):
    from st2common import config as options
    from st2reactor.rules.filter import RuleFilter

    options.register_opts(ignore_errors=True)
    rule = SimpleNamespace(ref=name, enabled=True, criteria=SAMPLES[name].criteria, id="1")
    found = RuleFilter(SimpleNamespace(payload=payload), {"name": "x"}, rule).filter()
    assert bool(found) is expected


@on_stackstorm
@pytest.mark.parametrize("name", sorted(OF_WORK))
def test_stackstorm_hands_over_the_same_command(name):
    """It knows no key that is not there: a template that asks for one ends the rule."""
    from st2common.util.jinja import render_values

    payload = PAYLOADS[SAMPLES[name].trigger]()
    given = render_values(SAMPLES[name].parameters, {"trigger": payload})
    assert given == SAMPLES[name].action_parameters(payload)


@pytest.mark.parametrize(
    "name, make", [("on_mention", mention), ("on_prefix", message)], ids=["mention", "prefix"]
)
def test_a_command_in_a_message_tells_its_thread(name, make):
    given = SAMPLES[name].action_parameters(make())
    assert (given["ts"], given["thread_ts"]) == ("1795420800.000119", "1795420800.000119")
    assert given["is_bot"] == "False"
    if name == "on_prefix":
        # A message that an app wrote in a person's name.
        assert SAMPLES[name].action_parameters(make(bot_id="B0OTHER0001"))["is_bot"] == "True"
    assert SAMPLES[name].action_parameters(make(thread_ts="1.000001"))["thread_ts"] == "1.000001"


NOTHING = dict.fromkeys(("channel", "thread_ts", "workspace", "user"), "")
CONTEXT = {"channel": "C0DEPLOYS01", "message": "1503435956.000247", "workspace": "it's"}
# data of a notification → what the action is given beside the execution's ID and its note
NOTIFICATIONS = [
    ({}, {}),
    ({"channel": "#ops", "thread_ts": "1.000001"}, {"channel": "#ops", "thread_ts": "1.000001"}),
    ({"channel": None, "source_channel": "C1"}, {"channel": "C1"}),
    (
        {"user": "U1", "source_channel": "C1", "source_context": CONTEXT},
        {"user": "U1", "channel": "C1", "source_context": CONTEXT},
    ),
    ({"source_context": None, "workspace": "emea"}, {"workspace": "emea"}),
    ({"source_context": {}}, {}),
]


@pytest.mark.parametrize(("data", "expected"), NOTIFICATIONS)
def test_a_notification_may_lack_whatever_it_likes(data, expected):
    given = parameters.check(
        metadata.load_action("slack.post_result"),
        SAMPLES["post_results"].action_parameters(notification(**data)),
    )
    assert given.pop("execution_id") == "65a0c0ffee65a0c0ffee0001"
    assert given.pop("note") == "Action core.noop completed."
    assert given == {**NOTHING, "source_context": {}, **expected}


@on_stackstorm
@pytest.mark.parametrize(("data", "expected"), NOTIFICATIONS)
def test_stackstorm_hands_over_the_same(data, expected):
    from st2common.util import param

    action = metadata.load_action("slack.post_result")
    rule = yaml.safe_load((ROOT / "rules/post_results.yaml").read_text(encoding="utf-8"))
    given = param.render_live_params(
        {},
        action.parameters,
        rule["action"]["parameters"],
        {"user": "stanley"},
        {"trigger": notification(**data)},
    )
    assert {name: given[name] for name in NOTHING} == {**NOTHING, **_without_context(expected)}
    assert given["source_context"] == expected.get("source_context", {})


def _without_context(expected):
    return {name: value for name, value in expected.items() if name != "source_context"}


def test_only_the_route_slack_is_ours():
    rule = SAMPLES["post_results"]
    assert rule.matches(NOTIFY, notification())
    assert not rule.matches(NOTIFY, {**notification(), "route": "hubot"})
    assert "secret" not in str(rule.action_parameters(notification())), (
        "the result is not masked there"
    )


@on_stackstorm
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_stackstorm_accepts_the_sample(path):
    from st2common.models.api.rule import RuleAPI
    from st2common.validators.api.reactor import validate_criteria

    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    RuleAPI(**loaded).validate()
    validate_criteria(loaded["criteria"])


@on_stackstorm
def test_stackstorm_knows_the_timer():
    import jsonschema
    from st2common.constants.triggers import TIMER_TRIGGER_TYPES

    trigger = yaml.safe_load((ROOT / "rules/refresh_tokens.yaml").read_text())["trigger"]
    schema = TIMER_TRIGGER_TYPES[trigger["type"]]["parameters_schema"]
    jsonschema.Draft3Validator(schema).validate(trigger["parameters"])


@on_stackstorm
def test_core_local_takes_what_is_written_here():
    action = yaml.safe_load(Path(CHECKOUT, "contrib/core/actions/local.yaml").read_text())
    runners = Path(CHECKOUT, "contrib/runners/local_runner/local_runner/runner.yaml").read_text()
    runner = next(r for r in yaml.safe_load(runners) if r["name"] == action["runner_type"])
    known = {**runner["runner_parameters"], **action["parameters"]}
    assert {name for name, it in known.items() if not it.get("immutable")} == OF_CORE["core.local"]


# --- rules in the sandbox -----------------------------------------------------------------------


def rule(criteria, action_parameters=None):
    return rules.read_rule(
        {
            "name": "x",
            "pack": "p",
            "trigger": {"type": "slack.message"},
            "criteria": criteria,
            "action": {"ref": "core.local", "parameters": action_parameters or {}},
        }
    )


PAYLOAD = {
    "text": "Hello World",
    "n": 1,
    "none": None,
    "list": ["a", {"b": "c"}],
    "user": {"id": "U"},
}


@pytest.mark.parametrize(
    "key, kind, pattern, expected",
    [
        ("trigger.text", "equals", "Hello World", True),
        ("trigger.text", "eq", "hello world", False),
        ("trigger.text", "ieq", "hello world", True),
        ("trigger.text", "nequals", "x", True),
        ("trigger.text", "contains", "World", True),
        ("trigger.text", "icontains", "WORLD", True),
        ("trigger.text", "ncontains", "World", False),
        ("trigger.text", "regex", "^hello", False),
        ("trigger.text", "iregex", "^hello", True),
        ("trigger.text", "regex", "o W", True),
        ("trigger.user.id", "equals", "U", True),
        ("trigger.list[1].b", "equals", "c", True),
        ("trigger.list", "contains", "a", True),
        ("trigger.n", "equals", 1, True),
        ("trigger.n", "equals", "1", False),
        ("trigger.n", "regex", "1", False),
        ("trigger.none", "contains", "x", False),
        ("trigger.none", "iequals", "x", False),
        ("trigger.user.nobody.there", "equals", "x", False),
        ("trigger.list[9].b", "equals", "x", False),
    ],
)
def test_what_a_criterion_matches(key, kind, pattern, expected):
    made = rule({key: {"type": kind, "pattern": pattern}})
    assert made.matches("slack.message", PAYLOAD) is expected


@on_stackstorm
def test_the_operators_are_stackstorms():
    from st2common import operators

    for name, ours in rules.OPERATORS.items():
        theirs = operators.get_operator(name)
        for value in ("Hello World", "hello", "x"):
            for pattern in ("Hello World", "hello", "o w", "x"):
                assert bool(ours(value, pattern)) == bool(theirs(value, pattern)), name


def test_all_criteria_have_to_be_met_and_none_match_everything():
    both = {
        "trigger.text#1": {"type": "contains", "pattern": "Hello"},
        "trigger.text#2": {"type": "contains", "pattern": "Mars"},
    }
    assert not rule(both).matches("slack.message", PAYLOAD)
    assert rule({}).matches("slack.message", PAYLOAD)


def test_what_only_stackstorm_can_do_is_refused_by_name():
    with pytest.raises(ValidationErrors) as caught:
        rule(
            {
                "trigger.text": {"type": "search", "pattern": {}},
                "trigger.*": {"type": "equals", "pattern": "x"},
                "trigger.n": {"type": "equals", "pattern": "{{ st2kv.system.x }}"},
                "trigger.user": {"type": "equals"},
            },
            {"text": "{{ trigger.text | upper }}", "more": ["{% if x %}", "{{ trigger.a }}"]},
        )
    text = str(caught.value)
    for part in (
        "'search'",
        "trigger.*: is a path",
        "trigger.n: has a template",
        "trigger.user: needs",
        "| upper }}: is a template",
        "{% if x %}: is a template",
    ):
        assert part in text, part
    assert "trigger.a" not in text


@pytest.mark.parametrize("loaded", [None, [], {}, {"name": "x", "trigger": {"type": "t"}}])
def test_what_is_no_rule_is_refused(loaded):
    with pytest.raises(ValidationErrors):
        rules.read_rule(loaded)
