"""The last task of slack.ask."""

from st2slack import action
from st2slack.approvals import conclude


class ConcludeQuestionAction(action.QuestionBase):
    """Return the outcome of the question."""

    @action.reports_errors
    def run(self, workspace=None):
        return conclude.conclude(self.approval_context(workspace), self.execution_id())
