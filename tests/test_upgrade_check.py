"""`python -m sandbox upgrade-check`: what it finds in somebody's packs, and what it says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.cli import commands
from tools.upgrade_check import interface, scan

ROOT = Path(__file__).resolve().parents[1]
CANARY = "xoxb-canary-0123456789"


@pytest.fixture
def check(tmp_path, capsys):
    """(exit code, findings as "line level: text", the summary) for one file of a pack."""

    def check(text, name="rules/r.yaml"):
        path = tmp_path / "packs/mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        code = commands.main(["upgrade-check", str(tmp_path / "packs")])
        out, err = capsys.readouterr()
        assert err == ""
        lines = out.splitlines()
        findings = [line.replace(str(path) + ":", "") for line in lines[:-2] if line]
        return code, findings, lines[-1]

    return check


def rule(ref, **parameters):
    return "name: r\naction:\n  ref: %s\n  parameters:\n%s" % (
        ref,
        "".join("    %s: %s\n" % each for each in parameters.items()) or "    {}\n",
    )


GOOD = rule(
    "slack.chat.postMessage", channel="C1", text="hello", blocks="'[]'", as_user='"true"', mrkdwn=1
).replace("mrkdwn: 1", "mrkdwn: true")


def test_nothing_to_change_is_said(check):
    assert check(GOOD) == (
        0,
        [],
        "Nothing to change. Looked at: 1 YAML file, 1 reference to slack, 0 configs.",
    )


def test_a_retired_action_with_its_replacement(check):
    text = rule("slack.channels.history", channel="C1", count="5", unreads="true")
    code, found, summary = check(text)
    assert code == 1 and summary.startswith("1 place must change.")
    assert found == [
        "3: break: slack.channels.history is gone: Slack has retired the method → use "
        "slack.conversations.history; `count` is `limit` there; leave `unreads` out (Slack no "
        "longer has it)"
    ]


def test_what_the_replacement_needs_and_refuses(check):
    _, found, _ = check(rule("slack.groups.replies", channel="G1", thread_ts="1503435956.000200"))
    assert found[0].startswith("3: break: slack.groups.replies is gone")
    assert "`thread_ts` is `ts` there" in found[0]
    assert any(
        line.startswith("6: break: `ts`") and 'quote it: ts: "1503435956.000200"' in line
        for line in found
    )
    assert any("note: `limit` of slack.conversations.replies is left" in line for line in found)
    _, found, _ = check(rule("slack.channels.join", name="general"))
    assert "`name` is `channel` there (the ID of the channel, not its name)" in found[0]
    _, found, _ = check(rule("slack.channels.mark", channel="C1"))
    assert "it needs `ts` too" in found[0]


def test_a_retired_action_that_nothing_replaced(check):
    _, found, _ = check(rule("slack.files.comments.add", file="F1"))
    assert found == [
        "3: break: slack.files.comments.add is gone: Slack has retired the method → nothing took "
        "its place"
    ]


@pytest.mark.parametrize("name", sorted(interface.load().old))
def test_every_action_of_2x_is_known(check, name):
    """A reference to it is never "no such action"; a retired one always breaks."""
    _, found, _ = check(rule("slack." + name))
    assert not any("there is no action" in line for line in found)
    retired = name in interface.load().kinds["retired"]["actions"]
    assert any("is gone" in line for line in found) == retired


def test_an_unknown_action_with_near_names(check):
    code, found, _ = check(rule("slack.chat.postMesage", channel="C1"))
    assert code == 1
    assert found[0].startswith("3: break: there is no action slack.chat.postMesage → did you mean")
    assert "slack.chat.postMessage" in found[0]


def test_an_unquoted_timestamp_keeps_the_digits_it_was_written_with(check):
    _, found, _ = check(rule("slack.chat.delete", channel="C1", ts="1503435956.000200"))
    assert len(found) == 1
    assert found[0].startswith("6: break: `ts` of slack.chat.delete must be a string")
    assert found[0].endswith('→ quote it: ts: "1503435956.000200"')


@pytest.mark.parametrize(
    ("ref", "name", "value", "said"),
    [
        ("slack.chat.postMessage", "as_user", '"1"', "Write `true` or `false`."),
        ("slack.chat.postMessage", "blocks", '""', "in place of an empty text"),
        ("slack.chat.postMessage", "blocks", "'{\"a\": 1}'", "Give a list"),
        ("slack.files.list", "count", '"5.0"', "Write the number"),
        ("slack.files.list", "countt", "5", "did you mean count"),
        ("slack.files.list", "end_point", "x", "is fixed by the action"),
        ("slack.files.list", "http_method", "get", "must be one of"),
        ("slack.files.list", "channel", "[C1]", "must be a string"),
    ],
)
def test_a_value_that_stackstorm_refuses(check, ref, name, value, said):
    more = {"channel": "C1"} if ref.endswith("postMessage") else {}
    code, found, _ = check(rule(ref, **{**more, name: value}))
    assert code == 1
    assert len(found) == 1 and said in found[0] and "`%s`" % name in found[0]


@pytest.mark.parametrize(
    ("name", "value", "noted"),
    [
        ("attempts", "0", True),
        ("set_active", "false", True),
        ("attempts", "3", False),
        ("set_active", "true", False),
    ],
)
def test_what_is_false_or_0_and_counts_now(check, name, value, noted):
    code, found, _ = check(rule("slack.users.admin.invite", **{"email": "a@b.c", name: value}))
    assert code == 0
    said = "note: `%s` of slack.users.admin.invite: `false` and 0 count as given" % name
    assert [said in line for line in found] == ([True] if noted else [])


def test_newly_required(check):
    code, found, _ = check(rule("slack.chat.delete", channel="C1"))
    assert code == 1
    assert found == [
        "3: break: `ts` of slack.chat.delete is required (Slack refuses the call without it; the "
        "execution failed in 2.x too.) → give it"
    ]


def test_a_default_that_was_relied_on_is_a_note(check):
    code, found, summary = check(rule("slack.conversations.replies", channel="C1", ts='"1.2"'))
    assert code == 0
    assert summary.startswith("Nothing to change, 1 note.")
    assert found[0].startswith("3: note: `limit` of slack.conversations.replies is left")
    code, found, _ = check(
        rule("slack.conversations.replies", channel="C1", ts='"1.2"', limit="10")
    )
    assert (code, found) == (0, [])


def test_expressions_are_not_judged_by_type(check):
    text = rule(
        "slack.chat.scheduleMessage",
        channel='"{{ trigger.channel }}"',
        post_at='"{{ trigger.at }}"',
        text='"{% if x %}a{% endif %}"',
        blocks='\'[{"text": "{{ trigger.text }}"}]\'',
        as_user='"{{ x }}"',
    ).replace("    as_user", "    link_names")
    assert check(text)[:2] == (0, [])
    _, found, _ = check(rule("slack.chat.delete", channel="C1", ts='"1.2"', tss='"{{ x }}"'))
    assert len(found) == 1 and "`tss`" in found[0]
    _, found, _ = check(rule("slack.chat.delete", channel="C1", ts='["{{ x }}"]'))
    assert "must be a string" in found[0]


WORKFLOW = """version: 1.0
tasks:
  first:
    action: slack.chat.delete channel="C1" ts=1503435956.000200
    next:
      - do: second
  second:
    with: <% ctx().all %>
    action: slack.chat.delete
    input:
      channel: <% item() %>
      ts: <% ctx().ts %>
  third:
    action: <% ctx().name %>
  fourth:
    action: slack.im.open
    input:
      user: U1
  fifth:
    action: slack.chat.delete
    input: <% ctx().everything %>
  sixth:
    action: core.noop
  seventh: {delay: 1}
