"""PURE: facts + request + known tokens → a call that may be carried out, or a refusal.

The checks stand in Slack's order: the method, who asks, what may be asked, the arguments.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional

from sandbox.slack.checks.arguments import clean
from sandbox.slack.checks.facts import Facts, Method
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.http import http_request
from sandbox.slack.state.tokens import REFUSALS, Token


@dataclass(frozen=True)
class Call:
    """A call that passed: `args` are typed; `token` is None where the method takes none."""

    method: Method
    token: Optional[Token]
    token_text: str
    args: Dict[str, Any]


def check(facts: Facts, request: http_request.Request, tokens: Mapping[str, Token]) -> Call:
    """Raise SlackError with Slack's code, or return the call."""
    method = check_method(facts, request.method)
    text = token_text(request)
    token = check_token(method, text, tokens)
    if token is not None:
        check_kind(method, token)
        check_scopes(method, token)
    if request.problem:
        raise SlackError(request.problem)
    raw = sent_arguments(facts, method, request)
    args = clean(method, raw, request.files, org=bool(token and token.org))
    return Call(method, token, text, args)


def check_method(facts: Facts, name: str) -> Method:
    """The living method of this name."""
    method = facts.get(name)
    if method is None:
        raise SlackError("unknown_method", req_method=name)
    if method.retired:
        raise SlackError("method_deprecated")
    return method


def token_text(request: http_request.Request) -> str:
    """The token from the header, or from the form. Never from the URL: Slack refuses it there."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return dict(request.form).get("token", "")


def check_token(method: Method, text: str, tokens: Mapping[str, Token]) -> Optional[Token]:
    """The live token of this text; None where the method takes none."""
    if not method.takes_token:
        return None
    if not text:
        raise SlackError("not_authed")
    token = tokens.get(text)
    if token is None:
        raise SlackError("invalid_auth")
    if token.state in REFUSALS:
        raise SlackError(REFUSALS[token.state])
    return token


def check_kind(method: Method, token: Token) -> None:
    """SlackError a kind of token that the method does not take; no kinds told means all."""
    if method.token_types and token.kind not in method.token_types:
        raise SlackError("not_allowed_token_type")


def check_scopes(method: Method, token: Token) -> None:
    """SlackError a token that has none of the scopes that the method lists for its kind."""
    scopes = method.scopes.get(token.kind, [])
    if scopes and not token.has_one_of(scopes):
        raise SlackError(
            "missing_scope", needed=",".join(scopes), provided=",".join(token.scopes or ())
        )


def sent_arguments(facts: Facts, method: Method, request: http_request.Request) -> Dict[str, Any]:
    """What counts as arguments: a JSON body only where the method takes JSON, as with Slack."""
    raw: Dict[str, Any] = {**dict(request.query), **dict(request.form)}
    if method.takes_json and isinstance(request.json, dict):
        raw.update(request.json)
    if method.name in facts.basic_auth:
        raw = {**basic_credentials(request), **raw}
    return raw


def basic_credentials(request: http_request.Request) -> Dict[str, str]:
    """Client ID and secret of an OAuth exchange, from Basic auth; empty where there is none."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        text = base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise SlackError("invalid_client_id") from None
    client_id, _, client_secret = text.partition(":")
    return {"client_id": client_id, "client_secret": client_secret}


def warnings(request: http_request.Request) -> List[str]:
    """What Slack remarks about the Content-Type without refusing."""
    header = request.headers.get("Content-Type", "")
    has_charset = "charset" in header.lower()
    if request.content_type == http_request.JSON and not has_charset:
        return ["missing_charset"]
    if request.content_type == http_request.FORM and has_charset:
        return ["superfluous_charset"]
    return []
