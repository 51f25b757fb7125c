"""The pure parts: encoding, redaction, the retry policy, refusals. No I/O, no clock."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st2slack.api.encoding import encode, encode_value
from st2slack.api.error_help import explain
from st2slack.api.retry import BASE, CEILING, TROUBLE, wait_before_next
from st2slack.base.errors import (
    CertificateError,
    InputError,
    RateLimited,
    RequestNotSent,
    ResponseLost,
    SettingsError,
    SlackApiError,
    UnexpectedResponse,
)
from st2slack.base.redact import redact

# --- encode -------------------------------------------------------------------------------------

ENCODABLE = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | ENCODABLE,
    lambda inner: st.lists(inner) | st.dictionaries(ENCODABLE, inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "value, text",
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (12345678901234567890, "12345678901234567890"),
        (1.5, "1.5"),
        ("", ""),
        ("1503435956.000247", "1503435956.000247"),
        ("true", "true"),
        ([], "[]"),
        ({}, "{}"),
        ([{"type": "divider"}], '[{"type":"divider"}]'),
        ({"a": [1, None, True]}, '{"a":[1,null,true]}'),
        ("grüß 🎉", "grüß 🎉"),
        (["🎉"], '["🎉"]'),
    ],
)
def test_values_as_slack_reads_them(value, text):
    assert encode_value("x", value) == text


def test_only_none_is_dropped():
    given_values = {"a": None, "b": "", "c": False, "d": [], "e": 0}
    assert encode(given_values) == [("b", ""), ("c", "false"), ("d", "[]"), ("e", "0")]


@given(ENCODABLE)
def test_text_goes_as_it_is(text):
    assert encode_value("x", text) == text


@given(JSON.filter(lambda value: not isinstance(value, (str, type(None)))))
def test_all_else_is_json_that_reads_back(value):
    assert json.loads(encode_value("x", value)) == value


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": {1, 2}}, [object()]])
def test_what_is_no_json_is_named(value):
    with pytest.raises(InputError, match="`blocks` cannot be written as JSON"):
        encode_value("blocks", value)


@pytest.mark.parametrize("value", ["\ud83d", ["\udc00"], {"a": "x\ud800"}])
def test_half_a_character_is_named(value):
    with pytest.raises(InputError, match="`text` holds half of a character"):
        encode_value("text", value)


def test_a_structure_without_end_is_named():
    endless = []
    endless.append(endless)
    with pytest.raises(InputError, match="`blocks` cannot be written"):
        encode_value("blocks", endless)


# --- redact -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, clean",
    [
        ("token xoxb-123-abc!", "token ********!"),
        ("xoxe.xoxb-1-Mi0y rotated", "******** rotated"),
        ("xoxe-1-My0x", "********"),
        ("xapp-1-A0-1-ff", "********"),
        ("xoxp-1", "********"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ********"),
        ("Basic dXNlcjpwdw==", "Basic ********"),
        ("the app's Basic Information page", "the app's Basic Information page"),
        (
            "https://hooks.slack.com/services/T0/B0/secret",
            "https://hooks.slack.com/services/********",
        ),
        ('"POST /services/T0/B0/x HTTP/1.1" 200', '"POST /services/******** HTTP/1.1" 200'),
        ("wss://wss-primary.slack.com/link/?ticket=1", "wss://wss-primary.slack.com/********"),
        ("http://user:pw@proxy:3128 failed", "http://********@proxy:3128 failed"),
        ("a foxbox-1 is no token", "a foxbox-1 is no token"),
        ("", ""),
    ],
)
def test_what_looks_like_a_credential_goes(text, clean):
    assert redact(text) == clean


def test_known_secrets_go_in_every_form():
    assert redact("a p/w+1 b p%2Fw%2B1 c", ["p/w+1"]) == "a ******** b ******** c"
    assert redact("abcdefg abcd", ["abcd", "abcdefg", ""]) == "******** ********"
    assert redact("a b c", ["b"]) == "a b c", "one letter is no secret"


@given(
    st.text(min_size=8, alphabet=st.characters(codec="ascii", categories=["L", "N"])),
    st.text(),
    st.text(),
)
def test_no_known_secret_survives(secret, before, after):
    assert secret not in redact(before + secret + after, [secret])


# --- retry --------------------------------------------------------------------------------------


def refusal(code):
    return SlackApiError("x", "m", code, {"ok": False, "error": code})


def limited(after):
    return RateLimited("x", "m", "ratelimited", {}, after)


@pytest.mark.parametrize(
    "error, write_again, read_again",
    [
        (RequestNotSent("x"), True, True),
        (ResponseLost("x"), False, True),
        (limited(1), True, True),
        (limited(None), True, True),
        (refusal("internal_error"), False, True),
        (refusal("channel_not_found"), False, False),
        (CertificateError("x"), False, False),
        (UnexpectedResponse("x"), False, False),
        (SettingsError("x"), False, False),
        (InputError("x"), False, False),
    ],
)
def test_what_is_sent_again(error, write_again, read_again):
    for writes, again in ((True, write_again), (False, read_again)):
        wait = wait_before_next(error, 1, writes, 1000, 0.5)
        assert (wait is not None) is again


def test_rate_limits_wait_exactly_what_slack_asked():
    assert wait_before_next(limited(17.0), 5, True, 18, 0.3) == 17.0
    assert wait_before_next(limited(1.0), 5, True, 18, 0.3) == 1.0


def test_a_rate_limit_of_nothing_is_no_hot_loop():
    assert wait_before_next(limited(0.0), 1, True, 18, 0.5) == 0.375
    assert wait_before_next(limited(0.0), 4, True, 18, 0.5) == 3.0


def test_a_wait_that_does_not_fit_is_not_begun():
    assert wait_before_next(limited(18.0), 1, True, 18, 0.3) is None
    assert wait_before_next(RequestNotSent("x"), 1, True, 0.1, 0.3) is None


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_back_off_grows_and_stays_bounded(tries, jitter):
    wait = wait_before_next(RequestNotSent("x"), tries, True, 1e9, jitter)
    top = min(CEILING, BASE * 2.0 ** min(tries - 1, 16))
    assert top / 2 <= wait <= top


# --- refusals -----------------------------------------------------------------------------------


def said(code, method="chat.postMessage", **answer):
    return explain(method, dict(answer, ok=False, error=code), "`user_token`", ("user",))


@pytest.mark.parametrize(
    "code, answer, parts",
    [
        (
            "missing_scope",
            {"needed": "chat:write", "provided": "users:read"},
            ["needed scope: chat:write", "the token has: users:read", "install it again"],
        ),
        ("not_in_channel", {}, ["not a member", "Invite"]),
        ("channel_not_found", {}, ["invite the app first"]),
        ("invalid_auth", {}, ["`user_token`"]),
        ("token_revoked", {}, ["`user_token`"]),
        ("not_allowed_token_type", {}, ["`user_token`", "user (xoxp-...)"]),
        ("ratelimited", {}, ["too many calls"]),
        ("msg_too_long", {}, ["40,000"]),
        (
            "invalid_blocks",
            {"response_metadata": {"messages": ["[ERROR] no type\n[json-pointer:/0]"]}},
            ["Slack says: [ERROR] no type [json-pointer:/0]", "slack.blocks.validate"],
        ),
        ("invalid_arguments", {"errors": ["bad field"]}, ["bad field"]),
        (
            "something_new",
            {"detail": "the reason"},
            ["something_new", "the reason", "chat.postMessage"],
        ),
    ],
)
def test_a_refusal_is_explained_in_one_line(code, answer, parts):
    text = said(code, **answer)
    assert text.startswith("chat.postMessage was refused by Slack: " + code)
    assert "\n" not in text
    for part in parts:
        assert part in text


def test_a_retired_method_names_its_replacement():
    text = explain(
        "channels.list", {"error": "method_deprecated"}, replaced_by=["conversations.list"]
    )
    assert text.endswith("Use slack.conversations.list.")
    assert explain("x.y", {"error": "method_deprecated"}).endswith("There is no replacement.")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"error": None},
        {"error": 5},
        {"error": "x", "response_metadata": None},
        {"error": "x", "response_metadata": {"messages": "text"}},
        {"error": "x", "errors": {"a": 1}},
        {"error": "missing_scope", "needed": None},
        {"error": "x", "detail": {"a": 1}},
    ],
)
def test_odd_refusals_do_not_break_the_explanation(answer):
    assert explain("chat.postMessage", answer).startswith("chat.postMessage was refused by Slack: ")


def test_every_meaning_can_be_told():
    from st2slack.api import error_meanings

    for code in error_meanings.MEANINGS:
        text = said(code)
        assert "{" not in text.replace('[{"type"', "") and len(text) < 400


FACTS = json.loads(
    (Path(__file__).resolve().parents[1] / "etc/slack/web_api.json").read_text(encoding="utf-8")
)


def numbers_in(text):
    """The numbers of a text; 40,000 is one, "one a second" too. Examples are none."""
    text = re.sub(r"e\.g\. [\d.]+", "", text).replace("at most one ", "at most 1 ")
    return {int(each.replace(",", "")) for each in re.findall(r"\b\d[\d,]*\b", text)}


def test_the_numbers_of_the_explanations_are_those_of_the_facts():
    from st2slack.api import error_help, error_meanings

    codes = set(error_meanings.MEANINGS) | {code for _, code in error_meanings.MEANINGS_BY_METHOD}
    compared = 0
    for name, facts in FACTS["methods"].items():
        limits = facts.get("limits", {})
        for code in codes.intersection([*(facts.get("errors") or ()), *limits]):
            expected = {limits[code]} if code in limits else set()
            expected.update(FACTS["meta"]["limits"].get(code, ()))
            text = " ".join(error_help._find(name, code))
            assert numbers_in(text) == expected, (name, code, text)
            compared += bool(expected)
    assert compared > 20


def test_numbers_that_no_method_tells_are_those_of_the_platform():
    from st2slack.api import error_meanings

    of_methods = {code for facts in FACTS["methods"].values() for code in facts.get("limits", {})}
    for code, words in error_meanings.MEANINGS.items():
        if code not in of_methods:
            expected = set(FACTS["meta"]["limits"].get(code, ()))
            assert numbers_in(" ".join(words)) == expected, code


@pytest.mark.parametrize(
    "code, method, parts, never",
    [
        ("accesslimited", "chat.postMessage", ["on this network"], ["moment", "again later"]),
        ("permission_denied", "bookmarks.add", ["not allowed to do it"], ["user group"]),
        ("permission_denied", "usergroups.update", ["user groups"], []),
        ("too_many_users", "conversations.open", ["8 at most"], []),
        ("too_many_users", "users.info", ["too many people"], ["8"]),
        ("too_many_users", "admin.roles.addAssignments", ["too many people"], ["8"]),
        ("msg_too_long", "chat.update", ["4,000"], ["40,000"]),
        ("msg_too_long", "chat.postEphemeral", ["40,000"], []),
        ("fatal_error", "chat.postMessage", ["may have happened"], ["ry again"]),
        ("internal_error", "chat.postMessage", ["may have happened"], ["ry again"]),
        ("service_unavailable", "chat.postMessage", ["before you repeat it"], ["ry again"]),
        ("no_permission", "conversations.invite", ["Make the app a member"], []),
        ("messages_tab_disabled", "chat.postMessage", ["Messages tab", "App Home"], []),
    ],
)
def test_a_code_is_explained_as_the_method_means_it(code, method, parts, never):
    text = said(code, method)
    for part in parts:
        assert part in text
    for part in never:
        assert part not in text


def test_what_only_reads_may_be_tried_again():
    for code in ("fatal_error", "internal_error", "service_unavailable"):
        text = explain("users.list", {"error": code}, writes=False)
        assert text.endswith("Try again later.")


def test_the_largest_page_is_that_of_the_method():
    text = explain("conversations.list", {"error": "invalid_limit"}, largest=999)
    assert text.endswith("Give one from 1 to 999.")
    assert "recommends 200" in explain("users.conversations", {"error": "invalid_limit"})


def test_codes_of_trouble_are_explained():
    from st2slack.api import error_meanings

    assert {"internal_error", "fatal_error", "service_unavailable", "request_timeout"} <= TROUBLE
    assert {"internal_error", "fatal_error"} <= set(error_meanings.MEANINGS)
