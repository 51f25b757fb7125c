"""What came of an execution, as a message: every runner, Slack's limits, nobody pinged."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sandbox.slack import LoopbackSlack
from st2slack.base import truncate
from st2slack.base.text_length import text_length
from st2slack.results import outcome, plain_text
from st2slack.results.outcome import duration, last_exception, read_outcome
from st2slack.results.plain_text import Section, to_sections
from st2slack.results.result_blocks import (
    REQUEST_BLOCK_ID,
    FormattedAlias,
    build_message,
    request_blocks,
)
from st2slack.stackstorm.execution import Execution

ID = "65a0c0ffee65a0c0ffee0001"
TRACEBACK = """st2.actions: starts
Traceback (most recent call last):
  File "/opt/stackstorm/x.py", line 3, in run
    return self.post()
  File "/opt/stackstorm/y.py", line 9, in post
    raise SlackApiError(text)
st2slack.base.errors.SlackApiError: chat.postMessage was refused by Slack: is_archived
"""


def execution(result, runner="python-script", status="succeeded", **more):
    document = {
        "id": ID,
        "status": status,
        "action": {"ref": "deploys.restart"},
        "runner": {"name": runner},
        "context": {"user": "st2admin"},
        "elapsed_seconds": 12.3,
        "result": result,
        **more,
    }
    return Execution.from_json(document)


def python(result=None, stdout="", stderr="", code=0, **more):
    return {"result": result, "stdout": stdout, "stderr": stderr, "exit_code": code, **more}


def shell(stdout="", stderr="", code=0, **more):
    good = code == 0
    return dict(
        stdout=stdout, stderr=stderr, return_code=code, succeeded=good, failed=not good, **more
    )


def shown(*parts):
    return [Section(*part) for part in parts]


# --- each runner --------------------------------------------------------------------------------

ROWS = [{"host": "web-1", "free": 12}, {"host": "web-2", "free": 7}]
STEPS = "task  state\n----  ---------\none   succeeded"
TABLE = "host   free\n-----  ----\nweb-1  12\nweb-2  7"


@pytest.mark.parametrize(
    ("runner", "result", "parts"),
    [
        ("python-script", python("all is well"), [("", "all is well")]),
        ("python-script", python(True, stderr="st2: a log line"), [("", "true")]),
        ("python-script", python({"host": "web-1", "free": 7}), [("", "host: web-1\nfree: 7", 1)]),
        ("python-script", python(ROWS), [("", TABLE, 1)]),
        (
            "python-script",
            python({"ok": True, "hosts": ROWS}, stdout="half way\n"),
            [("", "ok: true", 1), ("hosts", TABLE, 1), ("stdout", "half way", 1)],
        ),
        ("python-script", python(None), []),
        ("python-script", python(["a", "b"]), [("", "a\nb", 1)]),
        ("python-script", python([[1], 2]), [("", json.dumps([[1], 2], indent=2), 1)]),
        ("local-shell-cmd", shell("up 3 days"), [("", "up 3 days", 1)]),
        ("local-shell-script", shell({"free": 7}), [("", "free: 7", 1)]),
        ("local-shell-cmd", shell("", "a warning"), [("stderr", "a warning", 1)]),
        (
            "remote-shell-cmd",
            {"web-1": shell("up"), "web-2": shell("up too")},
            [("web-1", "up", 1), ("web-2", "up too", 1)],
        ),
        (
            "http-request",
            {"status_code": 200, "body": {"free": 7}, "parsed": True, "headers": {"x": "y"}},
            [("", "HTTP 200"), ("body", "free: 7", 1)],
        ),
        ("orquesta", {"output": {"version": "4.2.0"}}, [("", "version: 4.2.0", 1)]),
        ("orquesta", {"output": None}, []),
        (
            "inquirer",
            {"schema": {}, "route": "", "response": {"choice": "approve"}},
            [("", "choice: approve", 1)],
        ),
        (
            "action-chain",
            {"tasks": [{"name": "one", "state": "succeeded", "result": {}}], "published": {"a": 1}},
            [
                ("published", "a: 1", 1),
                ("tasks", "task  state\n----  ---------\none   succeeded", 1),
            ],
        ),
        ("winrm-cmd", {"whatever": "it", "has": 1}, [("", "whatever: it\nhas:      1", 1)]),
        ("noop", {"succeeded": True, "failed": False, "return_code": 0}, []),
        ("python-script", "no object", [("", "no object")]),
        ("python-script", None, []),
    ],
)
def test_what_each_runner_answers(runner, result, parts):
    found = read_outcome(execution(result, runner))
    assert [(p.title, p.text, bool(p.code)) for p in found.body] == [
        (title, text, bool(code)) for title, text, *more in parts for code in [more and more[0]]
    ]
    assert found.errors == [] and found.is_success and found.description == "succeeded"


@pytest.mark.parametrize(
    ("runner", "result", "errors"),
    [
        (
            "python-script",
            python("None", stderr=TRACEBACK, code=1),
            [
                "st2slack.base.errors.SlackApiError: "
                "chat.postMessage was refused by Slack: is_archived"
            ],
        ),
        ("python-script", python("too few disks", code=0), ["too few disks"]),
        ("python-script", python({"lacks": 2}), ["lacks: 2"]),
        ("local-shell-cmd", shell("half", "no such file", 2), ["Exit code 2.", "no such file"]),
        (
            "remote-shell-cmd",
            {"web-1": shell("up"), "web-2": shell("", "no route", 255)},
            ["Exit code 255.", "no route"],
        ),
        ("remote-shell-cmd", {"error": "no key", "failed": True}, ["no key"]),
        ("http-request", {"error": "connection refused"}, ["connection refused"]),
        (
            "http-request",
            {"status_code": 503, "body": "busy", "parsed": False, "headers": {}},
            ["HTTP 503", "busy"],
        ),
        (
            "orquesta",
            {
                "output": None,
                "errors": [
                    {"type": "error", "message": "Unable to evaluate <% ctx().x %>"},
                    {"type": "error", "message": "Unable to evaluate <% ctx().x %>"},
                ],
            },
            ["Unable to evaluate <% ctx().x %>"],
        ),
        (
            "orquesta",
            {
                "output": None,
                "errors": [
                    {
                        "type": "error",
                        "task_id": "restart",
                        "message": "Execution failed. See result for details.",
                        "result": python("None", stderr=TRACEBACK, code=1),
                    }
                ],
            },
            [
                "st2slack.base.errors.SlackApiError: "
                "chat.postMessage was refused by Slack: is_archived"
            ],
        ),
        (
            "orquesta",
            {"errors": [{"message": "Execution failed. See result for details.", "result": None}]},
            ["Execution failed. See result for details."],
        ),
        ("action-chain", {"error": "task one failed", "traceback": "…"}, ["task one failed"]),
        ("winrm-cmd", {"error": "no shell", "traceback": "…"}, ["no shell"]),
    ],
)
def test_a_failure_names_its_error_first(runner, result, errors):
    document = execution(result, runner, "failed")
    assert [part.text for part in read_outcome(document).errors] == errors
    blocks = build_message(document).blocks
    assert ":x:" in text_of(blocks[0]) and "*failed* after 12 s" in text_of(blocks[0])
    assert errors[0] in plain(" ".join(text_of(block) for block in blocks[1:3]))


def test_an_error_of_a_workflow_names_its_task():
    failed = {"task_id": "restart", "message": "no", "result": shell("", "no route", 255)}
    found = read_outcome(execution({"errors": [failed]}, "orquesta", "failed")).errors
    assert found[0] == Section("Task restart", "no", True)
    assert Section("Task restart: stderr", "no route", True) in found


@pytest.mark.parametrize(
    ("status", "emoji", "word", "said"),
    [
        ("timeout", ":alarm_clock:", "timed out", "exceeded its timeout"),
        ("abandoned", ":warning:", "was abandoned", "runner was stopped"),
        ("canceled", ":no_entry_sign:", "was cancelled", ""),
        ("paused", ":hourglass_flowing_sand:", "is paused", ""),
    ],
)
def test_other_ends_have_words_of_their_own(status, emoji, word, said):
    blocks = build_message(execution(None, status=status)).blocks
    text = " ".join(text_of(block) for block in blocks)
    assert emoji in text and "*%s*" % word in text and said in text


def test_the_end_of_a_traceback():
    assert last_exception("x") == "" and last_exception("") == ""
    twice = TRACEBACK + "\nDuring handling:\n\n" + TRACEBACK.replace("is_archived", "y\nmore")
    assert last_exception(twice).endswith("refused by Slack: y\nmore")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (59.9, "59 s"),
        (200, "3 min 20 s"),
        (3905.2, "1 h 5 min"),
        (None, ""),
        ("x", ""),
        (-1, ""),
        (float("nan"), ""),
        (True, ""),
    ],
)
def test_how_long_it_took(seconds, text):
    assert duration(seconds) == text


# --- readable -----------------------------------------------------------------------------------


def test_a_wide_table_becomes_lines():
    rows = [{"key%d" % n: "x" * 30 for n in range(5)}, {"key0": "y"}]
    (part,) = to_sections(rows)
    assert part.text.count("key0:") == 2 and max(map(len, part.text.split("\n"))) < 60


def test_columns_stand_below_each_other_whatever_is_in_them():
    (part,) = to_sections([{"名": "東京", "n": "a\nb\x1b[31m"}, {"名": "x", "n": None}])
    assert part.text == "名    n\n----  ---\n東京  a b\nx"


def test_what_a_terminal_would_obey_is_left_out():
    assert (
        plain_text.clean("\x1b[1;31mred\x1b[0m\x00 \ud800\r\nnext\x1b]0;t\x07\n") == "red ?\nnext"
    )


def test_what_is_too_deep_is_said():
    value = []
    for _ in range(100_000):
        value = [value]
    assert "too deep" in to_sections({"a": value})[0].text
    while value:
        value = value.pop()


# --- the message --------------------------------------------------------------------------------


def text_of(block):
    """All that a block shows, as Slack receives it."""
    if block["type"] == "rich_text":
        return block["elements"][0]["elements"][0]["text"]
    if block["type"] == "context":
        return block["elements"][0]["text"]
    return block["text"]["text"]


def plain(text):
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_the_message_of_a_success():
    url = "https://st2.example/#/history/" + ID
    made = build_message(execution(python("all is <b>well</b>"), web_url=url), user="U0HARBOUR02")
    assert [text_of(block) for block in made.blocks] == [
        ":white_check_mark: `deploys.restart` *succeeded* in 12 s",
        "all is &lt;b&gt;well&lt;/b&gt;",
        "asked by <@U0HARBOUR02> - <%s|execution %s>" % (url, ID),
    ]
    assert made.text == "deploys.restart succeeded\nall is &lt;b&gt;well&lt;/b&gt;"
    assert made.full_output is None and made.attachments == []


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"user": "st2admin"}, "asked by st2admin"),
        ({"user": "st2admin", "api_user": "U0HARBOUR02"}, "asked by <@U0HARBOUR02>"),
        ({"user": "<!channel>"}, "asked by &lt;!channel&gt;"),
        ({"user": "stanley", "rule": {"name": "nightly"}}, "asked by the rule nightly"),
        ({}, "execution " + ID),
        (None, "execution " + ID),
    ],
)
def test_who_asked(context, said):
    assert text_of(build_message(execution(None, context=context)).blocks[-1]).startswith(said)


def test_a_link_that_is_none_is_not_made():
    for url in ("javascript:alert(1)", "https://x|y>", "https://localhost/#/history/1", 5, None):
        assert text_of(build_message(execution(None, web_url=url)).blocks[-1]).endswith(
            "execution " + ID
        )


def test_what_others_wrote_pings_nobody_and_forges_no_link():
    evil = "<!channel> <@U0HARBOUR01> <https://evil.example|Log in> & @here"
    for result, status in ((python(evil), "succeeded"), (python("x\n" + evil), "failed")):
        made = build_message(execution(result, status=status))
        assert_safe(made)
        url = "https://evil.example"  # one that is seen can be clicked, as it is
        texts = [plain(text_of(block).replace("<%s>" % url, url)) for block in made.blocks]
        assert any(evil in text for text in texts)


def assert_safe(made):
    """Nothing in angle brackets but what we put there; code is no markup at all."""
    for block in made.blocks:
        if block["type"] == "rich_text":
            continue
        text = block["text"] if block["type"] == "section" else block["elements"][0]
        assert text["type"] == "mrkdwn" and text["verbatim"] is True
        for form in re.findall(r"<[^<>]*>?", text["text"]):
            assert re.fullmatch(r"<(https?://[^<>|]*(\|execution \w*)?|@U\w+)>", form), form
    assert "<" not in made.text


def test_urls_in_a_text_can_be_clicked():
    made = build_message(execution(python("See https://x.example/a?b=1&c=2, then rest.")))
    assert text_of(made.blocks[1]) == "See <https://x.example/a?b=1&amp;c=2>, then rest."


def test_a_note_of_the_operators_stands_above_the_result():
    made = build_message(execution(python("42 GB")), note="Nightly backup of *db-1*")
    texts = [text_of(block) for block in made.blocks]
    assert texts[1:3] == ["Nightly backup of *db-1*", "42 GB"]


# --- what the alias brings ----------------------------------------------------------------------


def test_an_aliass_text_stands_in_place_of_the_result():
    made = build_message(
        execution(python({"a": 1})), FormattedAlias("*web-1* is <https://x.example|back>")
    )
    texts = [text_of(block) for block in made.blocks]
    assert texts[1] == "*web-1* is <https://x.example|back>" and len(texts) == 3
    assert made.text == "deploys.restart succeeded\n" + texts[1]


def test_where_it_failed_the_error_comes_before_the_aliass_text():
    document = execution(python("None", stderr=TRACEBACK, code=1), status="failed")
    texts = [text_of(block) for block in build_message(document, FormattedAlias("done: ")).blocks]
    assert texts[1].startswith("st2slack.base.errors.SlackApiError") and texts[2] == "done:"
    assert texts[4] == TRACEBACK.strip()


def test_an_aliass_text_pings_no_channel_but_may_name_people():
    text = "<@U0HARBOUR01> <!channel> <!here|x> <!subteam^S0ONCALL001> <!date^1^{date}|then>"
    shown = text_of(build_message(execution(None), FormattedAlias(text)).blocks[1])
    assert shown == (
        "<@U0HARBOUR01> &lt;!channel&gt; &lt;!here|x&gt; &lt;!subteam^S0ONCALL001&gt; "
        "<!date^1^{date}|then>"
    )


def test_nor_does_anything_else_that_an_alias_brings():
    fields = [{"title": "a", "value": "x <!group> <!date^1^{date}|then>"}]
    for extra in ({"fields": fields}, {"attachments": [{"fields": fields}]}):
        (attachment,) = build_message(execution(None), FormattedAlias("", extra)).attachments
        assert attachment["fields"][0]["value"] == "x &lt;!group&gt; <!date^1^{date}|then>"
    block = {"type": "section", "text": {"type": "mrkdwn", "text": '"<!here>"'}}
    made = build_message(execution(None), FormattedAlias("", {"blocks": [block]}))
    assert text_of(made.blocks[1]) == '"&lt;!here&gt;"'


def test_hubots_mark_between_text_and_attachment():
    assert (
        text_of(build_message(execution(None), FormattedAlias("above{~}below")).blocks[1])
        == "above\nbelow"
    )


def test_a_colour_makes_an_attachment_with_the_aliass_text():
    extra = {"color": "#00ff00", "title": "Disks", "fields": [{"title": "a", "value": "b"}]}
    made = build_message(execution(python("x")), FormattedAlias("All *well*", extra))
    assert made.attachments == [{"mrkdwn_in": ["text", "pretext"], "text": "All *well*", **extra}]
    assert len(made.blocks) == 2, "head and foot; the text is in the attachment"


def test_an_attachments_own_text_hides_the_aliass_text_not():
    extra = {"text": "own text", "title": "T"}
    made = build_message(execution(python("x")), FormattedAlias("said", extra))
    assert [text_of(each) for each in made.blocks[1:2]] == ["said"]
    assert made.attachments == [{"mrkdwn_in": ["text", "pretext"], **extra}]


# MessageAttachment of @slack/types 3.2.0, without what Slack itself puts there (app_id, bot_id,
# app_unfurl_url, is_app_unfurl, preview) and `blocks`, which are the message's.
ATTACHMENT = {
    "color": "good",
    "actions": [{"type": "button", "text": "b", "url": "https://x.example"}],
    "callback_id": "c",
    "fields": [{"title": "a", "value": "b"}],
    "mrkdwn_in": ["fields"],
    **dict.fromkeys(
        ["fallback", "pretext", "author_name", "author_link", "author_icon", "author_subname"]
        + ["title", "title_link", "text", "image_url", "thumb_url", "footer", "footer_icon", "ts"],
        "x",
    ),
}


def test_all_that_an_attachment_has_gets_there():
    made = build_message(execution(python("x")), FormattedAlias("said", ATTACHMENT))
    assert made.attachments == [ATTACHMENT]
    assert made.options == {}


def test_an_attachment_of_its_own_stands_beside_whole_ones():
    extra = {"color": "good", "attachments": [{"text": "x"}]}
    made = build_message(execution(python("x")), FormattedAlias("said", extra))
    assert [each["text"] for each in made.attachments] == ["said", "x"]


def test_whom_a_message_seems_to_be_from():
    names = {"username": "Jira_Bot", "icon_emoji": ":jira:", "icon_url": "https://x.example/i"}
    made = build_message(execution(python("x")), FormattedAlias("said", names))
    assert made.options == names and made.attachments == []
    assert (
        build_message(execution(None), FormattedAlias("", {"username": 5, "icon_url": ""})).options
        == {}
    )


def test_blocks_and_attachments_of_an_alias():
    block, attachment = {"type": "divider"}, {"color": "danger", "text": "x"}
    extra = {"blocks": [block, "no block"], "attachments": [attachment], "unfurl_links": False}
    made = build_message(execution(python("x")), FormattedAlias("text", extra))
    assert [each["type"] for each in made.blocks] == ["section", "section", "divider", "context"]
    assert made.attachments == [attachment] and made.options == {"unfurl_links": False}
    many = build_message(execution(None), FormattedAlias("", {"blocks": [block] * 80}))
    assert len(many.content("note")["blocks"]) == 50


def test_where_an_alias_wants_it():
    made = build_message(
        execution(None), FormattedAlias("", {"channel": "#ops", "thread_ts": "1503435956.000247"})
    )
    assert (made.channel, made.thread_ts) == ("#ops", "1503435956.000247")
    odd = build_message(
        execution(None), FormattedAlias("", {"channel": 5, "thread_ts": "now", "blocks": "x"})
    )
    assert (odd.channel, odd.thread_ts) == ("", "")


# --- what is long -------------------------------------------------------------------------------


def test_a_long_output_is_shown_with_its_head_and_given_whole():
    output = "".join("line %d\n" % number for number in range(5000))
    made = build_message(execution(shell(output), "local-shell-cmd"))
    shown = text_of(made.blocks[1])
    assert output.startswith(shown + "\n") and 2000 < len(shown) <= 2400
    assert made.full_output.name == "deploys.restart-%s.txt" % ID
    assert made.full_output.text == output
    assert text_of(made.content("It was <cut>.")["blocks"][-1]) == "It was &lt;cut&gt;."


def test_a_long_text_of_an_alias_is_cut_at_a_seam():
    made = build_message(execution(python("x")), FormattedAlias("```\n" + "x & y\n" * 1000 + "```"))
    shown = text_of(made.blocks[1])
    assert shown.endswith("\n```") and shown.count("```") == 2 and made.full_output is not None
    assert truncate.truncate_markup("a <https://x.example|y> b", 12) == "a "
    assert truncate.truncate_markup("ab &amp; cd", 6) == "ab "


def test_many_parts_end_in_the_file():
    made = build_message(
        execution({"h%d" % n: shell("up %d" % n) for n in range(60)}, "remote-shell-cmd")
    )
    assert len(made.content("x")["blocks"]) <= 50 and "h59\nup 59" in made.full_output.text


# --- the line that says who asked ---------------------------------------------------------------


def test_the_acknowledgements_line_stays():
    line = {
        "type": "section",
        "block_id": REQUEST_BLOCK_ID,
        "text": {"type": "mrkdwn", "text": "<@U1> x"},
    }
    message = {"text": "other", "blocks": [{"type": "divider"}, line, {"type": "divider"}]}
    assert request_blocks(message, "U0HARBOUR02", "a.b") == [line]
    made = build_message(execution(python("x")), request=[line])
    assert made.blocks[0] == line and "asked by" not in text_of(made.blocks[-1])


def test_without_a_line_of_its_own_what_is_known():
    (made,) = request_blocks({"text": "<@U0HARBOUR02> runs `deploy`\nmore"}, "U0HARBOUR02", "a.b")
    assert made["block_id"] == REQUEST_BLOCK_ID and text_of(made) == "<@U0HARBOUR02> runs `deploy`"
    (made,) = request_blocks({}, "U0HARBOUR02", "a.b")
    assert text_of(made) == "<@U0HARBOUR02> asked for `a.b`"
    assert request_blocks({}, "st2admin", "a.b") == []
    (made,) = request_blocks({"text": "<!channel> x"}, "", "")
    assert text_of(made) == "&lt;!channel&gt; x"


# --- whatever comes -----------------------------------------------------------------------------

ODD = ["<!channel>", "&" * 3000, "```", "\ud83d", "\N{SHIP}\N{PARTY POPPER}" * 2500]
TEXT = some.text(max_size=40) | some.sampled_from(ODD)
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | TEXT,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
NAMES = ["result", "stdout", "stderr", "return_code", "exit_code", "error", "errors", "output"]
NAMES += ["response", "body", "tasks", "published", "status_code", "message", "task_id"]
RESULTS = some.dictionaries(some.sampled_from(NAMES), VALUES, max_size=5) | VALUES
RUNNERS = [name for name, _ in outcome._READERS] + ["x"]
STATUSES = ["succeeded", "failed", "timeout", "abandoned", "canceled", "running"]


def assert_within_limits(content):
    """Slack's limits, counted as it counts (docs.slack.dev, Block Kit)."""
    assert 0 < len(content["text"]) <= 4000 and len(content["blocks"]) <= 50
    for block in content["blocks"]:
        size = len(text_of(block).encode("utf-16-le")) // 2
        assert 0 < size <= 3000
    json.dumps(content, ensure_ascii=False).encode("utf-8")


