"""StackStorm's API on loopback behaves as a StackStorm does, its traps included."""

import threading

import pytest
import requests
from st2client.client import Client
from st2client.models import (
    ActionAliasExecution,
    ActionAliasMatch,
    KeyValuePair,
    LiveAction,
)

from sandbox.stackstorm.server import FakeStackStorm

TEXT = {"type": "string"}


@pytest.fixture
def client(st2):
    return st2.client()


def command(st2, text, **rest):
    """The command in chat, matched and executed by StackStorm's client."""
    client = st2.client()
    alias, form = client.managers["ActionAlias"].match(ActionAliasMatch(command=text))
    given = {"user": "U1", "source_channel": "C1", "notification_route": "slack", **rest}
    asked = ActionAliasExecution(name=alias.name, format=form, command=text, **given)
    return client.managers["ActionAliasExecution"].create(asked)


def refused(response, status):
    assert response.status_code == status, response.text
    return response.json()["faultstring"]


def post(st2, path, **body):
    headers = {"X-Auth-Token": st2.token}
    return requests.post(st2.api_url + path, json=body, headers=headers, timeout=60)


def put(st2, path, **body):
    headers = {"X-Auth-Token": st2.token}
    return requests.put(st2.api_url + path, json=body, headers=headers, timeout=60)


@pytest.fixture
def hello(st2):
    """An alias and its action."""
    greeting = {"name": TEXT, "loud": {"type": "boolean"}, "tags": {"type": "array"}}
    st2.action("tests.hello", lambda name, loud, tags: [name, loud, tags], greeting)
    return st2.alias(
        pack="tests", name="hello", action_ref="tests.hello", formats=["hello {{name}}"]
    )


class TestWhoAsks:
    def test_no_token_and_a_wrong_one_are_401(self, st2):
        for headers in ({}, {"X-Auth-Token": "wrong"}):
            answer = requests.get(st2.api_url + "/executions", headers=headers, timeout=60)
            assert refused(answer, 401).startswith("Unauthorized - ")


class TestKeys:
    def test_a_key_is_set_read_listed_and_deleted(self, client):
        client.keys.update(KeyValuePair(name="ask.1.U1", value="yes"))
        client.keys.update(KeyValuePair(name="ask.1.U2", value="no"))
        client.keys.update(KeyValuePair(name="other", value="x"))
        assert client.keys.get_by_id("ask.1.U1").value == "yes"
        listed = client.keys.get_all(prefix="ask.1.")
        assert [(each.name, each.value) for each in listed] == [
            ("ask.1.U1", "yes"),
            ("ask.1.U2", "no"),
        ]
        client.keys.delete(KeyValuePair(name="ask.1.U1"))
        assert client.keys.get_by_id("ask.1.U1") is None

    def test_an_encrypted_value_is_hidden_unless_decrypted(self, client):
        client.keys.update(KeyValuePair(name="token", value="xoxb-secret", secret=True))
        hidden = client.keys.get_by_id("token")
        assert (hidden.secret, hidden.encrypted) == (True, True)
        assert "xoxb" not in hidden.value
        shown = client.keys.get_by_id("token", params={"decrypt": "true"})
        assert (shown.value, shown.encrypted) == ("xoxb-secret", False)

    def test_a_value_that_is_no_text_is_refused(self, st2):
        refused(put(st2, "/keys/a", name="a", value=1), 400)


