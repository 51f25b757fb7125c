"""The on-call hand-over."""

from st2slack import action
from st2slack.people import usergroups


class SetUsergroupAction(action.SlackBase):
    """Exactly these people become the members of a user group."""

    def run(self, usergroup, users, enable=False, token=None, workspace=None):
        return self.with_slack(
            lambda slack: usergroups.set_usergroup(slack, usergroup, users, bool(enable)),
            token,
            workspace,
        )
