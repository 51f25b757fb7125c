"""Questions without any I/O: what is asked, what is typed, what votes come to, how it looks."""

import json

import pytest
from helpers import make_client
from hypothesis import given
from hypothesis import strategies as st

from sandbox.slack import LoopbackSlack
from st2slack.approvals import form
from st2slack.approvals.ask_parameters import question_from_ask
from st2slack.approvals.blocks import (
    blocks_locked,
    blocks_open,
    form_in_thread,
    modal,
    outcome_of,
)
from st2slack.approvals.question import (
    Choice,
    Question,
    channel_of_route,
    question_from_schema,
    response_schema,
)
from st2slack.approvals.requester import is_requester_uncertain, is_started_by
from st2slack.approvals.votes import (
    Vote,
    due_response,
    find_decided_choice,
    matches_votes,
    parse_vote,
    serialize_vote,
)
from st2slack.base.errors import InputError
from st2slack.base.text_length import text_length
from st2slack.settings.entries import texts_of
from st2slack.stackstorm.timestamps import unix_seconds

ASKED_AT = 1_000_000.0
LEAST = {"channel": "deploys", "text": "Deploy?"}
PEOPLE = ["U0HARBOUR%02d" % number for number in range(1, 8)]


def make_question(**given):
    return question_from_ask({**LEAST, **given}, "deploys.release", ASKED_AT)


# --- what is asked --------------------------------------------------------------------------------


def test_left_out_it_is_approve_or_reject_within_a_day_by_the_rules():
    question = make_question()
    assert [(each.value, each.label, each.style, each.needed) for each in question.choices] == [
        ("approve", "Approve", "primary", 1),
        ("reject", "Reject", "danger", 1),
    ]
    assert question.name == "deploys.release"
    assert question.deadline == ASKED_AT + 24 * 3600
    assert question.approvers == () and not question.allow_own
    assert question.reason == "no" and question.fields == ()
    assert question.remind_every is None


def test_people_and_groups_may_be_mentioned():
    approvers = ["<@UHEKCRWKV|lettie>", "<!subteam^S0ONCALL001>", "@on-call", "everyone"]
    question = make_question(approvers=approvers, requester="<@U0HARBOUR01|mara>")
    assert texts_of(question.approvers) == ["UHEKCRWKV", "S0ONCALL001", "@on-call", "everyone"]
    assert question.requester == "U0HARBOUR01"


def test_blocks_will_do_without_a_text():
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*Release* 2.8.5"}}]
    assert make_question(text=None, blocks=blocks).text == "A question for you"


def test_one_rejection_decides_however_many_must_approve():
    assert [each.needed for each in make_question(needed=3).choices] == [3, 1]


def test_choices_as_texts_and_as_objects():
    question = make_question(
        choices=["blue", {"value": "green", "label": "Go green", "style": "primary", "needed": 2}],
        needed=3,
    )
    assert question.choices == (
        Choice("blue", "blue", "", 3),
        Choice("green", "Go green", "primary", 2),
    )


@pytest.mark.parametrize(
    "given, named",
    [
        ({"text": " "}, "`text`"),
        ({"text": "x" * 3001}, "`text`"),
        ({"channel": ""}, "`channel`"),
        ({"needed": 0}, "`needed`"),
        ({"needed": True}, "`needed`"),
        ({"needed": "2"}, "`needed`"),
        ({"expires_after": -1}, "`expires_after`"),
        ({"expires_after": float("nan")}, "`expires_after`"),
        ({"remind_every": "5"}, "`remind_every`"),
        ({"ask_reason": "maybe"}, "`ask_reason`"),
        ({"choices": ["a", "a"]}, "'a' twice"),
        ({"choices": ["expired"]}, "'expired'"),
        ({"choices": [""]}, "`value`"),
        ({"choices": [{"value": "a", "colour": "red"}]}, "'colour'"),
        ({"choices": [{"value": "a", "style": "red"}]}, "style"),
        ({"choices": ["x" * 76]}, "75"),
        ({"choices": [str(number) for number in range(26)]}, "25"),
        ({"approvers": ["tomasz"]}, "'tomasz'"),
        ({"approvers": ["<#C0DEPLOYS01|deploys>"]}, "'C0DEPLOYS01'"),
        ({"approvers": "U0HARBOUR02"}, "`approvers`"),
        ({"requester": "tomasz"}, "`requester`"),
        ({"name": "{{ st2kv.system.x }}"}, "`name`"),
        ({"blocks": [{"type": "divider"}] * 45}, "44"),
        ({"blocks": "[]"}, "`blocks`"),
        ({"blocks": [{"type": "actions", "block_id": "st2_question:x"}]}, "st2_"),
    ],
)
def test_what_cannot_be_asked_is_named(given, named):
    with pytest.raises(InputError) as error:
        make_question(**given)
    assert named in str(error.value)


