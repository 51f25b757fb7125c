"""Posts a question of a workflow in Slack."""

from st2slack import action
from st2slack.approvals import post


class PostQuestionAction(action.QuestionBase):
    """Post a question once; or remind of it."""

    @action.reports_errors
    def run(self, inquiry, remind=False):
        context = self.approval_context(inquiry=inquiry)
        return post.remind(context, inquiry) if remind else post.post(context, inquiry)
