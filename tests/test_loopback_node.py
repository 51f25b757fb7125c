"""@slack/web-api and @slack/bolt, unchanged, against the loopback Slack: they judge it."""

import threading

import node_clients
import pytest
import requests
from bolt_story import HEARD, Story
from test_loopback_slack import FACTS, LIVING, value_for

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


KINDS = {
    bool: "boolean",
    str: "string",
    int: "number",
    float: "number",
    list: "list",
    dict: "object",
}


def answers(slack, method):
    """A method's answers with all arguments, and with those only that it needs."""
    facts = FACTS.get(method)
    tokens = {
        "bot": slack.bot_token,
        "user": slack.user_token,
        "app": slack.app_token,
        "configuration": slack.config_token,
    }
    token = next((tokens[kind] for kind in facts.token_types if kind in tokens), slack.bot_token)
    plain = {key: each for key, each in facts.args.items() if each.get("format") != "binary"}
    for wanted in (plain, {key: each for key, each in plain.items() if each["required"]}):
        sent = {key: value_for(key, each) for key, each in wanted.items()}
        headers = {"Authorization": "Bearer " + token}
        answer = requests.post(slack.api_url + method, data=sent, headers=headers, timeout=60)
        if answer.headers["Content-Type"].startswith("application/json"):
            yield answer.json()


def test_answers_have_the_published_kinds(slack):
    """Each key that is there has the kind that @slack/web-api's types tell."""
    wrong, compared = [], set()
    for method in LIVING:
        kinds = node_clients.published_kinds(method)
        for answer in answers(slack, method) if kinds else ():
            if not answer["ok"]:
                continue
            compared.add(method)
            wrong += [
                (method, key, KINDS[type(answer[key])], kinds[key])
                for key in kinds
                if answer.get(key) is not None and KINDS[type(answer[key])] != kinds[key]
            ]
    assert wrong == [] and len(compared) >= 130
