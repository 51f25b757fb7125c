"""Who is on call, say."""

from st2slack import action
from st2slack.people import usergroups


class WhoIsInAction(action.SlackBase):
    """The members of a user group, by name."""

    def run(self, usergroup, token=None, workspace=None):
        return self.with_slack(
            lambda slack: usergroups.who_is_in(slack, usergroup), token, workspace
        )
