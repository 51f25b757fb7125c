"""The form in front of an answer."""

from st2slack import action
from st2slack.approvals import open_form
from st2slack.approvals.press import ButtonPress


class OpenQuestionFormAction(action.QuestionBase):
    """Open the form of a question for the person who pressed its button."""

    @action.reports_errors
    def run(self, inquiry, user, trigger_id, **parameters):
        press = ButtonPress.from_rule(user, parameters)
        return open_form.open_form(
            self.approval_context(press.workspace), inquiry, press, trigger_id
        )
