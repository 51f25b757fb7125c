"""Finds a channel."""

from st2slack import action
from st2slack.people.channel_lookup import find_channel


class FindChannelAction(action.SlackBase):
    """Finds a channel by name or ID."""

    @action.reports_errors
    def run(self, channel, archived=False, token=None, workspace=None):
        return find_channel(self.slack(token, workspace), channel, bool(archived))
