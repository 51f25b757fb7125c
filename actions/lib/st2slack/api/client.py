"""One call of a Web API method: address, credentials, send, try again, refuse."""

from __future__ import annotations

import copy
import os
import random
import re
import time
from enum import Enum
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

import requests

from st2slack.api.deadline import Threads, TimedOut, run_while_progressing, run_with_timeout
from st2slack.api.encoding import encode, encode_value
from st2slack.api.error_help import explain
from st2slack.api.methods import Method, find_method
from st2slack.api.request import Request
from st2slack.api.response import is_file, is_number, parse
from st2slack.api.retry import TROUBLE, wait_before_next
from st2slack.api.transport import send
from st2slack.base.errors import (
    InputError,
    RateLimited,
    ResponseLost,
    SettingsError,
    SlackApiError,
    SlackError,
    UnexpectedResponse,
)
from st2slack.base.redact import redact
from st2slack.settings.slack import Settings
from st2slack.settings.values import check_token

# Dots between words and nothing else: no slash, no "..", no host, no query can come in with it.
_END_POINT = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
# What is surely no mention and has no blanks around it.
_ORDINARY = re.compile(r"[!-;=-~]*")
STALLED = 45.0  # seconds without a byte after which a transfer is given up; above READ_TIMEOUT
RESERVE = 15.0  # seconds that the caller keeps for what it does after a look-up
ONE_TRY = 10.0  # seconds that a try may take after a wait beyond `max_wait`
_LIMIT_CODES = ("ratelimited", "rate_limited")


class LimitWait(Enum):
    """How long a call waits where Slack says that there are too many (HTTP 429)."""

    NOT = "not at all"
    BUDGET = "within `max_wait`"
    OWN_TIME = "as long as the caller itself has time"


