"""The last task of slack.ask."""

from st2slack import action
from st2slack.approvals import conclude


class ConcludeQuestionAction(action.QuestionBase):
    """What came of the question."""

    def run(self, workspace=None):
        return self.with_context(
            lambda context: conclude.conclude(context, self.execution_id()), workspace
        )
