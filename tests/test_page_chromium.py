"""The page of the Slack on loopback in a real browser: Debian's Chromium, headless.

Without Chromium these tests are skipped and say so; with CHROMIUM=required (`.ci/run`) they fail.
"""

import contextlib
import json
import os
import time
from pathlib import Path

import draw_page
import pytest
from browsing import at, be, has, own
from paging import DEPLOYS, GENERAL, App, api, button, entry, modal, options, plain

from sandbox.page import add
from sandbox.slack import LoopbackSlack
from sandbox.slack.behaviours.texts import numbered
from sandbox.slack.state import seed
from tools.pictures import chromium, png
from tools.pictures import page as picture

MARA, TOMASZ = seed.OWNER, seed.TOMASZ
EVIL = (
    "<img src=x onerror=window.broken=1> <script>window.broken=1</script> "
    "<javascript:window.broken=1|click> &lt;img src=x onerror=window.broken=1&gt;"
)


@pytest.fixture
def page(slack):
    return add(slack)


@pytest.fixture
def app(slack, page):
    """An app that is connected."""
    with App(slack) as found:
        yield found
        slack.stop()


@pytest.fixture
def tab(slack, page, browser):
    """The page as Mara sees it, in #deploys. In the end nothing was asked of anybody else, and
    nothing went wrong in the page's own scripts."""
    with browser.open(page.url + "#as=%s&channel=%s" % (MARA, DEPLOYS)) as found:
        found.until("document.body.dataset.ready === '%s %s'" % (MARA, DEPLOYS))
        yield found
        found.evaluate("1")  # what happened until now has been told then
        outside = [each for each in found.requested if not own(each, slack)]
        assert (outside, found.faults) == ([], [])
        assert found.evaluate("window.broken") is None


def ask(slack, **more):
    """A message of the bot with two buttons; its ts."""
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*Deploy* `web`?"}},
        {
            "type": "actions",
            "block_id": "ask",
            "elements": [button("Approve", "yes", value="1"), button("Deny", "no", **more)],
        },
    ]
    return api(slack, "chat.postMessage", channel=DEPLOYS, text="x", blocks=blocks)["ts"]


def texts(slack, channel=DEPLOYS):
    return [each["text"] for each in slack.workspace.channels[channel].messages]


# --- writing --------------------------------------------------------------------------------------


def test_a_message_that_is_typed_is_in_slack(slack, tab):
    be(tab, TOMASZ)
    tab.type("#composer textarea", "two *lines*")
    tab.key("Enter", shift=True)
    tab.command("Input.insertText", text="of text")
    assert "two" not in texts(slack)[-1], "Shift and Enter make a line"
    tab.key("Enter")
    tab.until(has("#messages article:last-of-type", "two lines\nof text"))
    said = slack.workspace.channels[DEPLOYS].messages[-1]
    assert (said["text"], said["user"]) == ("two *lines*\nof text", TOMASZ)
    assert tab.evaluate("document.querySelector('#composer textarea').value") == ""
    assert tab.evaluate(has("#messages article:last-of-type strong", ""))


def test_a_reply_goes_into_its_thread(slack, tab):
    ts = ask(slack)
    tab.click(at(ts, ".reply"))
    tab.until(has("#thread", "Deploy web?"))
    tab.type("#thread-composer textarea", "looks good")
    tab.key("Enter")
    tab.until(has("#replies article:last-of-type", "looks good"))
    assert slack.workspace.channels[DEPLOYS].messages[-1]["thread_ts"] == ts
    tab.until(has(at(ts, ".replies"), "1 reply"))
    tab.click("#thread-close")
    tab.until("document.querySelector('#thread').hidden")


def test_a_draft_stays_where_it_was_begun(slack, tab):
    tab.type("#composer textarea", "for deploys")
    tab.click("[data-channel=%s]" % GENERAL)
    tab.until("document.querySelector('#composer textarea').value === ''")
    tab.click("[data-channel=%s]" % DEPLOYS)
    tab.until("document.querySelector('#composer textarea').value === 'for deploys'")
    assert "for deploys" not in texts(slack) + texts(slack, GENERAL)


def test_a_slash_command_and_its_answer(slack, app, tab):
    tab.type("#composer textarea", "/st2 help me")
    tab.key("Enter")
    payload = app.read("slash_commands", {"text": "_Here_ is help."})
    assert (payload["text"], payload["user_id"]) == ("help me", MARA)
    tab.until(has("article.ephemeral", "Here is help."))
    assert tab.evaluate(has("article.ephemeral .private", "Only visible to you"))


