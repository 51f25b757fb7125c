"""README.md cannot lie: every command and every piece of YAML in it is run or checked."""

import re
import shlex
from pathlib import Path

import generate_actions
import pytest
import yaml

from catalogue import readme, sources
from sandbox import cli
from sandbox.slack import LoopbackSlack
from sandbox.stackstorm import config as sandbox_config
from sandbox.stackstorm import metadata, parameters, runner

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


@pytest.fixture(scope="module")
def server():
    with LoopbackSlack() as slack:
        yield slack


@pytest.mark.parametrize("line", EXECUTIONS)
def test_every_execution_succeeds(server, line):
    """As an operator types it: words parsed, cast and checked as the st2 command and API do."""
    _, _, ref, *words = shlex.split(line)
    action = metadata.load_action(ref)
    config = {
        "api_url": server.api_url,
        "action_token": server.bot_token,
        "post_message_action": {"webhook_url": server.webhook_url},
    }
    done = runner.execute(action, parameters.from_words(action, words), config)
    assert done.succeeded, done.stderr


def test_there_are_examples_of_everything():
    said = "\n".join(EXECUTIONS)
    for part in (
        "all_pages",
        "max_items",
        "ignore_errors",
        "post_message",
        "post_attachment",
        "blocks=",
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


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "yaml"])
def test_every_piece_of_yaml_can_be_used(text, tmp_path):
    document = yaml.safe_load(text)
    if "tasks" in document:
        for task in document["tasks"].values():
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
        "user_token",
        "config_token",
        "app_token",
        "team_id",
        "max_wait",
        "proxy",
        "ca_bundle",
        "api_url",
        "workspaces",
        "webhook_url",
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
