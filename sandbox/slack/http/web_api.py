"""The Web API: a request that was read → the answer."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from sandbox.slack.behaviours import BEHAVIOURS, generic
from sandbox.slack.behaviours.context import Context
from sandbox.slack.checks import request_checks
from sandbox.slack.checks.facts import Facts
from sandbox.slack.checks.slack_error import SlackError
from sandbox.slack.http import http_request
from sandbox.slack.http.responses import Response
from sandbox.slack.sockets.tickets import Tickets
from sandbox.slack.state.rotation import Rotation
from sandbox.slack.state.tokens import Token
from sandbox.slack.state.workspace import Workspace


class WebApi:
    """Answers calls on one workspace; `url` is where the server can be reached."""

    def __init__(
        self,
        facts: Facts,
        workspace: Workspace,
        tokens: Mapping[str, Token],
        url: str,
        tickets: Optional[Tickets] = None,
        rotation: Optional[Rotation] = None,
    ) -> None:
        self._facts = facts
        self._workspace = workspace
        self._tokens = tokens
        self._url = url
        self._tickets = tickets or Tickets()
        self._rotation = rotation or Rotation({})

    def answer(self, request: http_request.Request) -> Response:
        """Carry the call out, or refuse it; either way HTTP 200, as Slack does."""
        try:
            with self._workspace.lock:
                document = self._carry_out(request)
        except SlackError as refusal:
            document = refusal.answer()
        if isinstance(document, Response):
            return document
        answer = _with_warnings(document, request)
        return Response.of_json(answer, headers=self._scopes_header(request))

    def _scopes_header(self, request: http_request.Request) -> Dict[str, str]:
        """What the token was granted: Slack tells it with every answer, refusals too."""
        token = self._tokens.get(request_checks.token_text(request))
        if token is None:
            return {}
        granted = self._facts.scopes(token.kind) if token.scopes is None else token.scopes
        return {"X-OAuth-Scopes": ",".join(granted)}

    def _carry_out(self, request: http_request.Request) -> Any:
        """Slack's document, or a Response where it is not JSON."""
        call = request_checks.check(self._facts, request, self._tokens)
        context = Context(
            self._workspace,
            call,
            request,
            self._tokens,
            self._url,
            self._tickets,
            self._rotation,
        )
        behaviour = BEHAVIOURS.get(call.method.name, generic.answer)
        document = behaviour(context, call.args)
        return document if isinstance(document, Response) else {"ok": True, **document}


def _with_warnings(document: Dict[str, Any], request: http_request.Request) -> Dict[str, Any]:
    """Add what Slack remarks without refusing to what the behaviour remarked."""
    metadata = document.get("response_metadata", {})
    warnings = metadata.get("warnings", []) + request_checks.warnings(request)
    if not warnings:
        return document
    return {
        **document,
        "warning": ",".join(warnings),
        "response_metadata": {**metadata, "warnings": warnings},
    }