class TestAliases:
    def test_match_runs_nothing(self, st2, client, hello):
        alias, form = client.managers["ActionAlias"].match(ActionAliasMatch(command="hello bob"))
        assert (alias.ref, alias.action_ref, form) == (
            "tests.hello",
            "tests.hello",
            "hello {{name}}",
        )
        assert st2.executions() == []

    def test_nothing_matches(self, st2):
        text = refused(post(st2, "/actionalias/match", command="fly"), 400)
        assert text == "Command 'fly' matched no patterns"

    def test_two_match(self, st2, hello):
        st2.alias(pack="b", name="other", action_ref="core.noop", formats=["hello {{x}}"])
        text = refused(post(st2, "/actionalias/match", command="hello bob"), 400)
        assert text == "Command 'hello bob' matched more than 1 pattern"

    def test_a_command_runs_with_its_context(self, st2, hello):
        answer = command(st2, "hello bob")
        execution = st2.ended(answer.execution["id"])
        assert execution["result"]["result"] == ["bob", None, None]
        context = execution["context"]
        assert context["api_user"] == "U1"
        assert context["user"] == "st2admin"
        assert context["source_channel"] == "C1"
        assert context["action_alias_ref"] == {"id": hello["id"], "name": "hello"}
        assert answer.actionalias["ref"] == "tests.hello"
        assert "source_context" not in context

    def test_a_pair_behind_the_command_becomes_a_parameter(self, st2, hello):
        answer = command(st2, "hello bob loud=true tags=a,b")
        execution = st2.ended(answer.execution["id"])
        assert execution["result"]["result"] == ["bob", True, ["a", "b"]]

    def test_immutable_parameters_resist(self, st2, hello):
        st2.alias(
            pack="tests",
            name="fixed",
            action_ref="tests.hello",
            formats=["fixed {{name}}"],
            immutable_parameters={"loud": False},
        )
        body = {"name": "fixed", "format": "fixed {{name}}", "command": "fixed bob loud=true"}
        text = refused(post(st2, "/aliasexecution", **body), 400)
        assert text == "Immutable arguments cannot be overriden: loud"
        answer = post(st2, "/aliasexecution", **{**body, "command": "fixed bob"})
        execution = st2.ended(answer.json()["execution"]["id"])
        assert execution["result"]["result"] == ["bob", False, None]

    def test_jinja_in_a_command_stays_literal(self, st2, hello):
        answer = command(st2, "hello {{ st2kv.system.x }}")
        execution = st2.ended(answer.execution["id"])
        assert execution["result"]["result"][0] == "{{ st2kv.system.x }}"

    def test_an_acknowledgement_is_rendered(self, st2, hello):
        st2.alias(
            pack="tests",
            name="acked",
            action_ref="tests.hello",
            formats=["ack {{name}}"],
            ack={
                "format": "Off {{ execution.id }}",
                "extra": {"slack": {"x": "{{ actionalias.name }}"}},
            },
        )
        answer = command(st2, "ack bob")
        assert answer.message == "Off " + answer.execution["id"]
        assert answer.extra == {"slack": {"x": "acked"}}

    def test_disabled_and_unknown(self, st2):
        st2.alias(pack="tests", name="off", action_ref="core.noop", formats=["off"], enabled=False)
        asked = {"format": "off", "command": "off"}
        text = refused(post(st2, "/aliasexecution", name="off", **asked), 400)
        assert text == 'Action alias with name "off" is disabled.'
        refused(post(st2, "/aliasexecution", name="absent", **asked), 404)
        refused(post(st2, "/actionalias/match", command="off"), 400)

    def test_by_name_the_first_of_two_packs_is_taken(self, st2, hello):
        ran = []
        st2.action("other.wipe", ran.append, {"name": TEXT})
        st2.alias(pack="other", name="hello", action_ref="other.wipe", formats=["wipe {{name}}"])
        asked = {"name": "hello", "format": "hello {{name}}", "command": "hello bob"}
        assert post(st2, "/aliasexecution", **asked).json()["actionalias"]["ref"] == "tests.hello"
        # The other pack's alias cannot be executed at all.
        asked = {"name": "hello", "format": "wipe {{name}}", "command": "wipe bob"}
        assert "is not available on the alias" in refused(
            post(st2, "/aliasexecution", **asked), 400
        )
        assert ran == []

    def test_both_at_once_refuses_source_context(self, st2, hello):
        asked = {"command": "hello bob", "user": "U1", "source_channel": "C1"}
        answer = post(st2, "/aliasexecution/match_and_execute", **asked)
        assert answer.status_code == 201
        assert answer.json()["results"][0]["actionalias"]["name"] == "hello"
        asked["source_context"] = {"ts": "1.2"}
        refused(post(st2, "/aliasexecution/match_and_execute", **asked), 400)

    def test_listing_and_help(self, st2, client, hello):
        refs = [each.ref for each in client.managers["ActionAlias"].get_all(pack="tests")]
        assert refs == ["tests.hello"]
        assert client.managers["ActionAlias"].get_by_ref_or_id("tests.hello").name == "hello"
        assert client.managers["ActionAlias"].get_by_ref_or_id("tests.absent") is None
        headers = {"X-Auth-Token": st2.token}
        url = st2.api_url + "/actionalias/help?filter=hello"
        answer = requests.get(url, headers=headers, timeout=60).json()
        assert answer == {
            "available": 1,
            "helpstrings": [{"pack": "tests", "display": "hello {{name}}", "description": ""}],
        }

    def test_the_aliases_of_the_pack_are_there(self, client):
        found = client.managers["ActionAlias"].get_by_ref_or_id("slack.find_user")
        assert found.action_ref == "slack.find_user"