class Timing(NamedTuple):
    """`clock`: seconds; `sleep` waits so many; `jitter`: a random number 0 to 1."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random


class Client:
    """Calls Slack with the settings of one workspace.

    `http`: `requests`, or a session where calls follow each other on one connection.
    `time_left`: how many seconds the caller itself still has (None: no end known); it is asked
    only before a wait. `on_retry` takes a line about a wait, `on_response` every response.
    """

    def __init__(
        self,
        settings: Settings,
        http: Any = requests,
        *,
        time_left: Callable[[], Optional[float]] = lambda: None,
        on_retry: Callable[[str], None] = lambda line: None,
        on_response: Callable[[Any], None] = lambda response: None,
        timing: Timing = Timing(),  # noqa: B008 (it cannot be changed)
    ) -> None:
        self.settings = settings
        self._http = http
        self._time_left = time_left
        self._on_retry = on_retry
        self._on_response = on_response
        self._timing = timing
        self._limit_wait = LimitWait.BUDGET
        self._threads = Threads()

    def with_limit_wait(self, limit_wait: LimitWait) -> Client:
        """The same client, with another rule about rate limits."""
        other = copy.copy(self)
        other._limit_wait = limit_wait
        return other

    def call(
        self,
        name: str,
        arguments: Optional[Mapping[str, Any]] = None,
        *,
        verb: str = "POST",
        token: Optional[str] = None,
        ignore_errors: Iterable[str] = (),
    ) -> Any:
        """Call the method and return Slack's whole answer.

        `ignore_errors`: codes with which a refused answer is returned like a successful one.
        Raises SettingsError and InputError before anything is sent, a TransportError if no usable
        answer came, a SlackApiError if Slack refused.
        """
        request, method = self.prepare(name, arguments or {}, verb, token)
        try:
            return self.call_with_retries(request, method, self.send_and_check)
        except SlackApiError as refusal:
            return _answer_if_ignored(refusal, ignore_errors)

    def download(
        self,
        name: str,
        arguments: Mapping[str, Any],
        consume: Callable[[Any], Any],
        *,
        token: Optional[str] = None,
        ignore_errors: Iterable[str] = (),
    ) -> Any:
        """The same for a method that answers a file: what `consume` makes of the response.

        `consume` reads the body, however long that takes. Where it raises ResponseLost, it is tried
        again like any answer that broke off.
        """
        request, method = self.prepare(name, arguments, "POST", token)

        def send_and_consume(request: Request, method: Method, left: float) -> Any:
            response = self.send(request, left)
            if is_file(request, response):
                return consume(response)
            self._check(response, request, method)
            raise UnexpectedResponse("%s answered JSON where a file was expected." % request.method)

        try:
            return self.call_with_retries(request, method, send_and_consume)
        except SlackApiError as refusal:
            return _answer_if_ignored(refusal, ignore_errors)

    def prepare(
        self,
        name: str,
        arguments: Mapping[str, Any],
        verb: str = "POST",
        token: Optional[str] = None,
    ) -> Tuple[Request, Method]:
        """What a call would send, without sending it."""
        if not _END_POINT.fullmatch(name):
            raise InputError("`end_point` must be the name of a method such as chat.postMessage.")
        if verb not in ("GET", "POST"):
            raise InputError("`http_method` must be GET or POST, not %r." % verb)
        method = find_method(name)
        given = self._given(method, arguments)
        bearer = self._token(method, token)
        basic = _take_basic(method, given)
        files = {key: _file_path(key, given.pop(key)) for key in method.files if key in given}
        secrets = [encode_value(key, given[key]) for key in method.secrets if key in given]
        secrets += [*(basic or ()), *self.settings.secrets(), bearer or ""]
        # A credential never goes into a URL: it would be logged by everything on the way.
        in_body = files or basic or any(key in given for key in method.secrets)
        return Request(
            method=name,
            url=self.settings.api_url + name,
            verb="POST" if in_body else verb,
            fields=encode(given),
            files=files,
            token=bearer,
            basic=basic,
            writes=method.writes,
            gzip=method.gzip,
            secrets=tuple(secrets),
        ), method

    def _given(self, method: Method, arguments: Mapping[str, Any]) -> Dict[str, Any]:
        given = {
            key: _plain_ids(key, value, method.ids[key]) if key in method.ids else value
            for key, value in arguments.items()
            if value is not None and key not in method.unsent
        }
        if method.fills_team and self.settings.team_id:
            given.setdefault("team_id", self.settings.team_id)
        return given

    def _token(self, method: Method, token: Optional[str]) -> Optional[str]:
        if not method.takes_token:
            return None
        if token and token.strip():
            return check_token(token, "Parameter `token`")
        found = self.settings.token_for(method.token_kinds)
        if found is None:
            raise SettingsError(
                "%s needs a token (%s). %s, or pass the parameter `token`."
                % (
                    method.name,
                    " or ".join(method.token_kinds) or "bot or user",
                    self.settings.how_to_set_token(method.token_kinds),
                )
            )
        return found

    def call_with_retries(
        self, request: Request, method: Method, send_once: Callable[[Request, Method, float], Any]
    ) -> Any:
        """Try until it succeeds or another try is of no use; all within the time there is.

        `send_once(request, method, seconds left)` makes one try, and raises where it fails.
        """
        begun = self._timing.clock()
        ends = begun + self.settings.max_wait
        tries = 0
        while True:
            tries += 1
            try:
                return send_once(request, method, max(0.1, ends - self._timing.clock()))
            except SlackError as error:
                failed = error
            wait = self._wait(failed, tries, method.writes, ends)
            if wait is None:
                spent = self._timing.clock() - begun
                raise self._describe_failure(failed, request, tries, spent)
            self._on_retry("%s Trying again in %.1f s." % (failed, wait))
            self._timing.sleep(wait)
            if self._limit_wait is LimitWait.OWN_TIME:
                ends = max(ends, self._timing.clock() + ONE_TRY)

    def _wait(self, error: SlackError, tries: int, writes: bool, ends: float) -> Optional[float]:
        left = ends - self._timing.clock()
        if isinstance(error, RateLimited) and self._limit_wait is LimitWait.NOT:
            return None
        if isinstance(error, RateLimited) and self._limit_wait is LimitWait.OWN_TIME:
            known = self._time_left()
            left = left if known is None else max(left, known - RESERVE)
        wait = wait_before_next(error, tries, writes, left, self._timing.jitter())
        if wait is None:
            return None
        own = self._time_left()
        return wait if own is None or wait < own else None

    def send(self, request: Request, left: float) -> Any:
        """One try, at most `left` seconds long: the response, its body read."""
        # Its own timeouts come first, for they know better what they waited for.
        work = partial(send, request, self.settings, self._http, left * 0.9)
        try:
            return run_with_timeout(work, left, self._time_left, self._threads)
        except TimedOut:
            text = "%s got no answer from %s in time." % (request.method, request.host)
            raise ResponseLost(text) from None

    def transfer(self, request: Request, left: float, moved: Callable[[], int]) -> Any:
        """One try with a long `stream`: the response. It may take as long as bytes go out.

        `moved` tells how many have.
        """
        work = partial(send, request, self.settings, self._http, left)
        try:
            return run_while_progressing(work, moved, STALLED, self._time_left, self._threads)
        except TimedOut as error:
            raise ResponseLost("%s %s" % (request.method, error)) from None

    def send_and_check(self, request: Request, method: Method, left: float) -> Any:
        """One try of a call: Slack's answer."""
        response = self.send(request, left)
        self._on_response(response)
        return self._check(response, request, method)

    def _check(self, response: Any, request: Request, method: Method) -> Any:
        """Slack's answer. Raises a SlackApiError where it says no."""
        if response.status_code == 429:
            raise rate_limited(response, request)
        answer = parse(response, request)
        if answer.get("ok"):
            return answer
        code = str(answer.get("error") or "")
        if code in _LIMIT_CODES:
            raise rate_limited(response, request, code, answer)
        text = explain(
            request.method,
            answer,
            self.settings.place_for(method.token_kinds),
            method.token_kinds,
            method.replaced_by,
            writes=method.writes,
            largest=method.pages.max if method.pages else None,
            status=response.status_code,
        )
        raise SlackApiError(redact(text, request.secrets), request.method, code, answer)

    def _describe_failure(
        self, error: SlackError, request: Request, tries: int, spent: float
    ) -> SlackError:
        """The error as the operator sees it: what was tried, and what may have happened."""
        said: List[str] = [str(error)]
        if isinstance(error, RateLimited) and error.retry_after is not None:
            said.append(
                "Slack asked to wait %g s, which does not fit into the time left (`max_wait` is "
                "%g s; the action's own timeout counts too). Nothing was done."
                % (error.retry_after, self.settings.max_wait)
            )
        in_trouble = isinstance(error, SlackApiError) and error.code in TROUBLE
        if request.writes and (isinstance(error, ResponseLost) or in_trouble):
            has_advice = "before you repeat it" in str(error)
            said.append(
                "It may have arrived all the same, so it was not sent again%s"
                % ("." if has_advice else ": look in Slack before you repeat it.")
            )
        if tries > 1:
            said.append("Tried %d times in %.0f s." % (tries, spent))
        error.args = (" ".join(said),) + error.args[1:]
        return error


