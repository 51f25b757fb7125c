"""The first task of slack.ask."""

from st2slack import action
from st2slack.approvals import post


class PrepareQuestionAction(action.QuestionBase):
    """Check whether the question can be asked and answered."""

    @action.reports_errors
    def run(self, workspace=None, **parameters):
        parameters["workspace"] = workspace
        context = self.approval_context(workspace)
        return post.prepare(context, parameters, self.execution_id())
