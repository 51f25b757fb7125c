"""2.3.0 against what is here: actions, parameters, config keys, and what arrives at Slack.

Both sides are compared by code; every difference must be in etc/upgrade_2x.yaml, and what is listed
there must be a difference.
"""

import contextlib
import json
from urllib.parse import urlencode

import pytest
import yaml
from helpers import run_action

from sandbox.slack import LoopbackSlack
from sandbox.stackstorm import coercion, metadata
from sandbox.stackstorm import config as configs
from sandbox.stackstorm.runner import action_process, parameters
from sandbox.stackstorm.validation_errors import ValidationErrors
from st2slack.base.errors import SlackApiError
from tools.generator import upgrade as table
from tools.upgrade_check import derived_breaks, interface

INTERFACE = interface.load()
KINDS = INTERFACE.kinds
# Differences that only the wire shows.
ON_THE_WIRE = ("unsent", "falsy", "basic", "token", "booleans", "json", "upload result", "filetype")
ON_THE_WIRE += ("socks",)  # tests/test_sensor_proxy.py
GENERATED = [
    name
    for name, action in derived_breaks.current_actions(INTERFACE)
    if action.entry_point == "run.py"
]
STAMP = "1503435956.000200"
JSON_TEXT = {"array": '[{"ü": 1}, "b"]', "object": '{"ü": [1, null]}'}
PLAIN_TEXT = {"boolean": "true", "integer": "7", "number": STAMP, "string": "é & ü"}
FULL = {**JSON_TEXT, **PLAIN_TEXT}
# What a careless test of truth would drop.
EMPTY = {
    "array": "[ ]",
    "boolean": "false",
    "integer": "0",
    "number": "0",
    "object": "{ }",
    "string": "",
}


@pytest.fixture(scope="module")
def server():
    with LoopbackSlack() as slack:
        yield slack


def listed(kind):
    entry = KINDS[kind]
    return entry["actions"] if "actions" in entry else entry.get("where")


def test_the_listed_breaks_are_those_that_there_are():
    derived = derived_breaks.find_breaks(INTERFACE)
    assert sorted(set(KINDS) - set(ON_THE_WIRE)) == sorted(derived)
    for kind, found in derived.items():
        assert found == listed(kind), "etc/upgrade_2x.yaml, kind %r" % kind


def test_nothing_of_2x_is_missing_but_what_is_to_come():
    """An entry of `pending` goes when its action comes; whatever else is missing was lost."""
    assert derived_breaks.missing(INTERFACE) == sorted(INTERFACE.pending)


def test_no_parameter_of_2x_is_lost():
    assert KINDS["lost"]["where"] == {}


def test_every_parameter_that_a_replacement_lacks_has_a_word():
    moved = KINDS["retired"]["parameters"]
    assert sorted(moved) == derived_breaks.parameters_without_replacement(INTERFACE)
    assert all(rule.get("to") or rule.get("why") for rule in moved.values())


def test_every_break_has_its_reason():
    for name, kind in KINDS.items():
        assert kind["level"] in ("break", "note")
        assert kind["change"] and kind["instead"], name
        assert kind["why"] or listed(name) == {}, name


def test_every_behaviour_has_its_reason_and_stands_in_the_table():
    text = " ".join(table.table().replace("\\|", "|").split())
    for name, each in INTERFACE.behaviours.items():
        assert each["level"] in ("break", "note"), name
        for part in ("where", "change", "why", "instead"):
            assert each[part] and " ".join(each[part].split()) in text, (name, part)


def test_every_ruling_over_a_default_is_needed():
    unused = []
    for ruled in KINDS["defaults"]["same_effect"]:
        rest = [each for each in KINDS["defaults"]["same_effect"] if each != ruled]
        kinds = {**KINDS, "defaults": {**KINDS["defaults"], "same_effect": rest}}
        without = derived_breaks.find_breaks(_with(kinds=kinds))["changed defaults"]
        if without == listed("changed defaults"):
            unused.append(ruled)
    assert unused == []


def _with(**changes):
    return interface.Interface(**{**INTERFACE.__dict__, **changes})


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"type": "number"}, "number to string"),
        ({"default": 3}, "defaults"),
        ({"required": False}, "required"),
    ],
)
def test_a_new_break_shows(change, kind):
    """The comparison itself: had 2.x been otherwise, a break would be found that is not listed."""
    old = {"reactions.add": json.loads(json.dumps(INTERFACE.old["reactions.add"]))}
    before = derived_breaks.find_breaks(_with(old=old)).get(kind, {})
    old["reactions.add"]["parameters"]["name"].update(change)
    old["reactions.add"]["parameters"]["name"].setdefault("required", False)
    assert derived_breaks.find_breaks(_with(old=old))[kind] == {"reactions.add": ["name"]} != before


def test_a_lost_parameter_shows():
    old = {"reactions.add": json.loads(json.dumps(INTERFACE.old["reactions.add"]))}
    old["reactions.add"]["parameters"]["gone"] = {"type": "string", "required": False}
    assert derived_breaks.find_breaks(_with(old=old))["lost"] == {"reactions.add": ["gone"]}