@given(RESULTS, some.sampled_from(RUNNERS), some.sampled_from(STATUSES))
def test_whatever_came_of_it_the_message_is_within_limits_and_safe(result, runner, status):
    made = build_message(execution(result, runner, status), user="U0HARBOUR02")
    assert_within_limits(made.content("note"))
    assert_safe(made)


@given(VALUES, VALUES, TEXT, TEXT)
def test_whatever_an_execution_and_an_alias_are(document, extra, text, user):
    document = document if isinstance(document, dict) else {"result": document}
    extra = extra if isinstance(extra, dict) else {}
    made = build_message(
        Execution.from_json(document), FormattedAlias(text, extra), user=user, note=text
    )
    assert_within_limits(made.content())


@given(some.text(), some.integers(0, 300))
def test_a_beginning_is_one_and_fits(text, limit):
    for encode in (str, truncate.escape):
        cut = truncate.truncate_text(text, limit, encode)
        assert text.startswith(cut) and text_length(encode(cut)) <= limit
    assert text.startswith(truncate.truncate_markup(text, limit))


@pytest.fixture(scope="module")
def server():
    with LoopbackSlack() as slack:
        yield slack


@pytest.mark.parametrize("runner", RUNNERS)
def test_slack_takes_it(server, runner):
    from helpers import make_client

    config = {"api_url": server.api_url, "action_token": server.bot_token}
    made = build_message(execution({"h": shell("x" * 5000, "y", 1)}, runner, "failed"))
    answer = make_client(config).call("chat.postMessage", {"channel": "general", **made.content()})
    assert answer["ok"]