@pytest.mark.parametrize(
    "minutes, deadline", [(0, None), (1, ASKED_AT + 60), (0.5, ASKED_AT + 30), (None, 86400)]
)
def test_deadline(minutes, deadline):
    found = make_question(expires_after=minutes).deadline
    assert found == (ASKED_AT + deadline if minutes is None else deadline)


def test_the_inquiry_takes_a_choice_and_nothing_else():
    schema = response_schema(make_question(choices=["blue", "green"]))
    assert schema["properties"]["choice"] == {
        "type": "string",
        "enum": ["blue", "green", ""],
        "required": True,
    }
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    "route, channel",
    [
        ("slack", ""),
        ("slack:deploys", "deploys"),
        ("slack: C1 ", "C1"),
        ("hubot", None),
        ("slacks", None),
        ("", None),
        (None, None),
    ],
)
def test_routes(route, channel):
    assert channel_of_route(route) == channel


def test_timestamps_of_stackstorm():
    assert unix_seconds("1970-01-02T00:00:01.5Z") == 86401.5
    assert unix_seconds("1970-01-02T00:00:01.500000Z") == 86401.5
    assert unix_seconds("1970-01-02T00:00:01Z") == 86401.0
    assert unix_seconds(None) == 0.0


# --- a schema of somebody's own -------------------------------------------------------------------


def of_schema(**properties):
    return question_from_schema(
        {"type": "object", "properties": properties}, "deploys.release", "deploys"
    )


def test_yes_or_no_becomes_two_buttons():
    question = of_schema(go={"type": "boolean", "required": True})
    assert [(each.value, each.label) for each in question.choices] == [
        ("true", "Yes"),
        ("false", "No"),
    ]
    assert form.response_from_button(question.fields, "true") == {"go": True}
    assert form.response_from_button(question.fields, "false") == {"go": False}


def test_one_list_of_values_becomes_buttons():
    question = of_schema(colour={"type": "string", "enum": ["blue", "green"]})
    assert [each.value for each in question.choices] == ["blue", "green"]
    assert form.response_from_button(question.fields, "green") == {"colour": "green"}


SCHEMA = {
    "type": "object",
    "required": ["version"],
    "properties": {
        "version": {"type": "string", "description": "Which one?"},
        "hosts": {"type": "integer", "required": True},
        "share": {"type": "number"},
        "sure": {"type": "boolean"},
        "colour": {"type": "string", "enum": ["blue", "green"]},
        "teams": {"type": "array", "items": {"enum": ["red", "white"]}},
        "more": {"type": "object"},
    },
}
FIELDS = form.fields_from_schema(SCHEMA)


def test_everything_else_becomes_a_form():
    question = question_from_schema(SCHEMA, "deploys.release", "deploys")
    assert question.choices == ()
    assert [(each.key, each.kind, each.required) for each in question.fields] == [
        ("version", "text", True),
        ("hosts", "integer", True),
        ("share", "number", False),
        ("sure", "boolean", False),
        ("colour", "choice", False),
        ("teams", "choices", False),
        ("more", "json", False),
    ]


def put_in(**values):
    """`state.values` of Slack for texts, and for elements as they are."""
    return {
        form.PREFIX + key: {form.INPUT: each if isinstance(each, dict) else {"value": each}}
        for key, each in values.items()
    }