def test_what_nobody_takes_is_said(slack, tab):
    tab.type("#composer textarea", "/st2 help")
    tab.key("Enter")
    tab.until(has("article.ephemeral", "/st2 failed with the error dispatch_failed"))
    ts = ask(slack)
    tab.click(at(ts, "[data-action-id=yes]"))
    tab.until(has(at(ts, ".press-note"), "Nobody is connected"))
    tab.click(at(ts, ".reply"))
    tab.type("#thread-composer textarea", "/st2 help")
    tab.key("Enter")
    tab.until(has("#notice", "no slash commands in threads"))
    tab.faults.clear()  # Chromium tells of the 400 that it got


def test_a_direct_message(slack, app, tab):
    tab.click("[data-person=%s]" % seed.BOT)
    tab.until(has("#title", "Harbour Bot"))
    tab.type("#composer textarea", "hello")
    tab.key("Enter")
    event = app.read("events_api")["event"]
    assert (event["channel_type"], event["text"], event["user"]) == ("im", "hello", MARA)


def test_unread_channels_are_marked_until_they_are_looked_at(slack, tab):
    slack.workspace.say(TOMASZ, GENERAL, "one")
    slack.workspace.say(TOMASZ, GENERAL, "two")
    tab.until(has("[data-channel=%s] .count" % GENERAL, "2"))
    tab.click("[data-channel=%s]" % GENERAL)
    tab.until(has("#messages", "two"))
    tab.click("[data-channel=%s]" % DEPLOYS)
    tab.until("!document.querySelector('[data-channel=%s] .count')" % GENERAL)


def test_earlier_messages_are_shown_when_asked_for(slack, tab):
    for number in range(90):
        slack.workspace.say(TOMASZ, DEPLOYS, "line %d" % number)
    tab.until(has("#messages article:last-of-type", "line 89"))
    assert not tab.evaluate(has("#messages", "line 0\n"))
    assert tab.evaluate("document.querySelectorAll('#messages article').length") == 60
    tab.click(".earlier")
    tab.until(has("#messages", "line 0\n"))
    assert not tab.evaluate("document.querySelector('.earlier')")


def test_a_channel_is_joined_before_it_can_be_written_in(slack, tab):
    be(tab, seed.LEA, seed.RANDOM)
    assert tab.evaluate("document.querySelector('#composer textarea').disabled")
    tab.click("#join")
    tab.until("!document.querySelector('#composer textarea').disabled")
    tab.type("#composer textarea", "hello")
    tab.key("Enter")
    tab.until(has("#messages article:last-of-type", "hello"))
    assert seed.LEA in slack.workspace.channels[seed.RANDOM].members
    assert not tab.evaluate("document.querySelector('#join')")


# --- pressing -------------------------------------------------------------------------------------


def test_a_button_that_appears_by_itself_works(slack, app, tab):
    ts = ask(slack)
    be(tab, TOMASZ)
    assert not tab.evaluate(has(at(ts, ".pressed")))
    tab.click(at(ts, "[data-action-id=yes]"))
    payload = app.read("interactive")
    assert (payload["user"]["id"], payload["container"]["message_ts"]) == (TOMASZ, ts)
    assert payload["actions"][0]["value"] == "1"
    tab.until(has(at(ts, "[data-action-id=yes].pressed[data-pressed=answered]"), "Approve"))
    api(slack, "chat.update", channel=DEPLOYS, ts=ts, text="*Approved* by <@%s>" % TOMASZ)
    tab.until(has(at(ts), "Approved by @tomasz (edited)"))
    assert not tab.evaluate(has(at(ts, "[data-action-id]")))
    assert tab.evaluate("document.querySelectorAll('[data-ts=\"%s\"]').length" % ts) == 1


def test_a_button_that_asks_first(slack, app, tab):
    asked = {"title": plain("Sure?"), "text": plain("It stops."), "confirm": plain("Stop it")}
    ts = ask(slack, confirm={**asked, "deny": plain("Go on")})
    tab.click(at(ts, "[data-action-id=no]"))
    tab.until(has("#confirm", "It stops."))
    tab.click("#confirm .deny")
    tab.until("!document.querySelector('#confirm').open")
    tab.click(at(ts, "[data-action-id=no]"))
    tab.click("#confirm .agree")
    assert app.read("interactive")["actions"][0]["action_id"] == "no"
    sent = [each for each in slack.socket.deliveries if each.type == "interactive"]
    assert len(sent) == 1, "the first time it was not meant"


