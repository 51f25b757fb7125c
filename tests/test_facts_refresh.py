"""bin/refresh_facts: today's facts from pages and packages, and the right diff for a change."""

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path

import node_clients
import pytest
import slack_pages
import yaml
from slack_sdk.web.client import WebClient

from tools.facts import command, fetch, merge, pages, rules, sdk

ROOT = Path(__file__).resolve().parents[1]
FACTS = "etc/slack/web_api.json"
EVENTS = "etc/slack/events.json"
RULINGS = "etc/slack/rulings.yaml"
NODE = ROOT / ".node-tests/node_modules/@slack/web-api"
TYPES = ROOT / ".node-tests/node_modules/@slack/types"
SDK = sdk.methods(WebClient)
TODAY = json.loads((ROOT / FACTS).read_text(encoding="utf-8"))["methods"]


def pages_of_today():
    """What Slack's pages say: the facts, and where a ruling is against the page, the contrary."""
    methods = copy.deepcopy(TODAY)
    for each in yaml.safe_load((ROOT / RULINGS).read_text(encoding="utf-8"))["rulings"]:
        if "page" in each["against"] and each["about"] == "required":
            methods[each["method"]]["args"][each["name"]]["required"] = not each["ruling"]
    methods["team.accessLogs"]["args"]["before"]["enum"] = ["now"]
    return methods


@pytest.fixture
def tree(tmp_path):
    """A root with facts, rulings and a folder of pages."""
    (tmp_path / "etc/slack").mkdir(parents=True)
    for name in (FACTS, EVENTS, RULINGS):
        shutil.copy(ROOT / name, tmp_path / name)
    slack_pages.write_folder(tmp_path / "pages", pages_of_today())
    return tmp_path


def refresh(tree, *arguments):
    """(exit code, facts, report)"""
    report = tree / "report.md"
    options = ["--root", str(tree), "--pages", str(tree / "pages"), "--report", str(report)]
    options += ["--node", str(NODE), "--types", str(TYPES)]
    status = command.main([*options, *arguments])
    facts = json.loads((tree / FACTS).read_text(encoding="utf-8"))["methods"]
    return status, facts, report.read_text(encoding="utf-8") if report.exists() else ""


def section(report, title):
    """The lines below a heading of the report."""
    return report.split("## %s\n\n" % title)[1].split("\n## ")[0].strip()


def change_page(tree, name, old, new):
    path = tree / "pages" / (name + ".md")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def add_ruling(tree, line):
    with open(tree / RULINGS, "a", encoding="utf-8") as stream:
        stream.write(line + "\n")


