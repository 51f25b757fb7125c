"""Each demand of the Exchange, broken in a copy of the pack, is told; so are all at once."""

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tools.checks import exchange as checks

ROOT = Path(__file__).resolve().parents[1]

SCHEMA = """---
action_token: {type: string, secret: true, required: true}
max_wait: {type: number, default: 60}
workspaces:
  type: array
  items:
    type: object
    properties:
      name: {type: string, required: true}
      action_token: {type: string, secret: true}
"""
EXAMPLE = """---
action_token: "{{ st2kv.system.slack_bot_token }}"
workspaces:
  - name: emea
    action_token: "{{ st2kv.system.slack_emea_bot_token }}"
"""
PACK = {
    "ref": "slack",
    "name": "slack",
    "description": "Slack and StackStorm",
    "version": "3.0.0",
    "python_versions": ["3"],
    "stackstorm_version": ">=3.8.0",
    "author": "Somebody",
    "email": "info@example.com",
}


@pytest.fixture
def pack(tmp_path):
    """A pack that the Exchange takes."""
    for name in ("LICENSE", "icon.png"):
        shutil.copy(str(ROOT / name), str(tmp_path / name))
    for name in ("actions", "etc", ".github/workflows"):
        (tmp_path / name).mkdir(parents=True)
    write(tmp_path, "pack.yaml", yaml.safe_dump(PACK))
    write(tmp_path, "CHANGES.md", "# Changes\n\n## 3.0.0\n\n- All new.\n\n## 2.3.0\n")
    write(tmp_path, "config.schema.yaml", SCHEMA)
    write(tmp_path, "slack.yaml.example", EXAMPLE)
    write(tmp_path, "actions/api.test.yaml", "---\nname: api.test\n")
    write(tmp_path, "etc/facts.json", "{}\n")
    assert checks.faults_of(tmp_path) == []
    return tmp_path


def write(pack, name, text):
    (pack / name).write_text(text, encoding="utf-8")


def fault(pack):
    """The only one."""
    (only,) = checks.faults_of(pack)
    return only


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1\n", "expected ',' or ']'"),
        ("a: 1\n---\nb: 2\n", "expected a single document"),
        ("a: !!python/object:os.path {}\n", "could not determine a constructor"),
        ("# only a comment\n", "is empty"),
        ("a: \x07\n", "not allowed"),
    ],
)
@pytest.mark.parametrize("name", ["actions/x.yaml", ".github/workflows/x.yaml", "etc/x.yml"])
def test_yaml_is_one_document_that_safe_load_takes(pack, name, text, told):
    write(pack, name, text)
    assert fault(pack).startswith(name) and told in fault(pack)


def test_yaml_is_utf_8(pack):
    (pack / "actions/x.yaml").write_bytes(b"name: caf\xe9\n")
    assert fault(pack).startswith("actions/x.yaml: 'utf-8' codec")


def test_a_document_may_be_null(pack):
    write(pack, "actions/x.yaml", "--- null\n")
    assert checks.faults_of(pack) == []


@pytest.mark.parametrize("text", ["{,}", "", "{} {}"])
def test_json_parses(pack, text):
    write(pack, "etc/facts.json", text)
    assert fault(pack).startswith("etc/facts.json: ")


def test_environments_and_caches_are_not_looked_at(pack):
    (pack / ".venv-3.11/lib").mkdir(parents=True)
    write(pack, ".venv-3.11/lib/x.yaml", "a: [")
    write(pack, ".venv-3.11/lib/x.json", "")
    assert checks.faults_of(pack) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": "3.0"}, "version: must be like '3.0.0', not '3.0'"),
        ({"version": 3.0}, "version: must be a string, not a number: 3.0"),
        ({"version": "v3.0.0"}, "version: must be like '3.0.0', not 'v3.0.0'"),
        ({"ref": None}, "ref: must be a string, not null"),
        ({"ref": "Slack-3"}, "ref: must be like 'slack', not 'Slack-3'"),
        ({"ref": "_global"}, "ref: must be like 'slack', not '_global'"),
        ({"email": "info at example"}, "email: must be like 'info@example.com'"),
        ({"email": "info@example"}, "email: must be like 'info@example.com'"),
        ({"python_versions": ["2", "3"]}, "python_versions: must be [\"3\"], not ['2', '3']"),
        ({"python_versions": [3]}, "python_versions[0]: must be a string, not an integer: 3"),
        ({"stackstorm_version": "3.8"}, "stackstorm_version: must be like '>=3.8.0, <4.0.0'"),
        ({"keywords": "slack"}, "keywords: must be an array, not a string"),
        ({"contributors": ["x" * 101]}, "contributors[0]: "),
    ],
)
def test_pack_yaml_is_valid(pack, change, told):
    write(pack, "pack.yaml", yaml.safe_dump(dict(PACK, **change)))
    told = "pack.yaml: " + told
    assert any(each.startswith(told) for each in checks.faults_of(pack)), checks.faults_of(pack)


