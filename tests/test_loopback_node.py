"""@slack/web-api and @slack/bolt, unchanged, against the loopback Slack: they judge it."""

import threading

import node_clients
import pytest
from bolt_story import HEARD, Story

PATIENCE = 60


@pytest.fixture(autouse=True)
def _node():
    node_clients.needed()


def test_the_web_client_stumbles_nowhere(slack):
    triggers = [slack.workspace.trigger_id() for _ in range(3)]
    script = node_clients.start("web_api.js", slack, trigger_ids=triggers)
    out, err = script.communicate(timeout=PATIENCE)
    *stumbles, last = out.splitlines() or [""]
    assert (stumbles, script.returncode) == ([], 0)
    # What it logs: the reasons of the two refusals that it asks for.
    assert [each.rpartition("[json-pointer:")[2] for each in err.splitlines()] == [
        "/view/title/text]",
        "/blocks/0/type]",
    ]
    assert last.startswith("done: ") and int(last.split()[1]) >= 12


def test_an_app_made_with_bolt_stumbles_nowhere(slack):
    heard = []
    script = node_clients.start("bolt.js", slack)
    story = Story(slack, heard)

    def read():
        for line in script.stdout:
            heard.append(line.strip().partition(" ")[2])
            story.look()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        story.tell()
    finally:
        script.stdin.close()
        reader.join(PATIENCE)
        errors = script.stderr.read()
        code = script.wait(PATIENCE)
        script.stdout.close()
        script.stderr.close()
    assert (set(heard), errors, code) == (HEARD, "", 0)