class TestExecutions:
    def test_one_runs_and_is_read(self, st2, client):
        st2.action(
            "tests.add", lambda a, b: a + b, {"a": {"type": "integer"}, "b": {"type": "integer"}}
        )
        made = client.executions.create(
            LiveAction(action="tests.add", parameters={"a": 1, "b": "2"})
        )
        assert made.status in ("requested", "scheduled", "running", "succeeded")
        st2.ended(made.id)
        execution = client.executions.get_by_id(made.id)
        assert execution.status == "succeeded"
        assert execution.result == {"exit_code": 0, "result": 3, "stderr": "", "stdout": ""}
        assert execution.parameters == {"a": 1, "b": 2}
        assert execution.action["ref"] == "tests.add"
        assert execution.runner["name"] == "python-script"
        assert execution.context["user"] == "st2admin"
        assert execution.start_timestamp <= execution.end_timestamp
        states = [each["status"] for each in execution.log]
        assert states == ["requested", "scheduled", "running", "succeeded"]

    def test_a_failure(self, st2):
        def fail():
            raise ValueError("no such thing")

        st2.action("tests.fail", fail)
        st2.action("tests.false", lambda: (False, {"why": "x"}))
        execution = st2.ended(st2.run("tests.fail"))
        assert execution["status"] == "failed"
        assert "ValueError: no such thing" in execution["result"]["stderr"]
        execution = st2.ended(st2.run("tests.false"))
        assert (execution["status"], execution["result"]["result"]) == ("failed", {"why": "x"})

    def test_what_is_refused(self, st2):
        text = refused(post(st2, "/executions", action="tests.absent"), 400)
        assert text == 'Action "tests.absent" cannot be found.'
        st2.action("tests.one", lambda x: x, {"x": {"type": "integer", "required": True}})
        refused(post(st2, "/executions", action="tests.one", parameters={"x": "y"}), 400)
        refused(post(st2, "/executions", action="tests.one"), 400)
        refused(post(st2, "/executions", action="tests.one", parameters={"x": 1, "z": 1}), 400)
        assert st2.executions() == []

    def test_templates_in_parameters_are_rendered(self, st2):
        st2.action("tests.say", lambda x: x, {"x": TEXT})
        st2.client().keys.update(KeyValuePair(name="where", value="harbour"))
        made = post(
            st2, "/executions", action="tests.say", parameters={"x": "{{ st2kv.system.where }}"}
        )
        assert st2.ended(made.json()["id"])["parameters"] == {"x": "harbour"}

    def test_where_the_web_ui_is(self):
        with FakeStackStorm(webui="https://st2.example") as st2:
            execution = st2.ended(st2.run("core.noop"))
            url = "https://st2.example/#/history/%s/general" % execution["id"]
            assert execution["web_url"] == url

    def test_secrets_are_masked(self, st2, client):
        schema = {"type": "object", "properties": {"key": {"type": "string", "secret": True}}}
        st2.action(
            "tests.secret",
            lambda token: {"key": token, "open": 1},
            {"token": {"type": "string", "secret": True}},
            output_schema={**schema, "additionalProperties": True},
        )
        made = st2.run("tests.secret", {"token": "xoxb-canary"})
        st2.ended(made)
        masked = client.executions.get_by_id(made)
        assert masked.parameters == {"token": "********"}
        assert masked.result["result"] == {"key": "********", "open": 1}
        shown = client.executions.get_by_id(made, params={"show_secrets": "true"})
        assert shown.parameters == {"token": "xoxb-canary"}
        assert shown.result["result"]["key"] == "xoxb-canary"

    def test_lists_are_filtered_and_cut(self, st2, client):
        for _ in range(3):
            st2.ended(st2.run("core.noop"))
        st2.ended(st2.run("core.echo", {"message": "x"}))
        found, count = client.executions.query_with_count(action="core.noop", limit=2)
        assert (len(found), count) == (2, 3)
        assert found[0].start_timestamp > found[1].start_timestamp
        assert len(client.executions.query(status="succeeded", parent="null")) == 4
        assert client.executions.query(status="failed") == []
        few = client.executions.query(action="core.echo", include_attributes="status,result")[0]
        assert set(few.serialize()) == {"id", "status", "result"}
        assert few.result["stdout"] == "x"

    def test_one_that_runs_is_cancelled(self, st2, client):
        go_on = threading.Event()
        st2.action("tests.wait", lambda: go_on.wait(60))
        made = st2.run("tests.wait")
        st2.wait_for_status(made, "running")
        client.executions.delete_by_id(made)
        execution = st2.ended(made)
        assert execution["status"] == "canceled"
        assert execution["result"]["message"] == "Action canceled by user."
        assert execution["context"]["cancelled_by"] == "st2admin"
        go_on.set()
        told = client.executions.delete_by_id(st2.ended(st2.run("core.noop"))["id"])
        assert told == {"faultstring": "Action cannot be canceled. State = succeeded."}
        text = refused(put(st2, "/executions/" + made, status="canceled"), 400)
        assert text == "Execution is already in completed state."

    def test_a_pack_action_runs_in_a_process_and_calls_back(self, st2, slack, config):
        st2.configs["slack"] = config
        execution = st2.ended(st2.run("slack.auth.test"))
        assert execution["status"] == "succeeded", execution["result"]
        assert execution["result"]["result"]["ok"] is True