def test_choices_are_told_and_stay_chosen(slack, app, tab):
    choose = {"type": "static_select", "action_id": "s", "options": options("a", "b")}
    more = {"type": "overflow", "action_id": "o", "options": options("log", "plan")}
    check = {"type": "checkboxes", "action_id": "c", "options": options("x", "y")}
    blocks = [{"type": "actions", "block_id": "blk", "elements": [choose, more, check]}]
    ts = api(slack, "chat.postMessage", channel=DEPLOYS, text="x", blocks=blocks)["ts"]
    tab.choose(at(ts, "[data-action-id=s]"), "b")
    assert app.read("interactive")["actions"][0]["selected_option"] == options("b")[0]
    tab.click(at(ts, "input[value=y]"))
    assert app.read("interactive")["actions"][0]["selected_options"] == options("y")
    tab.click(at(ts, "summary"))
    tab.click(at(ts, "[data-value=plan]"))
    payload = app.read("interactive")
    assert payload["actions"][0]["selected_option"] == options("plan")[0]
    assert payload["state"]["values"]["blk"]["s"]["selected_option"] == options("b")[0]
    api(slack, "reactions.add", channel=DEPLOYS, timestamp=ts, name="eyes")
    tab.until(has(at(ts, ".reactions"), "1"))
    assert tab.evaluate("document.querySelector('[data-action-id=s]').value") == "b"


def test_an_ephemeral_message_is_seen_by_its_addressee_only(slack, tab):
    api(slack, "chat.postEphemeral", channel=DEPLOYS, user=TOMASZ, text="psst, Tomasz")
    slack.workspace.say(MARA, DEPLOYS, "for all")
    tab.until(has("#messages", "for all"))
    assert not tab.evaluate(has("#messages", "psst"))
    be(tab, TOMASZ)
    tab.until(has("article.ephemeral", "psst, Tomasz"))
    be(tab, MARA)
    tab.until(has("#messages", "for all"))
    assert not tab.evaluate(has("#messages", "psst"))


def test_a_deleted_message_goes(slack, tab):
    ts = ask(slack)
    tab.until(has(at(ts)))
    api(slack, "chat.delete", channel=DEPLOYS, ts=ts)
    tab.until("!(%s)" % has(at(ts)))


# --- modals ---------------------------------------------------------------------------------------


def test_a_modal_is_filled_in_and_submitted(slack, app, tab):
    ts = ask(slack)
    tab.click(at(ts, "[data-action-id=yes]"))
    trigger_id = app.read("interactive")["trigger_id"]
    radio = {"type": "radio_buttons", "action_id": "r", "options": options("now", "later")}
    view = modal(
        entry("why", {"type": "plain_text_input", "action_id": "w", "multiline": True}),
        entry("when", radio),
        entry("n", {"type": "number_input", "action_id": "n", "max_value": "4"}, optional=True),
        submit=plain("Go"),
    )
    api(slack, "views.open", trigger_id=trigger_id, view=view)
    tab.until(has("#modal", "Roll back"))
    tab.type("#modal textarea", "a\nreason")
    tab.click("#modal .submit")
    tab.until(has("#modal .error", "has to be filled in"))
    assert tab.evaluate("document.querySelector('#modal textarea').value") == "a\nreason"
    tab.click("#modal input[value=later]")
    tab.type("#modal input[data-action-id=n]", "3")
    tab.click("#modal .submit")
    payload = app.read("interactive", {"response_action": "errors", "errors": {"n": "Too many."}})
    values = payload["view"]["state"]["values"]
    assert (payload["type"], payload["user"]["id"]) == ("view_submission", MARA)
    assert values["why"]["w"]["value"] == "a\nreason" and values["n"]["n"]["value"] == "3"
    assert values["when"]["r"]["selected_option"] == options("later")[0]
    tab.until(has("#modal .error", "Too many."))
    tab.click("#modal .submit")
    app.read("interactive")
    tab.until("!document.querySelector('#modal').open")


