"""Parameters and config, against what a real StackStorm did with the same values.

The tables were observed on StackStorm's own functions and through `st2 run` and the API. Where
StackStorm can be imported, its functions are asked again (`test_the_real_*`).
"""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import NEEDS_STACKSTORM

from sandbox.stackstorm import coercion, config, masking, schema
from sandbox.stackstorm.metadata import TYPES, Action
from sandbox.stackstorm.runner import command_words, parameters
from sandbox.stackstorm.validation_errors import ValidationErrors

REFUSED = object()
SECRET = "xoxb-canary-0123456789"


def action(output_schema=None, **own):
    return Action(
        "tiny", "echo", Path("actions/echo.yaml"), parameters=own, output_schema=output_schema or {}
    )


def refusal(call, *args):
    with pytest.raises(ValidationErrors) as caught:
        call(*args)
    return {mistake.name: mistake.text for mistake in caught.value.errors}


# type, text behind "p=", value that the API is sent (REFUSED: by the command itself).
WORDS = [
    ("string", "a", "a"),
    ("string", "", ""),
    ("string", "5", "5"),
    ("string", "null", "null"),
    ("string", " x ", " x "),
    ("string", "a=b", "a=b"),
    ("string", "{}", "{}"),
    ("integer", "5", 5),
    ("integer", "-5", -5),
    ("integer", "+5", 5),
    ("integer", " 5 ", 5),
    ("integer", "1_000", 1000),
    ("integer", "05", 5),
    ("integer", "5.0", REFUSED),
    ("integer", "", REFUSED),
    ("integer", "abc", REFUSED),
    ("integer", "true", REFUSED),
    ("integer", "null", REFUSED),
    ("integer", "1e3", REFUSED),
    ("integer", "0x10", REFUSED),
    ("number", "5", 5.0),
    ("number", "1e3", 1000.0),
    ("number", "1_0.5", 10.5),
    ("number", "abc", REFUSED),
    ("number", "", REFUSED),
    ("number", "null", REFUSED),
    ("boolean", "true", True),
    ("boolean", "FALSE", False),
    ("boolean", "tRuE", True),
    ("boolean", "none", None),
    ("boolean", "1", 1),
    ("boolean", "[]", []),
    ("boolean", "yes", REFUSED),
    ("boolean", "on", REFUSED),
    ("boolean", "null", REFUSED),
    ("boolean", "", REFUSED),
    ("boolean", "{{ x }}", REFUSED),
    ("array", "a", ["a"]),
    ("array", "a, b", ["a", "b"]),
    ("array", "5", [5]),
    ("array", "5,6", ["5", "6"]),
    ("array", "5_0", [50]),
    ("array", "a,", ["a", ""]),
    ("array", "", [""]),
    ("array", "['a']", ["['a']"]),
    ("array", "[1,2]", [1, 2]),
    ("array", '["a"]', ["a"]),
    ("array", "[1,", ["[1", ""]),
    ("array", '{"a":1}', {"a": 1}),
    ("array", '"x"', "x"),
    ("array", "a:1,b:2", ["a:1", "b:2"]),
    ("array", "5.5", REFUSED),
    ("array", "true", REFUSED),
    ("array", "null", REFUSED),
    ("object", '{"a":1}', {"a": 1}),
    ("object", "a=1,b=2", {"a": "1", "b": "2"}),
    ("object", "a=1,b", {"a": "1"}),
    ("object", "a=1,2", {"a": "1"}),
    ("object", "a", {}),
    ("object", "", {}),
    ("object", "null", {}),
    ("object", "[1]", {}),
    ("object", "a:1", {}),
    ("object", ' {"a":1}', {}),
    ("object", "a=b=c", {"a": "b=c"}),
    ("object", "a= 1", {"a": " 1"}),
    ("object", "{'a':1}", REFUSED),
    ("object", "{", REFUSED),
    ("object", '{"a":1} x', REFUSED),
]

