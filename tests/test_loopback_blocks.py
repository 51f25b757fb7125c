"""Blocks and views that Slack refuses are refused by the loopback Slack, and no others: slack_sdk's
models are the judge where they check, else the published types (@slack/types)."""

import json

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from sandbox.slack.checks import block_kit
from sandbox.slack.state import seed

D = seed.DEPLOYS


def plain(text, kind="plain_text"):
    return {"type": kind, "text": text}


def mrkdwn(text):
    return plain(text, "mrkdwn")


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def section(**more):
    return {"type": "section", "text": mrkdwn("x"), **more}


def button(**more):
    return {"type": "button", "text": plain("Go"), "action_id": "go", **more}


def options(count, label="x", value="v"):
    return [{"text": plain(label), "value": value + str(n)} for n in range(count)]


def select(**more):
    return {"type": "static_select", "action_id": "s", "options": options(2), **more}


def entry(**more):
    element = {"type": "plain_text_input", "action_id": "a"}
    return {"type": "input", "label": plain("Why"), "element": element, **more}


def modal(*blocks, **more):
    return {"type": "modal", "title": plain("Roll back"), "blocks": list(blocks), **more}


IMAGE = {"type": "image", "image_url": "https://a.example/a.png", "alt_text": "a"}
RICH = {
    "type": "rich_text",
    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}],
}
# Each is good as it is, and the sdk says so too.
GOOD = {
    "a section of 3,000": section(text=mrkdwn("x" * 3000)),
    "ten fields": {"type": "section", "fields": [mrkdwn("x" * 2000)] * 10},
    "a section's button": section(accessory=button()),
    "a section's image": section(accessory=IMAGE),
    "a header": {"type": "header", "text": plain("x" * 150)},
    "an image": {**IMAGE, "title": plain("x")},
    "an image of Slack's": {"type": "image", "alt_text": "a", "slack_file": {"id": "F1"}},
    "a context": {"type": "context", "elements": [IMAGE, mrkdwn("x")] * 5},
    "buttons": actions(*[button(text=plain("x" * 75), value="v" * 2000)] * 25),
    "a link": actions(button(url="https://a.example", style="danger")),
    "a select": actions(select(options=options(100, "x" * 75, "v" * 140))),
    "groups": actions(
        select(options=None, option_groups=[{"label": plain("x"), "options": options(2)}])
    ),
    "pickers": actions({"type": "datepicker"}, {"type": "users_select"}, {"type": "timepicker"}),
    "an overflow": section(accessory={"type": "overflow", "options": options(5)}),
    "an input": entry(hint=plain("x" * 2000), label=plain("x" * 2000)),
    "markdown": {"type": "markdown", "text": "x" * 12000},
    "rich text": RICH,
    "a divider": {"type": "divider", "block_id": "x" * 255},
    "a video": {
        "type": "video",
        "alt_text": "a",
        "title": plain("x" * 199),
        "video_url": "https://a.example",
        "thumbnail_url": "https://a.example/a.png",
    },
    "a table": {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 20] * 100},
    "a card": {"type": "card", "title": mrkdwn("x" * 150), "body": mrkdwn("x" * 200)},
    "a carousel": {"type": "carousel", "elements": [{"type": "card", "title": mrkdwn("x")}] * 10},
    "an alert": {"type": "alert", "text": mrkdwn("x"), "level": "info"},
    "a container": {"type": "container", "title": plain("x"), "child_blocks": [section()] * 10},
}
# Each is refused by the sdk's models as well; with the pointer that Slack would give.
BAD = {
    "an unknown type": ({"type": "heading", "text": plain("x")}, "/0/type"),
    "a section of 3,001": (section(text=mrkdwn("x" * 3001)), "/0/text/text"),
    "a section of nothing": ({"type": "section"}, "/0"),
    "eleven fields": ({"type": "section", "fields": [mrkdwn("x")] * 11}, "/0/fields"),
    "a header of 151": ({"type": "header", "text": plain("x" * 151)}, "/0/text/text"),
    "a header of nothing": ({"type": "header", "text": None}, "/0"),
    "26 buttons": (actions(*[button()] * 26), "/0/elements"),
    "a context of 11": ({"type": "context", "elements": [mrkdwn("x")] * 11}, "/0/elements"),
    "a long label": (actions(button(text=plain("x" * 76))), "/0/elements/0/text/text"),
    "a long value": (actions(button(value="v" * 2001)), "/0/elements/0/value"),
    "a long address": (actions(button(url="https://" + "x" * 3000)), "/0/elements/0/url"),
    "another style": (actions(button(style="blue")), "/0/elements/0/style"),
    "101 choices": (actions(select(options=options(101))), "/0/elements/0/options"),
    "no choices": (actions(select(options=None)), "/0/elements/0"),
    "a long placeholder": (
        actions(select(placeholder=plain("x" * 151))),
        "/0/elements/0/placeholder/text",
    ),
    "six in an overflow": (
        section(accessory={"type": "overflow", "options": options(6)}),
        "/0/accessory/options",
    ),
    "a long ID": (section(block_id="x" * 256), "/0/block_id"),
    "a long action ID": (actions(button(action_id="x" * 256)), "/0/elements/0/action_id"),
    "an input's long label": (entry(label=plain("x" * 2001)), "/0/label/text"),
    "an input's long hint": (entry(hint=plain("x" * 2001)), "/0/hint/text"),
    "an input with a button": (entry(element=button()), "/0/element/type"),
    "an image's long text": ({**IMAGE, "alt_text": "x" * 2001}, "/0/alt_text"),
    "long markdown": ({"type": "markdown", "text": "x" * 12001}, "/0/text"),
    "no markdown": ({"type": "markdown", "text": ""}, "/0/text"),
    "a confirmation": (
        actions(button(confirm={"title": plain("x" * 101), "text": plain("x")})),
        "/0/elements/0/confirm/title/text",
    ),
    "a card's long title": ({"type": "card", "title": mrkdwn("x" * 151)}, "/0/title/text"),
    "eleven cards": (
        {"type": "carousel", "elements": [{"type": "card", "title": mrkdwn("x")}] * 11},
        "/0/elements",
    ),
}
# The published types forbid these; slack_sdk's models do not look, or cannot be made of them.
BAD_BY_TYPE = {
    "a long choice": (
        actions(select(options=options(1, "x" * 76))),
        "/0/elements/0/options/0/text/text",
    ),
    "a long choice's value": (
        actions(select(options=options(1, "x", "v" * 150))),
        "/0/elements/0/options/0/value",
    ),
    "a header with mrkdwn": ({"type": "header", "text": mrkdwn("x")}, "/0/text/type"),
    "a header that is text": ({"type": "header", "text": "x"}, "/0/text"),
    "a button without text": (actions({"type": "button", "action_id": "go"}), "/0/elements/0"),
    "a button with empty text": (actions(button(text=plain(""))), "/0/elements/0/text/text"),
    "a button with mrkdwn": (actions(button(text=mrkdwn("x"))), "/0/elements/0/text/type"),
    "a section's empty text": (section(text=mrkdwn("")), "/0/text/text"),
    "a text of no type": (section(text={"text": "x"}), "/0/text"),
    "a text of another type": (section(text=plain("x", "markdown")), "/0/text/type"),
    "a text that is a number": (section(text=mrkdwn(3)), "/0/text/text"),
    "a long field": ({"type": "section", "fields": [mrkdwn("x" * 2001)]}, "/0/fields/0/text"),
    "no elements": ({"type": "actions"}, "/0"),
    "empty elements": (actions(), "/0/elements"),
    "an unknown element": (actions({"type": "holo_select"}), "/0/elements/0/type"),
    "an image among buttons": (actions(IMAGE), "/0/elements/0/type"),
    "a button in a context": ({"type": "context", "elements": [button()]}, "/0/elements/0/type"),
    "an input as an accessory": (section(accessory=entry()["element"]), "/0/accessory/type"),
    "an input without a label": (entry(label=None), "/0"),
    "an input without an element": (entry(element=None), "/0"),
    "an image without its text": ({"type": "image", "image_url": "https://a.example"}, "/0"),
    "an image without a picture": ({"type": "image", "alt_text": "x"}, "/0"),
    "eleven boxes": (
        actions({"type": "checkboxes", "options": options(11)}),
        "/0/elements/0/options",
    ),
    "a table of 101 rows": (
        {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101},
        "/0/rows",
    ),
    "text in place of a block": ("x", "/0"),
    "nothing in place of a block": (None, "/0"),
    "a list in place of a block": ([], "/0"),
    "no type": ({"text": plain("x")}, "/0"),
    "a type that is no text": ({"type": 3}, "/0"),
    "a bad block in a container": (
        {"type": "container", "title": plain("x"), "child_blocks": [{"type": "x"}]},
        "/0/child_blocks/0/type",
    ),
    "1,501 emoji": (section(text=mrkdwn("\U0001f6a2" * 1501)), "/0/text/text"),
}


