"""The page of the Slack on loopback, as a browser shows it: a scene, and its picture."""

from __future__ import annotations

from typing import Any, Dict, List

import requests
from websockets.sync.client import connect

from sandbox.page import add
from sandbox.slack import LoopbackSlack
from sandbox.slack.state import seed
from tools.pictures import png
from tools.pictures.chromium import Chromium

WIDTH, HEIGHT = 1200, 700  # CSS pixels
Json = Dict[str, Any]


def picture() -> bytes:
    """A PNG of the scene, with the thread of the question open."""
    with LoopbackSlack() as slack, Chromium() as browser, _an_app(slack):
        page = add(slack)
        question_ts = play(slack)
        where = "#as={}&channel={}&thread={}".format(seed.OWNER, seed.DEPLOYS, question_ts)
        with browser.open(page.url + where, WIDTH, HEIGHT) as tab:
            tab.until("document.querySelectorAll('#replies article').length === 4")
            tab.until("document.querySelector('#connected.on')")
            return png.smaller(tab.picture())


def play(slack: LoopbackSlack) -> str:
    """Somebody deploys from Slack; the ts of the question whether they may."""
    say = slack.workspace.say
    say(seed.PRIYA, seed.DEPLOYS, "berth-planner 4.12.0 is built. Who is around to approve it?")
    say(seed.OWNER, seed.DEPLOYS, "I am. Is `tide-api` quiet?")
    question_ts = str(_post(slack, text="May it be deployed?", blocks=_question())["ts"])
    say(
        seed.TOMASZ,
        seed.DEPLOYS,
        "What is in it? Only the *new tide tables*?",
        thread_ts=question_ts,
    )
    _post(slack, thread_ts=question_ts, text=_ANSWER)
    say(seed.TOMASZ, seed.DEPLOYS, "Fine with me, <@{}>.".format(seed.OWNER), thread_ts=question_ts)
    say(seed.TOMASZ, seed.GENERAL, "The crane on quay 2 is next.")
    return question_ts


def _an_app(slack: LoopbackSlack) -> Any:
    """A connection as an app has it."""
    headers = {"Authorization": "Bearer " + slack.app_token}
    response = requests.post(slack.api_url + "apps.connections.open", headers=headers, timeout=30)
    return connect(response.json()["url"], open_timeout=30, close_timeout=0.2)


_ANSWER = (
    "Three commits since 4.11.0:\n```a41c  new tide tables\n9be0  faster berths\n17d2  a typo```"
)


def _question() -> List[Json]:
    facts = (
        "*What*\nberth-planner `4.12.0`",
        "*Where*\nproduction",
        "*Asked by*\n<@{}>",
        "*Until*\n08:45",
    )
    return [
        {"type": "header", "text": _plain("Deploy berth-planner 4.12.0?")},
        {"type": "section", "fields": [_mrkdwn(each.format(seed.PRIYA)) for each in facts]},
        {
            "type": "actions",
            "elements": [
                _button("Approve", "primary"),
                _button("Deny", "danger"),
                _button("Show the plan", ""),
            ],
        },
        {"type": "context", "elements": [_mrkdwn("One of <!subteam^S0ONCALL001> decides.")]},
    ]


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def _mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def _button(text: str, style: str) -> Json:
    named = {"type": "button", "text": _plain(text), "action_id": text.lower()}
    return {**named, "style": style} if style else named


def _post(slack: LoopbackSlack, **message: Any) -> Json:
    """Post as the bot, by the Web API."""
    response: Json = requests.post(
        slack.api_url + "chat.postMessage",
        json={"channel": seed.DEPLOYS, **message},
        headers={"Authorization": "Bearer " + slack.bot_token},
        timeout=30,
    ).json()
    return response
