"""Lists the members of a user group."""

from st2slack import action
from st2slack.people import usergroups


class ListUsergroupMembersAction(action.SlackBase):
    """Lists the members of a user group, with their names."""

    @action.reports_errors
    def run(self, usergroup, token=None, workspace=None):
        return usergroups.list_members(self.slack(token, workspace), usergroup)
