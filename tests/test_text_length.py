"""How long a text is for Slack, and texts made to fit."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st2slack.approvals import form
from st2slack.approvals.ask_parameters import question_from_ask
from st2slack.approvals.blocks import blocks_locked, fallback, modal
from st2slack.approvals.votes import Vote
from st2slack.base.errors import InputError
from st2slack.base.text_length import shorten, text_length
from st2slack.chatops import command_text
from st2slack.messages import reply

WORK = Path(__file__).parent.parent / "actions" / "lib" / "st2slack" / "work"
WAVE = "\U0001f30a"  # two units, one code point


@pytest.mark.parametrize(
    "text, length",
    [("", 0), ("abc", 3), ("ü", 1), ("\u20ac", 1), (WAVE, 2), ("a" + WAVE, 3), ("\ud83d", 1)],
)
def test_the_length_is_counted_in_utf16(text, length):
    assert text_length(text) == length


@given(st.text(st.characters(), max_size=30), st.integers(3, 20))
def test_a_text_made_shorter_fits(text, limit):
    shown = shorten(text, limit)
    assert text_length(shown) <= limit
    assert shown == text or (shown.endswith("...") and text.startswith(shown[:-3]))
    assert shown == text or text_length(shown) >= limit - 1


def test_there_is_one_function_that_counts():
    for path in WORK.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            counts = isinstance(node, ast.Constant) and node.value in (0xFFFF, "utf-16-le")
            assert not counts, path


ASKED = {"text": "Deploy?", "choices": [{"value": "a", "label": "A"}], "channel": "C1"}


@pytest.mark.parametrize(
    "given_",
    [
        {"text": WAVE * 1501},
        {"choices": [{"value": "a", "label": WAVE * 38}]},
        {"choices": [{"value": WAVE * 38, "label": "a"}]},
    ],
)
def test_a_question_that_is_too_long_is_refused(given_):
    with pytest.raises(InputError, match="characters"):
        question_from_ask({**ASKED, **given_}, "demo.deploy", 0.0)


def test_a_question_that_just_fits():
    fits = {"text": WAVE * 1500, "choices": [{"value": "a", "label": WAVE * 37}]}
    asked = question_from_ask({**ASKED, **fits}, "demo.deploy", 0.0)
    assert text_length(fallback(asked)) == 3000
    view = modal(asked, "1", "a", "C1", "1.2")
    assert text_length(view["submit"]["text"]) <= 24


def lengths(value):
    """The length of every text object."""
    if isinstance(value, dict):
        own = [text_length(value["text"])] if isinstance(value.get("text"), str) else []
        return own + [length for each in value.values() for length in lengths(each)]
    if isinstance(value, list):
        return [length for each in value for length in lengths(each)]
    return []


def test_reasons_of_many_fit_and_no_form_is_cut():
    asked = question_from_ask({**ASKED, "ask_reason": "optional"}, "demo.deploy", 0.0)
    votes = [Vote("U%08d" % n, "a", 0.0, reason="&<>" + WAVE * 200) for n in range(40)]
    blocks = blocks_locked(asked, "It is done.", votes)
    assert max(lengths(blocks)) <= 3000
    shown = blocks[-1]["elements"][0]["text"][:-3]
    assert shown.count("<") == shown.count(">")


def test_a_menu_of_long_options_is_none():
    assert form._options([WAVE * 37]) and not form._options([WAVE * 38])


def test_an_answer_fits():
    assert text_length(reply.in_code(WAVE * 400)) <= reply.MAX_QUOTE + 5
    assert command_text.fit_lines([WAVE * 5, WAVE * 5], room=15) == ([WAVE * 5], 1)
    assert "longer" in command_text.unusable_reason("say " + WAVE * 999)