REQUIRED = ("ref", "name", "description", "version", "author", "email", "python_versions")


@pytest.mark.parametrize("name", REQUIRED)
def test_pack_yaml_is_complete(pack, name):
    write(pack, "pack.yaml", yaml.safe_dump({k: v for k, v in PACK.items() if k != name}))
    assert "pack.yaml: %s: is required" % name in checks.faults_of(pack)


@pytest.mark.parametrize("name", ["pack.yaml", "config.schema.yaml"])
def test_pack_files_hold_names_and_values(pack, name):
    write(pack, name, "- a\n")
    assert name + ": must hold names and values (a mapping)" in checks.faults_of(pack)
    (pack / name).unlink()
    assert name + " is missing" in checks.faults_of(pack)


def test_there_is_one_example(pack):
    write(pack, "other.yaml.example", EXAMPLE)
    assert "not 2: ['other.yaml.example', 'slack.yaml.example']" in fault(pack)
    (pack / "other.yaml.example").unlink()
    (pack / "slack.yaml.example").unlink()
    assert "not 0: []" in fault(pack)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max_wait: 1\n", "action_token: is required"),
        ("action_token: x\nmax_wait: soon\n", "max_wait: must be a number"),
        ("action_token: x\nworkspaces: [{action_token: y}]\n", "workspaces[0].name: is required"),
        ("action_token: x\ntoken: y\n", "token: is not known"),
        ("action_token: '{{ st2kv.system.x | decrypt_kv }}'\n", "action_token: is secret"),
        (EXAMPLE.replace("emea_bot_token", "x | decrypt_kv"), "workspaces.0.action_token: is sec"),
        ("[]\n", "must hold names and values (a mapping)"),
        ("a: [\n", "while parsing a flow node"),
    ],
)
def test_the_example_satisfies_the_schema(pack, text, told):
    write(pack, "slack.yaml.example", text)
    assert fault(pack).startswith("slack.yaml.example: " + told)


def test_a_wrong_value_of_a_secret_is_not_shown(pack):
    write(pack, "slack.yaml.example", "action_token: [xoxb-hush]\n")
    assert "action_token: must be a string" in fault(pack) and "hush" not in fault(pack)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: {type: strnig}\n", "a.type: "),
        ("a: {type: object, properties: {b: {required: maybe}}}\n", "a.properties.b.required: "),
        ("a: string\n", "a: 'string' is not of type 'object'"),
        ("a: {type: array, items: {properties: [b]}}\n", "a.items"),
    ],
)
def test_the_schema_is_one(pack, text, told):
    write(pack, "config.schema.yaml", text)
    assert fault(pack).startswith("config.schema.yaml: " + told)


def test_the_licence_is_apache_2(pack):
    write(pack, "LICENSE", "MIT License\n")
    assert "is not the Apache License 2.0" in fault(pack)
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    write(pack, "LICENSE", text.replace("irrevocable", "revocable"))
    assert "not the whole text" in fault(pack)
    (pack / "LICENSE").unlink()
    assert fault(pack) == "LICENSE is missing"


def test_the_licence_may_name_its_owner(pack):
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    write(pack, "LICENSE", text.replace("[yyyy] [name of copyright owner]", "2026 Somebody"))
    assert checks.faults_of(pack) == []


