"""A decided answer goes to its inquiry, after others of the same root execution."""

from st2slack import action
from st2slack.approvals import answer


class DeliverAnswerAction(action.QuestionBase):
    """Answer an inquiry by the votes that are stored, and wait until its workflow has ended."""

    def run(self, inquiry, root, user=None, channel=None, response_url=None):
        press = None
        if user:
            given = {"channel": channel, "response_url": response_url}
            press = answer.parse_press(user, given)
        return self.with_context(
            lambda context: answer.deliver(context, inquiry, press), inquiry=inquiry
        )