ALL_BAD = {**BAD, **BAD_BY_TYPE}


def without_nothing(value):
    """As JSON clients send it: members that are None are left out."""
    if isinstance(value, dict):
        return {key: without_nothing(each) for key, each in value.items() if each is not None}
    return [without_nothing(each) for each in value] if isinstance(value, list) else value


def sdk_refuses(block):
    """True where slack_sdk's models refuse the block, or do not know it."""
    try:
        parsed = Block.parse(without_nothing(block))
        if parsed is None:
            return True
        parsed.to_dict()
    except (SlackObjectFormationError, TypeError):  # TypeError: a required member is missing
        return True
    return False


@pytest.fixture
def bot(slack):
    """A client with the bot's token; what it sends is not checked before."""
    return WebClient(token=slack.bot_token, base_url=slack.api_url, timeout=60)


def refused(call, **arguments):
    """(code, messages) of a refusal."""
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["error"], answer["response_metadata"]["messages"]


@pytest.mark.parametrize("block", GOOD.values(), ids=GOOD)
def test_what_slack_takes(slack, bot, block):
    block = without_nothing(block)
    assert not sdk_refuses(block)
    assert bot.chat_postMessage(channel=D, text="x", blocks=[block])["ok"]
    trigger = slack.workspace.trigger_id()
    view = modal(block, submit=plain("Send"))
    assert bot.views_open(trigger_id=trigger, view=view)["ok"]


