"""Who somebody is."""

from st2slack import action
from st2slack.people import lookup


class FindUserAction(action.SlackBase):
    """The person of an ID, e-mail address, handle, display name or real name."""

    def run(self, user, deleted=False, token=None, workspace=None):
        return self.with_slack(
            lambda slack: lookup.find_user(slack, user, bool(deleted)), token, workspace
        )
