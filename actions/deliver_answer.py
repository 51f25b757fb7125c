"""Delivers a decided answer to its inquiry, after others of the same root execution."""

from st2slack import action
from st2slack.approvals import deliver
from st2slack.approvals.press import ButtonPress


class DeliverAnswerAction(action.QuestionBase):
    """Answer an inquiry by the votes that are stored, and wait until its workflow has ended."""

    @action.reports_errors
    def run(self, inquiry, root, user=None, channel=None, response_url=None):
        address = {"channel": channel, "response_url": response_url}
        press = ButtonPress.from_rule(user, address) if user else None
        return deliver.deliver(self.approval_context(inquiry=inquiry), inquiry, press)
