"""What StackStorm's API sends, as the types of this pack: whatever is missing or odd."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st2slack.stackstorm.alias import Alias, AliasExecution, AliasFormat
from st2slack.stackstorm.datastore import UnreadableRecord, parse_record
from st2slack.stackstorm.execution import Execution, Inquiry

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
EXECUTION = {
    "id": "65a0",
    "status": "succeeded",
    "action": {"ref": "demo.deploy", "parameters": {"password": {"secret": True}}},
    "runner": {"name": "orquesta", "runner_parameters": {"timeout": {"default": 60}}},
    "parameters": {"service": "api"},
    "parent": "65a1",
    "context": {
        "user": "st2admin",
        "api_user": "U0123",
        "rule": {"name": "nightly"},
        "action_alias_ref": {"id": "9"},
        "re-run": {"ref": "65a2"},
    },
    "start_timestamp": "1970-01-02T00:00:00.000000Z",
    "end_timestamp": "1970-01-02T00:00:01.500000Z",
    "elapsed_seconds": 1.5,
    "web_url": "https://st2/#/history/65a0",
    "result": {"output": 1},
    "log": [{}, {}],
}


def test_an_execution():
    execution = Execution.from_json(EXECUTION)
    assert (execution.id, execution.action, execution.runner) == ("65a0", "demo.deploy", "orquesta")
    assert (execution.started, execution.ended, execution.elapsed) == (86400.0, 86401.5, 1.5)
    assert (execution.timeout, execution.parent, execution.log_length) == (60, "65a1", 2)
    assert execution.context.api_user == "U0123" and execution.context.rule == "nightly"
    assert execution.context.alias_id == "9" and execution.context.rerun_of == "65a2"
    assert execution.has_ended and not execution.is_given_up
    assert not execution.has_secret_parameter


def test_a_secret_parameter_that_is_given():
    document = {**EXECUTION, "parameters": {"password": "x"}}
    assert Execution.from_json(document).has_secret_parameter
    assert Execution.from_json({"parameters": {}}).has_secret_parameter, "it is not described"


def test_without_anything():
    execution = Execution.from_json({})
    assert execution == Execution("", context=execution.context)
    assert not execution.has_ended and execution.timeout is None
    assert Alias.from_json({}) == Alias()
    assert AliasExecution.from_json({}).message == ""


@given(st.dictionaries(st.sampled_from([*EXECUTION, "route"]), JSON))
def test_an_odd_execution_raises_nothing(document):
    assert isinstance(Execution.from_json(document).has_secret_parameter, bool)
    assert isinstance(Inquiry.from_json(document).route, str)


ALIAS_KEYS = ["id", "pack", "formats", "ack", "result", "immutable_parameters", "enabled"]


@given(st.dictionaries(st.sampled_from(ALIAS_KEYS), JSON))
def test_an_odd_alias_raises_nothing(document):
    assert isinstance(Alias.from_json(document).ref, str)


@pytest.mark.parametrize(
    "document, expected",
    [
        ("deploy {{x}}", AliasFormat("deploy {{x}}", ("deploy {{x}}",))),
        ({"display": "ship", "representation": ["a", "b"]}, AliasFormat("ship", ("a", "b"))),
        ({"representation": "a"}, AliasFormat("", ("a",))),
        (5, AliasFormat("", ())),
    ],
)
def test_a_format_of_an_alias(document, expected):
    assert AliasFormat.from_json(document) == expected


def test_an_alias_is_disabled_by_false_alone():
    assert Alias.from_json({"result": {"enabled": None}}).result.enabled
    assert not Alias.from_json({"ack": {"enabled": False}}).ack.enabled
    assert Alias.from_json({"result": {}}).result is None


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "null", '"text"'])
def test_a_record_that_cannot_be_read(text):
    with pytest.raises(UnreadableRecord):
        parse_record(text)
