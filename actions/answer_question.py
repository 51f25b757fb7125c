"""An answer in Slack goes to the workflow that waits for it."""

from st2slack import action
from st2slack.approvals import answer


class AnswerQuestionAction(action.QuestionBase):
    """Take an answer, by those who may; without one, do what is due."""

    def run(self, inquiry, user=None, **given):
        if not user:
            return self.at_desk(lambda desk: answer.answer(desk, inquiry), inquiry=inquiry)
        press = answer.press_of(user, given)
        return self.at_desk(lambda desk: answer.answer(desk, inquiry, press), press.workspace)
