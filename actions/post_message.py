"""Posts a text through an incoming webhook."""

import requests

from st2slack import action


class PostMessageAction(action.WebhookBase):
    """Posts `message`. How it appears: as the parameters or the config say."""

    @action.reports_errors
    def run(self, message, webhook_url=None, workspace=None, **parameters):
        return self.post({"text": message}, parameters, webhook_url, workspace, requests)
