"""A form in front of an answer."""

from st2slack import action
from st2slack.approvals import answer, post


class OpenQuestionFormAction(action.QuestionBase):
    """Open the form of a question for the person who pressed its button."""

    def run(self, inquiry, user, trigger_id, **given):
        press = answer.press_of(user, given)
        return self.at_desk(
            lambda desk: post.open_form(desk, inquiry, press, trigger_id), press.workspace
        )