def test_the_icon_is_a_png_of_64_by_64(pack):
    icon = pack / "icon.png"
    data = icon.read_bytes()
    icon.write_bytes(data[:16] + struct.pack(">II", 128, 64) + data[24:])
    assert fault(pack) == "icon.png must be 64x64, not 128x64"
    icon.write_bytes(data[:-20])
    assert "not a whole one" in fault(pack)
    icon.write_bytes(b"GIF89a" + data)
    assert "is not a PNG" in fault(pack)
    icon.unlink()
    assert fault(pack) == "icon.png is missing"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# Changes\n\n## 2.3.0\n", "the newest version is 2.3.0, that of pack.yaml is 3.0.0"),
        ("# Changes\n\n## 3.0.1\n\n## 3.0.0\n", "the newest version is 3.0.1"),
        ("# Changes\n\n## 13.0.0\n", "the newest version is 13.0.0"),
        ("# Changes\n\n## 3.0.0-rc.1\n", "the newest version is 3.0.0-rc.1"),
        ("# Changes\n\n## 3.0.0.1\n", "the newest version is not in a heading"),
        ("# Changes\n\n3.0.0 is all new\n", "the newest version is not in a heading"),
    ],
)
def test_changes_names_the_version(pack, text, told):
    write(pack, "CHANGES.md", text)
    assert fault(pack).startswith("CHANGES.md: " + told)


@pytest.mark.parametrize("heading", ["# v3.0.0", "## [3.0.0] - 2026-07-01", "## 3.0.0, today"])
def test_changes_may_say_more_than_the_version(pack, heading):
    write(pack, "CHANGES.md", "# Changes\n\n## In development\n\n%s\n\n## 2.3.0\n" % heading)
    assert checks.faults_of(pack) == []


def test_changes_is_there(pack):
    (pack / "CHANGES.md").unlink()
    assert fault(pack) == "CHANGES.md is missing"


def command(folder):
    return subprocess.run(
        [sys.executable, str(ROOT / "bin/exchange_checks.py"), str(folder)],
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )


def test_the_command_tells_all_faults_at_once(pack):
    write(pack, "actions/x.yaml", "a: [")
    write(pack, "slack.yaml.example", "{}\n")
    write(pack, "LICENSE", "")
    (pack / "icon.png").unlink()
    ended = command(pack)
    told = [line.split(" ")[0].rstrip(":") for line in ended.stderr.splitlines()]
    assert (ended.returncode, ended.stdout) == (1, "")
    assert told == ["actions/x.yaml", "slack.yaml.example", "LICENSE", "icon.png"]


def test_the_command_says_what_it_looked_at(pack):
    ended = command(pack)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("3 YAML and 1 JSON files")


def test_the_command_needs_a_folder(pack):
    assert command(pack / "nowhere").returncode == 2


def test_a_released_workflow_ran_the_checks_of_a_pull_request():
    """tag_release.yaml repeats the jobs of build_and_test.yaml, and waits for all of them."""
    folder = ROOT / ".github/workflows"
    checked, released = (
        yaml.safe_load((folder / name).read_text(encoding="utf-8"))["jobs"]
        for name in ("build_and_test.yaml", "tag_release.yaml")
    )
    tag = released.pop("tag_release")
    assert released == checked and sorted(tag["needs"]) == sorted(checked)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("{choice: {type: string, required: true}}", "must be a full schema"),
        ("[choice]", "must be a full schema"),
        ("{type: object, properties: {choice: {type: string}}, required: [choice]}", "boolean"),
        ("{type: object, properties: {choice: {type: text}}}", "'text'"),
    ],
)
def test_an_output_schema_that_stackstorm_ignores_is_told(pack, schema, told):
    write(pack, "actions/api.test.yaml", "---\nname: api.test\noutput_schema: %s\n" % schema)
    assert "actions/api.test.yaml: output_schema" in fault(pack) and told in fault(pack)


def test_an_output_schema_in_full_is_taken(pack):
    schema = "{type: object, properties: {choice: {type: string, required: true}}}"
    write(pack, "actions/api.test.yaml", "---\nname: api.test\noutput_schema: %s\n" % schema)
    assert checks.faults_of(pack) == []