def test_what_was_put_in_comes_out_with_its_type():
    typed = form.read_input(
        FIELDS,
        put_in(
            version="2.8.5",
            hosts="12",
            share="0.25",
            sure={"selected_option": {"value": "false"}},
            colour={"selected_option": {"value": "green"}},
            teams={"selected_options": [{"value": "red"}, {"value": "white"}]},
            more='{"a": [1]}',
        ),
    )
    assert typed == {
        "version": "2.8.5",
        "hosts": 12,
        "share": 0.25,
        "sure": False,
        "colour": "green",
        "teams": ["red", "white"],
        "more": {"a": [1]},
    }


def test_what_is_empty_is_left_out():
    assert form.read_input(FIELDS, put_in(version="2", hosts="1", more=" ", share=None)) == {
        "version": "2",
        "hosts": 1,
    }


@pytest.mark.parametrize(
    "values, named",
    [
        ({"hosts": "1"}, "version is required"),
        ({"version": " ", "hosts": "1"}, "version is required"),
        ({"version": "2", "hosts": "1.5"}, "hosts must be a whole number"),
        ({"version": "2", "hosts": "many"}, "hosts must be a whole number"),
        ({"version": "2", "hosts": "true"}, "hosts must be a whole number"),
        ({"version": "2", "hosts": "1", "share": "NaN"}, "share must be a number"),
        ({"version": "2", "hosts": "1", "more": "{"}, "more must be JSON"),
        ({"version": "2", "hosts": "1", "more": "[" * 100_000}, "more must be JSON"),
        (
            {"version": "2", "hosts": "1", "colour": {"selected_option": {"value": "red"}}},
            "colour does not have",
        ),
        (
            {"version": "2", "hosts": "1", "teams": {"selected_options": [{"value": "x"}]}},
            "teams does not have",
        ),
    ],
)
def test_what_is_no_answer_is_named(values, named):
    with pytest.raises(InputError) as error:
        form.read_input(FIELDS, put_in(**values))
    assert named in str(error.value)


@pytest.mark.parametrize("text", ["{{ st2kv.system.x }}", "a {% if b %}", "{# c", "<% ctx() %>"])
def test_templates_are_refused_wherever_they_are_typed(text):
    with pytest.raises(InputError, match="template"):
        form.read_input(FIELDS, put_in(version=text, hosts="1"))
    with pytest.raises(InputError, match="template"):
        form.read_input(FIELDS, put_in(version="2", hosts="1", more=json.dumps({"a": text})))


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "\\u007b\\u007b st2kv.system.x }}"}',
        '{"a": [{"b": "\\u003c% ctx() %>"}]}',
        '{"\\u007b{ st2kv.system.x }}": 1}',
        '{"a": {"b {": 1}}',
        '{"a": "b \\u007b"}',
        '["a", ["b <"]]',
        '"\\u007b\\u0025 if x %}"',
        '"x {\\u200b"',
    ],
)
def test_json_is_looked_through_after_it_was_decoded(text):
    with pytest.raises(InputError, match="more must not contain .* template"):
        form.read_input(FIELDS, put_in(version="2", hosts="1", more=text))


@pytest.mark.parametrize("text", ["a {", "a < ", "{", "a {\n", "a <\u00a0", "a {\u200b"])
def test_no_answer_ends_in_half_a_template(text):
    with pytest.raises(InputError, match="version must not contain `[{<]` at the end"):
        form.read_input(FIELDS, put_in(version=text, hosts="1"))
    reason = form.Field("reason", "Reason", long=True)
    with pytest.raises(InputError, match="Reason must not contain"):
        form.read_input((reason,), put_in(reason=text))


@pytest.mark.parametrize(
    "text", ["#deploys", "% done", '{"a": {"b": "c"}}', "a { b } < c", "} %> #}", "C:\\45"]
)
def test_beginnings_and_json_are_no_templates(text):
    assert form.read_input(FIELDS, put_in(version=text, hosts="1"))["version"] == text
    assert form.read_input(FIELDS, put_in(version="2", hosts="1", more='{"a": {"b": "#c"}}'))[
        "more"
    ]