def test_what_was_typed_stays_when_the_app_changes_a_modal(slack, tab):
    why = entry("why", {"type": "plain_text_input", "action_id": "w"})
    trigger_id = slack.workspace.trigger_id(user=MARA)
    view_id = api(slack, "views.open", trigger_id=trigger_id, view=modal(why))["view"]["id"]
    tab.type("#modal input", "because")
    more = {"type": "section", "text": plain("Something new")}
    api(slack, "views.update", view_id=view_id, view=modal(more, why))
    tab.until(has("#modal", "Something new"))
    assert tab.evaluate("document.querySelector('#modal input').value") == "because"
    assert tab.evaluate("document.activeElement === document.querySelector('#modal input')")
    trigger_id = slack.workspace.trigger_id(user=MARA)
    api(slack, "views.push", trigger_id=trigger_id, view=modal(more, title=plain("On top")))
    tab.until(has("#modal h2", "On top"))
    tab.click("#modal .cancel")
    tab.until("document.querySelector('#modal input').value === 'because'")


def test_a_modal_is_closed_by_escape_and_seen_by_nobody_else(slack, app, tab):
    view = modal({"type": "section", "text": plain("Hello")}, notify_on_close=True)
    api(slack, "views.open", trigger_id=slack.workspace.trigger_id(user=MARA), view=view)
    tab.until(has("#modal", "Hello"))
    tab.choose("#me", TOMASZ)
    tab.until("!document.querySelector('#modal').open")
    tab.choose("#me", MARA)
    tab.until("document.querySelector('#modal').open")
    tab.key("Escape")
    assert app.read("interactive")["type"] == "view_closed"
    tab.until("!document.querySelector('#modal').open")


# --- showing --------------------------------------------------------------------------------------


def unchecked(slack, text, blocks, **more):
    """The ts of a message by the bot with blocks that the Web API would refuse."""
    parts = {"bot_id": seed.BOT_ID, "blocks": numbered(blocks), **more}
    return slack.workspace.say(seed.BOT, DEPLOYS, text, **parts)["ts"]


def test_what_others_wrote_is_text_and_runs_nothing(slack, app, tab):
    mark = {"type": "mrkdwn", "text": EVIL}
    evil_plain = {"type": "plain_text", "text": EVIL}
    leaves = [{"type": "text", "text": EVIL}, {"type": "link", "url": "javascript:window.broken=1"}]
    blocks = [
        {"type": "section", "text": mark, "fields": [mark, evil_plain]},
        {"type": "header", "text": evil_plain},
        {"type": "context", "elements": [mark, {"type": "image", "alt_text": EVIL}]},
        {"type": "image", "image_url": "javascript:window.broken=1", "alt_text": EVIL},
        {"type": EVIL},
        {"type": "markdown", "text": EVIL},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": leaves}]},
        {"type": "table", "rows": [[{"type": "raw_text", "text": EVIL}]]},
        {"type": "actions", "elements": [button(EVIL, "go", url="javascript:window.broken=1")]},
    ]
    attachment = {"title": EVIL, "title_link": "javascript:window.broken=1", "text": EVIL}
    more = {"color": 'red;background:url("http://evil.example")', "footer": EVIL, "pretext": EVIL}
    ts = unchecked(
        slack,
        EVIL,
        blocks,
        attachments=[{**attachment, **more, "fields": [{"title": EVIL, "value": EVIL}]}],
        subtype="bot_message",
        username=EVIL,
    )
    said = slack.workspace.say(TOMASZ, DEPLOYS, EVIL)["ts"]
    tab.until(has(at(said), "<img src=x onerror=window.broken=1> <script>window.broken=1"))
    for each in (ts, said):
        inside = "document.querySelector('[data-ts=\"%s\"]')" % each
        count = "%s.querySelectorAll('img, script, iframe, a[href^=java], [style*=url]').length"
        assert tab.evaluate(count % inside) == 0
    assert tab.evaluate("document.querySelectorAll(%s).length" % json.dumps(at(ts, "h3"))) == 1
    tab.click(at(ts, "[data-action-id=go]"))
    app.read("interactive")
    api(slack, "views.open", trigger_id=slack.workspace.trigger_id(user=MARA), view=evil_modal())
    tab.until(has("#modal", "onerror"))
    assert tab.evaluate("document.querySelectorAll('#modal img, #modal script').length") == 0


def evil_modal():
    element = {"type": "plain_text_input", "action_id": "w", "placeholder": plain(EVIL)}
    return modal(
        {"type": "section", "text": {"type": "mrkdwn", "text": EVIL}},
        entry("why", {**element, "initial_value": EVIL}, hint=plain(EVIL)),
        submit=plain("<b>Go"),
    )


