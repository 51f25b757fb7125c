"""Post a text through an incoming webhook."""

import requests

from st2slack import action


class PostMessageAction(action.WebhookBase):
    """`message`, and how it appears, as given or as the config says."""

    def run(self, message, webhook_url=None, workspace=None, **given):
        return self.post({"text": message}, given, webhook_url, workspace, requests)
