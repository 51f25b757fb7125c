"""An answer in Slack goes to the workflow that waits for it."""

from st2slack import action
from st2slack.approvals import answer


class AnswerQuestionAction(action.QuestionBase):
    """Take an answer, by those who may; without one, do what is due."""

    def run(self, inquiry, user=None, **given):
        if not user:
            return self.with_context(
                lambda context: answer.answer(context, inquiry), inquiry=inquiry
            )
        press = answer.parse_press(user, given)
        return self.with_context(
            lambda context: answer.answer(context, inquiry, press), press.workspace
        )