SHOWN = [
    ("*bold* _it_ ~no~ `c*d*`", "<strong>bold</strong> <em>it</em> <s>no</s> <code>c*d*</code>"),
    ("2 * 3 * 4, snake_case_word", "2 * 3 * 4, snake_case_word"),
    ("_*both*_", "<em><strong>both</strong></em>"),
    ("a &amp;lt; b &lt;c&gt;", "a &amp;lt; b &lt;c&gt;"),
    ("<@U0HARBOUR01>", '<span class="mention of-me">@mara</span>'),
    ("<@U0HARBOUR02|x> <#C0GENERAL01>", "@tomasz #general"),
    ("<!subteam^S0ONCALL001> <!here> <!date^1^{date}|May 1>", "@on-call @here May 1"),
    ("<https://a.example/?a=1&amp;b=2|the *page*>", "the page"),
    ("```\n*not* <https://a.example|bold>\n```", "<pre>*not* bold</pre>"),
    ("&gt; quoted *text*\nnot", "<blockquote>quoted <strong>text</strong></blockquote>not"),
    (":tada: :not_known:", "🎉 :not_known:"),
    ("http://a.example/x.", "http://a.example/x."),
]


def test_mrkdwn(slack, tab):
    """HTML where there is a < in what is expected, else the text alone."""
    found = {}
    for text, _ in SHOWN:
        found[text] = slack.workspace.say(TOMASZ, DEPLOYS, text)["ts"]
    tab.until(has(at(ts_of(found, SHOWN[-1]), ".text")))
    for text, shown in SHOWN:
        part = "innerHTML" if "<" in shown or "&" in shown else "innerText"
        node = "document.querySelector(%s).%s" % (json.dumps(at(found[text], ".text")), part)
        assert tab.evaluate(node) == shown, text
    link = "document.querySelector(%s)" % json.dumps(at(ts_of(found, SHOWN[7]), "a"))
    assert tab.evaluate(link + ".href") == "https://a.example/?a=1&b=2"
    assert tab.evaluate(link + ".rel") == "noreferrer noopener"


def ts_of(found, case):
    return found[case[0]]


def test_every_kind_of_block_is_shown(slack, tab):
    items = [{"type": "rich_text_section", "elements": [{"type": "text", "text": "item"}]}]
    rich = [
        {"type": "rich_text_list", "style": "ordered", "elements": items},
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "quote"}]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "code"}]},
        {"type": "rich_text_section", "elements": [{"type": "user", "user_id": TOMASZ}]},
    ]
    cell = {"type": "rich_text", "elements": items}
    blocks = [
        {"type": "header", "text": plain("Head :ship:")},
        {"type": "section", "text": plain("one"), "fields": [plain("two"), plain("three")]},
        {"type": "divider"},
        {"type": "context", "elements": [plain("four")]},
        {"type": "image", "image_url": "https://a.example/x.png", "alt_text": "a crane"},
        {"type": "rich_text", "elements": rich},
        {"type": "table", "rows": [[{"type": "raw_text", "text": "cell"}, cell]]},
        {"type": "markdown", "text": "**mark**"},
        entry("five", {"type": "plain_text_input", "action_id": "a"}),
        {"type": "video", "alt_text": "v"},
        {"type": "actions", "elements": [{"type": "file_input", "action_id": "f"}]},
        {"type": "section", "text": 7},
        {"type": "rich_text", "elements": 7},
    ]
    broken = blocks.pop()
    attachments = [{"color": "good", "title": "T", "text": "*t*", "fields": [{"title": "F"}]}]
    ts = unchecked(slack, "x", blocks, attachments=attachments)
    bad = unchecked(slack, "x", [broken])
    tab.until(has("#messages article:last-of-type", "A message that cannot be shown"))
    kinds = "[...document.querySelectorAll(%s)].map((each) => each.dataset.blockType)"
    shown = tab.evaluate(kinds % json.dumps(at(ts, "[data-block-type]")))
    assert shown == [each["type"] for each in blocks] and bad > ts
    seen = tab.evaluate("document.querySelector('[data-ts=\"%s\"]').innerText" % ts)
    for words in ("Head 🚢", "one", "two", "three", "four", "a crane", "https://a.example/x.png"):
        assert words in seen, words
    for words in (
        "item",
        "quote",
        "code",
        "@tomasz",
        "cell",
        "**mark**",
        "“video”",
        "“file_input”",
    ):
        assert words in seen, words
    for selector in (
        "hr",
        "ol li",
        "blockquote",
        "pre",
        "td, th",
        ".attachment strong",
        "textarea, input",
    ):
        assert tab.evaluate(has(at(ts, selector))) is not None, selector