class TestInquiries:
    SCHEMA = {
        "type": "object",
        "properties": {"decision": {"type": "string", "enum": ["yes", "no"], "required": True}},
        "additionalProperties": False,
    }

    @pytest.fixture
    def inquiry(self, st2):
        made = st2.run("core.ask", {"schema": self.SCHEMA, "route": "slack", "ttl": 0})
        st2.wait_for_status(made, "pending")
        return made

    def test_it_is_told_listed_and_read(self, st2, client, inquiry):
        told = st2.wait_for(lambda: st2.dispatched("core.st2.generic.inquiry"))
        assert told == [{"id": inquiry, "route": "slack"}]
        assert [each.id for each in client.inquiries.get_all()] == [inquiry]
        found = client.inquiries.get_by_id(inquiry)
        assert (found.route, found.ttl, found.users, found.schema) == ("slack", 0, [], self.SCHEMA)

    def test_an_answer(self, st2, client, inquiry):
        client.inquiries.respond(inquiry_id=inquiry, inquiry_response={"decision": "yes"})
        execution = st2.execution(inquiry)
        assert execution["status"] == "succeeded"
        assert execution["result"]["response"] == {"decision": "yes"}
        text = refused(put(st2, "/inquiries/" + inquiry, response={"decision": "no"}), 400)
        assert text.endswith("has already been responded to.")
        assert client.inquiries.get_all() == []

    def test_a_wrong_answer_leaves_it_open(self, st2, client, inquiry):
        for response in ({"decision": "perhaps"}, {}):
            text = refused(put(st2, "/inquiries/" + inquiry, response=response), 400)
            assert "did not pass schema validation" in text and "decision" in text
        assert client.inquiries.get_by_id(inquiry).id == inquiry

    def test_what_is_none(self, st2):
        other = st2.ended(st2.run("core.noop"))["id"]
        text = refused(put(st2, "/inquiries/" + other, response={}), 400)
        assert text.endswith("is not an inquiry.")
        refused(put(st2, "/inquiries/absent", response={}), 404)

    def test_users_are_stackstorms(self, st2):
        asked = st2.run("core.ask", {"schema": self.SCHEMA, "users": ["mara"]})
        st2.wait_for_status(asked, "pending")
        refused(put(st2, "/inquiries/" + asked, response={"decision": "yes"}), 403)

    def test_it_cannot_be_cancelled(self, st2, client, inquiry):
        told = client.executions.delete_by_id(inquiry)
        assert told["faultstring"] == "Action cannot be canceled. State = pending."


def test_it_starts_again_where_it_was():
    with FakeStackStorm() as st2:
        client = Client(api_url=st2.api_url, token=st2.token)
        client.keys.update(KeyValuePair(name="a", value="1"))
        url = st2.url
        st2.stop()
        with pytest.raises(requests.ConnectionError):
            client.keys.get_by_id("a")
        st2.start()
        assert st2.url == url
        assert client.keys.get_by_id("a").value == "1"
