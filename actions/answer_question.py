"""Records an answer in Slack for the workflow that waits for it."""

from st2slack import action
from st2slack.approvals import answer
from st2slack.approvals.press import ButtonPress


class AnswerQuestionAction(action.QuestionBase):
    """Record an answer of an authorized person; without an answer, do what is due."""

    @action.reports_errors
    def run(self, inquiry, user=None, **parameters):
        if not user:
            return answer.answer(self.approval_context(inquiry=inquiry), inquiry)
        press = ButtonPress.from_rule(user, parameters)
        return answer.answer(self.approval_context(press.workspace), inquiry, press)
