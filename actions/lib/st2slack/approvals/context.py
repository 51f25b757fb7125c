"""What the actions about questions share: StackStorm, Slack, authorization, settings, a clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Callable, Optional

from st2slack.api.client import Client
from st2slack.approvals.inquiry import InquiryState, load_inquiry, reload_inquiry
from st2slack.approvals.press import ButtonPress
from st2slack.approvals.question import ASK_ACTION
from st2slack.authorization.authorizer import Authorizer
from st2slack.base.errors import SlackError
from st2slack.messages.reply import Addressee, answer_privately
from st2slack.settings.chatops import ChatopsSettings
from st2slack.stackstorm.client import StackStorm


@dataclass(frozen=True)
class ApprovalContext:
    """`make_authorizer`: reads the rules when they are needed, which can fail; `clock`: Unix
    seconds; `sleep`: takes seconds.
    """

    stackstorm: StackStorm
    slack: Client
    make_authorizer: Callable[[], Authorizer]
    chatops: ChatopsSettings = field(default_factory=ChatopsSettings)
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def load_inquiry(self, inquiry_id: str) -> Optional[InquiryState]:
        """The state of an inquiry; None if it is none that is asked in Slack."""
        return load_inquiry(
            self.stackstorm, inquiry_id, self.clock(), self.chatops.questions_channel
        )

    def reload_inquiry(self, inquiry: InquiryState) -> Optional[InquiryState]:
        """The state of an inquiry now; None if it is gone."""
        return reload_inquiry(self.stackstorm, inquiry, self.clock())

    def reply(self, press: ButtonPress, text: str) -> str:
        """Show a text to the person who pressed. Why that failed, "" if it did not."""
        addressee = Addressee(press.channel, press.user, response_url=press.response_url)
        try:
            answer_privately(self.slack, addressee, text)
        except SlackError as error:
            return "the reply could not be sent (%s)" % error
        return ""


def find_workspace(stackstorm: StackStorm, inquiry_id: str) -> Optional[str]:
    """The workspace in which an inquiry is asked; None for the config's top level."""
    execution = stackstorm.find_execution(inquiry_id, with_result=False)
    parent = next(stackstorm.list_ancestors(execution), None) if execution else None
    if parent is None or parent.action != ASK_ACTION:
        return None
    return str(parent.parameters.get("workspace") or "") or None