def generator_faults(tree):
    """What bin/generate_actions.py says about the refreshed facts."""
    shutil.copytree(ROOT / "etc/words", tree / "etc/words")
    command_line = [sys.executable, ROOT / "bin/generate_actions.py", "--check", "--root", tree]
    found = subprocess.run([*map(str, command_line)], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    return found.stderr


def test_pages_and_packages_give_the_facts_of_today(tree):
    """Byte for byte, in the first run and in the second."""
    node_clients.needed()
    today = (ROOT / FACTS).read_bytes()
    for _ in range(2):
        status, _, report = refresh(tree)
        assert (tree / FACTS).read_bytes() == today, report
        assert (tree / EVENTS).read_bytes() == (ROOT / EVENTS).read_bytes(), report
        assert status == 0 and section(report, "Changes by method") == "none"
        assert section(report, "Undecided") == section(report, "Lines for CHANGES.md") == "none"
        assert section(report, "Rulings that nothing needs") == "none"


def test_a_new_method(tree, capsys):
    page = slack_pages.page(
        "chat.whisper",
        {
            "http_method": "POST",
            "scopes": {"bot": ["chat:write"]},
            "content_types": ["application/x-www-form-urlencoded", "application/json"],
            "rate_tier": "tier3",
            "deprecated": False,
            "errors": ["channel_not_found", "missing_scope"],
            "args": {
                "channel": {"type": "string", "required": True},
                "limit": {"type": "string", "required": False, "default": "20"},
                "loud": {"type": "boolean", "required": False, "default": False},
            },
        },
    )
    (tree / "pages/chat.whisper.md").write_text(page, encoding="utf-8")
    status, facts, report = refresh(tree)
    assert status == 1
    changed = section(report, "Changes by method")
    lines = section(report, "Lines for CHANGES.md")
    undecided = section(report, "Undecided")
    assert "chat.whisper is new: does it write?" in undecided
    assert 'method: chat.whisper, name: "*", about: writes, ruling: true' in undecided
    assert lines == "* New methods: `chat.whisper`."
    found = facts["chat.whisper"]
    assert found["http_method"] == "POST" and found["rate_tier"] == "tier3"
    assert found["scopes"] == {"bot": ["chat:write"]} and found["token_types"] == ["bot"]
    assert found["errors"] == ["channel_not_found", "missing_scope"] and found["takes_token"]
    assert found["args"] == {
        "channel": {"type": "string", "required": True},
        "limit": {"type": "integer", "required": False, "default": 20},
        "loud": {"type": "boolean", "required": False, "default": False},
    }
    assert "etc/words: chat.whisper has no description" in generator_faults(tree)
    # It stays undecided. The suggestion, with a reason, decides it.
    assert refresh(tree) == (1, facts, report.replace(changed, "none").replace(lines, "none"))
    add_ruling(
        tree,
        '  - {method: chat.whisper, name: "*", about: writes, ruling: true, against: [page],\n'
        '     reason: "It posts.", source: "the page", date: 2026-12-01}',
    )
    status, facts, report = refresh(tree)
    assert status == 0 and facts["chat.whisper"]["writes"] is True
    assert section(report, "Undecided") == "none"


def new_page_of(name):
    """The page of a method of today, and the facts without it."""
    others = {other: facts for other, facts in TODAY.items() if other != name}
    return pages.parse(slack_pages.page(name, TODAY[name])), others


def merged_as_new(name, answer):
    page, others = new_page_of(name)
    found = merge.Sources({name: page}, {}, None, False, {name: answer})
    outcome = merge.merge(others, found, [])
    texts = [each.text for each in outcome.undecided]
    return outcome.methods[name], [text for text in texts if text.startswith(name)]


def test_the_answer_of_a_new_method():
    answer = {
        "channels": "list",
        "error": "value",
        "ok": "value",
        "response_metadata": "object",
        "response_metadata.next_cursor": "value",
    }
    found, undecided = merged_as_new("conversations.list", answer)
    assert found["response_keys"] == TODAY["conversations.list"]["response_keys"]
    assert found["pagination"] == TODAY["conversations.list"]["pagination"]
    assert undecided == ["conversations.list is new: does it write?"]


def test_a_new_method_with_a_cursor_and_an_unknown_answer():
    found, undecided = merged_as_new("conversations.list", {})
    assert "pagination" not in found and "no type says what its answer holds" in undecided[1]


@pytest.mark.parametrize(
    "name", ["chat.update", "conversations.list", "pins.add", "users.list", "files.delete"]
)
def test_a_known_method_comes_as_it_is_if_it_were_new(name):
    found, _ = merged_as_new(name, {})
    for key in ("http_method", "scopes", "rate_tier", "errors", "token_types", "content_types"):
        assert found.get(key) == TODAY[name].get(key), key
    assert set(found["args"]) == set(TODAY[name]["args"])


def test_forms_of_arguments_if_they_were_new():
    """Each known argument without its method: nine of ten forms are told, the rest is asked for."""
    told, undecided, wrong = 0, 0, []
    for name in filter(lambda each: rules.is_documented(TODAY[each]), TODAY):
        page, others = new_page_of(name)
        known = rules.forms_by_name(others)
        for key, argument in TODAY[name]["args"].items():
            packages = [SDK[name][key]] if key in SDK.get(name, {}) else []
            found = rules.form_of_new(key, page.arguments[key], packages, known, None)
            if found is None:
                undecided += 1
            elif all(found.get(part) == argument.get(part) for part in ("type", "format")):
                told += 1
            else:
                wrong.append((name, key))
    assert told > 0.9 * (told + undecided + len(wrong)), (told, undecided, wrong)
    assert len(wrong) < 0.02 * told, wrong


def test_a_new_argument(tree):
    change_page(
        tree,
        "chat.update",
        "### Optional arguments\n\n",
        "### Optional arguments\n\n**`volume`**`number`Optional\n\n…\n\n_Default:_ `3`\n\n"
        "**`team_id`**`string`Optional\n\n… required if … org token …\n\n",
    )
    status, facts, report = refresh(tree)
    arguments = facts["chat.update"]["args"]
    assert status == 0 and list(arguments) == sorted(arguments)
    assert {**arguments["volume"], "unverified": 0} == {
        "type": "integer",
        "required": False,
        "default": 3,
        "unverified": 0,
    }
    assert arguments["team_id"]["required_if"] == "org_token"
    assert section(report, "Lines for CHANGES.md") == (
        "* New arguments: `chat.update: team_id`, `chat.update: volume`."
    )


def test_a_new_list_whose_form_nothing_tells(tree):
    new = "### Optional arguments\n\n"
    change_page(tree, "chat.update", new, new + "**`tints`**`array`Optional\n\n…\n\n")
    for _ in range(2):
        status, facts, report = refresh(tree)
        argument = facts["chat.update"]["args"]["tints"]
        assert status == 1 and argument["format"] == "csv" and argument["undecided"] is True
        assert 'name: tints, about: type, ruling: "csv list"' in section(report, "Undecided")
    add_ruling(
        tree,
        "  - {method: chat.update, name: tints, about: type, ruling: objects, against: [page],\n"
        '     reason: "The example has objects.", source: "the page", date: 2026-12-01}',
    )
    status, facts, _ = refresh(tree)
    argument = facts["chat.update"]["args"]["tints"]
    assert status == 0 and argument["items"] == {"type": "object"} and "undecided" not in argument


def test_an_argument_that_is_gone(tree):
    """One that no package knows goes; one that slack_sdk knows stays and is reported."""
    for name, argument in (("admin.apps.approve", "bot_scopes"), ("chat.update", "text")):
        text = slack_pages.argument(argument, TODAY[name]["args"][argument])
        change_page(tree, name, text, "")
    _, facts, report = refresh(tree)
    assert "bot_scopes" not in facts["admin.apps.approve"]["args"]
    assert "text" in facts["chat.update"]["args"]
    lines = section(report, "Lines for CHANGES.md")
    assert lines == "* Arguments that are gone: `admin.apps.approve: bot_scopes`."
    assert "chat.update: the page lacks text" in report


def test_what_became_required_contradicts_the_packages(tree):
    change_page(tree, "users.getPresence", "`user`**`string`Optional", "`user`**`string`Required")
    change_page(tree, "chat.update", "`metadata`**Optional", "`metadata`**Required")
    status, facts, report = refresh(tree)
    assert status == 1 and facts["chat.update"]["args"]["metadata"]["required"] is True
    assert "- metadata is now required" in section(report, "Changes by method")
    undecided = section(report, "Undecided")
    assert "chat.update: sdk has metadata optional" in undecided
    assert "name: metadata, about: required, ruling: true, against: [sdk]" in undecided
    # slack_sdk requires it as well by now: its ruling can go.
    unneeded = section(report, "Rulings that nothing needs")
    assert unneeded.startswith("users.getPresence: nothing needs the ruling about required of user")


def test_scopes_tier_errors_default_and_values(tree):
    for name, old, new in (
        ("pins.add", "[`pins:write`]", "[`client`](/reference/scopes/client)[`pins:change`]"),
        ("pins.add", "Tier 2", "Tier 4"),
        ("pins.add", "`already_pinned`", "`pinned_before`"),
        ("conversations.list", "Default:_ `100`", "Default:_ `200`"),
        ("conversations.list", "Maximum of `999`", "Maximum of `500`"),
        ("team.profile.get", "`hidden`", "`hidden` `secret`"),
    ):
        change_page(tree, name, old, new)
    status, facts, report = refresh(tree)
    assert status == 0
    assert section(report, "Changes by method").splitlines() == [
        "### conversations.list",
        "",
        "- limit: default 100 -> 200",
        "- limit: max 999 -> 500",
        "",
        "### pins.add",
        "",
        '- rate_tier "tier2" -> "tier4"',
        '- scopes {"bot": ["pins:write"], "user": ["pins:write"]}'
        ' -> {"bot": ["pins:change"], "user": ["pins:change"]}',
        "- errors +pinned_before -already_pinned",
        "",
        "### team.profile.get",
        "",
        '- visibility: enum ["all", "visible", "hidden"] -> ["all", "visible", "hidden", "secret"]',
    ]


def test_a_method_whose_page_is_gone_is_retired(tree):
    (tree / "pages/pins.list.md").unlink()
    _, facts, report = refresh(tree)
    assert facts["pins.list"]["retired"] and facts["pins.list"]["deprecated"]
    assert section(report, "Lines for CHANGES.md") == "* Methods that Slack retired: `pins.list`."


def test_a_method_whose_page_says_so_is_retired(tree):
    change_page(
        tree,
        "pins.list",
        "## Usage info {#usage-info}\n\n",
        "## Usage info {#usage-info}\n\nThis method has been retired. … "
        "[`pins.search`](/reference/methods/pins.search) … instead.\n\n",
    )
    _, facts, report = refresh(tree)
    assert facts["pins.list"]["retired"] and facts["pins.list"]["replaced_by"] == ["pins.search"]
    assert section(report, "Lines for CHANGES.md") == "* Methods that Slack retired: `pins.list`."


def test_an_incomplete_folder_retires_nothing(tree, capsys):
    for path in list((tree / "pages").glob("admin.*.md")):
        path.unlink()
    status, facts, _ = refresh(tree)
    assert status == 2 and facts == TODAY
    assert "methods have no page" in capsys.readouterr().err
    assert refresh(tree, "--partial")[1] == TODAY


def test_a_page_that_cannot_be_read_stops_the_refresh(tree, capsys):
    change_page(tree, "pins.list", "## Errors", "## Faults")
    assert refresh(tree)[0] == 2
    assert "pins.list.md" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(tree):
    change_page(tree, "pins.add", "Tier 2", "Tier 4")
    _, facts, report = refresh(tree, "--dry-run")
    assert facts == TODAY and "tier4" in report


def test_keys_of_events_come_from_the_types(tree):
    node_clients.needed()
    document = json.loads((tree / EVENTS).read_text(encoding="utf-8"))
    document["events"]["pin_added"]["keys"].remove("item")
    del document["events"]["star_added"]
    (tree / EVENTS).write_text(json.dumps(document), encoding="utf-8")
    status, _, report = refresh(tree)
    assert section(report, "Changes by event") == "- pin_added: keys +item"
    assert status == 1 and "the event star_added is new" in section(report, "Undecided")
    after = json.loads((tree / EVENTS).read_text(encoding="utf-8"))["events"]
    assert "item" in after["pin_added"]["keys"] and "star_added" not in after


def test_packages_alone_name_what_the_facts_lack(tree):
    """Without pages nothing is added or retired."""
    path = tree / FACTS
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["methods"]["pins.add"]
    del document["methods"]["chat.postMessage"]["args"]["thread_ts"]
    path.write_text(json.dumps(document), encoding="utf-8")
    report = tree / "report.md"
    options = ["--root", str(tree), "--report", str(report), "--node", str(tree / "no")]
    assert command.main(options) == 1
    undecided = section(report.read_text(encoding="utf-8"), "Undecided")
    assert [line for line in undecided.splitlines() if line.startswith("- ")] == [
        "- pins.add: sdk has this method, and it has no page",
        "- chat.postMessage: sdk has the argument thread_ts",
    ]
    written = json.loads(path.read_text(encoding="utf-8"))["methods"]
    assert "pins.add" not in written and not written["pins.list"]["retired"]


# Where a skeleton differs from the facts: its page is older than the facts' source.
OLDER = {
    "admin.conversations.disconnectShared": "- errors -channel_type_not_supported",
    "bookmarks.add": "- errors -too_many_requests",
    "chat.postEphemeral": "- argument metadata gone",
}


def test_real_pages_give_the_facts_of_today(tree):
    """The skeletons of real pages, read and merged: no difference but those of their age."""
    shutil.rmtree(tree / "pages")
    shutil.copytree(ROOT / "tests/fixtures/pages", tree / "pages")
    _, _, report = refresh(tree, "--partial")
    found = section(report, "Changes by method").splitlines()
    expected = [line for name, text in OLDER.items() for line in ("### " + name, "", text, "")]
    assert found == expected[:-1]


def test_the_merge_does_not_change_its_input():
    before = copy.deepcopy(TODAY)
    merge.merge(TODAY, merge.Sources({}, {}, None, is_complete=False), [])
    assert before == TODAY


def test_methods_of_the_index():
    text = (
        "- [chat.update](https://docs.slack.dev/reference/methods/chat.update.md)\n"
        "- [x](/reference/methods/admin.users.session.list): …\n"
        "- [methods](https://docs.slack.dev/reference/methods.md)\n"
    )
    assert fetch.methods_of_index(text) == ["admin.users.session.list", "chat.update"]


def test_the_weekly_job_calls_the_command_as_it_is():
    path = ROOT / ".github/workflows/refresh_facts.yaml"
    workflow = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    assert workflow["on"]["schedule"][0]["cron"].split()[-1] == "1"
    scripts = {each["name"]: each["run"] for each in workflow["jobs"]["refresh"]["steps"][4:]}
    called = scripts["Refresh"].replace("\\\n", " ").split("refresh_facts ")[1].split("||")[0]
    options = command.parser().parse_args(called.split())
    assert options.pages == "https://docs.slack.dev" and not options.dry_run
    assert str(options.report) == "report.md" and "--body-file" in scripts["Pull request"]