# What is typed, what 2.x sent for it, what arrives now.


def own(name):
    """The method's own parameters as 2.x declared them."""
    plumbing = ("end_point", "http_method")
    old = INTERFACE.old[name]["parameters"]
    return {each: schema for each, schema in old.items() if each not in plumbing}


def typed(name, parameter, old, picture, texts=FULL):
    """A value as text, of the type that 2.x declared; JSON where Slack reads JSON."""
    now = INTERFACE.action(name).parameters[parameter]["type"]
    if (INTERFACE.facts[name]["args"].get(parameter) or {}).get("format") == "binary":
        return str(picture)
    if parameter in ("token", "client_id", "client_secret"):
        return "xoxb-given"
    if parameter in ("blocks", "attachments") and texts is FULL:
        return '[{"a": 1}, {"b": "\u00e4"}]'  # of objects: text among them is refused
    return texts[now if old["type"] == "string" else old["type"]]


def sent_by_2x(name, values):
    """The form of 2.3.0: values cast by its types, its defaults for the others, by urlencode."""
    form = {}
    for parameter, old in own(name).items():
        value = coercion.coerce(old["type"], values.get(parameter))
        value = old.get("default") if value is None else value
        if value is not None:
            form[parameter] = value
    assert urlencode(form) == urlencode({key: str(value) for key, value in form.items()})
    return {key: str(value) for key, value in form.items()}


def called(server, name, values):
    """The request that arrives when a rule or workflow gives these values."""
    action = metadata.load_action("slack." + name)
    final, _ = parameters.complete(action, parameters.check(action, values))
    config = {
        "api_url": server.api_url,
        "action_token": server.bot_token,
        "user_token": server.user_token,
        "config_token": server.config_token,
        "sensor": {"app_token": server.app_token},
        "max_wait": 1,
    }
    before = len(server.requests)
    with contextlib.suppress(SlackApiError):  # what counts is what it was sent
        run_action(config, **final)
    return server.requests[before]


def difference(before, after, header):
    """The kind of a difference between two forms of one value; None where there is none."""
    if before == after:
        return None
    if before is None or after is None:
        return "new" if before is None else "header" if header else "absent"
    if before in ("True", "False") and after == before.lower():
        return "booleans"
    if before[:1] in ("[", "{") and json.loads(before) == json.loads(after):
        return "json"
    if "." in before and float(before) == float(after):
        return "number to string"
    return "%r is now %r" % (before, after)


def differences(name, before, request):
    """parameter → kind, for everything that arrives otherwise than 2.x sent it."""
    after = dict(request.form)
    authorization = request.headers.get("Authorization", "")
    found = {}
    for parameter in sorted(set(before) | set(after)):
        header = parameter == "token" and before.get("token", "-") in authorization
        basic = parameter.startswith("client_") and authorization.startswith("Basic ")
        kind = difference(before.get(parameter), after.get(parameter), header or basic)
        if kind == "header":
            kind = "token" if header else "basic"
        if kind == "absent" and parameter in request.files:
            kind = "files"
        if kind:
            found[parameter] = kind
    return found


def expected(name, before):
    """The same from the list."""
    everywhere = {}
    for parameter, text in before.items():
        now = INTERFACE.action(name).parameters[parameter]["type"]
        if text in ("True", "False"):
            everywhere[parameter] = "booleans"
        if now in JSON_TEXT:
            everywhere[parameter] = "json"
        if parameter == "token":
            everywhere[parameter] = "token"
    for kind in ("number to string", "files", "basic", "unsent"):
        for parameter in listed(kind).get(name, ()):
            everywhere[parameter] = {"unsent": "absent"}.get(kind, kind)
    return everywhere


@pytest.mark.parametrize("texts", [FULL, EMPTY], ids=["full", "empty"])
@pytest.mark.parametrize("name", GENERATED)
def test_what_is_given_as_text_arrives_as_2x_sent_it(server, name, texts, tmp_path):
    picture = tmp_path / "picture.bin"
    picture.write_bytes(b"bytes \x00")
    values = {each: typed(name, each, old, picture, texts) for each, old in own(name).items()}
    before = sent_by_2x(name, values)
    request = called(server, name, values)
    assert (request.method, request.verb, request.query) == (name, "POST", [])
    assert differences(name, before, request) == expected(name, before)
    for each in listed("number to string").get(name, ()):
        assert dict(request.form)[each] == texts["number"]


@pytest.mark.parametrize("name", GENERATED)
def test_without_parameters_only_the_listed_defaults_are_missing(server, name, tmp_path):
    picture = tmp_path / "picture.bin"
    picture.write_bytes(b"bytes")
    action = INTERFACE.action(name)
    needed = {
        each: typed(name, each, old, picture)
        for each, old in own(name).items()
        if action.parameters[each].get("required")
    }
    defaults = {
        each
        for each, old in own(name).items()
        if old.get("default") is not None and each not in needed
    }
    request = called(server, name, needed)
    arrived = set(dict(request.form)) | set(request.files)
    assert defaults - arrived == set(listed("defaults").get(name, ())) - set(needed)
    basic = set(listed("basic").get(name, ()))
    assert arrived == set(needed) - basic


