"""How a check or a behaviour says no: Slack's HTTP 200 with `ok: false` and a code."""

from __future__ import annotations

from typing import Any, Dict, Iterable


class SlackError(Exception):
    """Slack refuses the call: `code` is Slack's error code, `extra` what else the answer holds."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    @classmethod
    def explained(cls, code: str, messages: Iterable[str]) -> SlackError:
        """SlackError and say why, as Slack does in `response_metadata.messages`."""
        lines = ["[ERROR] {}".format(message) for message in messages]
        return cls(code, response_metadata={"messages": lines})

    def answer(self) -> Dict[str, Any]:
        """The body of the answer: {"ok": false, "error": CODE, ...}."""
        return {"ok": False, "error": self.code, **self.extra}
