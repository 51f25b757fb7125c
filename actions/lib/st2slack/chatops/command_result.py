"""PURE: what slack.run_command answers, and the error that ends a command before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from st2slack.base.json_access import JsonObject


@dataclass
class CommandResult:
    """What is known so far. `alias`: ref of the alias that the command matched; `record`: of the
    authorization's decision; `message`: channel and timestamp of the acknowledgement.
    """

    alias: Optional[str] = None
    record: Optional[JsonObject] = None
    message: Optional[JsonObject] = None
    execution_id: Optional[str] = None

    def to_json(self, ran: bool = False, reason: str = "") -> JsonObject:
        """The action's result. `reason`: why nothing ran, or why it failed."""
        return {
            "ran": ran,
            "why": reason,
            "execution_id": self.execution_id,
            "alias": self.alias,
            "record": self.record,
            "message": self.message,
        }


ActionResult = Tuple[bool, JsonObject]  # whether the action succeeded, and its result


class Rejected(Exception):
    """Nothing runs. `reason`: for the result; `user_message`: for the requester, "" for none."""

    def __init__(self, reason: str, user_message: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.user_message = user_message
