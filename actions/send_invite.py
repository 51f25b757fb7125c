"""Invite somebody into the workspace."""

import requests

from st2slack import action
from st2slack.people.invite import invite


class SendInviteAction(action.SlackBase):
    """By the undocumented users.admin.invite, as given or as the config says."""

    def run(self, email, token=None, workspace=None, **given):
        # Tests of 2.x users patch `requests` in this module, so it is handed on from here.
        return self.with_slack(
            lambda slack: invite(
                slack, self.invite_settings(workspace), dict(given, email=email), token
            ),
            workspace=workspace,
            http=requests,
        )
