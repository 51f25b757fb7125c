"""Deadlines, canceled workflows and killed runs, for every open question."""

from st2slack import action
from st2slack.approvals import sweep


class SweepQuestionsAction(action.QuestionBase):
    """Do what is due without a press of a button."""

    @action.reports_errors
    def run(self):
        return sweep.sweep(self.approval_context())
