"""How long an action has until StackStorm ends it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Mapping, Optional

import requests

from st2slack.base.json_access import as_object

if TYPE_CHECKING:
    from st2slack.stackstorm.execution import Execution

TIMEOUT = 2.0  # seconds for the answer


def seconds_left(environ: Mapping[str, str] = os.environ) -> Optional[float]:
    """Seconds until StackStorm ends this action, None if that is not known.

    StackStorm does not hand an action its own timeout; its API knows it. It is asked only when a
    call is about to wait, with the token that every execution has, and without st2client, which
    takes long to import.
    """
    execution_id = environ.get("ST2_ACTION_EXECUTION_ID")
    api_url, token = environ.get("ST2_ACTION_API_URL"), environ.get("ST2_ACTION_AUTH_TOKEN")
    if not execution_id or not api_url:
        return None
    try:
        with requests.Session() as session:
            session.trust_env = False  # StackStorm's token goes to no proxy
            answer: object = session.get(
                "%s/executions/%s" % (api_url.rstrip("/"), execution_id),
                timeout=TIMEOUT,
                headers={"X-Auth-Token": token or ""},
                allow_redirects=False,
            ).json()
    except (requests.RequestException, ValueError):
        return None
    from st2slack.stackstorm.execution import Execution  # few calls wait

    return seconds_left_of(Execution.from_json(as_object(answer)), time.time())


def seconds_left_of(execution: Execution, now: float) -> Optional[float]:
    """Seconds left of an execution, None if its start or its timeout is not known. `now`: Unix."""
    if execution.timeout is None or not execution.started:
        return None
    return max(0.0, execution.timeout - (now - int(execution.started)))