@pytest.mark.parametrize("values", [None, {}, [], {"st2_field:version": None}, "x"])
def test_a_form_without_values_is_empty(values):
    with pytest.raises(InputError, match="version is required"):
        form.read_input(FIELDS, values)


@pytest.mark.parametrize(
    "schema", [None, {}, {"properties": {}}, {"properties": {str(n): {} for n in range(41)}}]
)
def test_schemas_that_cannot_be_asked(schema):
    with pytest.raises(InputError, match="`schema`"):
        form.fields_from_schema(schema)


# --- votes ----------------------------------------------------------------------------------------


def votes(*pairs):
    return [Vote(user, choice, at=float(at)) for at, (user, choice) in enumerate(pairs)]


A, B, C = PEOPLE[:3]


@pytest.mark.parametrize(
    "cast, decision",
    [
        ([], None),
        ([(A, "approve")], None),
        ([(A, "approve"), (B, "approve")], "approve"),
        ([(A, "approve"), (B, "reject")], "reject"),
        ([(A, "approve"), (B, "no such choice")], None),
        ([(A, "approve"), (B, "approve"), (C, "reject")], "approve"),
        ([(C, "reject"), (A, "approve"), (B, "approve")], "reject"),
    ],
)
def test_two_must_approve_one_may_reject(cast, decision):
    found = find_decided_choice(make_question(needed=2), votes(*cast))
    assert (found and found.value) == decision


@given(st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(["approve", "reject", "x"]))))
def test_nothing_is_decided_by_fewer_than_needed(cast):
    last = {user: Vote(user, choice, float(at)) for at, (user, choice) in enumerate(cast)}
    question = make_question(needed=3, choices=["approve", "reject"])
    found = find_decided_choice(question, list(last.values()))
    counts = {
        value: sum(each.choice == value for each in last.values())
        for value in ("approve", "reject")
    }
    if found is None:
        assert max(counts.values()) < 3
    else:
        assert counts[found.value] >= 3


def test_a_vote_is_read_as_it_was_stored_and_for_its_own_voter_only():
    vote = Vote(A, "approve", 12.5, "because", {"a": 1})
    assert parse_vote(A, serialize_vote(vote)) == vote
    assert parse_vote(B, serialize_vote(vote)) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"user": "U0HARBOUR01"}', "\x00"])
def test_what_is_no_vote_counts_for_none(text):
    assert parse_vote(A, text) is None


def test_the_answer_of_a_question_of_ours():
    question = make_question()
    assert due_response(question, [], expired=False) is None
    assert due_response(question, [], expired=True) == {
        "choice": "",
        "expired": True,
        "votes": [],
    }
    cast = [Vote(A, "reject", 3.0, "no")]
    assert due_response(question, cast, expired=True) == {
        "choice": "reject",
        "expired": False,
        "votes": [{"user": A, "choice": "reject", "at": 3.0, "reason": "no"}],
    }


def test_the_answer_to_a_schema_is_that_of_who_came_first():
    question = of_schema(go={"type": "boolean"})
    cast = [Vote(A, "true", 2.0, answer={"go": True}), Vote(B, "false", 1.0, answer={"go": False})]
    assert due_response(question, cast, expired=False) == {"go": False}
    assert due_response(question, [], expired=False) is None


@pytest.mark.parametrize(
    "cast, response, expired, behind",
    [
        ([(A, "approve")], {"choice": "approve"}, False, True),
        ([(A, "reject")], {"choice": "approve"}, False, False),
        ([], {"choice": "approve"}, False, False),
        ([], {"choice": "approve", "votes": [{"user": A}]}, False, False),
        ([], {"choice": "", "expired": True}, True, True),
        ([], {"choice": "", "expired": True}, False, False),
        ([], {"choice": "approve", "expired": True}, True, False),
        ([], None, False, False),
    ],
)
def test_whether_votes_stand_behind_an_answer(cast, response, expired, behind):
    assert matches_votes(make_question(), votes(*cast), response, expired) is behind


# --- who asks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "person, requesters, names, own",
    [
        (A, [A], {}, True),
        (A, [B, "stanley"], {}, False),
        (A, ["mara"], {A: "mara"}, True),
        (A, ["mara"], {B: "mara"}, False),
        (A, [], {}, False),
        ("mara", [], {}, True),
    ],
)
def test_who_started_it(person, requesters, names, own):
    assert is_started_by(person, requesters, names) is own