@pytest.mark.parametrize("block, pointer", BAD.values(), ids=BAD)
def test_the_sdks_models_refuse_the_same(block, pointer):
    assert sdk_refuses(block) and pointer
    assert block_kit.of_message([without_nothing(block)])


@pytest.mark.parametrize(
    "block, pointer", [*BAD.values(), *BAD_BY_TYPE.values()], ids=[*BAD, *BAD_BY_TYPE]
)
def test_what_slack_refuses(slack, bot, block, pointer):
    """Wherever blocks go, with a pointer to the fault; and nothing is posted."""
    blocks = [without_nothing(block)]
    ts = bot.chat_postMessage(channel=D, text="x")["ts"]
    before = json.dumps(slack.workspace.channels[D].messages)
    told = {"channel": D, "text": "x"}
    for call, more in (
        (bot.chat_postMessage, {}),
        (bot.chat_postEphemeral, {"user": seed.OWNER}),
        (bot.chat_update, {"ts": ts}),
        (bot.chat_scheduleMessage, {"post_at": int(slack.workspace.clock()) + 3600}),
    ):
        code, messages = refused(call, blocks=json.dumps(blocks), **told, **more)
        assert code == "invalid_blocks"
        assert any("[json-pointer:/blocks{}]".format(pointer) in each for each in messages)
    attached = json.dumps([{"text": "x"}, {"blocks": blocks}])
    code, messages = refused(bot.chat_postMessage, attachments=attached, **told)
    assert code == "invalid_attachments"
    assert "[json-pointer:/attachments/1/blocks{}]".format(pointer) in messages[0]
    view = json.dumps(modal(*blocks, submit=plain("Send")))
    code, messages = refused(bot.views_open, trigger_id=slack.workspace.trigger_id(), view=view)
    assert code == "invalid_arguments"
    assert any("[json-pointer:/view/blocks{}]".format(pointer) in each for each in messages)
    for body in ({"text": "x", "blocks": blocks}, {"attachments": [{"blocks": blocks}]}):
        answer = requests.post(slack.webhook_url, json=body, timeout=60)
        assert (answer.status_code, answer.text) == (400, "invalid_payload")
    assert json.dumps(slack.workspace.channels[D].messages) == before


