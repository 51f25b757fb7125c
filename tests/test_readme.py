"""README.md cannot lie: every command and every piece of YAML in it is run or checked."""

import json
import re
import shlex
from pathlib import Path

import generate_actions
import jsonschema
import pytest
import yaml
from test_rules import OF_CORE

from catalogue import readme, sources
from sandbox import cli, listen, loopback
from sandbox.listener import Listener
from sandbox.slack import LoopbackSlack, rotation
from sandbox.stackstorm import config as sandbox_config
from sandbox.stackstorm import metadata, parameters, rules, runner
from sandbox.stackstorm.api import StandInApi
from sandbox.stackstorm.datastore import ActionService
from st2slack.results import result_blocks
from st2slack.stackstorm.execution import Execution

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
LINES = [
    line.partition("  # ")[0].strip()
    for kind, text in BLOCKS
    if not kind
    for line in text.splitlines()
]
EXECUTIONS = [line for line in LINES if line.startswith("st2 run ")]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SENSOR = yaml.safe_load((ROOT / "sensors/slack_sensor.yaml").read_text(encoding="utf-8"))
SCHEMAS = {"slack." + each["name"]: each["payload_schema"] for each in SENSOR["trigger_types"]}
# Actions that need StackStorm's API.
OF_THE_API = ("slack.post_or_update",)
# trigger → (its payload as JSON, its rule as YAML), from the section of that name
SECTIONS = {
    title: re.findall(r"^```(json|yaml)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    for title, text in re.findall(
        r"^### (slack\.\w+)\n(.*?)(?=^##)", TEXT, re.DOTALL | re.MULTILINE
    )
}


@pytest.fixture(scope="module")
def server():
    with LoopbackSlack() as slack:
        yield slack


@pytest.fixture(scope="module")
def api():
    """The environment of an action beside StackStorm's API, which keeps what it is told."""
    with StandInApi() as st2:
        yield {"ST2_ACTION_API_URL": st2.api_url, "ST2_ACTION_AUTH_TOKEN": st2.token}


@pytest.fixture
def datastore(tmp_path):
    """Keeps the values of these keys, encrypted; returns its file."""

    def keep(**values):
        service = ActionService("slack", "x", path=tmp_path / "datastore.json")
        for key, text in values.items():
            service.set_value(key, text, local=False, encrypt=True)
        return tmp_path / "datastore.json"

    return keep


def rotating(server, line, tmp_path):
    """(config, datastore values) of an app with token rotation, new for each execution."""
    server.rotation.begun.clear()
    server.rotation.refresh_tokens[rotation.OF_BOT] = server.bot_token
    own = {"client_id": rotation.CLIENT_ID, "client_secret": rotation.CLIENT_SECRET}
    own.update(refresh_token_key="slack_refresh_token", rescue_folder=str(tmp_path))
    values = {"slack_bot_token": server.bot_token}
    if "first=true" not in line:
        values["slack_refresh_token"] = rotation.OF_BOT
    return {"action_token_key": "slack_bot_token", "rotation": own}, values


@pytest.mark.parametrize("line", EXECUTIONS)
def test_every_execution_succeeds(server, api, line, datastore, tmp_path):
    """As an operator types it: words parsed, cast and checked as the st2 command and API do."""
    _, _, ref, *words = shlex.split(line.replace("=/tmp/", "=%s/" % tmp_path))
    action = metadata.load_action(ref)
    config = {
        "api_url": server.api_url,
        "action_token": server.bot_token,
        "sensor": {"app_token": server.app_token},
        "post_message_action": {"webhook_url": server.webhook_url},
        "admin": {"organization": "harbour-works", "admin_token": server.user_token},
    }
    more, values = rotating(server, line, tmp_path)
    config.update(more)
    kept, given = datastore(**values), parameters.from_words(action, words)
    around = api if ref in OF_THE_API else {}
    done = runner.execute(action, given, config, datastore=kept, around=around)
    assert done.succeeded, done.stderr


