"""Lists of objects: an element that is text is refused here, by its place, before Slack sees it."""

import post_message
import pytest
from helpers import make_client

from sandbox.stackstorm.runner.action_process import run_action
from st2slack.base.errors import InputError

# What the st2 command makes of blocks='[{"type":"section"': it splits at commas what is no JSON.
CUT = ['[{"type":"section"', '"text":"hi"']


@pytest.mark.parametrize("name", ["blocks", "attachments"])
@pytest.mark.parametrize(("value", "place"), [(CUT, 0), ([{"type": "divider"}, "x"], 1)])
def test_text_in_a_list_of_objects(slack, config, name, value, place):
    with pytest.raises(InputError, match=r"%s\[%d\] is text, not an object" % (name, place)):
        make_client(config).call("chat.postMessage", {"channel": "general", name: value})
    assert slack.requests == []


def test_by_webhook(slack, config):
    action = post_message.PostMessageAction(config)
    with pytest.raises(InputError, match=r"blocks\[0\] is text"):
        action.run(message="x", blocks=CUT, webhook_url=slack.webhook_url)
    assert slack.requests == []


def test_as_an_action(slack, config):
    done = run_action("slack.chat.postMessage", {"channel": "general", "blocks": CUT}, config)
    assert done.status == "failed" and "blocks[0] is text, not an object" in done.stderr


def test_lists_of_texts_elsewhere_and_text_for_the_whole_are_left_alone(slack, config):
    call = make_client(config).call
    assert call("chat.postMessage", {"channel": "general", "text": "x", "blocks": "[]"})["ok"]
    assert call("api.test", {"names": ["a", "b"]})["ok"]
