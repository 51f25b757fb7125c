"""Finds a person."""

from st2slack import action
from st2slack.people.user_lookup import find_user


class FindUserAction(action.SlackBase):
    """Finds a person by ID, e-mail address, handle, display name or real name."""

    @action.reports_errors
    def run(self, user, deleted=False, token=None, workspace=None):
        return find_user(self.slack(token, workspace), user, bool(deleted))
