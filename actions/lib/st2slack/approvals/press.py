"""PURE: a press of a button, or the submission of a form."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Mapping, Optional
from urllib.parse import unquote

from st2slack.base.errors import InputError
from st2slack.base.json_access import JsonObject, as_object

_TEXTS = ("choice", "channel", "message", "response_url", "workspace")


@dataclass(frozen=True)
class ButtonPress:
    """What a person did. `user`, `channel`, `message`, `workspace`: from Slack's envelope;
    `message`: timestamp of the question's message; `values`: inputs of a form, None for a button.
    """

    user: str
    choice: str
    channel: str
    message: str
    values: Optional[JsonObject] = field(default=None, repr=False)
    response_url: str = field(default="", repr=False)
    workspace: str = ""

    @classmethod
    def from_rule(cls, user: str, parameters: Mapping[str, object]) -> ButtonPress:
        """A press as a rule passes it: choice, channel, message, values, response_url, workspace.

        `choice` and `values` (JSON of Slack's `state`) are percent-encoded: StackStorm renders
        Jinja in the parameters of an action, so what a person typed could read its datastore.
        """
        texts = {key: str(value or "") for key, value in parameters.items() if key in _TEXTS}
        url = texts.get("response_url", "")
        return cls(
            user=user,
            choice=unquote(texts.get("choice", "")),
            channel=texts.get("channel", ""),
            message=texts.get("message", ""),
            values=_parse_values(parameters.get("values")),
            response_url=url if url.startswith("http") else "",
            workspace=texts.get("workspace", ""),
        )


def _parse_values(value: object) -> Optional[JsonObject]:
    if not value:
        return None
    try:
        state = as_object(json.loads(unquote(str(value))))
    except ValueError:
        raise InputError("Parameter `values` must be percent-encoded JSON.") from None
    values = state.get("values", state) if state else None
    return values if isinstance(values, dict) else None