"""


def test_an_orquesta_workflow(check):
    code, found, summary = check(WORKFLOW, "actions/workflows/w.yaml")
    assert code == 1
    assert "4 references to slack" in summary
    assert [line.partition(" →")[0] for line in found] == [
        "4: break: `ts` of slack.chat.delete must be a string, not 1503435956.0002",
        "14: note: which action this is, is known at run time only",
        "16: break: slack.im.open is gone: Slack has retired the method",
    ]
    assert "`user` is `users` there" in found[2]


@pytest.mark.parametrize("key", ["parameters", "params"])
def test_an_action_chain(check, key):
    text = (
        "chain:\n  - name: a\n    ref: slack.chat.delete\n"
        "    %s:\n      channel: C1\n      ts: 1.5\n"
        "  - name: b\n    ref: core.local\n  - name: c\n    ref: slack.channels.info\n" % key
    )
    code, found, _ = check(text, "actions/chains/c.yaml")
    assert code == 1
    assert [line.split(":")[0] for line in found] == ["6", "10"]


def test_an_alias(check):
    text = """name: a
action_ref: slack.chat.postMessage
formats:
  - "say {{ text }} in {{channel=C1}}"
  - display: tell {{ colour }}
    representation: ["tell {{ colour }}"]
immutable_parameters:
  as_user: "1"