def test_who_may_by_the_rules_that_it_shows(slack):
    """The decision that it shows is the one that is taken."""
    section = TEXT[TEXT.index("## Who may\n") : TEXT.index("## Errors and limits\n")]
    shown = re.findall(r"^```(yaml|json)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    (line,) = [line for line in EXECUTIONS if "person=" in line]
    action = metadata.load_action("slack.check")
    config = {"api_url": slack.api_url, "action_token": slack.bot_token}
    config.update(yaml.safe_load(shown[0][1]))
    given = parameters.from_words(action, shlex.split(line)[3:])
    done = runner.execute(action, given, config)
    assert done.result["decision"] == json.loads(shown[1][1])
    given["person"] = "U0HARBOUR05"
    assert not runner.execute(action, given, config).result["decision"]["allowed"]


def test_there_are_examples_of_everything():
    said = "\n".join(EXECUTIONS)
    for part in (
        "all_pages",
        "max_items",
        "ignore_errors",
        "post_message",
        "post_attachment",
        "blocks=",
        "slack.check",
        "slack.refresh_token",
        "file_path=",
        "file_paths=",
        "files.download",
        "find_channel",
        "find_user",
        "send_direct_message",
        "set_usergroup",
        "list_usergroup_members",
        "users_filter_by",
        "users.admin.invite",
        "post_or_update",
    ):
        assert part in said
    assert len(EXECUTIONS) >= 8


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("make ")])
def test_every_make_target_exists(line):
    assert re.search(r"^%s:" % re.escape(line.split()[1]), MAKEFILE, re.MULTILINE)


def test_every_command_of_the_tables_exists():
    for target in re.findall(r"`make ([\w-]+)", TEXT):
        assert re.search(r"^%s:" % re.escape(target), MAKEFILE, re.MULTILINE), target
    for command in re.findall(r"-m sandbox ([\w-]+)", TEXT):
        assert command in cli.COMMANDS, command
    for script in re.findall(r"`(bin/[\w.-]+)", TEXT):
        assert (ROOT / script).exists(), script


def rules_of(name):
    """The parameters that a rule of the pack gives its action."""
    return set(next(rule for rule in rules.load_rules() if rule.name == name).parameters)


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "yaml"])
def test_every_piece_of_yaml_can_be_used(text, tmp_path):
    document = yaml.safe_load(text)
    if "criteria" in document:
        assert rules.read_rule(document).enabled
        return
    if "notify" in document:
        handed_over = rules_of("post_results")
        for section in document["notify"].values():
            assert section["routes"] == ["slack"]
            assert set(section["data"]) <= handed_over
        return
    if "formats" in document:
        of_slack = document["result"]["extra"]["slack"]
        assert result_blocks.build_message(
            Execution(""), result_blocks.FormattedAlias("text", of_slack)
        ).attachments
        return
    if "tasks" in document:
        ours = [each for each in document["tasks"].values() if each["action"].startswith("slack.")]
        assert ours
        for task in ours:
            action = metadata.load_action(task["action"])
            parameters.check(
                action,
                {
                    name: "x" if "<%" in str(value) else value
                    for name, value in task["input"].items()
                },
            )
        return
    path = tmp_path / "slack.yaml"
    path.write_text(text, encoding="utf-8")
    names = re.findall(r"st2kv\.system\.(\w+)", text)
    assert sandbox_config.load_config(path, kv=dict.fromkeys(names, "xoxb-1"))


def test_every_trigger_has_a_section_with_a_payload_and_a_rule():
    assert set(SECTIONS) == set(SCHEMAS)
    for title, blocks in SECTIONS.items():
        assert [kind for kind, _ in blocks] == ["json", "yaml"], title


@pytest.mark.parametrize("trigger", SECTIONS)
def test_a_payload_is_what_the_sensor_dispatches(trigger):
    payload = json.loads(SECTIONS[trigger][0][1])
    jsonschema.Draft4Validator(SCHEMAS[trigger]).validate(payload)
    only_if_sent = {"attachments", "blocks"} if trigger == "slack.message" else set()
    assert set(payload) == set(SCHEMAS[trigger]["properties"]) - only_if_sent


