"""Renew a token that expires."""

from st2slack import action
from st2slack.settings.rotation import read_rotation
from st2slack.tokens import rotation


class RefreshTokenAction(action.SlackBase):
    """New access and refresh token, stored in the datastore."""

    def run(self, renews=None, first=False, workspace=None):
        return self.with_slack(
            lambda slack: rotation.Rotation(
                slack,
                read_rotation(self.config, workspace, renews),
                rotation.Datastore(*self.datastore()),
                left=action.seconds_left,
            ).run(bool(first)),
            workspace=workspace,
        )
