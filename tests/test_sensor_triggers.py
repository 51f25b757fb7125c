"""sensors/slack_sensor.yaml: StackStorm drops a payload that breaks its schema, so none may."""

import json
from pathlib import Path

import jsonschema
import pytest
import test_triggers as tables
import yaml
from helpers import NEEDS_STACKSTORM
from hypothesis import given

from sandbox.stackstorm import package_path as stackstorm_path
from st2slack.sensor import payloads
from st2slack.sensor.model import Event, Trigger
from st2slack.settings.sensor import SensorSettings

ROOT = Path(__file__).resolve().parents[1]
SENSOR = yaml.safe_load((ROOT / "sensors/slack_sensor.yaml").read_text(encoding="utf-8"))
SCHEMAS = {
    "slack.%s" % trigger_type["name"]: trigger_type["payload_schema"]
    for trigger_type in SENSOR["trigger_types"]
}
OF_2X = json.loads((ROOT / "etc/slack/pack_2x.json").read_text(encoding="utf-8"))["sensor"]
REFS = ("slack.message", "slack.event", "slack.command", "slack.interaction", "slack.sensor_state")
# Objects that are Slack's own: what is in them is Slack's to say.
SLACKS_OWN = {"event", "message", "container", "state", "submission", "function_data", "enterprise"}
# Of slack.message, as in 2.x: criteria `exists` and `nexists` ask for them.
ONLY_IF_SENT = ("attachments", "blocks")


def faults(schema, payload):
    """Where a payload is not exactly what the schema describes."""
    for error in jsonschema.Draft4Validator(schema).iter_errors(payload):
        yield "%s: %s" % ("/".join(map(str, error.path)), error.message)
    for key in odd_keys(schema, payload):
        if key in ONLY_IF_SENT and key not in payload:
            continue
        yield "%s: only in one of them" % key


def odd_keys(schema, payload, place=""):
    properties = schema.get("properties")
    if properties is None or not isinstance(payload, dict):
        return
    for key in sorted(set(properties) ^ set(payload)):
        yield place + key
    for key in sorted(set(properties) & set(payload)):
        yield from odd_keys(properties[key], payload[key], "%s%s/" % (place, key))


def check(made):
    assert isinstance(made, Trigger)
    assert list(faults(SCHEMAS[made.ref], made.payload)) == []
    if made.ref == "slack.message":
        jsonschema.validate(made.payload, OF_2X["triggers"]["message"], jsonschema.Draft4Validator)
    return made


def all_of_the_tables():
    """Every payload that test_triggers makes from its tables, by name."""
    for name, (body, settings, _) in tables.MESSAGES.items():
        yield name, tables.message(body, **settings)
        yield name + ", unknown", tables.message(body, {}, {})
    for name, (more, channel, _) in tables.KINDS.items():
        yield name, tables.message(tables.body(**more), channel=channel)
    for name, (url, body, _) in tables.PERMALINKS.items():
        yield name, tables.message(body, url=url)
    for name, (body, _) in tables.OTHERS.items():
        yield name, payloads.event_trigger(Event(body), {}, {})
        yield (
            name + ", known",
            payloads.event_trigger(Event(body, "Ev1", "T1"), tables.BOB, tables.PUBLIC),
        )
    for name, (action, _) in tables.VALUES.items():
        yield (
            name,
            payloads.interaction_trigger(dict(tables.PRESS, actions=[action]), "main"),
        )
    yield "command", payloads.command_trigger(tables.COMMAND, "main")
    yield "no command", payloads.command_trigger({}, "")
    yield "no interaction", payloads.interaction_trigger({}, "")
    yield "state", payloads.state_trigger("connected", "", 1764000000, "T1", "", "rtm")
    for name, value in tables.UNSTORABLE.items():
        body = tables.body(blocks=[{"x": value}])
        yield name, tables.message(body)
        yield name + ", as an event", payloads.event_trigger(Event(body), {}, {})


MADE = list(all_of_the_tables())


def test_the_sensor():
    assert (SENSOR["class_name"], SENSOR["entry_point"]) == ("SlackSensor", "slack_sensor.py")
    assert OF_2X["class_name"] == "SlackSensor" and OF_2X["entry_point"] == "slack_sensor.py"
    assert "poll_interval" not in SENSOR, "it is passive"
    assert tuple(SCHEMAS) == REFS
    assert {made.ref for _, made in MADE} == set(REFS)


