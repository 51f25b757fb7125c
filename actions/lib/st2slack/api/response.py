"""What a response holds: Slack's answer, or something that is not one."""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import Any
from urllib.parse import urlsplit

import requests

from st2slack.api.request import Request, describe
from st2slack.base.errors import ResponseLost, TransportError, UnexpectedResponse
from st2slack.base.redact import redact
from st2slack.base.urls import host_of

REDIRECTS = (301, 302, 303, 307, 308)
INSPECTED_BYTES = 4 * 1024  # bytes that are looked at to say what it is
EXCERPT_LENGTH = 200  # characters of a foreign answer that a message shows
_SLACK_NAMES = re.compile(r"\bSlack\b|\bslack-edge\.com\b")


def parse(response: Any, request: Request) -> Any:
    """The JSON object in a response. Raises a TransportError for any other answer.

    Compares the status by membership only: tests of 2.x users hand a bare MagicMock as the
    response.
    """
    refuse_redirect(response, request)
    try:
        answer = read_json(response)
    except (ValueError, RecursionError):
        raise unexpected_response(response, request) from None
    if isinstance(answer, (list, str, int, float, type(None))) or _lacks_ok(answer):
        raise unexpected_response(response, request)
    if response.status_code in range(500, 600):
        raise server_error(response, request)
    return answer


def read_json(response: Any) -> Any:
    """The JSON in a response; ValueError or RecursionError where there is none.

    `requests` would guess at the charset of a whole foreign body.
    """
    if type(response) is not requests.Response:
        return response.json()
    return json.loads((response.content or b"").decode("utf-8-sig"))


def _lacks_ok(answer: Any) -> bool:
    """An object without `ok` comes from somebody else, a gateway say."""
    return isinstance(answer, dict) and "ok" not in answer


def refuse_redirect(response: Any, request: Request) -> None:
    """Raises UnexpectedResponse for a redirect."""
    if response.status_code not in REDIRECTS:
        return
    text = (
        "was redirected (HTTP %s) to %s. Redirects are not followed: they would take the "
        "token along. Check `api_url` and the proxy."
    )
    raise UnexpectedResponse(
        describe(request, text % (response.status_code, redirected_to(response)))
    )


def redirected_to(response: Any) -> str:
    """The host that a redirect leads to, for messages."""
    target = str(response.headers.get("Location") or "")
    try:
        has_host = bool(urlsplit(target).netloc)
    except ValueError:
        has_host = True
    if not has_host:
        return "another path"
    host = host_of(target)
    return host if host != "?" else "an address that cannot be read with certainty"


def server_error(response: Any, request: Request) -> TransportError:
    """The error for a status of 5xx. It is Slack's where nothing shows that it is another's."""
    said = "met a fault on Slack's side (HTTP %s)" % response.status_code
    text = excerpt(response, request)
    if text and not is_slack_page(response) and not text.startswith("{"):
        said += ", or of something in between (a proxy, a gateway): %s" % text
    else:
        said += "."
    return ResponseLost(describe(request, said))


def unexpected_response(response: Any, request: Request) -> TransportError:
    """The error for an answer that does not come from Slack, or not whole."""
    failed = response.status_code in range(500, 600)
    if failed and is_slack_page(response):
        return server_error(response, request)
    status, text = response.status_code, excerpt(response, request)
    what = "a body that is not JSON"
    if text.startswith("{"):
        what = "JSON that is no answer of Slack's, or not whole"
    elif not text:
        what = "an empty body"
    elif text.lower().startswith(("<!doctype", "<html")):
        what = "HTML, not JSON, so it comes from something in between (a proxy, a gateway)"
        if failed:
            what = "HTML, not JSON, from Slack or from something in between (a proxy, a gateway)"
    message = describe(
        request, "got HTTP %s with %s%s" % (status, what, ": " + text if text else ".")
    )
    return UnexpectedResponse(message) if status in range(400, 500) else ResponseLost(message)


def is_slack_page(response: Any) -> bool:
    """Whether an answer that is no JSON shows that Slack sent it.

    By a header of Slack's or by its name; a proxy's page has the host in small letters at most.
    """
    names = [str(name).lower() for name in response.headers]
    own = any(name.startswith("x-slack-") for name in names)
    return own or _SLACK_NAMES.search(first_text(response)) is not None


def excerpt(response: Any, request: Request) -> str:
    """The first characters of a foreign answer, on one line, without secrets."""
    text = redact(" ".join(first_text(response).split()), request.secrets)
    return text if len(text) <= EXCERPT_LENGTH else text[:EXCERPT_LENGTH] + "..."


def first_text(response: Any) -> str:
    """The first kilobytes of the body as text, ended between words: half a secret is one, too."""
    if type(response) is not requests.Response:
        return str(getattr(response, "text", "") or "")
    content = response.content or b""
    head, cut = content[:INSPECTED_BYTES], len(content) > INSPECTED_BYTES
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head, final=not cut)
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    return text.rpartition(" ")[0] or text if cut else text


def has_text(response: Any) -> bool:
    """Whether the body is text to be judged; a test of a 2.x user may hand a mock without one."""
    return type(response) is requests.Response or isinstance(response.text, str)


def is_file(request: Request, response: Any) -> bool:
    """Whether the body is the file that was asked for, and no answer about it."""
    kind = str(response.headers.get("Content-Type", ""))
    return (
        request.gzip
        and response.status_code == 200
        and not any(each in kind for each in ("json", "html", "text/"))
    )


def is_number(text: Any) -> bool:
    """Whether `text` is a finite number of seconds, not negative."""
    try:
        return math.isfinite(float(text)) and float(text) >= 0
    except (TypeError, ValueError):
        return False
