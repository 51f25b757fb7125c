"""Write to somebody."""

from st2slack import action
from st2slack.people import usergroups


class SendDirectMessageAction(action.SlackBase):
    """A direct message to one person, or to several in one conversation."""

    def run(self, users, token=None, workspace=None, **message):
        return self.with_slack(
            lambda slack: usergroups.send_direct_message(slack, users, message), token, workspace
        )