@pytest.mark.parametrize(
    "own, started",
    [
        ("some.one", "SOME.ONE"),
        ("Some.One", "some.one "),
        (" some.one", "\u00a0some.one"),
        ("some one", "Some   One"),
        ("stra\u00dfe", "STRASSE"),
        ("some.one", "some.one\x00x"),
        ("some.one\x00", "other"),
        ("some.one", "some.one\u200b"),
        ("some.one", "other\n"),
        ("\uff53ome.one", "some.one"),
        ("some.one", " "),
    ],
)
def test_names_of_one_person_are_compared_as_a_directory_does(own, started):
    assert is_started_by(A, [started], {A: own})


@pytest.mark.parametrize(
    "own, started", [("some.one", "someone"), ("some.one", "some.one2"), ("some one", "someone")]
)
def test_names_of_two_people(own, started):
    assert not is_started_by(A, [started], {A: own})
    assert not is_requester_uncertain(A, "a@example.com", [started], {A: own})


@pytest.mark.parametrize(
    "names, email, requesters, is_machine, uncertain",
    [
        # (a user of StackStorm's whose name tells nothing about the voter)
        ({}, "", ["mara"], False, True),
        ({}, "", ["stanley"], True, False),
        ({}, "", ["stanley", B], False, False),
        ({}, "", [], False, False),
        # the voter's e-mail address
        ({}, "tomasz@example.com", ["mara"], False, False),
        ({}, "mara@example.com", ["mara"], False, True),
        ({}, "Mara@Example.com", ["MARA@example.COM"], False, True),
        ({}, "mara@example.com", ["CORP\\Mara"], False, True),
        ({}, "mara@example.com", ["mara"], True, True),
        ({}, "mara@example.com", ["mara", B], False, True),
        ({}, "mara@example.com", ["mara@other.example"], False, False),
        # who is who
        ({B: "mara"}, "", ["Mara "], False, False),
        ({B: "mara"}, "mara@example.com", ["mara"], False, False),
        ({A: "tomasz"}, "", ["mara"], False, False),
        ({A: "CORP\\tomasz"}, "", ["tomasz"], False, True),
        ({A: "tomasz@corp.example"}, "", ["CORP\\Tomasz"], False, True),
        ({A: "CORP\\tomasz"}, "", ["LAB\\tomasz"], False, False),
        ({B: "mara"}, "", ["mara\x00x"], False, True),
    ],
)
def test_who_cannot_be_told_apart(names, email, requesters, is_machine, uncertain):
    assert is_requester_uncertain(A, email, requesters, names, is_machine) is uncertain


# --- how it looks ---------------------------------------------------------------------------------


def texts(blocks):
    return json.dumps(blocks)


def test_a_button_names_the_inquiry_and_the_choice():
    blocks = blocks_open(make_question(), "5f00", [], "<@U1>")
    actions = blocks[-1]
    assert actions["type"] == "actions" and actions["block_id"] == "st2_question:5f00"
    assert [(each["value"], each["action_id"]) for each in actions["elements"]] == [
        ("approve", "st2_question_choose_0"),
        ("reject", "st2_question_choose_1"),
    ]
    assert "confirm" in actions["elements"][1] and "confirm" not in actions["elements"][0]


def test_where_a_reason_is_asked_the_button_opens_a_form():
    blocks = blocks_open(make_question(ask_reason="required"), "5f00", [], "<@U1>")
    assert blocks[-1]["elements"][0]["action_id"] == "st2_question_form_0"
    view = modal(make_question(ask_reason="required"), "5f00", "reject", "C1", "1.5")
    assert view["private_metadata"].split(" ", 3) == ["5f00", "C1", "1.5", "reject"]
    assert [each.get("optional") for each in view["blocks"][1:]] == [False]


