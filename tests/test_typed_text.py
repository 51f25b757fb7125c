"""What somebody typed is shown as it was typed; what an author wrote works."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from st2slack.approvals.inquiry import load_inquiry
from st2slack.base.mrkdwn import to_plain
from st2slack.base.typed_text import (
    object_without_typed_references,
    texts_in,
    with_own_references,
    without_typed_references,
)
from st2slack.stackstorm.execution import Execution

LINK = "<https://evil.example|https://bank.example>"
SHOWN = "&lt;https://evil.example|https://bank.example&gt;"


@pytest.mark.parametrize(
    "text, formats, expected",
    [
        ("Deploy " + LINK, ["Deploy {{ x }}"], "Deploy " + SHOWN),
        ("See <https://ci/1|build>", ["See <https://ci/1|build>"], "See <https://ci/1|build>"),
        ("See <https://ci/7|web>", ["See <https://ci/{{ id }}|{{ x }}>"], "See <https://ci/7|web>"),
        ("See <https://ci/7>", ["See <https://ci/<% ctx(id) %>>"], "See <https://ci/7>"),
        ("<https://ci/7|a|b>", ["<https://ci/{{ x }}|b>"], "&lt;https://ci/7|a|b&gt;"),
        ("<https://ci/7|a>", ["<https://ci/{{ x }}>"], "&lt;https://ci/7|a&gt;"),
        ("<@U0123456789> in <#C0123456789>", ["{{ x }}"], "<@U0123456789> in <#C0123456789>"),
        ("<@U0123456789|ceo>", ["{{ x }}"], "&lt;@U0123456789|ceo&gt;"),
        ("<!channel> <!date^1^{date}^https://evil|x>", ["{{ x }}"], None),
        ("a < b > c &amp; d", ["{{ x }}"], "a &lt; b &gt; c &amp; d"),
        ("", [], ""),
    ],
)
def test_only_forms_of_the_author_work(text, formats, expected):
    found = with_own_references(text, formats)
    if expected is None:
        assert "<" not in found and ">" not in found
    else:
        assert found == expected


@pytest.mark.parametrize(
    "text, typed, expected",
    [
        ("Did " + LINK, [LINK], "Did " + SHOWN),
        (
            "Did " + LINK.upper(),
            [LINK],
            "Did " + SHOWN.upper().replace("&LT;", "&lt;").replace("&GT;", "&gt;"),
        ),
        ("<https://evil|a b>", ["<https://evil|a", "b>"], "&lt;https://evil|a b&gt;"),
        ("<https://evil|a>", ["x <https://evil|a> y"], "&lt;https://evil|a&gt;"),
        ("<https://ci/1|build web>", ["web"], "<https://ci/1|build web>"),
        ("<https://ci/1|web>", ["web", "a <b> c"], "<https://ci/1|web>"),
        ("<@U0123456789>", ["<@U0123456789>"], "<@U0123456789>"),
    ],
)
def test_no_form_that_was_typed_works(text, typed, expected):
    assert without_typed_references(text, typed) == expected


def test_a_form_of_the_author_works_even_where_the_same_was_typed():
    assert without_typed_references(LINK, [LINK], [LINK]) == LINK


PIECES = st.sampled_from(
    ["<", ">", "|", "https://evil", "https://bank", "x", " ", "&", "&lt;", "@U012", "!channel", "{"]
)


@given(typed=st.lists(PIECES, max_size=10).map("".join))
@example(typed=LINK)
@example(typed="<<https://evil|x>>")
@example(typed="<https://evil|a|b>")
def test_whatever_is_typed_shows_no_label(typed):
    """As people read it, it is what was typed, or a mention."""
    for shown in (
        with_own_references("On it: " + typed, ["On it: {{ x }}"]),
        without_typed_references("On it: " + typed, [typed], ["On it: {{ x }}"]),
    ):
        assert "|" not in "".join(each for each in _forms(shown))
        assert to_plain(shown).count("|") == typed.count("|")


def _forms(text):
    return [each.partition(">")[0] for each in text.split("<")[1:]]


def test_it_goes_as_deep_as_a_message_does():
    value = {"blocks": [{"text": {"text": LINK}, "n": 1, "none": None}], "own": "<https://ci|x>"}
    found = object_without_typed_references(value, [LINK], ["<https://ci|x>"])
    assert found == {
        "blocks": [{"text": {"text": SHOWN}, "n": 1, "none": None}],
        "own": "<https://ci|x>",
    }
    assert sorted(texts_in({"a": ["b", {"c": "d"}], "e": 5})) == ["b", "d"]


# --- questions ------------------------------------------------------------------------------------


class StackStorm:
    """An inquiry of slack.ask within a workflow."""

    def __init__(self, context):
        self.asking = {
            "id": "2",
            "action": {"ref": "slack.ask"},
            "parameters": {
                "channel": "C0DEPLOYS01",
                "text": "Deploy %s? <https://runbook|Runbook>" % LINK,
                "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": LINK}}],
            },
            "context": context,
        }
        self.outer = {
            "id": "1",
            "action": {"ref": "demo.deploy"},
            "parameters": {"service": LINK},
            "context": context,
        }

    def find_execution(self, execution_id, with_result=True):
        document = {
            "id": execution_id,
            "status": "pending",
            "runner": {"name": "inquirer"},
            "parameters": {"route": "slack"},
            "start_timestamp": "2026-03-01T10:20:30.000000Z",
        }
        return Execution.from_json(document)

    def list_ancestors(self, execution):
        return map(Execution.from_json, [self.asking, self.outer])


def test_what_a_command_brought_is_escaped_in_the_question():
    found = load_inquiry(StackStorm({"action_alias_ref": {"id": "9"}, "api_user": "U1"}), "3", 0.0)
    assert found.question.text == "Deploy %s? <https://runbook|Runbook>" % SHOWN
    assert found.question.blocks[0]["text"]["text"] == SHOWN


def test_what_an_operator_gave_in_stackstorm_stays_as_it_is():
    found = load_inquiry(StackStorm({"user": "st2admin"}), "3", 0.0)
    assert LINK in found.question.text and found.question.blocks[0]["text"]["text"] == LINK
