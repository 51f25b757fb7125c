"""Sends a direct message."""

from st2slack import action
from st2slack.people import usergroups


class SendDirectMessageAction(action.SlackBase):
    """Sends a direct message to one person, or to several in one conversation."""

    @action.reports_errors
    def run(self, users, token=None, workspace=None, **message):
        return usergroups.send_direct_message(self.slack(token, workspace), users, message)
