"""README.md and docs/: every command, every piece of YAML, link, key and name is run or checked."""

import json
import re
import shlex
from pathlib import Path

import jsonschema
import pytest
import yaml
from test_rules import OF_CORE

from sandbox.cli import commands, listen, loopback
from sandbox.cli.sensor_process import SensorProcess
from sandbox.slack import LoopbackSlack
from sandbox.slack.state import rotation
from sandbox.stackstorm import config as sandbox_config
from sandbox.stackstorm import metadata, rules
from sandbox.stackstorm.datastore import ActionService
from sandbox.stackstorm.runner import action_process, parameters
from sandbox.stackstorm.server import FakeStackStorm
from st2slack.results import result_blocks
from st2slack.stackstorm.execution import Execution
from tools.generator import command as generate_actions
from tools.generator import readme, sources

ROOT = Path(__file__).resolve().parents[1]
PAGES = {str(path): (ROOT / path).read_text(encoding="utf-8") for path in readme.pages(ROOT)}
TEXT = "\n".join(PAGES.values())
BLOCKS = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", TEXT, re.DOTALL | re.MULTILINE)
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
        r"^### (slack\.\w+)\n(.*?)(?=^##)", PAGES["docs/triggers.md"], re.DOTALL | re.MULTILINE
    )
}


@pytest.fixture(scope="module")
def server():
    with LoopbackSlack() as slack:
        yield slack


@pytest.fixture(scope="module")
def api():
    """The environment of an action beside StackStorm's API, which keeps what it is told."""
    with FakeStackStorm() as st2:
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
    done = action_process.execute(action, given, config, datastore=kept, around=around)
    assert done.succeeded, done.stderr


def test_authorization_by_the_rules_that_the_page_shows(slack):
    """The page shows the decision that is taken."""
    text = PAGES["docs/security.md"]
    section = text[text.index("## Authorization\n") : text.index("## LDAP groups\n")]
    shown = re.findall(r"^```(yaml|json)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    (line,) = [line for line in EXECUTIONS if "person=" in line]
    action = metadata.load_action("slack.check")
    config = {"api_url": slack.api_url, "action_token": slack.bot_token}
    config.update(yaml.safe_load(shown[0][1]))
    given = parameters.from_words(action, shlex.split(line)[3:])
    done = action_process.execute(action, given, config)
    assert done.result["decision"] == json.loads(shown[1][1])
    given["person"] = "U0HARBOUR05"
    assert not action_process.execute(action, given, config).result["decision"]["allowed"]


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
        assert command in commands.COMMANDS, command
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
    given = rule.action_parameters(payload)
    assert "None" not in json.dumps(given)
    if rule.action in OF_CORE:
        assert set(given) <= OF_CORE[rule.action]
    else:
        assert parameters.check(metadata.load_action(rule.action), given)


def test_the_payloads_are_from_a_run():
    """The conversation of `sandbox listen` makes them again, times aside."""
    with LoopbackSlack() as slack, loopback.config_file(slack, **listen.ON_LOOPBACK) as path:
        with SensorProcess(path) as listener:
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


def anchors(page):
    """Anchors of a page's headings, as GitHub makes them."""
    outside_of_code = re.sub(r"^ *```.*?^ *```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", outside_of_code, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles]


@pytest.mark.parametrize("page", PAGES)
def test_no_anchor_is_there_twice(page):
    assert len(anchors(page)) == len(set(anchors(page)))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[page]):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        there = (ROOT / page).parent / path if path else ROOT / page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(str(there.resolve().relative_to(ROOT))), target


def test_every_page_is_reached_from_readme():
    linked = set(re.findall(r"\]\((docs/[\w.-]+)\)", PAGES["README.md"]))
    assert linked == set(PAGES) - {"README.md"}


def test_readme_is_short():
    assert len(PAGES["README.md"].splitlines()) <= 200


