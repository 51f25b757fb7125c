"""Finds a person."""

from st2slack import action
from st2slack.people import lookup


class FindUserAction(action.SlackBase):
    """Finds a person by ID, e-mail address, handle, display name or real name."""

    @action.reports_errors
    def run(self, user, deleted=False, token=None, workspace=None):
        return lookup.find_user(self.slack(token, workspace), user, bool(deleted))