# type, JSON value that the API is sent, what run() gets.
VALUES = [
    *[(kind, None, None) for kind in TYPES],
    ("string", "a", "a"),
    ("string", "", ""),
    ("string", "null", "null"),
    ("string", "5", "5"),
    ("string", coercion.NONE, None),
    ("string", 5, REFUSED),
    ("string", 1503435956.000247, REFUSED),
    ("string", True, REFUSED),
    ("string", ["a"], REFUSED),
    ("string", {"a": 1}, REFUSED),
    ("integer", 5, 5),
    ("integer", 5.7, 5),
    ("integer", True, 1),
    ("integer", False, 0),
    ("integer", "5", 5),
    ("integer", " 5 ", 5),
    ("integer", "5.0", REFUSED),
    ("integer", "", REFUSED),
    ("integer", "null", REFUSED),
    ("integer", [1], REFUSED),
    ("integer", {}, REFUSED),
    ("integer", coercion.NONE, REFUSED),
    ("number", 5, 5.0),
    ("number", True, 1.0),
    ("number", "5.7", 5.7),
    ("number", "a", REFUSED),
    ("number", [], REFUSED),
    ("number", "", REFUSED),
    ("boolean", True, True),
    ("boolean", "true", True),
    ("boolean", "False", False),
    ("boolean", "None", None),
    ("boolean", coercion.NONE, None),
    ("boolean", 0, REFUSED),
    ("boolean", 1, REFUSED),
    ("boolean", "1", REFUSED),
    ("boolean", "yes", REFUSED),
    ("boolean", "null", REFUSED),
    ("boolean", "", REFUSED),
    ("boolean", [], REFUSED),
    ("array", [1, "a"], [1, "a"]),
    ("array", [], []),
    ("array", "[1]", [1]),
    ("array", "['a']", ["a"]),
    ("array", '[{"type":"section"}]', [{"type": "section"}]),
    ("array", "null", None),
    ("array", "None", None),
    ("array", coercion.NONE, None),
    ("array", "U1,U2", REFUSED),
    ("array", "U1", REFUSED),
    ("array", "a b", REFUSED),
    ("array", "[1,", REFUSED),
    ("array", "", REFUSED),
    ("array", "5", REFUSED),
    ("array", 5, REFUSED),
    ("array", {"a": 1}, REFUSED),
    ("array", "(1, 2)", [1, 2]),
    ("object", {"a": 1}, {"a": 1}),
    ("object", "{'a':1}", {"a": 1}),
    ("object", '{"a":1}', {"a": 1}),
    ("object", "null", None),
    ("object", [1], REFUSED),
    ("object", "a=1", REFUSED),
    ("object", "a", REFUSED),
    ("object", "", REFUSED),
    ("object", 5, REFUSED),
]

