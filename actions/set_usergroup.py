"""Sets the members of a user group: hands over an on-call duty."""

from st2slack import action
from st2slack.people import usergroups


class SetUsergroupAction(action.SlackBase):
    """Makes these people, and nobody else, the members of a user group."""

    @action.reports_errors
    def run(self, usergroup, users, enable=False, token=None, workspace=None):
        slack = self.slack(token, workspace)
        return usergroups.set_usergroup(slack, usergroup, users, bool(enable))
