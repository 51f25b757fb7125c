"""Invites a person to the workspace."""

import requests

from st2slack import action
from st2slack.people.invite import invite


class SendInviteAction(action.SlackBase):
    """Invites by the undocumented method users.admin.invite."""

    @action.reports_errors
    def run(self, email, token=None, workspace=None, **parameters):
        # Tests of 2.x users patch `requests` in this module, so it is handed on from here.
        slack = self.slack(workspace=workspace, http=requests)
        settings = self.invite_settings(workspace)
        return invite(slack, settings, dict(parameters, email=email), token)
