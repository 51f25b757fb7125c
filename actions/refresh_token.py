"""Renew a token that expires."""

import requests

from st2slack import action


class RefreshTokenAction(action.RotationBase):
    """A refresh token for the next pair; both go into the encrypted datastore."""

    def run(self, renews=None, first=False, workspace=None):
        return self.renew(renews, bool(first), workspace, requests)
