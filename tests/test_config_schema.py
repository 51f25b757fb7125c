"""config.schema.yaml, slack.yaml.example and the code that reads config say the same."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from sandbox.stackstorm import config as sandbox_config
from st2slack.settings.access import read_access
from st2slack.settings.chatops import read_chatops
from st2slack.settings.invite import read_invite
from st2slack.settings.ldap import read_ldap
from st2slack.settings.rotation import DEFAULT_RESCUE_FOLDER, RENEWED, read_rotation
from st2slack.settings.sensor import CHANNEL_TYPES, SensorSettings, read_sensor
from st2slack.settings.slack import credentials, read_settings

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = yaml.safe_load((ROOT / "config.schema.yaml").read_text(encoding="utf-8"))
EXAMPLE_TEXT = (ROOT / "slack.yaml.example").read_text(encoding="utf-8")
EXAMPLE = yaml.safe_load(EXAMPLE_TEXT)
OF_2X = json.loads((ROOT / "etc/slack/pack_2x.json").read_text(encoding="utf-8"))["config"]

CREDENTIALS = ("webhook_url", "proxy", "client_secret")


def leaves(schema, path=""):
    """(dotted path, schema of the leaf); an entry of a list is called workspaces[]."""
    for key, value in schema.items():
        place = path + key
        if value.get("properties"):
            yield from leaves(value["properties"], place + ".")
        elif value.get("items", {}).get("properties"):
            yield from leaves(value["items"]["properties"], place + "[].")
        else:
            yield place, value


LEAVES = dict(leaves(SCHEMA))


class Recorded(Mapping):
    """A config that remembers which keys were asked for."""

    def __init__(self, values, seen, path=""):
        self.values, self.seen, self.path = values, seen, path

    def __getitem__(self, key):
        value = self.values[key]
        place = self.path + key
        if isinstance(value, dict):
            return RecordedDict(value, self.seen, place + ".")
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return [RecordedDict(each, self.seen, place + "[].") for each in value]
        self.seen.add(place)
        return value

    def __iter__(self):
        return iter(self.values)

    def __len__(self):
        return len(self.values)


class RecordedDict(dict):
    """The same as a real dict, which is what StackStorm hands over inside."""

    def __init__(self, values, seen, path):
        super().__init__(values)
        self.recorded = Recorded(values, seen, path)

    def __getitem__(self, key):
        return self.recorded[key]

    def get(self, key, default=None):
        self.recorded.seen.add(self.recorded.path + key)
        return self.recorded[key] if key in self else default


def keys_read():
    seen = set()
    values = json.loads(re.sub(r"\{\{.*?\}\}", "xoxb-1", json.dumps(EXAMPLE)))
    for workspace in (None, "emea"):
        read_settings(RecordedDict(values, seen, ""), workspace)
        read_sensor(RecordedDict(values, seen, ""), workspace or "")
        credentials(RecordedDict(values, seen, ""), workspace)
        read_access(RecordedDict(values, seen, ""), workspace)
        read_ldap(RecordedDict(values, seen, ""))
        read_chatops(RecordedDict(values, seen, ""), workspace)
        for renews in RENEWED:
            read_rotation(RecordedDict(values, seen, ""), workspace, renews)
        read_invite(RecordedDict(values, seen, ""), workspace)
    return {place for place in seen if place.rstrip("[].") not in ("workspaces", "sensor")}


def test_every_key_of_2x_is_still_taken():
    for section, old in OF_2X.items():
        for key in old.get("properties") or {}:
            assert LEAVES["%s.%s" % (section, key)]["type"] == old["properties"][key]["type"]
        if not old.get("properties"):
            assert LEAVES[section]["type"] == old["type"]


def test_no_dead_keys_and_no_undocumented_ones():
    read = {place for place in keys_read() if "post_message_action" not in place or "." in place}
    sections = {"post_message_action", "admin", "sensor", "rotation", "ldap"}
    sections |= {"authorization", "ldap_usernames", "chatops"}
    read -= sections | {"workspaces[]." + each for each in sections}
    assert set(LEAVES) - read == set()
    # An entry of `workspaces` is read like the top level; one key means nothing there.
    assert read - set(LEAVES) == {"app_token"}


def test_the_example_shows_every_key_that_is_read():
    shown = {place for place, _ in _values(EXAMPLE)}
    assert shown == set(LEAVES)


def _values(values, path=""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _values(value, path + key + ".")
        elif isinstance(value, list) and isinstance(value[0], dict):
            for each in value:
                yield from _values(each, path + key + "[].")
        else:
            yield path + key, value


def test_the_example_passes_the_schema_and_is_read(tmp_path):
    path = tmp_path / "slack.yaml"
    path.write_text(EXAMPLE_TEXT, encoding="utf-8")
    names = re.findall(r"st2kv\.system\.(\w+)", EXAMPLE_TEXT)
    kv = {
        name: "https://hooks.slack.com/services/T/B/x" if "hook" in name else "xoxb-" + name
        for name in names
    }
    config = sandbox_config.load_config(path, kv=kv)
    settings = read_settings(config, "emea")
    assert settings.tokens["action_token"] == "xoxb-slack_emea_bot_token"
    assert settings.team_id == "T0123456790"
    assert read_settings(config).tokens["app_token"] == "xoxb-slack_app_token"


def test_the_sensor_has_the_defaults_that_the_schema_tells():
    """Filled in by StackStorm or left out: the sensor does the same."""
    told = {}
    for place, leaf in LEAVES.items():
        section, _, name = place.rpartition(".")
        if section == "sensor" and "default" in leaf:
            told[name] = leaf["default"]
    assert told.pop("token") == "" and SensorSettings().token is None  # 2.x had it so
    for name, value in told.items():
        ours = getattr(SensorSettings(), name)
        assert ours == (tuple(value) if isinstance(value, list) else value), name
    without = {"app_token", "token", "token_key", "action_token_key"}
    assert set(told) == set(vars(SensorSettings())) - without
    assert read_sensor(sandbox_config.complete({})) == read_sensor({}) == SensorSettings()


def test_the_rescue_folder_has_the_default_that_the_schema_tells():
    assert LEAVES["rotation.rescue_folder"]["default"] == DEFAULT_RESCUE_FOLDER


def test_the_schema_knows_the_channel_types_that_the_sensor_knows():
    assert LEAVES["sensor.channel_types"]["items"]["enum"] == list(CHANNEL_TYPES)


def test_the_sensor_reads_the_example(tmp_path):
    path = tmp_path / "slack.yaml"
    path.write_text(EXAMPLE_TEXT, encoding="utf-8")
    names = re.findall(r"st2kv\.system\.(\w+)", EXAMPLE_TEXT)
    kv = {name: "https://x.example" if "hook" in name else "xapp-" + name for name in names}
    config = sandbox_config.load_config(path, kv=kv)
    top, emea = read_sensor(config), read_sensor(config, "emea")
    assert (top.app_token, emea.app_token) == (
        "xapp-slack_app_token",
        "xapp-slack_emea_app_token",
    )
    assert (top.token_key, emea.token_key) == ("slack_app_token", "slack_emea_app_token")
    assert (top.action_token_key, emea.action_token_key) == (
        "slack_bot_token",
        "slack_emea_bot_token",
    )
    assert top.events == emea.events == ("reaction_added", "app_mention")


def test_there_is_exactly_one_example():
    assert [path.name for path in ROOT.glob("*.yaml.example")] == ["slack.yaml.example"]


@pytest.mark.parametrize("place", sorted(LEAVES))
def test_every_key_is_described(place):
    leaf = LEAVES[place]
    assert leaf["type"] in ("string", "boolean", "integer", "number", "array")
    assert leaf["description"].endswith((".", "/")) and len(leaf["description"].split()) >= 4


def test_every_credential_is_masked():
    """Plain properties and lists of objects are masked by StackStorm; free-form maps are not."""
    for place, leaf in LEAVES.items():
        name = place.rpartition(".")[2]
        if name.endswith(("token", "_password")) or name in CREDENTIALS:
            assert leaf.get("secret") is True, place
        else:
            assert not leaf.get("secret"), place
    text = json.dumps(SCHEMA)
    assert "additionalProperties" not in text and "patternProperties" not in text


def test_an_example_of_a_token_says_how_it_is_kept():
    assert "--encrypt" in EXAMPLE_TEXT
    for place, value in _values(EXAMPLE):
        if LEAVES[place].get("secret") and "proxy" not in place:
            assert value.startswith("{{ st2kv.system."), place
