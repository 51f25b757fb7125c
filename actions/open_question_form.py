"""A form in front of an answer."""

from st2slack import action
from st2slack.approvals import answer, post


class OpenQuestionFormAction(action.QuestionBase):
    """Open the form of a question for the person who pressed its button."""

    def run(self, inquiry, user, trigger_id, **given):
        press = answer.parse_press(user, given)
        return self.with_context(
            lambda context: post.open_form(context, inquiry, press, trigger_id), press.workspace
        )
