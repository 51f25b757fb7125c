"""A question of a workflow appears in Slack."""

from st2slack import action
from st2slack.approvals import post


class PostQuestionAction(action.QuestionBase):
    """Post a question once; or remind of it."""

    def run(self, inquiry, remind=False):
        work = post.remind if remind else post.post
        return self.with_context(lambda context: work(context, inquiry), inquiry=inquiry)
