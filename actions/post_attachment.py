"""Post an attachment through an incoming webhook."""

import requests

from st2slack import action
from st2slack.messages.webhook import as_attachments


class PostAttachmentAction(action.WebhookBase):
    """`attachment`, and how it appears, as given or as the config says."""

    def run(self, attachment, webhook_url=None, workspace=None, **given):
        content = {"attachments": as_attachments(attachment)}
        return self.post(content, given, webhook_url, workspace, requests)
