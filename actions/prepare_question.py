"""The first task of slack.ask."""

from st2slack import action
from st2slack.approvals import post


class PrepareQuestionAction(action.QuestionBase):
    """Whether the question can be asked and answered at all."""

    def run(self, workspace=None, **given):
        return self.with_context(
            lambda context: post.prepare(
                context, {**given, "workspace": workspace}, self.execution_id()
            ),
            workspace,
        )
