"""Renews a token that expires."""

from st2slack import action
from st2slack.settings.rotation import read_rotation
from st2slack.tokens import rotation


class RefreshTokenAction(action.SlackBase):
    """Stores a new access token and refresh token in the datastore."""

    @action.reports_errors
    def run(self, renews=None, first=False, workspace=None):
        slack = self.slack(workspace=workspace)
        settings = read_rotation(self.config, workspace, renews)
        datastore = rotation.Datastore(*self.datastore())
        left = action.seconds_left
        return rotation.Rotation(slack, settings, datastore, left=left).run(bool(first))