"""
    code, found, _ = check(text, "aliases/a.yaml")
    assert code == 1
    assert [line.split(":")[0] for line in found] == ["6", "8"]
    assert "`colour`" in found[0] and "`as_user`" in found[1]


def test_a_policy(check):
    text = "name: p\nresource_ref: slack.channels.list\npolicy_type: action.retry\n"
    code, found, _ = check(text, "policies/p.yaml")
    assert code == 1 and found[0].startswith("2: break: slack.channels.list is gone")
    text = "name: p\nresource_ref: slack.chat.delete\npolicy_type: action.retry\n"
    assert check(text, "policies/p.yaml")[:2] == (0, [])


def test_a_mistral_workflow_is_passed_over(check):
    text = (
        "version: '2.0'\nmine.w:\n  type: direct\n  tasks:\n    a:\n      action: slack.im.open\n"
    )
    code, found, _ = check(text, "actions/workflows/m.yaml")
    assert code == 0 and len(found) == 1 and "Mistral" in found[0]
    assert check(text.replace("slack.", "core."), "actions/workflows/m.yaml")[:2] == (0, [])


def test_what_is_not_here_yet_is_a_note(check):
    for name in interface.load().pending:
        code, found, _ = check(rule("slack." + name))
        assert code == 0 and "note: slack.%s is not here yet" % name in found[0]


def test_an_upload_is_told_what_differs(check):
    given = {"file_path": "/tmp/a.txt", "filetype": "text", "thread_ts": 1503435956.0002}
    code, found, _ = check(rule("slack.files.upload", **given))
    said = "\n".join(found)
    assert code == 1 and "break: `thread_ts`" in said
    assert "note: slack.files.upload: The result is Slack's answer" in said
    assert "note: `filetype` of slack.files.upload: Counts with `content` only." in said


def test_anchors_and_merges(check):
    text = (
        "common: &common\n  channel: C1\n  ts: 1.5\n"
        "action:\n  ref: slack.chat.delete\n  parameters:\n    <<: *common\n    channel: C2\n"
    )
    _, found, _ = check(text)
    assert len(found) == 1 and found[0].startswith("3: break: `ts`")


def test_the_values_of_secret_parameters_are_not_shown(check):
    text = rule("slack.chat.delete", channel="C1", ts='"1.2"', token="[%s]" % CANARY)
    _, found, _ = check(text)
    assert found and CANARY not in found[0] and "12345678" not in found[0]
    _, found, _ = check(rule("slack.chat.delete", channel="C1", ts='"1.2"', token="12345678"))
    assert found and "12345678" not in found[0]


# The config.

OLD_CONFIG = """---
action_token: "%s"
post_message_action:
  webhook_url: https://hooks.slack.com/services/x
  channel: "#x"
sensor:
  token: "{{ st2kv.system.slack }}"
  strip_formatting: true
admin:
  organization: acme
  attempts: 3
  auto_join_channels: [C1]
