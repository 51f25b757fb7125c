"""Every generated action is called once with the largest set of arguments that may stand together.

The values are made from the facts alone; what arrives is compared with them. So a slip of the
generator, of the casts, of the encoding or of methods.json shows on the one method that it hits.
"""

import json

import pytest
import yaml
from helpers import run_action

from sandbox.slack import LoopbackSlack
from sandbox.stackstorm import metadata
from sandbox.stackstorm.runner import parameters
from st2slack.base.errors import SlackApiError
from tools.generator import sources

CATALOGUE = sources.load()
LIVING = dict(CATALOGUE.current())
SAMPLES = {"boolean": True, "integer": 7, "object": {"ü": [1, None]}, "array": [{"ü": "🎉"}]}


def value_of(name, fact, picture):
    """(what the operator types, what Slack must read)."""
    if fact.get("format") == "binary":
        return picture, None
    if fact.get("format") == "csv":
        return "A1,B2", "A1,B2"
    if fact["type"] == "string":
        text = str(fact["enum"][0]) if fact.get("enum") else "é & %s" % name
        return text, text
    value = SAMPLES[fact["type"]]
    return json.dumps(value), json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def stand_together(facts):
    """Arguments of the method without those that exclude others."""
    args = dict(facts["args"])
    for group in facts.get("not_together") or ():
        args.pop(group[0], None)
    for group in facts.get("at_least_one_of") or ():
        if group.get("exclusive"):
            for alternative in group["alternatives"][1:]:
                for each in alternative:
                    args.pop(each, None)
    return args


@pytest.fixture(scope="module")
def server():
    with LoopbackSlack() as slack:
        yield slack


@pytest.mark.parametrize("name", sorted(LIVING))
def test_what_is_given_arrives(server, name, tmp_path):
    facts = LIVING[name]
    picture = tmp_path / "file.bin"
    picture.write_bytes(b"bytes \x00")
    args = stand_together(facts)
    typed = {each: value_of(each, fact, str(picture))[0] for each, fact in args.items()}
    action = metadata.load_action("slack." + name)
    if "save_to" in action.schema:
        typed["save_to"] = str(tmp_path / "out.gz")
    # As a rule hands it over: text for everything, cast and checked by the metadata.
    final, _ = parameters.complete(action, parameters.check(action, typed))
    config = {
        "api_url": server.api_url,
        "action_token": server.bot_token,
        "user_token": server.user_token,
        "config_token": server.config_token,
        "sensor": {"app_token": server.app_token},
        "max_wait": 1,
    }
    before = len(server.requests)
    try:
        run_action(config, **final)
    except SlackApiError as refusal:
        # Slack (here: its stand-in) may dislike the values; what counts is what it was sent.
        assert refusal.code not in ("unknown_method", "not_authed", "not_allowed_token_type")
        assert refusal.code not in ("missing_scope", "invalid_auth")
    # A sensor of an earlier test may still look for a server at this port.
    sent = next(each for each in server.requests[before:] if each.method == name)
    assert (sent.verb, sent.query) == ("POST", [])
    received = dict(sent.form)
    basic = name in CATALOGUE.meta["auth"]["oauth_basic_auth_methods"]
    for each, fact in args.items():
        expected = value_of(each, fact, "")[1]
        if fact.get("format") == "binary":
            assert sent.files.pop(each)[1] == b"bytes \x00"
        elif basic and each in ("client_id", "client_secret"):
            assert sent.headers["Authorization"].startswith("Basic ") and each not in received
        else:
            assert received.pop(each) == expected, each
    assert (received, dict(sent.files)) == ({}, {})


def test_every_yaml_is_one_document_that_stackstorm_can_use():
    """Each metadata file: it loads, one simple type each, its entry point is there."""
    files = sorted((CATALOGUE.root / "actions").glob("*.yaml"))
    assert len(files) >= 350
    for path in files:
        action = yaml.load(path.read_text(encoding="utf-8"), Loader=sources.LOADER)
        assert action["name"] == path.stem
        assert (CATALOGUE.root / "actions" / action["entry_point"]).is_file()
        for parameter, schema in action["parameters"].items():
            simple = ("string", "array", "object", "boolean", "integer", "number")
            assert schema["type"] in simple, (path.name, parameter)
            assert parameter != "secret"
            if parameter in ("token", "webhook_url"):
                assert schema["secret"] is True
