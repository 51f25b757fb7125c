"""Deadlines, cancelled workflows and killed runs, for every open question."""

from st2slack import action
from st2slack.approvals import sweep


class SweepQuestionsAction(action.QuestionBase):
    """Do what is due and nobody presses for."""

    def run(self):
        return self.with_context(sweep.sweep)