"""


def test_a_config_of_2x_needs_no_change(check):
    text = OLD_CONFIG % CANARY
    code, found, summary = check(text, "configs/slack.yaml")
    assert code == 0 and summary.endswith("1 config.")
    (line,) = found
    assert line.startswith(
        "8: note: config key `sensor.strip_formatting`: Each link that has a label"
    )
    assert check(text, "slack.yaml")[2].endswith("2 configs.")


def test_config_keys_that_are_wrong(check):
    text = (OLD_CONFIG % CANARY).replace("attempts: 3", "attempts: many\n  attemps: 3")
    text += 'action_tokken: "%s"\nuser_token: 5\nmax_wait: "{{ st2kv.system.x }}"\n' % CANARY
    code, found, _ = check(text, "configs/slack.yaml")
    assert code == 1 and CANARY not in "".join(found)
    assert [line.split("`")[:2] for line in found] == [
        ["8: note: config key ", "sensor.strip_formatting"],
        ["11: break: config key ", "admin.attempts"],
        ["12: note: config key ", "admin.attemps"],
        ["14: break: config key ", "action_tokken"],
        ["15: break: config key ", "user_token"],
    ]
    assert "did you mean action_token" in found[3]


def test_a_slack_yaml_that_is_no_config(check):
    assert check("name: x\nenabled: true\n", "rules/slack.yaml")[2].endswith("0 configs.")
    assert check("just text\n", "configs/slack.yaml")[0] == 1
    assert check("", "configs/slack.yaml")[0] == 0


# What the sensor and the webhooks do differently.

BEHAVIOURS = interface.load().behaviours


def on_message(*criteria, kind="slack.message"):
    lines = "".join("  %s: {type: %s, pattern: %s}\n" % each for each in criteria)
    return "name: r\ntrigger:\n  type: %s\n%saction:\n  ref: core.noop\n" % (
        kind,
        "criteria:\n" + lines if lines else "",
    )


def said(found, line, level, name):
    change = BEHAVIOURS[name]["change"]
    return [
        each
        for each in found
        if each.startswith("%d: %s: " % (line, level)) and ": %s →" % change in each
    ]


EVERY_MESSAGE = ("own messages", "subtypes", "without text", "unknown people and channels")


def test_a_rule_on_messages_is_told_which_ones_come_now(check):
    code, found, summary = check(on_message())
    assert code == 0 and summary.startswith("Nothing to change, 4 notes.")
    assert all(len(said(found, 3, "note", name)) == 1 for name in EVERY_MESSAGE)
    assert check(on_message(kind="slack.event"))[:2] == (0, [])
    assert check(on_message(kind="other.message"))[:2] == (0, [])


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        ("trigger.subtype", "subtypes"),
        ("trigger.text", "without text"),
        ("trigger.channel.name", "unknown people and channels"),
        ("trigger.user.name", "unknown people and channels"),
    ],
)
def test_a_criterion_that_settles_it_ends_the_note(check, path, gone):
    _, found, _ = check(on_message((path, "equals", "x")))
    told = {name for name in EVERY_MESSAGE if said(found, 3, "note", name)}
    assert told == set(EVERY_MESSAGE) - {gone} and len(found) == 3


@pytest.mark.parametrize(
    ("criterion", "level", "name"),
    [
        (("trigger.user.first_name", "equals", "Unknown"), "break", "unknown keys"),
        (("trigger.user.id", "nequals", '"Unknown"'), "break", "unknown keys"),
        (("trigger.user.real_name", "inside", "[Unknown, bob]"), "break", "unknown keys"),
        (("trigger.user.is_bot", "equals", "true"), "note", "own messages"),
        (("trigger.attachments", "exists", "true"), "note", "without text"),
        (("trigger.blocks[0].type", "equals", "section"), "note", "without text"),
    ],
)
def test_a_criterion_that_means_something_else_now(check, criterion, level, name):
    code, found, _ = check(on_message(criterion))
    assert code == (1 if level == "break" else 0)
    assert len(said(found, 5, level, name)) == 1


def test_a_criterion_on_a_mention(check):
    for pattern in ("'<@U0123456789>'", r"'^\<\@U0'"):
        code, found, _ = check(on_message(("trigger.text", "regex", pattern)))
        assert code == 0
        (line,) = [each for each in found if each.startswith("5: ")]
        assert "as in 2.x" in line and "`sensor.plain_text`" in line
    _, found, _ = check(on_message(("trigger.text", "regex", "x")))
    assert not [each for each in found if each.startswith("5: ")]


HOOK = "http://mattermost.example.com:8065/hooks/%s" % CANARY


@pytest.mark.parametrize("section", ["", "workspaces:\n  - name: emea\n    "])
@pytest.mark.parametrize(
    ("url", "hosts", "broken"),
    [
        (HOOK, "[]", True),
        (HOOK, "[Mattermost.example.com]", False),
        ("http://hooks.slack.com/services/%s" % CANARY, "[hooks.slack.com]", True),
        ("https://hooks.slack.com/services/%s" % CANARY, "[]", False),
        ("http://127.0.0.1:8080/%s" % CANARY, "[]", False),
        ('"{{ st2kv.system.hook }}"', "[]", False),
        ('"http://{{ st2kv.system.host }}/x"', "[]", False),
    ],
)
def test_a_webhook_without_tls_in_the_config(check, section, url, hosts, broken):
    text = "%spost_message_action: {webhook_url: %s, plain_http_hosts: %s}\n" % (
        section,
        url,
        hosts,
    )
    code, found, _ = check(text, "configs/slack.yaml")
    line = text.count("\n")
    assert code == broken and len(said(found, line, "break", "plain http")) == broken
    assert CANARY not in "".join(found) and len(found) == broken


def test_a_webhook_without_tls_in_a_call(check):
    text = rule("slack.post_message", message="hi", webhook_url=HOOK)
    code, found, _ = check(text)
    assert code == 1 and len(said(found, 6, "break", "plain http")) == 1
    assert CANARY not in "".join(found)
    config = "post_message_action: {plain_http_hosts: [mattermost.example.com]}\n"
    check(config, "configs/slack.yaml")
    assert check(text)[:2] == (0, [])
    text = rule("slack.post_attachment", attachment="{text: x}", webhook_url="http://slack.com/x")
    code, found, _ = check(text)
    assert code == 1 and len(said(found, 6, "break", "plain http")) == 1


def test_a_webhook_of_workflow_builder(check):
    url = "https://hooks.slack.com/triggers/T1/1/%s" % CANARY
    code, found, _ = check(rule("slack.post_message", message="hi", webhook_url=url))
    assert code == 0 and len(said(found, 6, "note", "workflow webhooks")) == 1
    assert CANARY not in "".join(found)


def test_every_listed_behaviour_is_found(check):
    """In packs of an operator who is concerned by all of them."""
    check(on_message(), "rules/a.yaml")
    check(on_message(("trigger.user.name", "equals", "Unknown")), "rules/b.yaml")
    url = "http://hooks.slack.com/triggers/T1/1/x"
    check(rule("slack.post_message", message="hi", webhook_url=url), "rules/c.yaml")
    _, found, _ = check(OLD_CONFIG % CANARY, "configs/slack.yaml")
    for name, behaviour in BEHAVIOURS.items():
        assert any(": %s →" % behaviour["change"] in line for line in found), name


@pytest.mark.parametrize(
    "text",
    [
        "trigger: slack.message",
        "trigger: {type: [slack.message]}",
        "trigger: {type: slack.message}\ncriteria: 5",
        "trigger: {type: slack.message}\ncriteria: {a: 5, trigger.user.is_bot: [x]}",
        "trigger: {type: slack.message}\ncriteria: {trigger.text: {pattern: {a: [b, {c: d}]}}}",
        "sensor: [strip_formatting]",
        "post_message_action: [x]\nworkspaces: {a: b}\naction_token: x",
        "post_message_action: {webhook_url: 'http://[x', plain_http_hosts: x}",
    ],
)
def test_odd_rules_and_configs_end_no_scan(check, text):
    assert "Looked at: 1 YAML file" in check(text, "slack.yaml")[2]


WORKBOOK = """version: '2.0'
name: mine.wb
workflows:
  main:
    type: direct
    tasks:
      a:
        action: slack.im.open