STRING = {"type": "string"}
# schemas, values given, None if accepted, else {name: part of what is said}.
PRESENCE = [
    ({"p": {**STRING, "required": True}}, {}, {"p": "is required"}),
    ({"p": {**STRING, "required": True}}, {"p": None}, {"p": "must be a string, not null"}),
    ({"p": {**STRING, "required": True}}, {"p": ""}, None),
    ({"p": {**STRING, "required": True, "default": "d"}}, {}, None),
    ({"p": {**STRING, "required": True, "default": "d"}}, {"p": None}, None),
    ({"p": {**STRING, "required": True, "default": None}}, {}, None),
    ({"p": STRING}, {}, None),
    ({"p": STRING}, {"p": None}, None),
    ({"p": {**STRING, "default": 5}}, {}, {"p": "must be a string, not an integer: 5"}),
    ({"p": {**STRING, "enum": ["a", "b"]}}, {"p": "a"}, None),
    ({"p": {**STRING, "enum": ["a", "b"]}}, {"p": "c"}, {"p": 'one of "a", "b", not "c"'}),
    ({"p": {**STRING, "enum": ["a", "b"]}}, {}, None),
    ({"p": {**STRING, "enum": ["a", "b"]}}, {"p": None}, {"p": "one of"}),
    ({"p": {**STRING, "enum": ["a", "b"], "default": None}}, {}, {"p": "one of"}),
    ({"p": STRING}, {"q": 1, "r": 2}, {"q": "not a parameter", "r": "not a parameter"}),
    ({"p": {"type": "integer", "minimum": 1}}, {"p": 0}, {"p": "minimum of 1"}),
    ({"p": {"type": "integer", "maximum": 10}}, {"p": 11}, {"p": "maximum of 10"}),
    ({"p": {"type": "integer", "minimum": 1, "exclusiveMinimum": True}}, {"p": 1}, {"p": "1"}),
    ({"p": {**STRING, "minLength": 1}}, {"p": ""}, {"p": ""}),
    ({"p": {**STRING, "pattern": "^a"}}, {"p": "b"}, {"p": "^a"}),
    ({"p": {**STRING, "format": "email"}}, {"p": "b"}, None),
    ({"p": {"type": "array", "items": STRING}}, {"p": ["a", 1]}, {"p[1]": "must be a string"}),
    ({"p": {"type": "array", "items": STRING}}, {"p": [None]}, {"p[0]": "must be a string"}),
    ({"p": {"type": "array", "items": {"type": "integer"}}}, {"p": [5.0]}, {"p[0]": "an integer"}),
    ({"p": {"type": "array", "uniqueItems": True}}, {"p": [1, 1]}, {"p": "non-unique"}),
    (
        {"p": {"type": "object", "properties": {"a": {**STRING, "required": True}}}},
        {"p": {}},
        {"p.a": "is required"},
    ),
    ({"p": {"type": "object", "properties": {"a": STRING}}}, {"p": {"a": None, "b": 1}}, None),
    (
        {"p": {"type": "object", "properties": {"a": STRING}, "additionalProperties": False}},
        {"p": {"b": 1}},
        {"p.b": "is not known"},
    ),
    ({"p": {**STRING, "immutable": True, "default": "d"}}, {"p": "d"}, {"p": "is fixed"}),
]


@pytest.mark.parametrize(("kind", "text", "value"), WORDS)
def test_words(kind, text, value):
    values, mistakes = command_words.parse([f"p={text}"], {"p": {"type": kind}})
    if value is REFUSED:
        assert [mistake.name for mistake in mistakes] == ["p"]
        assert mistakes[0].text.startswith("must be")
    else:
        assert not mistakes
        assert values == {"p": value} and type(values["p"]) is type(value)


@pytest.mark.parametrize(("kind", "value", "got"), VALUES)
def test_values(kind, value, got):
    echo = action(p={"type": kind})
    if got is REFUSED:
        assert refusal(parameters.check, echo, {"p": value})["p"].startswith("must ")
    else:
        given, _ = parameters.complete(echo, parameters.check(echo, {"p": value}))
        assert given["p"] == got and type(given["p"]) is type(got)


@pytest.mark.parametrize(("schemas", "values", "said"), PRESENCE)
def test_presence_and_schema(schemas, values, said):
    echo = action(**schemas)
    if said is None:
        parameters.check(echo, values)
        return
    found = refusal(parameters.check, echo, values)
    assert found.keys() == said.keys()
    assert all(said[name] in found[name] for name in said), found


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_numbers_that_json_does_not_know_are_refused(text):
    assert (
        "finite" in refusal(parameters.from_words, action(p={"type": "number"}), [f"p={text}"])["p"]
    )


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "99999999999999999999"])
def test_integers_that_the_database_cannot_keep_are_refused(value):
    assert "8 bytes" in refusal(parameters.check, action(p={"type": "integer"}), {"p": value})["p"]