@pytest.mark.parametrize("name", KINDS["verb"]["actions"])
def test_a_get_that_is_asked_for_is_a_get(server, name, tmp_path):
    picture = tmp_path / "picture.bin"
    picture.write_bytes(b"bytes")
    values = {each: typed(name, each, old, picture) for each, old in own(name).items()}
    request = called(server, name, {**values, "http_method": "GET"})
    hidden = any(
        schema.get("secret") and each in values and each != "token"
        for each, schema in INTERFACE.action(name).parameters.items()
    )
    posted = hidden or name in listed("files")
    assert request.verb == ("POST" if posted else "GET")
    pairs = dict(request.form if posted else request.query)
    assert pairs == dict(called(server, name, values).form)


FALSY = {"boolean": "false", "integer": "0"}


@pytest.mark.parametrize(
    ("name", "parameter"),
    [(name, each) for name, names in KINDS["falsy"]["where"].items() for each in names],
)
def test_what_is_false_or_0_is_sent_whatever_the_config_says(server, name, parameter):
    """Of those that are listed; the config has the opposite."""
    action = metadata.load_action("slack." + name)
    text = FALSY[action.parameters[parameter]["type"]]
    values = {"email": "falsy.%s@example.com" % parameter.replace("_", "."), parameter: text}
    opposite = {"set_active": True, "attempts": 7}
    config = {
        "api_url": server.api_url,
        "admin": {"organization": "x", "admin_token": server.user_token, **opposite},
    }
    done = action_process.run_action("slack." + name, values, config)
    assert done.succeeded, done.stderr
    assert text in dict(server.requests[-1].form).values()


NATIVE = {"boolean": True, "integer": 7, "number": 1503435956.0002, "string": "x"}


@pytest.mark.parametrize("name", [name for name, _ in derived_breaks.current_actions(INTERFACE)])
def test_values_of_the_types_of_2x_are_refused_exactly_where_listed(name):
    """As YAML has them: a number for a number, not text."""
    action = INTERFACE.action(name)
    refused = set()
    for parameter, old in own(name).items():
        value = NATIVE.get(old["type"], {"a": 1})
        if old["type"] == "string":
            now = action.parameters[parameter]["type"]
            value = JSON_TEXT.get(now) or PLAIN_TEXT[now]
        try:
            parameters.check(action, {parameter: value})
        except ValidationErrors as error:
            refused |= {each.name for each in error.errors if each.text != "is required"}
    numbers = (listed(kind).get(name, ()) for kind in ("number to string", "integer to string"))
    assert refused == {each for kind in numbers for each in kind}


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("string to array", ["", "a,b", '{"a": 1}', "5"]),
        ("string to object", ["", "a=b", "[1]", "5"]),
        ("string to boolean", ["", "1", "0", "yes", "no"]),
        ("string to integer", ["", "5.0", "many"]),
    ],
)
def test_text_that_no_longer_passes(kind, texts):
    for name, names in listed(kind).items():
        action = INTERFACE.action(name)
        for parameter in names:
            for text in texts:
                with pytest.raises(ValidationErrors) as caught:
                    parameters.check(action, {parameter: text})
                assert parameter in {each.name for each in caught.value.errors}, (name, text)


def test_every_config_of_2x_passes():
    old = INTERFACE.old_config
    samples = {"string": "x", "boolean": True, "integer": 3, "array": ["a"]}

    def sample(schema):
        if schema["type"] != "object":
            return samples[schema["type"]]
        return {name: sample(inner) for name, inner in schema["properties"].items()}

    given = {name: sample(schema) for name, schema in old.items()}
    now = configs.complete(json.loads(json.dumps(given)))
    assert now["action_token"] == given["action_token"]
    for name in ("post_message_action", "admin"):
        assert {key: now[name][key] for key in given[name]} == given[name]
    known = configs.load_schema()
    for name, schema in old.items():
        assert known[name]["type"] == schema["type"]
        for inner, described in schema.get("properties", {}).items():
            new = known[name]["properties"][inner]
            assert (new["type"], new.get("default")) == (
                described["type"],
                described.get("default"),
            )
            assert bool(described.get("secret")) <= bool(new.get("secret"))
            assert not (new.get("required") and not described["required"])


# The tables of docs/upgrading.md.


def test_the_table_names_every_break():
    text = table.table()
    for kind in KINDS.values():
        if kind["level"] != "break":
            continue
        for name in kind.get("actions") or kind.get("where") or ():
            assert "`slack.%s`" % name in text
    assert "`slack.channels.history`, `slack.groups.history`" in text
    assert "`slack.conversations.list` or `slack.users.conversations`" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") in (3, 4) for line in rows)


def test_the_list_is_one_plain_document():
    text = (table.ROOT / "etc/upgrade_2x.yaml").read_text(encoding="utf-8")
    assert list(yaml.safe_load(text)) == ["pending", "kinds", "behaviours"]