"""


@pytest.mark.parametrize(
    "text",
    [
        WORKBOOK,
        WORKBOOK.replace("    type: direct\n", ""),
        "version: 2.0\nactions:\n  greet:\n    base: slack.chat.postMessage\n",
    ],
)
def test_a_mistral_workbook_is_passed_over(check, text):
    code, found, _ = check(text, "actions/workflows/wb.yaml")
    assert code == 0 and len(found) == 1 and "Mistral" in found[0]
    assert check(text.replace("slack.", "core."), "actions/workflows/wb.yaml")[:2] == (0, [])


# Other people's files.


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        (b"a: 1\nb: [1\nc: 2\n", ":3", "is not YAML"),
        (b"a: 1\n---\nb: 2\n", ":2", "is not YAML"),
        (b"a: 1\nb: \xff\n", ":2", "is not UTF-8"),
        (b"a: 1\nb: \x07\n", ":2", "is not YAML"),
        (b"a: *nobody\n", ":1", "is not YAML"),
        (b"action:\n  ref: slack.api.test\n  parameters: &p\n    foo: *p\n", ":3", "holds itself"),
        (b"action:\n  ref: slack.api.test\n  parameters:\n    foo: !x y\n", ":4", "no plain YAML"),
        (b"action:\n  ref: slack.api.test\n  parameters:\n    foo: 2020-13-45\n", ":4", "no plain"),
    ],
)
def test_a_broken_file_is_named_and_passed_over(tmp_path, capsys, content, place, said):
    (tmp_path / "bad.yaml").write_bytes(content)
    (tmp_path / "good.yaml").write_text(rule("slack.channels.info"), encoding="utf-8")
    assert commands.main(["upgrade-check", str(tmp_path)]) == 1
    first, second, _, summary = capsys.readouterr().out.splitlines()
    assert first.startswith("%s%s: note: " % (tmp_path / "bad.yaml", place)) and said in first
    assert first.endswith("→ passed over")
    assert "slack.channels.info is gone" in second
    assert summary.startswith("1 place must change, 1 note. Looked at: 2 YAML files")


def test_a_broken_file_does_not_say_what_stands_in_it(tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text("a: 'x\nb: %s: y\n" % CANARY, encoding="utf-8")
    commands.main(["upgrade-check", str(tmp_path)])
    assert CANARY not in capsys.readouterr().out


def test_a_file_that_cannot_be_opened(tmp_path, capsys):
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    assert commands.main(["upgrade-check", str(tmp_path)]) == 0
    assert "gone.yaml: note: cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 3000, "- " * 5000, "*a", "a: &a [*a]"])
def test_odd_documents_end_no_scan(tmp_path, text, capsys):
    (tmp_path / "odd.yaml").write_text(text, encoding="utf-8")
    assert commands.main(["upgrade-check", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    "text",
    [
        "action: x",
        "action: [ref]",
        "action: {ref: [slack.x], parameters: 3}",
        "action: {ref: null}",
        "tasks: [a]",
        "tasks: {a: null, b: {action: null}, c: {action: [x]}}",
        "chain: {a: b}",
        "chain: [null, {ref: null}, x]",
        "action_ref: {a: b}\nformats: 5",
        "resource_ref: [a]",
        "version: 2.0\ntasks: 5",
        "? [a, b]\n: c",
    ],
)
def test_odd_shapes_are_no_references(check, text):
    assert check(text)[:2] == (0, [])


def test_links_loops_and_the_pack_itself(tmp_path, capsys):
    packs = tmp_path / "packs"
    for name in ("mine", "slack", ".git", "virtualenvs"):
        (packs / name).mkdir(parents=True)
        (packs / name / "r.yaml").write_text(rule("slack.im.open"), encoding="utf-8")
    (packs / "slack/pack.yaml").write_text("ref: slack\n", encoding="utf-8")
    (packs / "mine/loop").symlink_to(packs)
    (packs / "mine/notes.txt").write_text("slack.im.open", encoding="utf-8")
    assert commands.main(["upgrade-check", str(packs), str(packs / "mine")]) == 1
    out = capsys.readouterr().out
    assert out.count("is gone") == 1
    assert "slack: note: is the pack itself → passed over" in out


def test_wrong_usage(tmp_path, capsys):
    assert commands.main(["upgrade-check", str(tmp_path / "nowhere")]) == 2
    assert "is not there" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        commands.main(["upgrade-check"])
    assert caught.value.code == 2


def test_json(tmp_path, capsys):
    path = tmp_path / "r.yaml"
    path.write_text(rule("slack.im.close", channel="D1"), encoding="utf-8")
    assert commands.main(["upgrade-check", str(path), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert {key: document[key] for key in ("breaks", "files", "references", "configs")} == {
        "breaks": 1,
        "files": 1,
        "references": 1,
        "configs": 0,
    }
    assert document["findings"][0]["line"] == 3


def test_as_people_run_it(tmp_path):
    (tmp_path / "r.yaml").write_text(GOOD, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "upgrade-check", str(tmp_path)],
        cwd=str(ROOT),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Nothing to change.")


def test_thousands_of_files(tmp_path):
    for number in range(2000):
        folder = tmp_path / ("p%d" % (number % 20)) / "rules"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ("r%d.yaml" % number)).write_text(
            rule("slack.chat.delete", channel="C1", ts="1.5") + "# x\n" * 50, encoding="utf-8"
        )
    report = scan.scan(interface.load(), [tmp_path])
    assert (report.files, report.references, report.breaks) == (2000, 2000, 2000)
