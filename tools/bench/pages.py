"""200 pages over one connection, against a connection for each page. Over TLS, as Slack is."""

from __future__ import annotations

import contextlib
import io
from typing import Any, Dict

import requests
import run

from sandbox.slack import LoopbackSlack
from tools.bench.result import Result, interleaved

PAGES = 200
ROUNDS = 3


def measure() -> Result:
    """Both fetch the same list with the same number of requests."""
    with LoopbackSlack(tls="good") as slack:
        config = {
            "api_url": slack.api_url,
            "action_token": slack.bot_token,
            "ca_bundle": slack.ca_pem,
        }
        _fill(config)
        measured, base = interleaved(ROUNDS, lambda: _ours(config), lambda: _plain(slack))
    return Result(
        "pages",
        "%d pages, all_pages" % PAGES,
        measured,
        "a connection per page",
        base,
        2.0,
        at_most=False,
    )


def _fill(config: Dict[str, Any]) -> None:
    action = run.SlackAction(dict(config))
    ts = action.run(end_point="chat.postMessage", channel="general", text="parent")["ts"]
    with requests.Session() as session:
        client = action.client(action.settings(), session)
        for number in range(PAGES):
            client.call(
                "chat.postMessage", {"channel": "C0GENERAL01", "text": str(number), "thread_ts": ts}
            )
    config["ts"] = ts


def _ours(config: Dict[str, Any]) -> None:
    action = run.SlackAction(dict(config))
    with contextlib.redirect_stdout(io.StringIO()):
        answer = action.run(
            end_point="conversations.replies",
            channel="C0GENERAL01",
            ts=config["ts"],
            limit=1,
            all_pages=True,
            max_items=None,
            fields=None,
        )
    assert len(answer["messages"]) > PAGES


def _plain(slack: LoopbackSlack) -> None:
    cursor, count = "", 0
    ts = next(
        dict(each.form)["ts"] for each in slack.requests if each.method == "conversations.replies"
    )
    while True:
        answer = requests.post(
            slack.api_url + "conversations.replies",
            timeout=30,
            verify=slack.ca_pem,
            headers={"Authorization": "Bearer " + slack.bot_token},
            data={"channel": "C0GENERAL01", "ts": ts, "limit": 1, "cursor": cursor},
        ).json()
        count += len(answer["messages"])
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            break
    assert count > PAGES