def test_all_mistakes_at_once():
    echo = action(
        channel={**STRING, "required": True},
        text={**STRING, "required": True},
        limit={"type": "integer"},
        blocks={"type": "array"},
    )
    given = ["limit=5.0", "blocks=true", "chanel=C1", "stray", "text"]
    assert refusal(parameters.from_words, echo, given) == {
        "limit": 'must be an integer, not "5.0"',
        "blocks": "must be JSON ([…]) or pieces between commas, not true",
        "word 4": "is not name=value",
        "text": "has no value: write text=…",
        "chanel": "is not a parameter of tiny.echo; did you mean channel?",
        "channel": "is required",
    }


def test_repeated_words():
    echo = action(a={"type": "array"}, s=STRING, o={"type": "object"})
    assert parameters.from_words(echo, ["a=1", "a=b,c", "s=x", "s=y", "o=k=1", "o=l=2"]) == {
        "a": [1, "b", "c"],
        "s": "y",
        "o": {"l": "2"},
    }
    assert "array" in refusal(parameters.from_words, echo, ["a=1", 'a={"b":1}'])["a"]


def test_text_of_a_file(tmp_path):
    file = tmp_path / "blocks.json"
    file.write_text('[{"type": "divider"}]\n', encoding="utf-8")
    echo = action(blocks={"type": "array"}, text=STRING)
    assert parameters.from_words(echo, [f"@blocks={file}", f"@text={file}"]) == {
        "blocks": [{"type": "divider"}],
        "text": '[{"type": "divider"}]\n',
    }
    missing = refusal(parameters.from_words, echo, [f"@text={tmp_path}/none"])
    assert "cannot be read" in missing["@text"]


def test_words_for_a_command():
    assert parameters.from_words(action(cmd=STRING), ["timeout=5", "ls", "-l=1"]) == {
        "timeout": 5,
        "cmd": "ls -l=1",
    }


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("{{ 1 }}", REFUSED),
        ("a {% if x %}b{% endif %}", REFUSED),
        ("{{ 1", "{{ 1"),
        ("}}", "}}"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{% raw %}a{% endraw %}{{ x }}", REFUSED),
    ],
)
def test_templates_are_not_rendered_here_and_therefore_refused(text, got):
    echo = action(s=STRING, a={"type": "array"})
    if got is REFUSED:
        found = refusal(parameters.check, echo, {"s": text, "a": [{"b": text}]})
        assert all("template" in said for said in found.values()) and len(found) == 2
    else:
        assert parameters.check(echo, {"s": text, "a": [text]}) == {"s": got, "a": [got]}


def test_what_run_gets():
    echo = action(
        s=STRING,
        d={**STRING, "default": "d"},
        fixed={**STRING, "immutable": True, "default": "f"},
        timeout={"default": 60},
    )
    given, runner = parameters.complete(echo, parameters.check(echo, {"d": None, "debug": "true"}))
    assert given == {"s": None, "d": "d", "fixed": "f"}
    assert runner == {
        "content_version": None,
        "debug": True,
        "env": None,
        "log_level": "DEBUG",
        "timeout": 60,
    }


@pytest.mark.parametrize(
    ("own", "word"),
    [
        ({"type": "integer"}, f"p={SECRET}"),
        ({"type": "boolean"}, f"p={SECRET}"),
        ({"type": "object"}, f"p={{{SECRET}"),
        ({"type": "string", "enum": ["a"]}, f"p={SECRET}"),
        ({"type": "string", "maxLength": 3}, f"p={SECRET}"),
        ({"type": "string", "pattern": "^a"}, f"p={SECRET}"),
        ({"type": "array", "items": {"type": "integer"}}, f"p={SECRET},1"),
        ({"type": "string"}, f"q={SECRET}"),
        ({"type": "string"}, SECRET),
        ({"type": "string"}, f"p={{{{ {SECRET} }}}}"),
    ],
)
def test_refusals_do_not_tell_secrets(own, word):
    said = refusal(parameters.from_words, action(p={**own, "secret": True}), [word])
    assert said and SECRET not in str(said)