def test_it_counts_along_and_says_who_until_when():
    cast = votes((A, "approve"))
    shown = texts(blocks_open(make_question(needed=2), "5f00", cast, "<@%s>" % A))
    assert "Approve: 1 of 2 (<@%s>)" % A in shown
    assert "<!date^%d^" % (ASKED_AT + 86400) in shown
    assert "needed: Approve 2, Reject 1" in shown


@pytest.mark.parametrize(
    "response, behind, words",
    [
        ({"choice": "approve"}, True, ":white_check_mark: *Approve* by <@%s>" % A),
        ({"choice": "", "expired": True}, True, "*Expired*"),
        ({"choice": "reject"}, False, "*Reject*, answered outside of Slack"),
    ],
)
def test_at_the_end_it_says_what_came_of_it_and_nothing_can_be_pressed(response, behind, words):
    cast = votes((A, "approve"))
    outcome = outcome_of(make_question(), response, cast, 5.0, behind)
    assert words in outcome
    blocks = blocks_locked(make_question(), outcome, cast)
    assert not [each for each in blocks if each["type"] in ("actions", "input")]


def test_reasons_and_labels_ping_nobody():
    question = make_question(choices=[{"value": "a", "label": "<!channel>"}, "b"])
    cast = [Vote(A, "a", 1.0, reason="<!here> <@U1> <https://evil|good>")]
    outcome = outcome_of(question, {"choice": "a"}, cast, 5.0, True)
    shown = texts(blocks_locked(question, outcome, cast)) + texts(
        blocks_open(question, "5f00", cast, "x")[1:2]
    )
    for ping in ("<!channel>", "<!here>", "<@U1>", "<https://evil"):
        assert ping not in shown


def test_a_secret_answer_is_not_shown():
    question = of_schema(password={"type": "string", "secret": True})
    outcome = outcome_of(question, {"password": "hunter2"}, [Vote(A)], 5.0, True)
    assert "hunter2" not in outcome
    assert "hunter2" not in outcome_of(question, {"password": "hunter2"}, [], 5.0, False)


LONG = st.text(min_size=1, max_size=75).filter(
    lambda text: text.strip() and text != "expired" and text_length(text) <= 75
)


@given(
    text=st.text(min_size=1, max_size=3000).filter(
        lambda text: text.strip() and text_length(text) <= 3000
    ),
    labels=st.lists(LONG, min_size=1, max_size=25, unique=True),
    reasons=st.lists(st.text(max_size=3000), max_size=30),
)
def test_slack_takes_whatever_is_asked(judge, text, labels, reasons):
    question = make_question(text=text, choices=labels)
    cast = [
        Vote("U%07d" % number, labels[number % len(labels)], float(number), reason)
        for number, reason in enumerate(reasons)
    ]
    outcome = outcome_of(question, {"choice": labels[0]}, cast, 5.0, True)
    for blocks in (
        blocks_open(question, "5f00", cast, "everybody"),
        blocks_locked(question, outcome, cast),
        form_in_thread(question, "5f00", labels[0], A),
    ):
        judge("chat.postMessage", {"channel": "C0DEPLOYS01", "text": "x", "blocks": blocks})


def test_slack_takes_every_kind_of_input(judge):
    question = question_from_schema(SCHEMA, "deploys.release", "deploys")
    blocks = form_in_thread(question, "5f00", "-", A)
    kinds = [each["element"]["type"] for each in blocks if each["type"] == "input"]
    assert kinds == [
        "plain_text_input",
        "number_input",
        "number_input",
        "radio_buttons",
        "static_select",
        "checkboxes",
        "plain_text_input",
    ]
    judge("chat.postMessage", {"channel": "C0DEPLOYS01", "text": "x", "blocks": blocks})


@pytest.fixture(scope="module")
def judge():
    """What Slack says about a call: an error where it refuses."""
    with LoopbackSlack() as server:
        yield make_client({"api_url": server.api_url, "action_token": server.bot_token}).call


def test_a_message_given_as_blocks_keeps_them():
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*Release* 2.8.5"}}]
    question = make_question(blocks=blocks)
    assert blocks_open(question, "5f00", [], "x")[:1] == blocks
    assert blocks_locked(question, "Done.", [])[:1] == blocks
    assert isinstance(question, Question)
