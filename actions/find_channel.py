"""Which channel it is."""

from st2slack import action
from st2slack.people import lookup


class FindChannelAction(action.SlackBase):
    """The channel of a name or an ID."""

    def run(self, channel, archived=False, token=None, workspace=None):
        return self.with_slack(
            lambda slack: lookup.find_channel(slack, channel, bool(archived)), token, workspace
        )