def test_refusals_do_not_tell_secrets_in_objects():
    inner = {"type": "object", "properties": {"t": {"type": "integer", "secret": True}}}
    said = refusal(parameters.check, action(p=inner), {"p": {"t": SECRET}})
    assert said == {"p.t": "must be an integer, not a string"}


def test_masking():
    inner = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"name": STRING, "token": {**STRING, "secret": True}},
        },
    }
    echo = action(token={**STRING, "secret": True}, list=inner, password=STRING, text=STRING)
    values = {
        "token": SECRET,
        "list": [{"name": "a", "token": SECRET}],
        "password": "p",
        "text": "t",
    }
    assert parameters.masked(echo, values) == {
        "token": masking.MASK,
        "list": [{"name": "a", "token": masking.MASK}],
        "password": masking.MASK,
        "text": "t",
    }
    assert parameters.masked(action(secret=STRING, text=STRING), {"text": "t"}) == {
        "text": masking.MASK,
    }


def test_masking_of_results():
    output = {
        "type": "object",
        "additionalProperties": True,
        "properties": {"access_token": {"type": "string", "secret": True}},
    }
    result = {"ok": True, "access_token": SECRET}
    assert masking.mask_result(result, output) == {"ok": True, "access_token": masking.MASK}
    assert masking.mask_result(result, output["properties"])["access_token"] == masking.MASK
    assert masking.mask_result(result, {}) == result
    assert masking.mask_result(None, output) is None


def test_scrubbing():
    scrub = masking.Scrubber({SECRET, SECRET + "-long", "short"})
    shown = scrub({"a": [f"<{SECRET}-long>", 5, None], SECRET: f"short {SECRET}"})
    assert shown == {"a": ["<********>", 5, None], masking.MASK: "short ********"}


CONFIG_SCHEMA = """
api_url: {type: string, default: "https://slack.com/api/"}
max_wait: {type: integer, default: 60}
action_token: {type: string, secret: true}
sensor:
  type: object
  properties:
    app_token: {type: string, secret: true}
    strip_formatting: {type: boolean, default: false}
workspaces:
  type: array
  items:
    type: object
    properties:
      name: {type: string, required: true}
      action_token: {type: string, secret: true}
      api_url: {type: string, default: x}
"""


@pytest.fixture
def pack(tmp_path):
    (tmp_path / "config.schema.yaml").write_text(CONFIG_SCHEMA, encoding="utf-8")
    return tmp_path


def load(pack, text, kv=None):
    (pack / "slack.yaml").write_text(text, encoding="utf-8")
    return config.load_config(pack / "slack.yaml", pack, kv)


def test_config_defaults(pack):
    assert load(pack, "---\nextra: 1\nworkspaces: [{name: a}]\nmax_wait: null\n") == {
        "api_url": "https://slack.com/api/",
        "max_wait": None,
        "extra": 1,
        "sensor": {"strip_formatting": False},
        "workspaces": [{"name": "a", "api_url": "x"}],
    }
    assert load(pack, "") == {
        "api_url": "https://slack.com/api/",
        "max_wait": 60,
        "sensor": {"strip_formatting": False},
        "workspaces": [],
    }


def test_config_without_a_schema(tmp_path):
    assert load(tmp_path, "a: {b: 1}") == {"a": {"b": 1}}


def test_config_mistakes_name_keys_and_tell_no_value(pack):
    said = refusal(
        load,
        pack,
        f"max_wait: {SECRET}\naction_token: [{SECRET}]\n"
        f"sensor: {{strip_formatting: {SECRET}}}\nworkspaces: [{{}}]\n",
    )
    assert said == {
        "max_wait": "must be an integer, not a string",
        "action_token": "must be a string, not an array",
        "sensor.strip_formatting": "must be true or false, not a string",
        "workspaces[0].name": "is required",
    }