def config_keys(schema, within=""):
    """Every key of the config, dotted."""
    for name, described in schema.items():
        yield within + name
        inner = described.get("items", described).get("properties", {})
        yield from config_keys(inner, within + name + ".")


SCHEMA = yaml.safe_load((ROOT / "config.schema.yaml").read_text(encoding="utf-8"))
KEYS = set(config_keys(SCHEMA))


def test_every_config_key_is_documented():
    documented = set(re.findall(r"^\| `([\w.]+)` \|", PAGES["docs/configuration.md"], re.MULTILINE))
    below_workspaces = {key for key in KEYS if key.count(".") > 1 and key.startswith("workspaces")}
    assert len(KEYS) > 100
    assert KEYS - below_workspaces <= documented
    for key in below_workspaces:
        assert key.partition(".")[2] in documented, key


def test_every_config_key_that_a_page_names_exists():
    """`sensor.channels` and similar names, not files, methods or actions that begin so."""
    objects = "|".join(name for name, each in SCHEMA.items() if each["type"] == "object")
    named = set(re.findall(r"`((?:%s)\.[a-z_.]+)\b(?=[`:])" % objects, TEXT))
    named -= {"ldap.conf", "chatops.format_execution_result"} | set(sources.load().methods)
    assert len(named) > 25
    assert named <= KEYS, named - KEYS


def test_every_action_rule_and_trigger_that_a_page_names_exists():
    text = "\n".join(text for page, text in PAGES.items() if page != "docs/upgrading.md")
    named = set(re.findall(r"`slack\.([A-Za-z_.]+)(?=[` ])", text))
    exist = {path.stem for path in (ROOT / "actions").glob("*.yaml")}
    exist |= {rule.name for rule in rules.load_rules()}
    exist |= {trigger.partition(".")[2] for trigger in SCHEMAS}
    assert len(named) > 375
    assert named <= exist | {"SlackSensor", "NAME", "ACTION", "yaml.example", "yaml"}, named - exist


def test_every_action_is_documented():
    listed = set(re.findall(r"^\| `slack\.([\w.]+)` \|", PAGES["docs/actions.md"], re.MULTILINE))
    assert listed == {path.stem for path in (ROOT / "actions").glob("*.yaml")}


def test_every_parameter_of_ask_is_documented():
    text = PAGES["docs/approvals.md"]
    for name in metadata.load_action("slack.ask").parameters:
        assert "`%s`" % name in text or name == "workspace", name


def test_every_changed_file_of_the_architecture_exists():
    """The table "Which files to change" and the three ways above it."""
    text = PAGES["docs/architecture.md"].split("## How a call")[1]
    paths = re.findall(r"`([\w./]+/[\w./]+|[\w.]+\.(?:yaml|md|example))`", text)
    assert len(paths) > 60
    for path in paths:
        assert any((ROOT / top / path).exists() for top in ("", "actions/lib/st2slack")), path


def test_the_architecture_answers_the_changes_that_are_asked_for():
    table = PAGES["docs/architecture.md"].split("## Which files to change")[1]
    assert len(re.findall(r"^\| ", table, re.MULTILINE)) >= 22


def test_the_made_parts_are_up_to_date():
    catalogue = sources.load()
    for page, text in PAGES.items():
        assert readme.fill(text, catalogue) == text, page
    assert TEXT.count("<!-- made: ") == len(readme.PARTS)


def test_a_made_part_that_was_edited_is_drift(tmp_path):
    import shutil

    shutil.copytree(ROOT / "etc", tmp_path / "etc")
    shutil.copytree(ROOT / "actions", tmp_path / "actions")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(str(ROOT / "config.schema.yaml"), str(tmp_path))
    page = tmp_path / "docs/actions.md"
    edited = PAGES["docs/actions.md"].replace("entry_point: run.py", "x")
    page.write_text(edited, encoding="utf-8")
    catalogue = sources.load(tmp_path)
    faults = generate_actions.drift(tmp_path, generate_actions.expected_files(catalogue))
    assert any("docs/actions.md" in fault for fault in faults)