def _answer_if_ignored(refusal: SlackApiError, ignore_errors: Iterable[str]) -> Any:
    codes = [ignore_errors] if isinstance(ignore_errors, str) else list(ignore_errors)
    if refusal.code in codes:
        return refusal.answer
    raise refusal


def rate_limited(
    response: Any,
    request: Request,
    code: str = "ratelimited",
    answer: Optional[Dict[str, Any]] = None,
) -> RateLimited:
    """The error for too many calls, with the time that Slack asks for (Retry-After, seconds)."""
    asked = response.headers.get("Retry-After")
    answer = answer or {"ok": False, "error": code}
    text = redact(explain(request.method, answer), request.secrets)
    seconds = float(asked) if is_number(asked) else None
    return RateLimited(text, request.method, code, answer, seconds)


def _plain_ids(name: str, value: Any, form: str) -> Any:
    """An argument that is an ID or several, with IDs in place of the mentions in it."""
    texts = value if isinstance(value, (list, tuple)) else (value,)
    if all(not isinstance(each, str) or _ORDINARY.fullmatch(each) for each in texts):
        return value
    from st2slack.base.ids import plain_argument  # few calls need it

    return plain_argument(name, value, form)


def _take_basic(method: Method, given: Dict[str, Any]) -> Optional[Tuple[str, str]]:
    """Client ID and secret for HTTP Basic auth, taken out of `given`. PKCE sends the ID alone."""
    if not method.basic_auth or not given.get("client_id") or not given.get("client_secret"):
        return None
    return str(given.pop("client_id")), str(given.pop("client_secret"))


def _file_path(name: str, value: Any) -> str:
    """`value` if a file can be read there."""
    path = str(value)
    try:
        # A pipe or a device could be waited for without end.
        readable = os.path.isfile(path) and os.access(path, os.R_OK)
    except ValueError:  # a path with a NUL in it
        readable = False
    if readable:
        return path
    raise InputError(
        "Parameter `%s` must be the path of a file on the action runner; there is none that can be "
        "read at %r." % (name, path[:200])
    )