def test_config_values_from_the_datastore(pack):
    text = (
        'action_token: "{{ st2kv.system.slack_token }}"\n'
        'api_url: "https://{{st2kv.system.host|decrypt_kv}}/api/"\n'
    )
    said = refusal(load, pack, text)
    assert "--kv slack_token=VALUE" in said["action_token"]
    assert "--kv host=VALUE" in said["api_url"]
    got = load(pack, text, {"slack_token": SECRET, "host": "a.example"})
    assert (got["action_token"], got["api_url"]) == (SECRET, "https://a.example/api/")
    other = refusal(load, pack, "sensor: {app_token: '{{ 1 + 1 }}'}")
    assert "only StackStorm" in other["sensor.app_token"]


def test_config_that_is_no_config(pack):
    assert "mapping" in str(refusal(load, pack, "[1]"))
    broken = str(refusal(load, pack, f"a: 1\nb: [{SECRET}\n"))
    assert "is not YAML: line" in broken and SECRET not in broken
    assert "cannot be read" in str(refusal(config.load_config, pack / "none.yaml", pack))


def test_secrets_of_a_config(pack, tmp_path):
    given = {
        "action_token": "a",
        "api_url": "u",
        "workspaces": [{"name": "n", "action_token": "b"}],
        "sensor": {"app_token": "c"},
        "webhook": {"signing_secret": "d", "limit": 5},
    }
    assert config.secrets_of(given, pack) == {"a", "b", "c", "d"}


# What the judge is asked: every type with every value of both tables.
TEXTS = sorted({text for _, text, _ in WORDS})
JSON_VALUES = [
    *{json.dumps(value): value for _, value, _ in VALUES if value != coercion.NONE}.values()
]


@pytest.mark.parametrize("kind", TYPES)
def test_the_real_command_makes_the_same_of_words(kind):
    real = pytest.importorskip("st2client.commands.action", reason=NEEDS_STACKSTORM)
    echo = SimpleNamespace(ref="tiny.echo", parameters={"p": {"type": kind}})
    runner = SimpleNamespace(runner_parameters={})
    for text in TEXTS:
        args = SimpleNamespace(inherit_env=False, parameters=[f"p={text}"], auto_dict=False)
        try:
            want = real.ActionRunCommandMixin._get_action_parameters_from_args(
                SimpleNamespace(), echo, runner, args
            )
        except Exception:
            want = REFUSED
        got, mistakes = command_words.parse([f"p={text}"], echo.parameters)
        assert (REFUSED if mistakes else got) == want, text


@pytest.mark.parametrize("kind", TYPES)
def test_the_real_api_makes_the_same_of_values(kind):
    real_param = pytest.importorskip("st2common.util.param", reason=NEEDS_STACKSTORM)
    for value in [*JSON_VALUES, *TEXTS]:
        try:
            cast = real_param._cast(value, {"type": kind})
            want = REFUSED if real_refuses({"p": {"type": kind}}, {"p": cast}) else cast
        except Exception:
            want = REFUSED
        try:
            got = parameters.check(action(p={"type": kind}), {"p": value})["p"]
        except ValidationErrors as error:
            got = REFUSED
            if "template" in str(error):
                continue
        want = list(want) if isinstance(want, tuple) else want
        assert got == want and type(got) is type(want), (value, got, want)


@pytest.mark.parametrize(
    ("schemas", "values", "said"), [row for row in PRESENCE if "is fixed" not in str(row[2])]
)
def test_the_real_api_refuses_the_same(schemas, values, said):
    pytest.importorskip("st2common.util.param", reason=NEEDS_STACKSTORM)
    assert real_refuses(schemas, values) is (said is not None)


def real_refuses(schemas, values):
    import jsonschema
    from st2common.util import schema as real

    whole = real.get_schema_for_resource_parameters(parameters_schema=schemas)
    try:
        real.validate(
            values, whole, real.get_validator(), use_default=True, allow_default_none=True
        )
    except jsonschema.ValidationError:
        return True
    return False


def test_messages_are_short():
    said = refusal(parameters.check, action(p={"type": "array"}), {"p": "x" * 10_000})
    assert len(said["p"]) < 250
    assert schema.excerpt(math.pi).startswith("3.14")