def test_how_many_blocks(slack, bot):
    assert bot.chat_postMessage(channel=D, text="x", blocks=[section()] * 50)["ok"]
    code, messages = refused(bot.chat_postMessage, channel=D, text="x", blocks=[section()] * 51)
    assert (code, len(messages)) == ("invalid_blocks", 1) and "50 items" in messages[0]
    opened = bot.views_open(trigger_id=slack.workspace.trigger_id(), view=modal(*[section()] * 100))
    assert opened["ok"]
    view = modal(*[section()] * 101)
    code, messages = refused(bot.views_open, trigger_id=slack.workspace.trigger_id(), view=view)
    assert code == "invalid_arguments" and "100 items" in messages[0]


VIEWS = {
    "a title of 25": modal(section(), title=plain("x" * 25)),
    "an empty title": modal(section(), title=plain("")),
    "a submit of 25": modal(section(), submit=plain("x" * 25)),
    "a close of 25": modal(section(), close=plain("x" * 25)),
    "long private metadata": modal(section(), private_metadata="x" * 3001),
    "a long callback_id": modal(section(), callback_id="x" * 256),
    "a home view with submit": {"type": "home", "blocks": [section()], "submit": plain("x")},
}
VIEWS_BY_TYPE = {
    "a title with mrkdwn": modal(section(), title=mrkdwn("x")),
    "a title that is text": modal(section(), title="x"),
    "an input without submit": modal(section(), entry()),
    "blocks that are an object": dict(modal(), blocks={}),
    "a long external_id": modal(section(), external_id="x" * 256),
}


@pytest.mark.parametrize(
    "view", [*VIEWS.values(), *VIEWS_BY_TYPE.values()], ids=[*VIEWS, *VIEWS_BY_TYPE]
)
def test_views_that_slack_refuses(slack, bot, view):
    if view in VIEWS.values():
        with pytest.raises(SlackObjectFormationError):
            View(**view).to_dict()
    sent = {"view": json.dumps(view)}
    if view["type"] == "home":
        assert refused(bot.views_publish, user_id=seed.OWNER, **sent)[0] == "invalid_arguments"
        return
    trigger = slack.workspace.trigger_id()
    assert refused(bot.views_open, trigger_id=trigger, **sent)[0] == "invalid_arguments"
    opened = bot.views_open(trigger_id=trigger, view=modal(section()))["view"]  # it is not spent
    assert refused(bot.views_update, view_id=opened["id"], **sent)[0] == "invalid_arguments"
    trigger = slack.workspace.trigger_id()
    assert refused(bot.views_push, trigger_id=trigger, **sent)[0] == "invalid_arguments"
    assert bot.views_update(view_id=opened["id"], view=modal(section()))["ok"]


def test_views_that_slack_takes(slack, bot):
    for view in (
        modal(section(), title=plain("x" * 24), close=plain("x" * 24), callback_id="x" * 255),
        modal(section(), entry(), submit=plain("x" * 24), private_metadata="x" * 3000),
        modal(section(), private_metadata="", callback_id="", external_id=""),
    ):
        View(**view).to_dict()
        assert bot.views_open(trigger_id=slack.workspace.trigger_id(), view=view)["ok"]
    home = {"type": "home", "blocks": [section(), entry()]}
    assert bot.views_publish(user_id=seed.OWNER, view=home)["ok"], "it needs no submit"