def properties_of(schema, place):
    for name, each in schema.get("properties", {}).items():
        yield "%s.%s" % (place, name), each
        yield from properties_of(each, "%s.%s" % (place, name))


@pytest.mark.parametrize("ref", REFS)
def test_the_schemas_say_what_everything_is(ref):
    schema = SCHEMAS[ref]
    jsonschema.Draft4Validator.check_schema(schema)
    assert schema["additionalProperties"] is True
    for place, each in properties_of(schema, ref):
        # StackStorm takes a property without a type for text.
        assert each.get("type"), "%s has no type" % place
        assert each.get("description", "").endswith("."), "%s has no description" % place
        assert each.get("additionalProperties", True) is True
        assert "required" not in each and "default" not in each, place
        leaf = place.rpartition(".")[2]
        assert (each.get("secret") is True) == (leaf == "response_url"), place
        if each["type"] == "object" and leaf not in SLACKS_OWN:
            assert each.get("properties"), "%s: what is in it?" % place


def test_every_key_of_2x_is_there():
    properties = SCHEMAS["slack.message"]["properties"]
    for name, schema in OF_2X["triggers"]["message"]["properties"].items():
        assert properties[name]["type"] == schema["type"]
    user = {"id", "name", "first_name", "last_name", "real_name"}
    assert user | {"is_admin", "is_owner", "is_bot"} <= set(properties["user"]["properties"])
    assert {"id", "name", "topic", "is_group"} <= set(properties["channel"]["properties"])
    assert "blocks" in properties


@pytest.mark.parametrize(("name", "made"), MADE, ids=[name for name, _ in MADE])
def test_payloads_of_the_tables(name, made):
    check(made)


@given(tables.OBJECTS, tables.OBJECTS, tables.OBJECTS)
def test_payloads_of_anything(body, user, channel):
    event = Event(body)
    check(payloads.message_trigger(event, user, channel, {}, SensorSettings(), "https://a/"))
    check(payloads.event_trigger(event, user, channel))
    check(payloads.command_trigger(body, ""))
    check(payloads.interaction_trigger(body, ""))


def test_a_payload_that_breaks_its_schema_is_found():
    payload = dict(MADE[0][1].payload, text=None, workspace=5)
    del payload["files"]
    assert len(list(faults(SCHEMAS["slack.message"], payload))) == 3


# --- on StackStorm's own code ---------------------------------------------------------------------

on_stackstorm = pytest.mark.skipif(
    not stackstorm_path.real_folder("st2common"), reason=NEEDS_STACKSTORM
)


@on_stackstorm
def test_stackstorm_accepts_the_sensor():
    from st2common.models.api.sensor import SensorTypeAPI

    artifact = "file://%s" % (ROOT / "sensors/slack_sensor.py")
    SensorTypeAPI(**dict(SENSOR, pack="slack", artifact_uri=artifact)).validate()


@on_stackstorm
@pytest.mark.parametrize("trigger_type", SENSOR["trigger_types"], ids=lambda each: each["name"])
def test_stackstorm_accepts_the_trigger_types(trigger_type):
    from st2common.models.api.trigger import TriggerTypeAPI
    from st2common.util import schema

    api = TriggerTypeAPI(**dict(trigger_type, pack="slack")).validate()
    assert TriggerTypeAPI.to_model(api).payload_schema == trigger_type["payload_schema"]
    schema.CustomValidator.check_schema(trigger_type["payload_schema"])


@on_stackstorm
def test_stackstorm_accepts_and_stores_the_payloads():
    import orjson
    from st2common.util import schema

    options = {"use_default": True, "allow_default_none": True}
    for name, made in MADE:
        schemas = [SCHEMAS[made.ref]]
        if made.ref == "slack.message":
            schemas.append(OF_2X["triggers"]["message"])
        for each in schemas:
            cleaned = schema.validate(made.payload, each, schema.CustomValidator, **options)
            assert cleaned == made.payload, name
        assert orjson.loads(orjson.dumps(made.payload)) == made.payload, name