def test_a_narrow_window_has_one_column_and_nothing_sticks_out(slack, tab):
    slack.workspace.say(TOMASZ, DEPLOYS, "x" * 3000 + " ```" + "y" * 3000 + "```")
    wide = [{"type": "raw_text", "text": "z" * 40}] * 12
    blocks = [
        {"type": "table", "rows": [wide]},
        {"type": "actions", "elements": [button("w" * 75, "b%d" % each) for each in range(25)]},
        {"type": "header", "text": plain("h" * 150)},
    ]
    ts = api(slack, "chat.postMessage", channel=DEPLOYS, text="x", blocks=blocks)["ts"]
    tab.until(has(at(ts)))
    for width in (1280, 700, 360):
        tab.size(width, 700)
        tab.until("window.innerWidth === %d" % width)
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        assert (
            tab.evaluate(
                "(() => { const m = document.querySelector('#messages'); "
                "return m.scrollWidth - m.clientWidth; })()"
            )
            == 0
        )
    tab.click("#menu")
    tab.click("[data-channel=%s]" % GENERAL)
    tab.until(has("#title", "#general"))
    assert tab.evaluate("getComputedStyle(document.querySelector('#side')).display") == "none"


def test_letters_can_be_read_by_day_and_by_night(slack, tab):
    """4.5 to 1, as WCAG 2 asks of small letters, for every pair that the style sheet makes."""
    pairs = [("ink", "ground"), ("ink", "raised"), ("faint", "ground"), ("faint", "raised")]
    pairs += [
        ("accent", "ground"),
        ("accent", "soft"),
        ("accent-ink", "accent"),
        ("ink", "private"),
    ]
    pairs += [("danger", "ground"), ("code", "raised"), ("side-ink", "side"), ("ink", "of-me")]
    pairs += [("side-faint", "side"), ("faint", "private")]
    read = "getComputedStyle(document.documentElement).getPropertyValue('--%s').trim()"
    for scheme in ("light", "dark"):
        tab.prefer(scheme)
        for one, other in pairs:
            colours = [tab.evaluate(read % each) for each in (one, other)]
            assert contrast(*colours) >= 4.5, (scheme, one, other, colours)


def contrast(*colours):
    darker, lighter = sorted(luminance(each) for each in colours)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    """Of #rrggbb, as WCAG 2 has it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_two_people_at_two_tabs_see_each_other(slack, page, browser, tab):
    with browser.open(page.url + "#as=%s&channel=%s" % (TOMASZ, DEPLOYS)) as other:
        other.until("document.body.dataset.ready === '%s %s'" % (TOMASZ, DEPLOYS))
        tab.type("#composer textarea", "hello @tomasz")
        tab.key("Enter")
        other.until(has("article:last-of-type .mention.of-me", "@tomasz"))


def test_the_page_comes_back_with_its_server(slack, page, tab):
    port = int(slack.url.rstrip("/").rpartition(":")[2])
    slack.stop()
    tab.until("document.body.classList.contains('away')")
    with LoopbackSlack(port=port, workspace=slack.workspace) as again:
        add(again)
        again.workspace.say(TOMASZ, DEPLOYS, "back again")
        tab.until(has("#messages", "back again"))
        tab.command("Page.navigate", url="about:blank")
        tab.until("location.href === 'about:blank'")
        tab.faults.clear()  # the refused connections in between


def test_the_picture_of_readme_can_be_drawn(needed, tmp_path):
    (tmp_path / draw_page.TARGET.parent).mkdir(parents=True)
    assert draw_page.main(tmp_path) == 0
    drawn = (tmp_path / draw_page.TARGET).read_bytes()
    assert png.size(drawn) == (picture.WIDTH, picture.HEIGHT)


def test_chromium_ends_with_its_children(needed):
    with chromium.Chromium() as found:
        group = found.process.pid
        assert os.getpgid(group) == group
        assert len(alive(group)) > 1
    assert not os.path.exists(found.folder)
    deadline = time.monotonic() + 30
    while alive(group) and time.monotonic() < deadline:
        os.sched_yield()  # the system is taking them down
    assert alive(group) == []


def alive(group):
    """The processes of a group that still do something."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, of_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(of_group) == group and state not in "ZX":
                found.append(path.parent.name)
    return found