@pytest.mark.parametrize("trigger", SECTIONS)
def test_a_rule_matches_its_payload_and_its_action_takes_what_it_gives(trigger):
    payload = json.loads(SECTIONS[trigger][0][1])
    rule = rules.read_rule(yaml.safe_load(SECTIONS[trigger][1][1]))
    if trigger == "slack.sensor_state":
        payload["state"] = "degraded"
    assert rule.criteria and rule.matches(trigger, payload)
    given = rule.given(payload)
    assert "None" not in json.dumps(given)
    if rule.action in OF_CORE:
        assert set(given) <= OF_CORE[rule.action]
    else:
        assert parameters.check(metadata.load_action(rule.action), given)


def test_the_payloads_are_from_a_run():
    """The conversation of `sandbox listen` makes them again, times aside."""
    with LoopbackSlack() as slack, loopback.config_file(slack, **listen.ON_LOOPBACK) as path:
        with Listener(path) as listener:
            listen.converse(slack)
            assert listener.wait_for("slack.event", lambda told: told["type"] == "app_mention")
            assert listener.wait_for("slack.interaction")
            slack.socket.connections[0].eof()
            assert listener.wait_for("slack.sensor_state", lambda told: told["state"] == "lost")
        made = [dict(each["payload"], since=0) for each in listener.dispatched]
    for trigger, blocks in SECTIONS.items():
        assert dict(json.loads(blocks[0][1]), since=0) in made, trigger


def test_the_partitioner_is_one_that_stackstorm_has():
    """partitioner_lookup.py of st2reactor: default, kvstore, file, hash."""
    assert set(re.findall(r"name:(\w+)", TEXT)) == {"kvstore", "file", "hash"}


def test_every_link_leads_somewhere():
    anchors = {
        re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_every_config_key_that_it_names_is_in_the_schema():
    schema = (ROOT / "config.schema.yaml").read_text(encoding="utf-8")
    for key in (
        "action_token",
        "action_token_key",
        "client_id",
        "client_secret",
        "refresh_token_key",
        "user_token_key",
        "user_refresh_token_key",
        "config_token_key",
        "config_refresh_token_key",
        "rescue_folder",
        "user_token",
        "config_token",
        "app_token",
        "team_id",
        "max_wait",
        "proxy",
        "ca_bundle",
        "api_url",
        "authorization",
        "who",
        "where",
        "what",
        "extra_parameters",
        "ldap",
        "ldap_usernames",
        "email_pattern",
        "id_attr",
        "cacert",
        "insecure",
        "workspaces",
        "webhook_url",
        "events",
        "channel_types",
        "channels",
        "allow_bot_messages",
        "allow_own_messages",
        "strip_formatting",
        "plain_text",
        "plain_http_hosts",
        "backfill_max_age",
        "backfill_max_channels",
    ):
        assert "`%s`" % key in TEXT or "%s`" % key in TEXT or "`%s:" % key in TEXT, key
        assert re.search(r"^\s*%s:" % key, schema, re.MULTILINE), key


def test_the_made_parts_are_up_to_date():
    assert readme.filled(TEXT, sources.load()) == TEXT
    assert TEXT.count("<!-- made: ") == len(readme.PARTS)


def test_a_made_part_that_was_edited_is_drift(tmp_path):
    import shutil

    shutil.copytree(ROOT / "etc", tmp_path / "etc")
    shutil.copytree(ROOT / "actions", tmp_path / "actions")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "README.md").write_text(TEXT.replace("entry_point: run.py", "x"), encoding="utf-8")
    catalogue = sources.load(tmp_path)
    faults = generate_actions.drift(tmp_path, generate_actions.expected_files(catalogue))
    assert any("README.md" in fault for fault in faults)
